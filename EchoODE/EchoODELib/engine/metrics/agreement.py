"""How well two ways of measuring agree: Bland-Altman, correlation, errors, and 95 % confidence intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval (two-sided, ``level`` of 1)."""

    value: float
    low: float
    high: float
    level: float = 0.95


@dataclass(frozen=True)
class BlandAltman:
    """Bias and limits of agreement of measured minus reference.

    Attributes
    ----------
    bias: mean difference, with its confidence interval.
    sd: sample standard deviation of the differences.
    lower, upper: limits of agreement, bias -/+ 1.96 sd, with their confidence intervals.
    count: pairs.
    within: share of the pairs inside the limits.
    """

    bias: Interval
    sd: float
    lower: Interval
    upper: Interval
    count: int
    within: float


def _pairs(measured: ArrayLike, reference: ArrayLike, at_least: int) -> tuple[Array, Array]:
    a, b = np.asarray(measured, float).ravel(), np.asarray(reference, float).ravel()
    if a.shape != b.shape:
        raise ValueError(f"Measured and reference values come in pairs; got {len(a)} and {len(b)}.")
    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < at_least:
        raise ValueError(f"At least {at_least} pairs of finite values are needed; got {int(known.sum())}.")
    return a[known], b[known]


def bland_altman(measured: ArrayLike, reference: ArrayLike, *, level: float = 0.95) -> BlandAltman:
    """Bias and 95 % limits of agreement.

    Bland and Altman, "Measuring agreement in method comparison studies", Stat Methods Med Res
    1999;8:135-160: limits bias +/- 1.96 sd; standard errors sd/sqrt(n) for the bias and
    sd * sqrt(1/n + 1.96²/(2(n - 1))) for a limit; intervals from Student's t with n - 1 degrees of freedom.

    Parameters
    ----------
    measured, reference: (N,), N >= 2; pairs that are not finite are left out.
    level: of the confidence intervals.

    Raises
    ------
    ValueError: different lengths, or fewer than two pairs.
    """
    a, b = _pairs(measured, reference, 2)
    difference = a - b
    n = len(difference)
    bias, sd = float(difference.mean()), float(difference.std(ddof=1))
    t = float(stats.t.ppf(0.5 + level / 2, n - 1))
    of_bias = t * sd / np.sqrt(n)
    of_limit = t * sd * float(np.sqrt(1 / n + 1.96**2 / (2 * (n - 1))))
    low, high = bias - 1.96 * sd, bias + 1.96 * sd
    return BlandAltman(
        bias=Interval(bias, bias - of_bias, bias + of_bias, level),
        sd=sd,
        lower=Interval(low, low - of_limit, low + of_limit, level),
        upper=Interval(high, high - of_limit, high + of_limit, level),
        count=n,
        within=float(((difference >= low) & (difference <= high)).mean()),
    )


def pearson(measured: ArrayLike, reference: ArrayLike, *, level: float = 0.95) -> Interval:
    """Pearson's correlation with a confidence interval by Fisher's z; NaN where one side is constant.

    Raises
    ------
    ValueError: different lengths, or fewer than two pairs.
    """
    a, b = _pairs(measured, reference, 2)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return Interval(float("nan"), float("nan"), float("nan"), level)
    result = stats.pearsonr(a, b)
    if len(a) < 4:  # Fisher's standard error is 1 / sqrt(n - 3)
        return Interval(float(result.statistic), -1.0, 1.0, level)
    low, high = result.confidence_interval(level)
    return Interval(float(result.statistic), float(low), float(high), level)


def mean_absolute_error(measured: ArrayLike, reference: ArrayLike) -> float:
    """Mean absolute error of N >= 1 pairs."""
    a, b = _pairs(measured, reference, 1)
    return float(np.abs(a - b).mean())


def root_mean_square_error(measured: ArrayLike, reference: ArrayLike) -> float:
    """Root of the mean squared error of N >= 1 pairs."""
    a, b = _pairs(measured, reference, 1)
    return float(np.sqrt(np.square(a - b).mean()))


def r_squared(measured: ArrayLike, reference: ArrayLike) -> float:
    """Coefficient of determination, 1 - sum (m - r)² / sum (r - mean r)²; NaN for a constant reference.

    This is not the square of the correlation: a bias lowers it, and it can be negative.
    """
    a, b = _pairs(measured, reference, 2)
    spread = float(np.square(b - b.mean()).sum())
    return 1.0 - float(np.square(a - b).sum()) / spread if spread > 0 else float("nan")


def mean_interval(values: ArrayLike, *, level: float = 0.95) -> Interval:
    """Mean with a confidence interval from Student's t; values that are not finite are left out.

    Raises
    ------
    ValueError: no finite value. A single value has an interval of NaN.
    """
    known = np.asarray(values, float).ravel()
    known = known[np.isfinite(known)]
    if not len(known):
        raise ValueError("A mean needs at least one finite value.")
    mean = float(known.mean())
    if len(known) < 2:
        return Interval(mean, float("nan"), float("nan"), level)
    half = float(stats.t.ppf(0.5 + level / 2, len(known) - 1) * stats.sem(known))
    return Interval(mean, mean - half, mean + half, level)


def bootstrap_interval(
    statistic: Callable[[Array, Array], float],
    measured: ArrayLike,
    reference: ArrayLike,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Confidence interval of any statistic of pairs by the percentile bootstrap (Efron 1979), seeded.

    Parameters
    ----------
    statistic: takes measured and reference, (N,) each (:func:`mean_absolute_error`, :func:`r_squared`, ...).
    measured, reference: (N,), N >= 2.
    level, resamples, seed: of the bootstrap; pairs are drawn together.
    """
    a, b = _pairs(measured, reference, 2)
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(a), (resamples, len(a)))
    estimates = np.array([statistic(a[draw], b[draw]) for draw in draws])
    return percentile_interval(float(statistic(a, b)), estimates, level)


def percentile_interval(value: float, estimates: Array, level: float) -> Interval:
    """A value with the interval that holds ``level`` of its bootstrap estimates (N,), NaN left out."""
    low, high = np.nanpercentile(estimates, [50 * (1 - level), 50 * (1 + level)])
    return Interval(value, float(low), float(high), level)
