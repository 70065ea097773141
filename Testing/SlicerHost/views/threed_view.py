"""qMRMLThreeDView and its widget."""

from __future__ import annotations

import slicer
import vtk
from PySide6 import QtWidgets

from ..pythonqt.emulation import emulated, private
from ..pythonqt.scene_widget import scene_widget
from .abstract_view import ctkVTKAbstractView
from .view_widget import qMRMLAbstractViewWidget, qMRMLViewControllerBar

DISPLAYABLE_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLThreeDReformatDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager3D",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLTransformsDisplayableManager3D",
    "vtkMRMLLinearTransformsDisplayableManager",
    "vtkMRMLVolumeRenderingDisplayableManager",
)


@emulated
class ctkVTKRenderView(ctkVTKAbstractView):
    """A view with a camera."""

    def resetFocalPoint(self, /):
        """Look at the middle of what is shown."""
        self._d.renderer.ResetCamera()
        self.scheduleRender()


@emulated
@scene_widget
class qMRMLThreeDView(ctkVTKRenderView):
    """The scene in 3D, with all that Slicer's displayable managers draw in it."""

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.node = None
        state.renderer.SetBackground(0.757, 0.765, 0.910)
        state.renderer.SetBackground2(0.455, 0.471, 0.745)
        state.renderer.GradientBackgroundOn()
        self.interactor().SetInteractorStyle(vtk.vtkInteractorStyle3D())
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        for name in DISPLAYABLE_MANAGERS:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        state.managers = factory.InstantiateDisplayableManagers(state.renderer)
        state.managers.UnRegister(None)  # Instantiate hands over a reference that Python doesn't take
        state.managers.AddObserver(vtk.vtkCommand.UpdateEvent, lambda *_: self.scheduleRender())
        state.style = slicer.vtkMRMLThreeDViewInteractorStyle()
        state.style.SetDisplayableManagers(state.managers)
        state.style.SetInteractor(self.interactor())

    def setMRMLViewNode(self, node, /):
        """Show the view that a node describes."""
        self._d.node = node
        self._d.managers.SetMRMLDisplayableNode(node)

    def mrmlViewNode(self, /):
        """The vtkMRMLViewNode."""
        return self._d.node

    def displayableManagerByClassName(self, name, /):
        """One of the view's displayable managers."""
        return self._d.managers.GetDisplayableManagerByClassName(name)

    def interactorObserver(self, /):
        """The style that turns mouse events into actions."""
        return self._d.style

    def resetCamera(self, *arguments):
        """Show everything."""
        self._d.renderer.ResetCamera()
        self.scheduleRender()


@emulated
@scene_widget
class qMRMLThreeDViewControllerWidget(qMRMLViewControllerBar):
    """Label of a 3D view and a button that centres it."""

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.node = state.view = None
        button = QtWidgets.QToolButton()
        button.setText("Center")
        button.clicked.connect(lambda *_: self.resetFocalPoint())
        state.layout.addWidget(button)
        state.layout.addStretch(1)

    def setThreeDView(self, view, /):
        """The view that is controlled."""
        self._d.view = view

    def resetFocalPoint(self, /):
        """Look at the middle of what is shown."""
        if self._d.view is not None:
            self._d.view.resetFocalPoint()


@emulated
@scene_widget
class qMRMLThreeDWidget(qMRMLAbstractViewWidget):
    """A 3D view with its controller bar."""

    def __init__(self, parent=None, /):
        super().__init__(parent)
        private(self).logic = slicer.vtkMRMLViewLogic()
        self._d.logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        self._arrange(qMRMLThreeDViewControllerWidget(), qMRMLThreeDView())
        self._d.controller.setThreeDView(self._d.view)

    def _scene_set(self):
        self._d.logic.SetMRMLScene(self._d.scene)
        self._d.view.setMRMLScene(self._d.scene)

    def setMRMLViewNode(self, node, /):
        """Show the view that a node describes."""
        self._d.view.setMRMLViewNode(node)
        self._d.controller._show_node(node, (0.45, 0.47, 0.75))

    def setMRMLAbstractViewNode(self, node, /):
        """Show the view that a node describes."""
        self.setMRMLViewNode(node)

    def mrmlViewNode(self, /):
        """The vtkMRMLViewNode."""
        return self._d.view.mrmlViewNode()

    def mrmlAbstractViewNode(self, /):
        """The vtkMRMLViewNode."""
        return self.mrmlViewNode()

    def threeDView(self, /):
        """The qMRMLThreeDView."""
        return self._d.view

    def threeDController(self, /):
        """The qMRMLThreeDViewControllerWidget."""
        return self._d.controller

    def viewLogic(self, /):
        """The vtkMRMLViewLogic."""
        return self._d.logic

    def logic(self, /):
        """The vtkMRMLViewLogic."""
        return self._d.logic
