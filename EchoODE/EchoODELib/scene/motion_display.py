"""The motion drawn on the echo: the reference frame's grid carried along, or arrows from then to now.

Both are meshes of one model node, moved when the clip's frame changes. The tissue's paths are worked out once, so that
a step costs a copy of some thousand points; the transform display node would sample and warp anew each time.
The model is not saved: it is drawn again from the motion.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ..engine.sequence import Label
from .colors import GRID_COLOR, lengthColors, removeLegend, showLegend
from .geometry import clipAxes
from .motion import readMotion

if TYPE_CHECKING:
    from .study import Study

Points = NDArray[np.float64]

MODEL = "EchoODE.MotionModel"
_LINES_ACROSS = 26  # grid lines over the longer side of the region, unless a spacing is given
_SUBSTEPS = 5  # points between two crossings of the grid
_REACH = 0.06  # of the clip's height, how far around the ventricle the grid goes
_DARK = 6  # gray levels; where the clip never gets brighter there is no sector
_HEAD = 0.34  # of an arrow's length is its head
_WIDTH = 0.12  # of the spacing is a shaft's width
_COLUMN = "displacement"


@dataclass(frozen=True)
class _Drawing:
    """A mesh with its points on every frame: points (T, N, 3) RAS, values (T, N) or None, and its cells."""

    kind: str
    points: NDArray[np.float32]
    values: NDArray[np.float32] | None
    cells: Any
    filled: bool


class _Follower:
    """Moves a drawing's points when the browser changes its item."""

    def __init__(self, browser: Any, drawing: _Drawing) -> None:
        self.browser, self.drawing, self.shown = browser, drawing, -1
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
    spacingMm: between lines; px in uncalibrated clips. None chooses about 26 lines across.

    Returns
    -------
    The model node, or None if the clip has no motion.
    """
    return _show(study, lambda: _gridDrawing(study, spacingMm), color)


def showArrows(study: Study, spacingMm: float | None = None) -> Any:
    """Draw arrows from where tissue of the ventricle was on the reference frame to where it is in the frame in view.

    They are true to scale and coloured by their length, in mm (px in uncalibrated clips).

    Returns
    -------
    The model node, or None if the clip has no motion.
    """
    return _show(study, lambda: _arrowDrawing(study, spacingMm), None)


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


def _show(study: Study, draw: Callable[[], _Drawing | None], color: tuple[float, float, float] | None) -> Any:
    drawing = draw()
    if drawing is None:
        return None
    for modelID, follower in list(_followers.items()):
        if follower.browser.GetScene() is None:
            follower.stop()
            del _followers[modelID]
    model = motionModel(study) or _addModel(study)
    _stop(model)
    follower = _followers[model.GetID()] = _Follower(study.browserNode, drawing)
    display = model.GetDisplayNode()
    wasModifying = display.StartModify()
    model.SetAndObserveMesh(follower.mesh)
    if drawing.values is None:
        display.SetScalarVisibility(False)
        display.SetColor(*(color or GRID_COLOR))
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


def _gridDrawing(study: Study, spacingMm: float | None) -> _Drawing | None:
    motion = readMotion(study)
    if motion is None:
        return None
    region = _region(study, motion.referenceFrame, around=True)
    (top, bottom), (left, right) = _extent(region)
    axes = clipAxes(study.clipNode)
    across = spacingMm or max((bottom - top) * axes.spacing[0], (right - left) * axes.spacing[1]) / _LINES_ACROSS
    stepRow, stepColumn = max(2.0, across / axes.spacing[0]), max(2.0, across / axes.spacing[1])
    rows = np.arange(top + stepRow / 2, bottom, stepRow)
    columns = np.arange(left + stepColumn / 2, right, stepColumn)
    points: list[Points] = []
    cells = vtk.vtkCellArray()
    start = 0
    for lines, runs, swap in (
        (rows, np.arange(left, right, stepColumn / _SUBSTEPS), False),
        (columns, np.arange(top, bottom, stepRow / _SUBSTEPS), True),
    ):
        for line in lines:
            path = np.column_stack([runs, np.full_like(runs, line)])
            path = path[:, ::-1] if swap else path
            inside = _sample(region, path) > 0.5
            for first, last in _stretches(inside):
                cells.InsertNextCell(last - first)
                for index in range(start, start + last - first):
                    cells.InsertCellPoint(index)
                points.append(path[first:last])
                start += last - first
    if not points:
        return None
    still = np.concatenate(points)
    moved = np.stack([axes.toRas(still + _sample(field, still)) for field in motion.displacement])
    return _Drawing("grid", moved.astype(np.float32), None, cells, filled=False)


def _arrowDrawing(study: Study, spacingMm: float | None) -> _Drawing | None:
    motion = readMotion(study)
    if motion is None:
        return None
    region = _region(study, motion.referenceFrame, around=False)
    (top, bottom), (left, right) = _extent(region)
    axes = clipAxes(study.clipNode)
    apart = spacingMm or max((bottom - top) * axes.spacing[0], (right - left) * axes.spacing[1]) / (
        0.65 * _LINES_ACROSS
    )
    stepRow, stepColumn = max(2.0, apart / axes.spacing[0]), max(2.0, apart / axes.spacing[1])
    x, y = np.meshgrid(
        np.arange(left + stepColumn / 2, right, stepColumn), np.arange(top + stepRow / 2, bottom, stepRow)
    )
    tails = np.column_stack([x.ravel(), y.ravel()])
    tails = tails[_sample(region, tails) > 0.5]
    if not len(tails):
        return None
    start = axes.toRas(tails)
    vectors = np.stack([axes.vectorsToRas(_sample(field, tails)) for field in motion.displacement])
    lengths = np.linalg.norm(vectors, axis=-1)
    points = _arrows(start, vectors, lengths, np.cross(axes.column, axes.row), _WIDTH * apart)
    cells = vtk.vtkCellArray()
    for arrow in range(len(tails)):
        for corners in ((0, 1, 2, 3), (4, 5, 6)):
            cells.InsertNextCell(len(corners))
            for corner in corners:
                cells.InsertCellPoint(7 * arrow + corner)
    shown = np.repeat(lengths, 7, axis=1)
    return _Drawing("arrows", points.astype(np.float32), shown.astype(np.float32), cells, filled=True)


def _arrows(start: Points, vectors: Points, lengths: Points, normal: Points, width: float) -> Points:
    """(T, 7 N, 3): a shaft of 4 corners and a head of 3 for every arrow; short ones are thinner, none has no size."""
    long = np.maximum(lengths, 1e-9)[..., None]
    along = vectors / long
    side = np.cross(along, normal / np.linalg.norm(normal))
    thin = np.minimum(width, 0.3 * long)
    head = np.clip(_HEAD * long, 0, 4.0 * thin)
    end = start + vectors
    neck = end - along * head
    shaft, barb = side * thin / 2, side * 1.8 * thin
    corners = (start - shaft, start + shaft, neck + shaft, neck - shaft, neck - barb, end, neck + barb)
    points: Points = np.stack([np.broadcast_to(corner, vectors.shape) for corner in corners], axis=2)
    return points.reshape(len(vectors), -1, 3)


def _region(study: Study, reference: int, around: bool) -> NDArray[np.float32]:
    """(H, W) 1 on the ventricle of the reference frame, with what lies around it if wanted, inside the sector."""
    from scipy.ndimage import binary_dilation, uniform_filter

    frames = study.sequence().frames
    sector = uniform_filter(frames[:: max(1, len(frames) // 8)].max(axis=0).astype(np.float32), 9) > _DARK
    mask = study.mask(reference)
    ventricle = None if mask is None else np.isin(mask, (Label.LV, Label.MYOCARDIUM))
    if ventricle is None or not ventricle.any():
        return np.asarray(sector, np.float32)
    if around:
        ventricle = binary_dilation(ventricle, iterations=max(2, round(_REACH * len(mask))))
    return np.asarray(ventricle & sector, np.float32)


def _extent(region: NDArray[np.float32]) -> tuple[tuple[int, int], tuple[int, int]]:
    """First row and the row after the last, and the same of columns; all of it where the region is empty."""
    if not region.any():
        return (0, region.shape[0]), (0, region.shape[1])
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    return (int(rows[0]), int(rows[-1]) + 1), (int(columns[0]), int(columns[-1]) + 1)


def _stretches(inside: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open ranges of two or more successive True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 1]


def _sample(image: NDArray[Any], points: Points) -> NDArray[np.float64]:
    """An image (H, W, ...) at points (N, 2) px (x, y), bilinear, the border's value beyond it."""
    height, width = image.shape[:2]
    x, y = np.clip(points[:, 0], 0, width - 1), np.clip(points[:, 1], 0, height - 1)
    column, row = np.minimum(x.astype(int), width - 2), np.minimum(y.astype(int), height - 2)
    tail = (slice(None),) + (None,) * (image.ndim - 2)
    u, v = (x - column)[tail], (y - row)[tail]
    top = (1 - u) * image[row, column] + u * image[row, column + 1]
    bottom = (1 - u) * image[row + 1, column] + u * image[row + 1, column + 1]
    values: NDArray[np.float64] = (1 - v) * top + v * bottom
    return values
