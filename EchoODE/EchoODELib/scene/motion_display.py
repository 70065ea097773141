"""The motion drawn on the echo: the reference frame's grid carried along, or arrows from then to now.

Both are meshes of one model node, moved when the clip's frame changes. The tissue's paths are worked out once, so that
a step costs a copy of some thousand points; the transform display node would sample and warp anew each time.
The model is not saved: it is drawn again from the motion.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from .colors import GRID_COLOR, lengthColors, removeLegend, showLegend
from .motion_shapes import Drawing, arrowDrawing, gridDrawing

if TYPE_CHECKING:
    from .study import Study

MODEL = "EchoODE.MotionModel"
_COLUMN = "displacement"


class _Follower:
    """Moves a drawing's points when the browser changes its item."""

    def __init__(self, browser: Any, drawing: Drawing, spacingMm: float | None) -> None:
        self.browser, self.drawing, self.spacingMm, self.shown = browser, drawing, spacingMm, -1
        self.mesh = vtk.vtkPolyData()
        points = vtk.vtkPoints()
        points.SetData(numpy_to_vtk(drawing.points[0], deep=True))
        self.mesh.SetPoints(points)
        (self.mesh.SetPolys if drawing.filled else self.mesh.SetLines)(drawing.cells)
        self.places = vtk_to_numpy(points.GetData())
        self.values = None
        if drawing.values is not None:
            scalars = numpy_to_vtk(drawing.values[0], deep=True)
            scalars.SetName(_COLUMN)
            self.mesh.GetPointData().SetScalars(scalars)
            self.values = vtk_to_numpy(scalars)
        self.tag = browser.AddObserver(vtk.vtkCommand.ModifiedEvent, self.follow)
        self.follow()

    def follow(self, *_: Any) -> None:
        """Show the browser's frame."""
        frame = self.browser.GetSelectedItemNumber()
        if frame == self.shown or not 0 <= frame < len(self.drawing.points):
            return
        self.shown = frame
        self.places[:] = self.drawing.points[frame]
        self.mesh.GetPoints().GetData().Modified()
        self.mesh.GetPoints().Modified()
        if self.values is not None and self.drawing.values is not None:
            self.values[:] = self.drawing.values[frame]
            self.mesh.GetPointData().GetScalars().Modified()
        self.mesh.Modified()

    def stop(self) -> None:
        """Follow no longer."""
        self.browser.RemoveObserver(self.tag)


_followers: dict[str, _Follower] = {}  # by the model node's id


def showGrid(study: Study, spacingMm: float | None = None, color: tuple[float, float, float] = GRID_COLOR) -> Any:
    """Draw the reference frame's regular grid, carried to the frame in view, around the ventricle.

    Parameters
    ----------
    spacingMm: between lines; px in uncalibrated clips. None chooses about 20 lines across.

    Returns
    -------
    The model node, or None if the clip has no motion.
    """
    return _show(study, lambda: gridDrawing(study, spacingMm), spacingMm, color)


def showArrows(study: Study, spacingMm: float | None = None) -> Any:
    """Draw arrows from where tissue of the ventricle was on the reference frame to where it is in the frame in view.

    They are true to scale and coloured by their length, in mm (px in uncalibrated clips).

    Returns
    -------
    The model node, or None if the clip has no motion.
    """
    return _show(study, lambda: arrowDrawing(study, spacingMm), spacingMm, GRID_COLOR)


def redrawMotion(study: Study) -> None:
    """Draw what is shown anew, as it looks, after the motion or the pixel size has changed."""
    model = motionModel(study)
    if model is None or not motionShown(study):
        return
    old = _followers[model.GetID()]
    draw = gridDrawing if old.drawing.kind == "grid" else arrowDrawing
    _show(study, lambda: draw(study, old.spacingMm), old.spacingMm, model.GetDisplayNode().GetColor())


def hideMotion(study: Study) -> None:
    """Draw neither grid nor arrows."""
    model = motionModel(study)
    if model is not None:
        _stop(model)
        model.GetDisplayNode().SetVisibility(False)
        removeLegend(model)


def motionShown(study: Study) -> str:
    """What is drawn: "grid", "arrows", or "" for nothing."""
    model = motionModel(study)
    if model is None or not model.GetDisplayNode().GetVisibility() or model.GetID() not in _followers:
        return ""
    return _followers[model.GetID()].drawing.kind


def motionModel(study: Study) -> Any:
    """The model node that draws the motion, or None before the first drawing."""
    return study.browserNode.GetNodeReference(MODEL)


def removeMotionDisplay(study: Study) -> None:
    """Take the drawing out of the scene."""
    model = motionModel(study)
    if model is not None:
        hideMotion(study)
        slicer.mrmlScene.RemoveNode(model)
    study.browserNode.RemoveNodeReferenceIDs(MODEL)


def stopFollowing() -> None:
    """Let go of all clips, before the module is reloaded or the scene closed; what is drawn stays as it is."""
    for follower in _followers.values():
        follower.stop()
    _followers.clear()


def _stop(model: Any) -> None:
    follower = _followers.pop(model.GetID(), None)
    if follower is not None:
        follower.stop()


def _show(
    study: Study, draw: Callable[[], Drawing | None], spacingMm: float | None, color: tuple[float, float, float]
) -> Any:
    drawing = draw()
    if drawing is None:
        return None
    for modelID, follower in list(_followers.items()):
        if follower.browser.GetScene() is None:
            follower.stop()
            del _followers[modelID]
    model = motionModel(study) or _addModel(study)
    _stop(model)
    follower = _followers[model.GetID()] = _Follower(study.browserNode, drawing, spacingMm)
    display = model.GetDisplayNode()
    wasModifying = display.StartModify()
    model.SetAndObserveMesh(follower.mesh)
    if drawing.values is None:
        display.SetScalarVisibility(False)
        display.SetColor(*color)
        display.SetOpacity(0.75)
    else:
        display.SetActiveScalar(_COLUMN, vtk.vtkAssignAttribute.POINT_DATA)
        display.SetAndObserveColorNodeID(lengthColors().GetID())
        display.SetScalarRangeFlag(display.UseManualScalarRange)
        # Four whole steps, for the legend.
        display.SetScalarRange(0.0, 4.0 * max(1.0, np.ceil(drawing.values.max() / 4.0)))
        display.SetScalarVisibility(True)
        display.SetOpacity(1.0)
    display.SetVisibility(True)
    display.EndModify(wasModifying)
    if drawing.values is None:
        removeLegend(model)
    else:
        showLegend(model, "mm" if study.sequence().calibrated else "px", "%.0f")
    return model


def _addModel(study: Study) -> Any:
    model = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLModelNode", f"{study.name} motion drawing")
    model.SetSaveWithScene(False)
    model.CreateDefaultDisplayNodes()
    display = model.GetDisplayNode()
    display.SetSaveWithScene(False)
    display.SetVisibility3D(False)
    display.SetVisibility2D(True)
    display.SetSliceDisplayModeToProjection()  # the mesh lies in the slice, where nothing would intersect it
    display.SetSliceIntersectionThickness(1)
    display.SetLineWidth(1)
    study.browserNode.SetNodeReferenceID(MODEL, model.GetID())
    return model
