"""What is drawn of a motion, as meshes: the deformed grid and the arrows, with their points on every frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import vtk
from numpy.typing import NDArray

from ..engine.sequence import Label
from .geometry import clipAxes
from .motion import readMotion

if TYPE_CHECKING:
    from .study import Study

Points = NDArray[np.float64]

_LINES_ACROSS = 20  # grid lines over the longer side of the region, unless a spacing is given
_SUBSTEPS = 5  # points between two crossings of the grid
_REACH = 0.06  # of the clip's height, how far around the ventricle the grid goes
_DARK = 6  # gray levels; where the clip never gets brighter there is no sector
_HEAD = 0.34  # of an arrow's length is its head
_WIDTH = 0.12  # of the spacing is a shaft's width


@dataclass(frozen=True)
class Drawing:
    """A mesh with its points on every frame: points (T, N, 3) RAS, values (T, N) or None, and its cells."""

    kind: str
    points: NDArray[np.float32]
    values: NDArray[np.float32] | None
    cells: Any
    filled: bool


def gridDrawing(study: Study, spacingMm: float | None) -> Drawing | None:
    """The reference frame's grid, with lines ``spacingMm`` apart, carried to every frame; None without a motion."""
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
    return Drawing("grid", moved.astype(np.float32), None, cells, filled=False)


def arrowDrawing(study: Study, spacingMm: float | None) -> Drawing | None:
    """Arrows from the reference frame to every frame, valued by their length in mm; None without a motion."""
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
    return Drawing("arrows", points.astype(np.float32), shown.astype(np.float32), cells, filled=True)


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
