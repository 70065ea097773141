"""ctkVTKAbstractView: what slice and 3D views have in common."""

from __future__ import annotations

import vtk
from PySide6 import QtGui, QtWidgets

from ..pythonqt.emulation import emulated, private, stored
from .canvas import VtkCanvas


def _background_changed(view, color):
    view._d.renderer.SetBackground(color.redF(), color.greenF(), color.blueF())
    view._canvas()._schedule_render()


def _corner_text_changed(view, text):
    view._d.corner.SetText(0, text)
    view._canvas()._schedule_render()


@emulated
class ctkVTKAbstractView(QtWidgets.QWidget):
    """A widget around a VTK render window."""

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.canvas = self._canvas_class(self)
        state.renderer = vtk.vtkRenderer()
        state.corner = vtk.vtkCornerAnnotation()
        state.canvas._d.window.AddRenderer(state.renderer)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(state.canvas)
        self.setFocusProxy(state.canvas)

    _canvas_class = VtkCanvas
    backgroundColor = stored(QtGui.QColor, lambda: QtGui.QColor(0, 0, 0), _background_changed)
    cornerAnnotationText = stored(str, "", _corner_text_changed)

    def _canvas(self):
        return self._d.canvas

    def VTKWidget(self, /):
        """The widget that receives mouse and keys."""
        return self._d.canvas

    def renderWindow(self, /):
        """The vtkRenderWindow."""
        return self._d.canvas._d.window

    def interactor(self, /):
        """The vtkRenderWindowInteractor."""
        return self._d.canvas._d.interactor

    def interactorStyle(self, /):
        """The interactor's style."""
        return self.interactor().GetInteractorStyle()

    def cornerAnnotation(self, /):
        """The vtkCornerAnnotation of the view."""
        return self._d.corner

    def setBackgroundColor(self, color, /):
        """Set the colour behind everything."""
        self.backgroundColor = color

    def setCornerAnnotationText(self, text, /):
        """Write into the corner of the view."""
        self.cornerAnnotationText = text

    def scheduleRender(self, /):
        """Render soon; many calls make one render."""
        self._d.canvas._schedule_render()

    def forceRender(self, /):
        """Render now."""
        self._d.canvas._d.window.Render()

    def pauseRender(self, /):
        """Hold renders until `resumeRender`; pauses count."""
        self._d.canvas._pause(True)

    def resumeRender(self, /):
        """End one pause."""
        self._d.canvas._pause(False)

    def setRenderPaused(self, paused, /):
        """Pause or resume."""
        self._d.canvas._pause(bool(paused))
