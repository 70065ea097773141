"""Confidence intervals of values that come in groups: several frames or clips of one patient are not independent."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .agreement import Array, Interval, percentile_interval


def grouped_interval(
    values: ArrayLike, groups: ArrayLike, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Interval:
    """Mean of all values with a percentile bootstrap interval that draws whole groups (Efron 1979), seeded.

    Parameters
    ----------
    values: (N,); those that are not finite are left out.
    groups: (N,) whom each belongs to (a patient's name, say).
    level, resamples, seed: of the bootstrap.

    Returns
    -------
    All NaN without a finite value; an interval of NaN for a single group.

    Raises
    ------
    ValueError: different lengths.
    """
    sums, counts = _per_group([np.asarray(values, float)], groups)
    if not counts.sum():
        return Interval(np.nan, np.nan, np.nan, level)
    mean = float(sums[0].sum() / counts.sum())
    weights = _draws(len(counts), resamples, seed)
    return _interval(mean, (weights @ sums[0]) / (weights @ counts), len(counts), level)


def grouped_ratio(
    values: ArrayLike,
    to: ArrayLike,
    groups: ArrayLike,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Mean of ``values`` over mean of ``to``, in pairs, with an interval as :func:`grouped_interval` has it.

    Parameters
    ----------
    values, to: (N,) of the same clips by two methods; pairs that are not finite are left out.
    groups, level, resamples, seed: as :func:`grouped_interval`.

    Returns
    -------
    All NaN without a pair, or where the mean of ``to`` is 0.

    Raises
    ------
    ValueError: different lengths.
    """
    sums, counts = _per_group([np.asarray(values, float), np.asarray(to, float)], groups)
    if not counts.sum() or sums[1].sum() == 0:
        return Interval(np.nan, np.nan, np.nan, level)
    weights = _draws(len(counts), resamples, seed)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = (weights @ sums[0]) / (weights @ sums[1])
    return _interval(float(sums[0].sum() / sums[1].sum()), ratios, len(counts), level)


def _per_group(columns: list[Array], groups: ArrayLike) -> tuple[list[Array], Array]:
    """Sum of each column and number of rows by group, over the rows that are finite in all columns."""
    names = np.asarray(groups).ravel()
    if any(column.ravel().shape != names.shape for column in columns):
        raise ValueError("Each value needs its group; the lengths differ.")
    known = np.asarray(np.isfinite(np.stack([column.ravel() for column in columns])).all(axis=0))
    unique, member = np.unique(names[known], return_inverse=True)
    sums = [np.bincount(member, column.ravel()[known], len(unique)).astype(float) for column in columns]
    counts: Array = np.bincount(member, minlength=len(unique)).astype(float)
    return sums, counts


def _draws(groups: int, resamples: int, seed: int) -> Array:
    """(resamples, groups): how often each group is drawn."""
    return np.random.default_rng(seed).multinomial(groups, np.full(groups, 1 / groups), resamples).astype(float)


def _interval(value: float, estimates: Array, groups: int, level: float) -> Interval:
    return percentile_interval(value, estimates, level) if groups > 1 else Interval(value, np.nan, np.nan, level)
