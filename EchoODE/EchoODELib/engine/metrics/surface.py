"""How far the borders of two masks lie apart, in px or mm.

Borders are the mask's own edge pixels (those that a 4-neighbour erosion takes away), distances run
between pixel centres, as in MONAI and the CAMUS evaluation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .overlap import Labels, structure

Distances = NDArray[np.float64]


def surface_distances(
    a: NDArray[np.bool_], b: NDArray[np.bool_], spacing: tuple[float, float] | None = None
) -> tuple[Distances, Distances]:
    """Distance of every border pixel of one mask to the other's border.

    Parameters
    ----------
    a, b: (H, W) bool, neither empty.
    spacing: (row, column) mm per pixel; None gives px.

    Returns
    -------
    From a's border to b's, and from b's to a's.
    """
    either = a | b
    rows, columns = np.flatnonzero(either.any(axis=1)), np.flatnonzero(either.any(axis=0))
    # A frame of one empty pixel keeps the erosion's border condition; nothing outside can be nearer.
    box = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    a, b = np.pad(a[box], 1), np.pad(b[box], 1)
    edge_a, edge_b = a & ~ndimage.binary_erosion(a), b & ~ndimage.binary_erosion(b)
    sampling = (1.0, 1.0) if spacing is None else spacing
    to_b = ndimage.distance_transform_edt(~edge_b, sampling=sampling)
    to_a = ndimage.distance_transform_edt(~edge_a, sampling=sampling)
    return to_b[edge_a], to_a[edge_b]


def _each_frame(
    a: NDArray[Any],
    b: NDArray[Any],
    label: Labels,
    spacing: tuple[float, float] | None,
    measure: Callable[[Distances, Distances], float],
) -> NDArray[np.float64]:
    """Apply ``measure`` to the surface distances of every frame."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.ndim not in (2, 3):
        raise ValueError(f"Masks to compare need one shape, (H, W) or (T, H, W); got {a.shape} and {b.shape}.")
    first, second = structure(a, label), structure(b, label)
    single = first.ndim == 2
    if single:
        first, second = first[None], second[None]
    result = np.full(len(first), np.nan)
    has_a, has_b = first.any(axis=(1, 2)), second.any(axis=(1, 2))
    result[has_a != has_b] = np.inf
    for frame in np.flatnonzero(has_a & has_b):
        result[frame] = measure(*surface_distances(first[frame], second[frame], spacing))
    return result[0] if single else result


def hausdorff(
    a: NDArray[Any],
    b: NDArray[Any],
    *,
    label: Labels = None,
    spacing: tuple[float, float] | None = None,
    percentile: float = 100.0,
) -> NDArray[np.float64]:
    """Hausdorff distance between two masks' borders, symmetric.

    Parameters
    ----------
    a, b: (T, H, W) or (H, W).
    label: see :func:`.overlap.structure`.
    spacing: (row, column) mm per pixel; None gives px.
    percentile: 100 for the largest distance, 95 for the robust form; the larger of both directions.

    Returns
    -------
    (T,), or a single value for one frame. Infinite where one mask is empty, NaN where both are.

    Raises
    ------
    ValueError: shapes that differ.
    """

    def distance(there: Distances, back: Distances) -> float:
        return float(max(np.percentile(there, percentile), np.percentile(back, percentile)))

    return _each_frame(a, b, label, spacing, distance)


def mean_surface_distance(
    a: NDArray[Any],
    b: NDArray[Any],
    *,
    label: Labels = None,
    spacing: tuple[float, float] | None = None,
) -> NDArray[np.float64]:
    """Mean absolute distance (MAD) between two masks' borders, over the border pixels of both.

    Parameters, returns and raises as :func:`hausdorff`.
    """

    def distance(there: Distances, back: Distances) -> float:
        return float(np.concatenate([there, back]).mean())

    return _each_frame(a, b, label, spacing, distance)
