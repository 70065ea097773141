"""What every data set gives: single frames with their masks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LabelledFrame:
    """One B-mode frame with its mask.

    Attributes
    ----------
    name: unique within its data set.
    image: (H, W) uint8, gray.
    mask: (H, W) uint8, values of ``EchoODELib.engine.sequence.Label``.
    sector: (H, W) bool, where there is ultrasound.
    spacing: (row, column) mm per pixel, or None.
    """

    name: str
    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    sector: NDArray[np.bool_]
    spacing: tuple[float, float] | None = None

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(row0, row1, column0, column1), half-open, around the sector; the whole frame if that is empty."""
        rows, columns = np.flatnonzero(self.sector.any(1)), np.flatnonzero(self.sector.any(0))
        if not len(rows):
            return 0, self.image.shape[0], 0, self.image.shape[1]
        return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def lit_area(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The sector of a frame (H, W) that has no text: its non-black pixels with small gaps closed."""
    closed = cv2.morphologyEx((image > 0).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    return closed.astype(bool)
