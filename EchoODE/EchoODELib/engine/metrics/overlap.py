"""How much two masks overlap."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = int | Collection[int] | None


def structure(mask: NDArray[Any], label: Labels = None) -> NDArray[np.bool_]:
    """Where a mask shows a structure.

    Parameters
    ----------
    mask: any shape.
    label: one value, several (their union: LV and myocardium make the epicardium), or None for all that is
        not 0.
    """
    mask = np.asarray(mask)
    shown: NDArray[np.bool_]
    if label is None:
        shown = mask != 0
    elif isinstance(label, int):
        shown = mask == label
    else:
        shown = np.isin(mask, list(label))
    return shown


def _pair(a: NDArray[Any], b: NDArray[Any], label: Labels) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.ndim < 2:
        raise ValueError(f"Masks to compare need one shape, (H, W) or (T, H, W); got {a.shape} and {b.shape}.")
    return structure(a, label), structure(b, label)


def dice(a: NDArray[Any], b: NDArray[Any], *, label: Labels = None) -> NDArray[np.float64]:
    """Dice coefficient, 2 |A and B| / (|A| + |B|).

    Parameters
    ----------
    a, b: (T, H, W) or (H, W).
    label: see :func:`structure`.

    Returns
    -------
    (T,), or a single value for one frame; 0 to 1, 1 where both are empty.

    Raises
    ------
    ValueError: shapes that differ.
    """
    first, second = _pair(a, b, label)
    both = (first & second).sum(axis=(-2, -1), dtype=float)
    total = first.sum(axis=(-2, -1), dtype=float) + second.sum(axis=(-2, -1), dtype=float)
    result: NDArray[np.float64] = np.where(total > 0, 2.0 * both / np.maximum(total, 1.0), 1.0)
    return result


def iou(a: NDArray[Any], b: NDArray[Any], *, label: Labels = None) -> NDArray[np.float64]:
    """Intersection over union (Jaccard index), |A and B| / |A or B|; parameters as :func:`dice`."""
    first, second = _pair(a, b, label)
    both = (first & second).sum(axis=(-2, -1), dtype=float)
    either = (first | second).sum(axis=(-2, -1), dtype=float)
    result: NDArray[np.float64] = np.where(either > 0, both / np.maximum(either, 1.0), 1.0)
    return result


def accuracy(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Share of pixels with the same label; shapes as :func:`dice`."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise ValueError(f"Masks to compare need one shape; got {a.shape} and {b.shape}.")
    result: NDArray[np.float64] = (a == b).mean(axis=(-2, -1))
    return result
