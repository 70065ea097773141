import numpy as np
import pytest
from EchoODELib.engine.metrics import grouped_interval, grouped_ratio, mean_interval


def test_the_mean_is_over_all_values_and_the_interval_is_seeded():
    values, patients = [0.9, 0.8, 0.95, np.nan, 0.7], ["a", "a", "b", "b", "c"]
    once, again = (grouped_interval(values, patients, seed=3) for _ in range(2))
    assert once == again
    assert once.value == pytest.approx((0.9 + 0.8 + 0.95 + 0.7) / 4)
    assert 0.7 - 1e-9 <= once.low < once.value < once.high <= 0.95


def test_two_equal_groups_by_hand():
    """Of two groups a draw holds the first never, once or twice: with 1/4, 1/2, 1/4 the mean is 0, 0.5 or 1."""
    found = grouped_interval([0.0, 1.0], [0, 1], level=0.4, resamples=4000)
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)
    wide = grouped_interval([0.0, 1.0], [0, 1], level=0.9, resamples=4000)
    assert (wide.low, wide.high) == (0.0, 1.0)


def test_single_values_agree_with_students_interval():
    values = np.random.default_rng(0).normal(0.9, 0.03, 80)
    found, t = grouped_interval(values, np.arange(80)), mean_interval(values)
    assert (found.low, found.high) == pytest.approx((t.low, t.high), abs=0.001)


def test_repeating_a_patients_frames_does_not_narrow_the_interval():
    values = np.random.default_rng(1).normal(0.9, 0.03, 40)
    alone = grouped_interval(values, np.arange(40))
    repeated = grouped_interval(np.repeat(values, 9), np.repeat(np.arange(40), 9))
    assert (repeated.low, repeated.high) == pytest.approx((alone.low, alone.high))


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(300):
        of_patient = rng.normal(0.5, 0.1, 40)
        values = (of_patient[:, None] + rng.normal(0, 0.02, (40, 2))).ravel()
        found = grouped_interval(values, np.repeat(np.arange(40), 2), resamples=400)
        held += found.low <= 0.5 <= found.high
    assert 0.89 <= held / 300 <= 0.985


def test_a_ratio_is_paired():
    first = np.random.default_rng(3).uniform(0.01, 0.2, 30)
    found = grouped_ratio(0.75 * first, first, np.arange(30))
    assert (found.value, found.low, found.high) == pytest.approx((0.75, 0.75, 0.75))
    with_gap = grouped_ratio([1.0, np.nan, 3.0], [2.0, 5.0, 2.0], ["a", "b", "c"])
    assert with_gap.value == 1.0


def test_nothing_to_average_gives_no_number():
    assert np.isnan(grouped_interval([np.nan], ["a"]).value)
    single = grouped_interval([0.4, 0.6], ["a", "a"])
    assert single.value == 0.5
    assert np.isnan([single.low, single.high]).all()
    assert np.isnan(grouped_ratio([1.0], [0.0], ["a"]).value)
    with pytest.raises(ValueError, match="lengths"):
        grouped_interval([1.0, 2.0], ["a"])
