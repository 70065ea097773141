"""Pixel size by hand, and whether a pixel size can be believed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import UnsuitableClip

Spacing = tuple[float, float]

# What a cardiac image can show, mm: a neonatal heart in a small box up to the deepest setting of a phased array.
PLAUSIBLE_DEPTH = (10.0, 400.0)
PLAUSIBLE_WIDTH = (10.0, 600.0)
# Scan conversion gives nearly square pixels; stretched video stays under this ratio of row to column.
_LARGEST_ANISOTROPY = 3.0


def checked_spacing(spacing: float | Sequence[float] | None) -> Spacing | None:
    """A spacing given by hand, mm per pixel: one number for square pixels, or (row, column).

    Raises
    ------
    UnsuitableClip: not one or two finite numbers above 0.
    """
    if spacing is None:
        return None
    try:
        values = np.atleast_1d(np.asarray(spacing, np.float64)).ravel()
    except (TypeError, ValueError):
        values = np.empty(0)
    if len(values) not in (1, 2) or not np.isfinite(values).all() or (values <= 0).any():
        raise UnsuitableClip(
            f"The pixel size {spacing!r} can't be used; give mm per pixel as one number above 0, or as row, column."
        )
    return float(values[0]), float(values[-1])


def spacing_from_line(p: Sequence[float], q: Sequence[float], length_mm: float, *, aspect: float = 1.0) -> Spacing:
    """Calibrate by two points and the length between them.

    Parameters
    ----------
    p, q: end points as (row, column), px; fractions are fine.
    length_mm: the true distance from p to q, mm, from the depth scale for instance.
    aspect: row spacing divided by column spacing, 1 for square pixels.

    Returns
    -------
    (row, column) mm per pixel.

    Raises
    ------
    UnsuitableClip: the points coincide or a number is not finite or not above 0.
    """
    points = np.asarray([p, q], np.float64)
    if points.shape != (2, 2) or not np.isfinite(points).all():
        raise UnsuitableClip("Calibration needs two points, each a row and a column in pixels.")
    if not (np.isfinite(length_mm) and length_mm > 0 and np.isfinite(aspect) and aspect > 0):
        raise UnsuitableClip(
            f"A calibration line of {length_mm} mm can't be used; give its true length in mm, above 0."
        )
    rows, columns = points[1] - points[0]
    pixels = float(np.hypot(rows * aspect, columns))
    if pixels < 1:
        raise UnsuitableClip("The two calibration points are less than a pixel apart; set them farther apart.")
    column = length_mm / pixels
    return column * aspect, column


def doubt(spacing: Spacing, shape: tuple[int, int]) -> str | None:
    """Why a file's pixel size can't be believed, in one clause, or None if it can.

    Parameters
    ----------
    spacing: (row, column) mm per pixel.
    shape: (H, W) of the imaged region, px.
    """
    row, column = spacing
    if not (np.isfinite(row) and np.isfinite(column)):
        return "the pixel size is not a number"
    if row <= 0 or column <= 0:
        return "the pixel size is zero or negative"
    if max(row / column, column / row) > _LARGEST_ANISOTROPY:
        return f"pixels of {row:.3g} by {column:.3g} mm are stretched too much"
    depth, width = shape[0] * row, shape[1] * column
    if not PLAUSIBLE_DEPTH[0] <= depth <= PLAUSIBLE_DEPTH[1]:
        return f"the image would be {depth:.0f} mm deep"
    if not PLAUSIBLE_WIDTH[0] <= width <= PLAUSIBLE_WIDTH[1]:
        return f"the image would be {width:.0f} mm wide"
    return None
