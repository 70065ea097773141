"""qMRMLSliceView and qMRMLSliceWidget on Slicer's own slice logic and displayable managers."""

from __future__ import annotations

import slicer
import vtk
from PySide6 import QtCore

from ..pythonqt.emulation import emulated, private, stored
from ..pythonqt.scene_widget import scene_widget
from ..widgets.observing import Observer
from .abstract_view import ctkVTKAbstractView
from .canvas import VtkCanvas
from .slice_controller import qMRMLSliceControllerWidget
from .view_widget import qMRMLAbstractViewWidget

DISPLAYABLE_MANAGERS = (
    "vtkMRMLVolumeGlyphSliceDisplayableManager",
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLScalarBarDisplayableManager",
    "vtkMRMLColorLegendDisplayableManager",
    "vtkMRMLMarkupsDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLTransformsDisplayableManager2D",
    "vtkMRMLLinearTransformsDisplayableManager",
)


@emulated
class ctkVTKSliceView(ctkVTKAbstractView):
    """Shows the image that comes out of a slice logic's pipeline."""

    resized = QtCore.Signal(QtCore.QSize)
    colorWindow = stored(float, 255.0, lambda view, value: view._d.mapper.SetColorWindow(value))
    colorLevel = stored(float, 127.5, lambda view, value: view._d.mapper.SetColorLevel(value))

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.renderer.GetActiveCamera().ParallelProjectionOn()
        state.renderer.AddViewProp(state.corner)
        state.mapper = vtk.vtkImageMapper()
        state.mapper.SetColorWindow(255)
        state.mapper.SetColorLevel(127.5)
        state.image_actor = vtk.vtkActor2D()
        state.image_actor.SetMapper(state.mapper)
        state.image_actor.GetProperty().SetDisplayLocationToBackground()
        # From the start, before any overlay: what is translucent blends with what was drawn before it.
        state.image_actor.SetVisibility(False)
        state.renderer.AddViewProp(state.image_actor)

    def setImageDataConnection(self, connection, /):
        """Show the image of a pipeline; None shows the background."""
        state = self._d
        state.mapper.SetInputConnection(connection)
        state.image_actor.SetVisibility(connection is not None)
        self.scheduleRender()

    def setColorWindow(self, value, /):
        """Width of the grey window."""
        self.colorWindow = value

    def setColorLevel(self, value, /):
        """Centre of the grey window."""
        self.colorLevel = value

    def resizeEvent(self, event, /):
        """Tell the new size."""
        super().resizeEvent(event)
        self.resized.emit(event.size())


class SliceCanvas(VtkCanvas):
    """A canvas whose wheel steps through the frames of a clip.

    Slicer moves the slice with the wheel. A clip's volume has one slice, there is nothing to move, so the wheel goes
    to the clip's browser; with Control it zooms, as in Slicer.
    """

    def _wheel_turned(self, direction, modifiers):
        if modifiers & (QtCore.Qt.ControlModifier | QtCore.Qt.ShiftModifier):
            return False
        browser = private(self).browser_to_step() if "browser_to_step" in self._d.__dict__ else None
        if browser is None:
            return False
        browser.SelectNextItem(direction)
        return True


@emulated
@scene_widget
class qMRMLSliceView(ctkVTKSliceView):
    """A slice of the scene with all that Slicer's displayable managers draw on it."""

    _canvas_class = SliceCanvas

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.canvas._d.browser_to_step = self._browser_of_single_slice
        state.node = None
        self.interactor().SetInteractorStyle(vtk.vtkInteractorStyleUser())
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        for name in DISPLAYABLE_MANAGERS:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        state.managers = factory.InstantiateDisplayableManagers(state.renderer)
        state.managers.UnRegister(None)  # Instantiate hands over a reference that Python doesn't take
        state.managers.AddObserver(vtk.vtkCommand.UpdateEvent, lambda *_: self.scheduleRender())
        state.style = slicer.vtkMRMLSliceViewInteractorStyle()
        state.style.SetDisplayableManagers(state.managers)

    def setMRMLSliceNode(self, node, /):
        """Show the slice that a node describes."""
        self._d.node = node
        self._d.managers.SetMRMLDisplayableNode(node)

    def mrmlSliceNode(self, /):
        """The vtkMRMLSliceNode."""
        return self._d.node

    def sliceViewInteractorStyle(self, /):
        """The style that turns mouse events into actions."""
        return self._d.style

    def interactorObserver(self, /):
        """The style that turns mouse events into actions."""
        return self._d.style

    def displayableManagerByClassName(self, name, /):
        """One of the view's displayable managers."""
        return self._d.managers.GetDisplayableManagerByClassName(name)

    def getDisplayableManagers(self, collection, /):
        """Append all displayable managers to a vtkCollection."""
        for index in range(self._d.managers.GetDisplayableManagerCount()):
            collection.AddItem(self._d.managers.GetNthDisplayableManager(index))

    def convertDeviceToXYZ(self, point, /):
        """Pixel of the view (x right, y up) -> slice coordinates."""
        return [float(point[0]), float(point[1]), 0.0]

    def convertXYZToRAS(self, point, /):
        """Slice coordinates -> RAS in mm."""
        return list(self._d.node.GetXYToRAS().MultiplyPoint([*point[:2], point[2] if len(point) > 2 else 0.0, 1.0])[:3])

    def convertRASToXYZ(self, point, /):
        """RAS in mm -> slice coordinates."""
        inverse = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(self._d.node.GetXYToRAS(), inverse)
        return list(inverse.MultiplyPoint([*point, 1.0])[:3])

    def setViewCursor(self, cursor, /):
        """Set the mouse pointer of the view."""
        self._d.canvas.setCursor(cursor)

    def unsetViewCursor(self, /):
        """Back to the default pointer."""
        self._d.canvas.unsetCursor()

    def setDefaultViewCursor(self, cursor, /):
        """Set the pointer that the view has otherwise."""
        self._d.canvas.setCursor(cursor)

    def _browser_of_single_slice(self):
        """The browser whose proxy is the background volume, if that has one slice only."""
        scene, node = private(self).__dict__.get("scene"), self._d.node
        if scene is None or node is None:
            return None
        composite = slicer.app.applicationLogic().GetSliceLogic(node).GetSliceCompositeNode()
        volume = scene.GetNodeByID(composite.GetBackgroundVolumeID() or "")
        if volume is None or volume.GetImageData() is None or min(volume.GetImageData().GetDimensions()) > 1:
            return None
        return slicer.modules.sequences.logic().GetFirstBrowserNodeForProxyNode(volume)


@emulated
@scene_widget
class qMRMLSliceWidget(qMRMLAbstractViewWidget):
    """A slice view with its controller bar."""

    nodeAboutToBeEdited = QtCore.Signal(object)
    sliceOrientation = QtCore.Property(
        str, lambda self: self.mrmlSliceNode().GetOrientation(), lambda self, name: self.setSliceOrientation(name)
    )
    sliceViewName = QtCore.Property(str, lambda self: self.mrmlSliceNode().GetLayoutName())

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.view = qMRMLSliceView()
        state.controller = qMRMLSliceControllerWidget()
        state.logic = slicer.vtkMRMLSliceLogic()
        state.logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        state.view._d.style.SetSliceLogic(state.logic)
        state.view._d.style.SetInteractor(state.view.interactor())
        state.connection = None
        state.observer = Observer(self)
        state.observer.watch(state.logic, self._follow_logic)
        state.observer.watch(state.view.renderWindow(), self._resize, ("WindowResizeEvent",))
        self._arrange(state.controller, state.view)

    def _scene_set(self):
        scene = self._d.scene
        self._d.view.setMRMLScene(scene)
        self._d.logic.SetMRMLScene(scene)
        self._d.controller.setMRMLScene(scene)

    def setMRMLSliceNode(self, node, /):
        """Show the slice that a node describes."""
        state = self._d
        state.logic.SetSliceNode(node)
        state.view.setMRMLSliceNode(node)
        state.controller._set_logic(state.logic)
        self._resize()

    def mrmlSliceNode(self, /):
        """The vtkMRMLSliceNode."""
        return self._d.logic.GetSliceNode()

    def setMRMLAbstractViewNode(self, node, /):
        """Show the slice that a node describes."""
        self.setMRMLSliceNode(node)

    def mrmlAbstractViewNode(self, /):
        """The vtkMRMLSliceNode."""
        return self.mrmlSliceNode()

    def mrmlSliceCompositeNode(self, /):
        """The node that says which volumes are shown."""
        return self._d.logic.GetSliceCompositeNode()

    def sliceLogic(self, /):
        """The vtkMRMLSliceLogic."""
        return self._d.logic

    def logic(self, /):
        """The vtkMRMLSliceLogic."""
        return self._d.logic

    def sliceView(self, /):
        """The qMRMLSliceView."""
        return self._d.view

    def sliceController(self, /):
        """The qMRMLSliceControllerWidget."""
        return self._d.controller

    def interactorStyle(self, /):
        """The style that turns mouse events into actions."""
        return self._d.view._d.style

    def fitSliceToBackground(self, /):
        """Show the whole background volume."""
        self._d.controller.fitSliceToBackground()

    def setSliceOrientation(self, name, /):
        """Axial, Sagittal, Coronal or Reformat."""
        self.mrmlSliceNode().SetOrientation(name)

    def _resize(self):
        if self._d.logic.GetSliceNode() is not None:
            self._d.logic.ResizeSliceNode(*self._d.view.renderWindow().GetSize())

    def _follow_logic(self):
        connection = self._d.logic.GetImageDataConnection()
        if connection is not self._d.connection:
            self._d.connection = connection
            self._d.view.setImageDataConnection(connection)
        self._d.view.scheduleRender()
