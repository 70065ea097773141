"""Global longitudinal strain of the LV, from its outline and from the tracked tissue.

Lagrangian strain of the endocardial line, S(t) = 100 (L(t) - L(ED)) / L(ED) %, as the EACVI/ASE/Industry
task force defines it (Voigt et al., Eur Heart J Cardiovasc Imaging 2015;16:1-11): the line runs from one
mitral hinge point over the apex to the other and leaves the mitral plane out. Shortening is negative.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .contour import LVShapes

Array = NDArray[np.float64]


def line_lengths(lines: Array) -> Array:
    """(T,) lengths of (T, N, 2) polylines."""
    steps = np.diff(lines, axis=1)
    total: Array = np.hypot(steps[..., 0], steps[..., 1]).sum(axis=1)
    return total


def strain(lengths: Array, reference: int) -> Array:
    """Lagrangian strain in % of (T,) lengths against the frame ``reference``."""
    with np.errstate(invalid="ignore", divide="ignore"):
        relative: Array = 100.0 * (lengths / lengths[reference] - 1.0)
    return relative


def endocardial_lengths(shapes: LVShapes) -> Array:
    """(T,) length of the open endocardial contour as outlined on each frame, mm or px."""
    return line_lengths(shapes.endocardium)


def track_points(points: Array, displacement: NDArray[np.float32]) -> Array:
    """Carry material points of the reference frame through the clip.

    Parameters
    ----------
    points: (N, 2) (x, y) px on the reference frame.
    displacement: (T, H, W, 2) px on the reference frame (see :mod:`..sequence`).

    Returns
    -------
    (T, N, 2) px: p + displacement[t](p), bilinear between pixels, the border's value beyond it.
    """
    rows_columns = points.T[::-1]
    moved = np.empty((len(displacement), *points.shape))
    for frame, field in enumerate(displacement):
        for axis in (0, 1):
            moved[frame, :, axis] = ndimage.map_coordinates(field[..., axis], rows_columns, order=1, mode="nearest")
    tracked: Array = points + moved
    return tracked


def tracked_lengths(shapes: LVShapes, displacement: NDArray[np.float32], reference_frame: int) -> Array:
    """Length over time of the tissue that lies on the endocardium at the reference frame.

    Parameters
    ----------
    shapes: the LV's geometry.
    displacement: (T, H, W, 2) px on the reference frame.
    reference_frame: the frame that displacements start from; it must have an LV.

    Returns
    -------
    (T,) mm or px; all NaN where the reference frame has no LV.
    """
    if not shapes.present[reference_frame]:
        return np.full(len(displacement), np.nan)
    scale = np.array([shapes.spacing[1], shapes.spacing[0]])
    points = shapes.endocardium[reference_frame] / scale
    return line_lengths(track_points(points, displacement) * scale)
