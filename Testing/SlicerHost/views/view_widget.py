"""What the widgets of all views share: a controller bar above a view."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

from ..pythonqt.emulation import emulated, private, stored
from ..pythonqt.scene_widget import scene_widget
from ..widgets.qmrml_base import qMRMLWidget


@emulated
@scene_widget
class qMRMLViewControllerBar(qMRMLWidget):
    """The bar above a view: coloured label, controls, maximise."""

    showMaximizeViewButton = stored(bool, True)

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.layout = QtWidgets.QHBoxLayout(self)
        state.layout.setContentsMargins(0, 0, 0, 0)
        state.layout.setSpacing(2)
        state.label = QtWidgets.QLabel()
        state.label.setMinimumWidth(20)
        state.label.setAlignment(QtCore.Qt.AlignCenter)
        state.layout.addWidget(state.label)
        self.setSizePolicy(QtWidgets.QSizePolicy.Preferred, QtWidgets.QSizePolicy.Fixed)

    def barLayout(self, /):
        """The layout that extensions add their controls to."""
        return self._d.layout

    def barWidget(self, /):
        """The bar itself."""
        return self

    def viewLabel(self, /):
        """The label with the view's letter."""
        return self._d.label

    def setShowMaximizeViewButton(self, shown, /):
        """Show or hide the maximise button."""
        self.showMaximizeViewButton = shown

    def _show_node(self, node, color=None):
        """Write a view node's letter on its colour."""
        red, green, blue = color or (node.GetLayoutColor() if node is not None else (0.5, 0.5, 0.5))
        name = QtGui.QColor.fromRgbF(red, green, blue).name()
        text = (node.GetLayoutLabel() or "") if node is not None else ""
        if (text, name) == getattr(self._d, "shown_letter", None):
            return  # a style sheet is costly, and views call this at every frame
        self._d.shown_letter = (text, name)
        self._d.label.setText(text)
        self._d.label.setStyleSheet(f"background: {name}; color: black; font-weight: bold; padding: 1px 5px")


@emulated
@scene_widget
class qMRMLAbstractViewWidget(qMRMLWidget):
    """A view and its bar, one above the other."""

    def __init__(self, parent=None, /):
        super().__init__(parent)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Expanding)

    def _arrange(self, controller, view):
        self._d.controller, self._d.view = controller, view
        self.layout().addWidget(controller)
        self.layout().addWidget(view, 1)

    def controllerWidget(self, /):
        """The bar."""
        return self._d.controller

    def viewWidget(self, /):
        """The view."""
        return self._d.view

    def pauseRender(self, /):
        """Hold renders; pauses count."""
        self.setRenderPaused(True)

    def resumeRender(self, /):
        """End one pause."""
        self.setRenderPaused(False)

    def setRenderPaused(self, paused, /):
        """Pause or resume."""
        canvas = getattr(self._d.view, "_canvas", None)
        if canvas is not None:
            canvas()._pause(bool(paused))
