"""The ultrasound sector: where tissue is imaged, and what lies around it cut away, reversibly.

Text, ECG trace, colour bar and logo stand still or are thin; tissue moves and speckles. The sector is
found from both, and given the shape that a probe has: a fan between two straight edges and two arcs, or
the convex outline of what moves where the edges are too dark to be seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import UnsuitableMask
from .sequence import EchoSequence

Box = tuple[int, int, int, int]
_Value = TypeVar("_Value", bound=np.generic)

_SAMPLED_FRAMES = 24
# Fewer frames than this don't tell still graphics from tissue; brightness and texture decide.
_ENOUGH_FRAMES = 5
# Mean absolute deviation from the median frame, gray levels, above which a pixel moves. Black background that
# went through JPEG stays under 0.1, the darkest tissue of the clips seen gives 0.5.
_MOVING = 0.3
_DARK = 6  # gray levels; the still image's background lies below
_BRIGHT = 60  # gray levels; letters lie above
_SMALLEST = 16  # px a side; smaller frames have no room for a sector and something else
_SHORTEST_SIDE = 8  # rows
# A side of a fan leans 8 to 75 degrees from the vertical.
_SIDE_SLOPES = np.tan(np.radians(np.linspace(8.0, 75.0, 135)))


@dataclass(frozen=True)
class Sector:
    """Where the frames show tissue.

    Attributes
    ----------
    mask: (H, W) bool, True inside the sector.
    box: (row0, row1, column0, column1), the half-open box around the mask.
    """

    mask: NDArray[np.bool_]
    box: Box

    @classmethod
    def of(cls, mask: NDArray[np.bool_]) -> Sector:
        """The sector whose mask (H, W), not empty, is given."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        return cls(mask, (int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1))

    def crop(self, array: NDArray[_Value]) -> NDArray[_Value]:
        """Cut to the box and blank (0, False) what lies outside of the sector.

        Parameters
        ----------
        array: (..., H, W) frames or masks, or (..., H, W, 2) fields; fields stay in px.

        Returns
        -------
        A copy of shape (..., h, w) or (..., h, w, 2), h and w being the box's.

        Raises
        ------
        UnsuitableMask: no pair of axes has the frames' size.
        """
        row0, row1, column0, column1 = self.box
        inside = self.mask[row0:row1, column0:column1]
        if array.shape[-2:] == self.mask.shape:
            return np.where(inside, array[..., row0:row1, column0:column1], array.dtype.type(0))
        if array.ndim > 2 and array.shape[-3:-1] == self.mask.shape:
            return np.where(inside[..., None], array[..., row0:row1, column0:column1, :], array.dtype.type(0))
        raise UnsuitableMask(f"An array of shape {array.shape} does not lie on frames of {self.mask.shape}.")

    def restore(self, array: NDArray[_Value], shape: tuple[int, int] | None = None) -> NDArray[_Value]:
        """Put what was made in the box back into the clip's own pixels; 0 around it.

        Parameters
        ----------
        array: (..., h, w) or (..., h, w, 2), as :meth:`crop` gives.
        shape: (H, W) of the frames; the mask's if left out.

        Raises
        ------
        UnsuitableMask: the array does not fit the box, or the box does not fit ``shape``.
        """
        rows, columns = shape if shape is not None else (self.mask.shape[0], self.mask.shape[1])
        row0, row1, column0, column1 = self.box
        size = (row1 - row0, column1 - column0)
        if row1 > rows or column1 > columns:
            raise UnsuitableMask(f"The sector of {size[0]}x{size[1]} pixels does not fit frames of {rows}x{columns}.")
        if array.shape[-2:] == size:
            whole = np.zeros((*array.shape[:-2], rows, columns), array.dtype)
            whole[..., row0:row1, column0:column1] = array
            return whole
        if array.ndim > 2 and array.shape[-3:-1] == size:
            whole = np.zeros((*array.shape[:-3], rows, columns, array.shape[-1]), array.dtype)
            whole[..., row0:row1, column0:column1, :] = array
            return whole
        raise UnsuitableMask(f"An array of shape {array.shape} does not fit the sector of {size[0]}x{size[1]} pixels.")


def find_sector(sequence: EchoSequence) -> Sector:
    """Find the ultrasound sector of a clip.

    What moves (or, in a clip of few frames, what is bright and textured) inside the boxes that the file names is
    joined to one body; its sides are fitted by straight lines, its far end by an arc around the point where they
    meet. Where no such fan fits, the body's convex outline (or its box, where it fills it) is the sector.

    Returns
    -------
    Sector: never empty; the whole frame (or the file's region) where nothing can be told from the pixels.
    """
    frames = sequence.frames
    allowed = _allowed(sequence)
    if min(sequence.shape) < _SMALLEST:
        return Sector.of(allowed)
    sampled = frames[:: max(1, len(frames) // _SAMPLED_FRAMES)]
    body = _body(_tissue(sampled) & allowed)
    if body is None:
        return Sector.of(allowed)
    shape = _fan(body, sampled.max(axis=0) > _DARK)
    if shape is None:
        shape = _outline(body)
    return Sector.of(shape & allowed)


def _allowed(sequence: EchoSequence) -> NDArray[np.bool_]:
    """Where the file's own boxes let tissue be."""
    allowed = np.ones(sequence.shape, bool)
    region = sequence.source.region
    if region is not None:
        allowed[:] = False
        allowed[region[0] : region[1], region[2] : region[3]] = True
    for row0, row1, column0, column1 in sequence.source.overlays:
        allowed[row0:row1, column0:column1] = False
    return allowed if allowed.mean() > 0.05 else np.ones(sequence.shape, bool)


def _tissue(frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Pixels that move as tissue does, or in few frames those that are bright and textured."""
    kernel = np.ones((3, 3), np.uint8)
    if len(frames) >= _ENOUGH_FRAMES:
        median = np.median(frames, axis=0).astype(np.uint8)
        deviation = np.zeros(median.shape, np.float32)
        for frame in frames:
            # Opening takes away what is thinner than speckle: a trace, its cursor, a running clock.
            deviation += np.asarray(cv2.morphologyEx(cv2.absdiff(frame, median), cv2.MORPH_OPEN, kernel), np.float32)
        moving = np.asarray(deviation > _MOVING * len(frames))
        if moving.mean() > 0.02:
            return moving
    # Opening takes away letters and traces, thinner than speckle.
    brightest = np.max([cv2.morphologyEx(frame, cv2.MORPH_OPEN, kernel) for frame in frames], axis=0)
    spread = cv2.subtract(cv2.dilate(brightest, kernel), cv2.erode(brightest, kernel))
    # Bars and buttons are flat, tissue never is.
    tissue = np.asarray((brightest > _DARK) & (spread > 1))
    if len(frames) > 1:
        # Bright and the same in all frames: letters. In a clip that stands still all is, and all is kept.
        still = ((brightest > _BRIGHT) & (np.ptp(frames, axis=0) <= 1)).astype(np.uint8)
        moving = tissue & (cv2.dilate(still, kernel) == 0)
        if moving.sum() > 0.5 * tissue.sum():
            return np.asarray(moving)
    return tissue


def _body(tissue: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """The largest piece of tissue, joined over cavities, without what hangs on it by a thread."""
    near, far = (_disk(min(tissue.shape) / part) for part in (60, 16))
    solid = cv2.morphologyEx(tissue.astype(np.uint8), cv2.MORPH_CLOSE, near)
    solid = cv2.morphologyEx(solid, cv2.MORPH_OPEN, near)
    border = far.shape[0]
    padded = cv2.copyMakeBorder(solid, border, border, border, border, cv2.BORDER_CONSTANT, value=0)
    joined = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, far)[border:-border, border:-border]
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(np.ascontiguousarray(joined))
    if count < 2:
        return None
    largest = 1 + int(np.argmax(statistics[1:, cv2.CC_STAT_AREA]))
    if statistics[largest, cv2.CC_STAT_AREA] < 0.01 * tissue.size:
        return None
    return np.asarray((labels == largest) & (solid > 0))


def _fan(body: NDArray[np.bool_], lit: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """The fan that the body's two sides and far end span, or None if they don't."""
    rows = np.flatnonzero(body.any(axis=1))
    left = body[rows].argmax(axis=1)
    right = body.shape[1] - 1 - body[rows, ::-1].argmax(axis=1)
    left_side, right_side = _side(rows, -left, body.shape[1]), _side(rows, right, body.shape[1])
    if left_side is None or right_side is None:
        return None
    # Each side as column = offset + slope * row; the left one was fitted mirrored.
    (left_slope, left_offset), (right_slope, right_offset) = (-left_side[0], -left_side[1]), right_side
    apex_row = (left_offset - right_offset) / (right_slope - left_slope)
    apex_column = right_offset + right_slope * apex_row
    row, column = np.ogrid[: body.shape[0], : body.shape[1]]
    between = (column >= left_offset + left_slope * row - 1) & (column <= right_offset + right_slope * row + 1)
    inside = between & (row >= max(_top(int(rows[0]), lit & between) - 1, apex_row - 1))
    radius = np.hypot(row - apex_row, column - apex_column)
    angle = np.arctan2(column - apex_column, row - apex_row)
    reached = body & inside
    if reached.sum() < 0.9 * body.sum():
        return None
    # The far end: the farthest tissue along each of 48 beams; most beams agree, a trace below reaches farther in some.
    low, high = np.arctan(left_slope), np.arctan(right_slope)
    beams = np.clip(((angle[reached] - low) / (high - low) * 48).astype(int), 0, 47)
    farthest = np.zeros(48)
    np.maximum.at(farthest, beams, radius[reached])
    fan = np.asarray(inside & (radius <= np.percentile(farthest, 90) + 2))
    return fan if reached.sum() > 0.3 * fan.sum() else None


def _top(row: int, lit: NDArray[np.bool_]) -> int:
    """The first row of the tip, upward from ``row``: the tip is too thin, or too bright and flat, for the body."""
    dark = np.flatnonzero(~lit[:row].any(axis=1))
    return int(dark[-1]) + 1 if len(dark) else 0


def _side(rows: NDArray[np.intp], edge: NDArray[np.intp], width: int) -> tuple[float, float] | None:
    """The straight line edge = slope * row + offset, leaning outward, that most of the upper edge lies on.

    A Hough transform over slope and offset. Rows whose edge stays inside of the line are dark there and count
    for nothing; rows outside of it speak against it.
    """
    offsets = edge[None, :] - _SIDE_SLOPES[:, None] * rows[None, :]
    best, found = 0.0, None
    for slope, row_offsets in zip(_SIDE_SLOPES, offsets, strict=True):
        low = np.floor(row_offsets.min() / 2)
        counts = np.bincount(((row_offsets / 2) - low).astype(int), minlength=3)
        on_line = counts + np.concatenate([[0], counts[:-1]])
        outside = np.concatenate([np.cumsum(counts[::-1])[::-1][1:], [0]])
        score = on_line - 2.0 * outside
        index = int(np.argmax(score))
        if score[index] > best:
            best, found = float(score[index]), (float(slope), 2 * (low + index))
    if found is None or best < 0.2 * len(rows):
        return None
    slope, offset = found
    near = np.abs(edge - slope * rows - offset) <= 3
    if np.count_nonzero(near) < _SHORTEST_SIDE:
        return None
    slope, offset = np.polyfit(rows[near], edge[near], 1)
    return (float(slope), float(offset)) if slope > 0.5 * _SIDE_SLOPES[0] else None


def _outline(body: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The convex outline, or the box if the body fills it."""
    points = cv2.findNonZero(body.astype(np.uint8))
    column, row, width, height = cv2.boundingRect(points)
    outline = np.zeros(body.shape, np.uint8)
    cv2.fillConvexPoly(outline, cv2.convexHull(points), 1)
    if outline.sum() > 0.93 * width * height:
        outline[row : row + height, column : column + width] = 1
    return np.asarray(cv2.dilate(outline, np.ones((3, 3), np.uint8)), bool)


def _disk(diameter: float) -> NDArray[np.uint8]:
    size = max(3, round(diameter)) | 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)
