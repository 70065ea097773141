"""Where the clip's pixels are in the scene: pixel (x, y) = (column, row) to RAS mm and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ClipAxes:
    """The plane of a clip.

    Attributes
    ----------
    origin: (3,) RAS of the centre of pixel (0, 0).
    column, row: (3,) RAS step of one column (to the image's right) and of one row (down), mm.
    """

    origin: Array
    column: Array
    row: Array

    @property
    def spacing(self) -> tuple[float, float]:
        """(row, column) mm a pixel as the scene has it; (1, 1) stands for px in uncalibrated clips."""
        return float(np.linalg.norm(self.row)), float(np.linalg.norm(self.column))

    def toRas(self, points: NDArray[Any]) -> Array:
        """(..., 3) RAS of points (..., 2) in px, (x, y)."""
        points = np.asarray(points, np.float64)
        ras: Array = self.origin + points[..., :1] * self.column + points[..., 1:] * self.row
        return ras

    def vectorsToRas(self, vectors: NDArray[Any]) -> Array:
        """(..., 3) RAS mm of vectors (..., 2) in px."""
        vectors = np.asarray(vectors, np.float64)
        ras: Array = vectors[..., :1] * self.column + vectors[..., 1:] * self.row
        return ras

    def toPixels(self, ras: NDArray[Any]) -> Array:
        """(..., 2) px (x, y) of points (..., 3), projected onto the clip's plane."""
        return self.vectorsToPixels(np.asarray(ras, np.float64) - self.origin)

    def vectorsToPixels(self, vectors: NDArray[Any]) -> Array:
        """(..., 2) px of vectors (..., 3) in RAS mm."""
        vectors = np.asarray(vectors, np.float64)
        return np.stack(
            [vectors @ self.column / (self.column @ self.column), vectors @ self.row / (self.row @ self.row)], -1
        )


def clipAxes(volumeNode: Any) -> ClipAxes:
    """The plane of a volume of one slice (a clip's proxy, or one of its frames)."""
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    column, row, _, origin = (np.array([matrix.GetElement(i, j) for i in range(3)]) for j in range(4))
    return ClipAxes(origin, column, row)
