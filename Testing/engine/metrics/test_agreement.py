import numpy as np
import pytest
from EchoODELib.engine.metrics import (
    bland_altman,
    bootstrap_interval,
    mean_absolute_error,
    mean_interval,
    pearson,
    r_squared,
    root_mean_square_error,
)
from scipy import stats


@pytest.fixture(scope="module")
def pairs():
    rng = np.random.default_rng(1)
    reference = rng.uniform(20, 70, 60)
    return reference + 2 + rng.normal(0, 4, 60), reference


def test_bland_altman_by_hand():
    result = bland_altman([10, 12, 14, 11], [9, 12, 11, 11])
    assert result.bias.value == pytest.approx(1.0)
    assert result.sd == pytest.approx(np.sqrt(2))
    assert result.lower.value == pytest.approx(1 - 1.96 * np.sqrt(2))
    assert result.upper.value == pytest.approx(1 + 1.96 * np.sqrt(2))
    assert (result.count, result.within) == (4, 1.0)


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(0)
    inside = {"bias": 0, "lower": 0, "upper": 0, "mean": 0}
    for _ in range(400):
        difference = rng.normal(1.0, 3.0, 30)
        result = bland_altman(difference, np.zeros(30))
        inside["bias"] += result.bias.low <= 1.0 <= result.bias.high
        inside["lower"] += result.lower.low <= 1.0 - 1.96 * 3 <= result.lower.high
        inside["upper"] += result.upper.low <= 1.0 + 1.96 * 3 <= result.upper.high
        mean = mean_interval(difference)
        inside["mean"] += mean.low <= 1.0 <= mean.high
    assert all(0.91 <= count / 400 <= 0.985 for count in inside.values()), inside


def test_correlation_and_errors_agree_with_scipy_and_the_formulas(pairs):
    measured, reference = pairs
    result = pearson(measured, reference)
    theirs = stats.pearsonr(measured, reference)
    assert result.value == pytest.approx(theirs.statistic)
    assert (result.low, result.high) == pytest.approx(tuple(theirs.confidence_interval(0.95)))
    assert mean_absolute_error(measured, reference) == pytest.approx(np.abs(measured - reference).mean())
    assert root_mean_square_error(measured, reference) == pytest.approx(
        np.linalg.norm(measured - reference) / np.sqrt(60)
    )
    assert r_squared(measured, reference) < result.value**2  # a bias counts
    assert r_squared(reference, reference) == 1


def test_bootstrap_is_seeded_and_near_the_t_interval(pairs):
    measured, reference = pairs
    once, again = (bootstrap_interval(mean_absolute_error, measured, reference) for _ in range(2))
    assert once == again
    t = mean_interval(np.abs(measured - reference))
    assert once.value == pytest.approx(t.value)
    assert (once.low, once.high) == pytest.approx((t.low, t.high), abs=0.35)


def test_unknown_values_are_left_out_in_pairs():
    assert mean_absolute_error([1, np.nan, 3], [2, 5, np.nan]) == 1.0
    assert mean_interval([2, np.nan]).value == 2
    assert np.isnan(mean_interval([2]).low)


@pytest.mark.parametrize("measure", [bland_altman, pearson, r_squared])
def test_too_few_or_unpaired_values_are_refused(measure):
    with pytest.raises(ValueError, match="At least 2"):
        measure([1.0], [2.0])
    with pytest.raises(ValueError, match="in pairs"):
        measure([1.0, 2.0], [2.0])


def test_a_constant_side_has_no_correlation():
    assert np.isnan(pearson([1, 1, 1, 1], [1, 2, 3, 4]).value)
    assert np.isnan(r_squared([1, 2], [3, 3]))
    assert pearson([1, 2, 4], [1, 2, 3]).low == -1
