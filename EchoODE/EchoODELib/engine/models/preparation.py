"""How frames become a network's input and its output comes back: one place for training and for use.

The sector's box is fitted into the network's input, isotropically in mm, so that a clip of unknown
scale looks like one of known scale; brightness is standardised over the sector and the whole clip, so
that gain and dynamic range matter little and a clip's frames keep their relation.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Fit:
    """Where a box of a frame lies in a network's input.

    Attributes
    ----------
    box: (row0, row1, column0, column1), half-open, in the clip's pixels.
    size: (rows, columns) of the network's input.
    placed: (row0, row1, column0, column1), half-open: the box's place in the input, centred.
    """

    box: tuple[int, int, int, int]
    size: tuple[int, int]
    placed: tuple[int, int, int, int]

    @classmethod
    def of(cls, box: tuple[int, int, int, int], size: tuple[int, int], spacing: tuple[float, float] | None) -> Fit:
        """Fit ``box`` into ``size``, as large as it goes, with square pixels in mm (in px if ``spacing`` is None)."""
        row_mm, column_mm = spacing or (1.0, 1.0)
        height, width = (box[1] - box[0]) * row_mm, (box[3] - box[2]) * column_mm
        scale = min(size[0] / height, size[1] / width)
        rows = min(size[0], max(1, round(height * scale)))
        columns = min(size[1], max(1, round(width * scale)))
        top, left = (size[0] - rows) // 2, (size[1] - columns) // 2
        return cls(box, size, (top, top + rows, left, left + columns))

    def to_input(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(H, W) of the clip to (rows, columns) of the input, zero outside the box."""
        row0, row1, column0, column1 = self.box
        top, bottom, left, right = self.placed
        cut = frame[row0:row1, column0:column1]
        shrinks = bottom - top < cut.shape[0] or right - left < cut.shape[1]
        placed = np.zeros(self.size, frame.dtype)
        placed[top:bottom, left:right] = cv2.resize(
            cut, (right - left, bottom - top), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        )
        return placed

    def to_box(self, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        """(C, rows, columns) of the output to (C, h, w) on the box's own pixels, linearly."""
        row0, row1, column0, column1 = self.box
        top, bottom, left, right = self.placed
        size = (column1 - column0, row1 - row0)
        return np.stack([cv2.resize(m[top:bottom, left:right], size, interpolation=cv2.INTER_LINEAR) for m in maps])

    def to_frame(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Points (..., 2), (row, column) px of the input, as (row, column) px of the clip."""
        row0, row1, column0, column1 = self.box
        top, bottom, left, right = self.placed
        scale = [(row1 - row0) / (bottom - top), (column1 - column0) / (right - left)]
        # Pixels' centres lie half a pixel inside.
        return np.asarray((points - [top, left] + 0.5) * scale + [row0, column0] - 0.5, np.float32)


def standardise(
    frames: NDArray[np.generic], inside: NDArray[np.bool_], statistics: tuple[float, float] | None = None
) -> NDArray[np.float32]:
    """Zero mean and unit deviation over the sector; outside it, what black would be.

    Parameters
    ----------
    frames: (..., rows, columns), gray of any scale.
    inside: (rows, columns), the sector.
    statistics: mean and standard deviation to use; measured on ``frames`` if None.
    """
    gray = frames.astype(np.float32)
    mean, deviation = statistics or brightness(gray, inside)
    centred = np.where(inside, gray - np.float32(mean), np.float32(-mean))
    return np.asarray(centred / np.float32(max(deviation, 1e-6)), np.float32)


def brightness(frames: NDArray[np.generic], inside: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean and standard deviation of ``frames`` (..., rows, columns) over ``inside`` (all, if that is empty)."""
    values = frames[..., inside] if inside.any() else frames
    return float(values.mean()), float(values.std())
