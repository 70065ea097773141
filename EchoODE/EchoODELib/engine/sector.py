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

from .errors import UnsuitableClip, UnsuitableMask
from .sequence import EchoSequence

Box = tuple[int, int, int, int]
_Value = TypeVar("_Value", bound=np.generic)

_SAMPLED_FRAMES = 24
# Fewer frames than this don't tell still graphics from tissue; brightness decides.
_ENOUGH_FRAMES = 5


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

    Returns
    -------
    Sector: the fan (or rectangle) of tissue; the whole frame where nothing else can be told.
    """
    frames = sequence.frames
    allowed = _allowed(sequence)
    step = max(1, len(frames) // _SAMPLED_FRAMES)
    tissue = _tissue(frames[::step], allowed)
    body = _body(tissue)
    if body is None:
        return _sector(allowed)
    hull = _hull(body)
    return _sector(hull & allowed)


def _sector(mask: NDArray[np.bool_]) -> Sector:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        raise UnsuitableClip("The clip shows nothing.")
    return Sector(mask, (int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1))


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


def _tissue(frames: NDArray[np.uint8], allowed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    median = np.median(frames, axis=0).astype(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    tissue = median > 10
    if len(frames) >= _ENOUGH_FRAMES:
        deviation = np.zeros(median.shape, np.float32)
        for frame in frames:
            deviation += cv2.morphologyEx(cv2.absdiff(frame, median), cv2.MORPH_OPEN, kernel)
        moving = deviation / len(frames) > 0.4
        if moving.mean() > 0.02:
            tissue = moving
    return np.asarray(tissue & allowed)


def _body(tissue: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    size = max(3, round(min(tissue.shape) / 40)) | 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    closed = cv2.morphologyEx(tissue.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    opened = cv2.morphologyEx(closed, cv2.MORPH_OPEN, kernel)
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(opened)
    if count < 2:
        return None
    largest = 1 + int(np.argmax(statistics[1:, cv2.CC_STAT_AREA]))
    return np.asarray(labels == largest)


def _hull(body: NDArray[np.bool_]) -> NDArray[np.bool_]:
    points = cv2.findNonZero(body.astype(np.uint8))
    filled = np.zeros(body.shape, np.uint8)
    cv2.fillConvexPoly(filled, cv2.convexHull(points), 1)
    return filled.astype(bool)
