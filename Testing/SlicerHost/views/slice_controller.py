"""qMRMLSliceControllerWidget: label, offset slider and fit button of a slice view."""

from __future__ import annotations

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from ..pythonqt.emulation import emulated, private, stored
from ..pythonqt.scene_widget import scene_widget
from ..widgets.observing import Observer
from ..widgets.qmrml_numbers import qMRMLSliderWidget
from .view_widget import qMRMLViewControllerBar


@emulated
@scene_widget
class qMRMLSliceControllerWidget(qMRMLViewControllerBar):
    """Controls one slice logic."""

    renderRequested = QtCore.Signal()
    nodeAboutToBeEdited = QtCore.Signal(object)
    showSliceOffsetSlider = stored(bool, True, lambda bar, shown: bar._d.offset.setVisible(shown))

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.logic, state.updating, state.observer = None, False, Observer(self)
        state.fit = QtWidgets.QToolButton()
        state.fit.setText("Fit")
        state.fit.setToolTip("Show the whole image")
        state.fit.clicked.connect(self.fitSliceToBackground)
        state.offset = qMRMLSliderWidget()
        state.offset.valueChanged.connect(self.setSliceOffsetValue)
        state.layout.addWidget(state.fit)
        state.layout.addWidget(state.offset, 1)

    def _set_logic(self, logic):
        self._d.logic, self._d.shown_offset = logic, None
        self._d.observer.clear()
        self._d.observer.watch(logic, self._follow_logic)
        self._follow_logic()

    def _follow_logic(self):
        state, node = self._d, self._d.logic.GetSliceNode()
        if node is None or state.updating:
            return
        self._show_node(node)
        ends, step = [0.0, -1.0], vtk.reference(1.0)
        if not state.logic.GetSliceOffsetRangeResolution(ends, step) or ends[0] > ends[1]:
            return
        shown = (*ends, float(step), state.logic.GetSliceOffset())
        if shown == state.shown_offset:
            return  # most often another frame has come, on the same slice
        state.shown_offset, state.updating = shown, True
        state.offset.setEnabled(ends[0] < ends[1])
        state.offset.minimum, state.offset.maximum = ends
        state.offset.singleStep = float(step) or 1.0
        state.offset.setValue(state.logic.GetSliceOffset())
        state.updating = False

    def setSliceOffsetValue(self, offset, /):
        """Move the slice to an offset in mm."""
        self._d.shown_offset = None
        if self._d.logic is not None and not self._d.updating:
            self._d.logic.SetSliceOffset(offset)

    def sliceOffsetSlider(self, /):
        """The slider of the offset."""
        return self._d.offset

    def fitToWindowToolButton(self, /):
        """The fit button."""
        return self._d.fit

    def sliceLogic(self, /):
        """The vtkMRMLSliceLogic."""
        return self._d.logic

    def mrmlSliceNode(self, /):
        """The vtkMRMLSliceNode."""
        return self._d.logic.GetSliceNode() if self._d.logic is not None else None

    def mrmlSliceCompositeNode(self, /):
        """The node that says which volumes are shown."""
        return self._d.logic.GetSliceCompositeNode() if self._d.logic is not None else None

    def fitSliceToBackground(self, /):
        """Show the whole background volume, in the middle of its slice."""
        logic = self._d.logic
        if logic is None:
            return
        logic.ResizeSliceNode(*self._view_size())
        logic.FitSliceToBackground()
        logic.SnapSliceOffsetToIJK()

    def setShowSliceOffsetSlider(self, shown, /):
        """Show or hide the offset slider."""
        self.showSliceOffsetSlider = shown

    def setSliceOrientation(self, name, /):
        """Axial, Sagittal, Coronal or Reformat."""
        self.mrmlSliceNode().SetOrientation(name)

    def setSliceVisible(self, visible, /):
        """Show the slice in the 3D views."""
        self.mrmlSliceNode().SetSliceVisible(visible)

    def _view_size(self):
        dimensions = self.mrmlSliceNode().GetDimensions()
        widget = slicer.app.layoutManager().sliceWidget(self.mrmlSliceNode().GetLayoutName())
        return widget.sliceView().renderWindow().GetSize() if widget is not None else dimensions[:2]
