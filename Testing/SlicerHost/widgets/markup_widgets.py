"""qSlicerMarkupsPlaceWidget: place points of a markups node with the mouse."""

from __future__ import annotations

import slicer
from PySide6 import QtCore, QtWidgets

from ..pythonqt.emulation import emulated, private, stored
from ..pythonqt.scene_widget import scene_widget
from .observing import Observer
from .qmrml_base import qSlicerWidget


@emulated
@scene_widget
class qSlicerMarkupsPlaceWidget(qSlicerWidget):
    """Buttons to place points and to delete the last."""

    activeMarkupsPlaceModeChanged = QtCore.Signal(bool)
    HidePlaceMultipleMarkupsOption, ShowPlaceMultipleMarkupsOption = 0, 1
    ForcePlaceSingleMarkup, ForcePlaceMultipleMarkups = 2, 3
    placeMultipleMarkups = stored(int, 1)
    buttonsVisible = stored(bool, True, lambda widget, shown: widget._show_buttons(shown))
    deleteAllControlPointsOptionVisible = stored(bool, True)

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.node, state.observer = None, Observer(self)
        state.place, state.delete = QtWidgets.QToolButton(), QtWidgets.QToolButton()
        state.place.setText("Place")
        state.place.setCheckable(True)
        state.delete.setText("Delete last")
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for button in (state.place, state.delete):
            layout.addWidget(button)
        state.place.clicked.connect(lambda checked: self.setPlaceModeEnabled(checked))
        state.delete.clicked.connect(lambda *_: self.deleteLastPoint())

    def _show_buttons(self, shown):
        for button in (self._d.place, self._d.delete):
            button.setVisible(shown)

    def _scene_set(self):
        self._d.observer.clear()
        self._d.observer.watch(self.interactionNode(), self._follow_mode)

    def _follow_mode(self):
        placing = self._placing()
        if placing != self._d.place.checked:
            self._d.place.setChecked(placing)
            self.activeMarkupsPlaceModeChanged.emit(placing)

    def _placing(self):
        interaction = self.interactionNode()
        active = self.selectionNode().GetActivePlaceNodeID() if interaction is not None else None
        return bool(
            self._d.node is not None
            and interaction is not None
            and interaction.GetCurrentInteractionMode() == interaction.Place
            and active == self._d.node.GetID()
        )

    def interactionNode(self, /):
        """The scene's vtkMRMLInteractionNode."""
        return slicer.app.applicationLogic().GetInteractionNode()

    def selectionNode(self, /):
        """The scene's vtkMRMLSelectionNode."""
        return slicer.app.applicationLogic().GetSelectionNode()

    def setCurrentNode(self, node, /):
        """The markups node whose points are placed."""
        self._d.node = node

    def currentNode(self, /):
        """The markups node whose points are placed."""
        return self._d.node

    def currentMarkupsNode(self, /):
        """The markups node whose points are placed."""
        return self._d.node

    def setPlaceModeEnabled(self, enabled, /):
        """Let a click into a view place a point, or end that."""
        node, interaction = self._d.node, self.interactionNode()
        if node is None or interaction is None:
            return
        if enabled:
            self.selectionNode().SetReferenceActivePlaceNodeClassName(node.GetClassName())
            self.selectionNode().SetActivePlaceNodeID(node.GetID())
            interaction.SetPlaceModePersistence(int(self.placeMultipleMarkups != self.ForcePlaceSingleMarkup))
            interaction.SetCurrentInteractionMode(interaction.Place)
        elif self._placing():
            interaction.SetCurrentInteractionMode(interaction.ViewTransform)
        self._follow_mode()

    placeModeEnabled = QtCore.Property(bool, lambda self: self._placing(), setPlaceModeEnabled)

    def deleteLastPoint(self, /):
        """Delete the point placed last."""
        if self._d.node is not None and self._d.node.GetNumberOfControlPoints() > 0:
            self._d.node.RemoveNthControlPoint(self._d.node.GetNumberOfControlPoints() - 1)

    def deleteAllPoints(self, /):
        """Delete all points."""
        if self._d.node is not None:
            self._d.node.RemoveAllControlPoints()

    def placeButton(self, /):
        """The place button."""
        return self._d.place

    def deleteButton(self, /):
        """The delete button."""
        return self._d.delete
