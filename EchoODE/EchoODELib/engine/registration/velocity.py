"""A velocity as a cubic B-spline in space and time, zero with its slopes at the border of its box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

_BORDER = 3  # control points a side that stay 0, so that value, slope and curvature vanish at the border


def _cubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The uniform cubic B-spline at a distance in knots."""
    d = np.abs(distance)
    return np.where(d < 1, 2 / 3 - d**2 + d**3 / 2, np.where(d < 2, (2 - d) ** 3 / 6, 0.0))


def time_basis(count: int, knots: int) -> NDArray[np.float64]:
    """(count, knots) weights of control points in time; each row sums to 1.

    One knot is a constant, ``knots >= count`` is a free value per sample, fewer than 4 are linear.
    """
    if knots <= 1:
        return np.ones((count, 1))
    if knots >= count:
        return np.eye(count)
    if knots < 4:
        position = np.linspace(0, knots - 1, count)
        return np.asarray(np.clip(1 - np.abs(position[:, None] - np.arange(knots)[None]), 0, None))
    position = np.linspace(0, knots - 3, count)
    weights = _cubic(position[:, None] - (np.arange(knots) - 1)[None])
    return np.asarray(weights / weights.sum(1, keepdims=True))


@dataclass(frozen=True)
class SplineGrid:
    """Control points over a box of (rows, columns) px, about ``knots`` along its long side.

    Attributes
    ----------
    shape: the box in px.
    intervals: knot intervals along rows and columns (at least 4, so that something can move).
    """

    shape: tuple[int, int]
    intervals: tuple[int, int]

    @classmethod
    def over(cls, shape: tuple[int, int], knots: int) -> SplineGrid:
        """A grid with ``knots`` intervals along the long side and the same spacing along the other."""
        spacing = max(shape) / knots
        rows, columns = (max(4, round(n / spacing)) for n in shape)
        return cls(shape, (rows, columns))

    @property
    def spacing(self) -> tuple[float, float]:
        """Distance between control points, (row, column) px."""
        return self.shape[0] / self.intervals[0], self.shape[1] / self.intervals[1]

    @property
    def free(self) -> tuple[int, int]:
        """Number of free control points, (rows, columns)."""
        return self.intervals[0] + 3 - 2 * _BORDER, self.intervals[1] + 3 - 2 * _BORDER

    def matrices(self, size: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
        """Weights (h, rows) and (w, columns) of the free controls at the pixel centres of a grid over the box."""
        out = []
        for n, count in zip(size, self.intervals, strict=True):
            position = (np.arange(n) + 0.5) * count / n
            knots = np.arange(count + 3) - 1
            weights = _cubic(position[:, None] - knots[None])[:, _BORDER:-_BORDER]
            out.append(torch.as_tensor(weights, dtype=torch.float32, device=device))
        return out[0], out[1]

    def scale(self, device: torch.device) -> Tensor:
        """Factors (2, 1, 1) from px of the box to the half extents that fields are in."""
        return torch.tensor([2 / self.shape[1], 2 / self.shape[0]], device=device).view(2, 1, 1)

    def padded(self, controls: Tensor) -> Tensor:
        """(..., rows, columns) with one ring of the border's zeros, all that differences need."""
        return F.pad(controls, (1, 1, 1, 1))

    def gradient_bound(self, controls: Tensor) -> float:
        """Upper bound of the velocity's gradient, per unit of the controls' time.

        A spline's slope is a convex combination of its control points' differences over their spacing
        (de Boor, A Practical Guide to Splines). Summed over both axes it bounds the Jacobian's norm; a
        step id + v of bound below 1 can't fold.
        """
        padded = self.padded(controls)
        along_y = (padded[..., 1:, :] - padded[..., :-1, :]).norm(dim=-3).amax((-2, -1)) / self.spacing[0]
        along_x = (padded[..., 1:] - padded[..., :-1]).norm(dim=-3).amax((-2, -1)) / self.spacing[1]
        return float((along_x + along_y).max()) if controls.numel() else 0.0

    def fit(self, fields: Tensor, ridge: float = 0.02) -> Tensor:
        """Least-squares controls (..., 2, rows, columns) in px of dense (..., 2, h, w) motion in px."""
        size = (fields.shape[-2], fields.shape[-1])
        solved = []
        for basis in self.matrices(size, fields.device):
            normal = basis.T @ basis
            eye = torch.eye(len(normal), device=fields.device) * ridge * normal.diagonal().mean()
            solved.append(torch.linalg.solve(normal + eye, basis.T))
        return torch.as_tensor(solved[0] @ fields @ solved[1].T)


def evaluate(controls: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Dense values (..., h, w) of (..., Ky, Kx) controls by separable weights (h, Ky) and (w, Kx)."""
    return rows @ controls @ columns.T
