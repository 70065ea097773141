"""Averaging along time, against sums made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from EchoODELib.engine.errors import UnsuitableClip
from EchoODELib.engine.smoothing import PAPER_WINDOW, MovingAverage, Smoothing


def test_a_moving_average_by_hand():
    average = MovingAverage(3)
    found = [float(average(np.full((1, 1), value, np.float32))[0, 0]) for value in (6.0, 0.0, 12.0, 0.0, 0.0, 0.0)]
    # Weights 3, 2, 1 from the newest back; what lies before the first frame counts nothing.
    assert found == pytest.approx([6, 2 * 6 / 5, (6 + 3 * 12) / 6, 2 * 12 / 6, 12 / 6, 0], abs=1e-6)


def test_over_a_clip_it_is_the_same():
    values = np.random.default_rng(0).random((20, 4, 3, 5)).astype(np.float32)
    average, mixture = MovingAverage(PAPER_WINDOW), Smoothing.of("wma").over(20, 50.0)
    for frame, value in enumerate(values):
        frames, weights = mixture.at(frame, 20)
        assert max(frames) == frame
        assert weights.sum() == pytest.approx(1)
        np.testing.assert_allclose(average(value), np.tensordot(weights, values[frames], 1), atol=1e-6)


def test_a_gaussian_looks_both_ways_and_repeats_the_ends():
    mixture = Smoothing.of(0.04).over(30, 50.0)
    frames, weights = mixture.at(0, 30)
    assert frames == [0] * 6 + [1, 2, 3, 4, 5]
    assert weights[5] == weights.max()
    np.testing.assert_allclose(weights, weights[::-1])
    assert weights[6] / weights[5] == pytest.approx(np.exp(-0.5 / 2**2))


@pytest.mark.parametrize("given", ["wma:6", 0.05])
def test_phases_that_make_no_film_are_left_alone(given):
    assert Smoothing.of(given).over(4, 50.0).at(2, 4)[0] == [2]


@pytest.mark.parametrize(
    ("given", "seconds", "window"),
    [("none", 0, 1), ("0.05", 0.05, 1), (0.0, 0, 1), ("wma", 6, 6), ("WMA:1", 0, 1), (Smoothing(window=4), 0, 4)],
)
def test_what_can_be_said(given, seconds, window):
    smoothing = Smoothing.of(given)
    assert smoothing.window == window
    assert window > 1 or smoothing.seconds == seconds
    assert Smoothing.of("wma:4").settings == {"smoothing_wma_frames": 4}
    assert Smoothing.of(0.05).settings == {"smoothing_s": 0.05}


@pytest.mark.parametrize("given", ["wma:0", "wma:61", "wma:x", "wma:", "much", -0.1, 1.0, "nan"])
def test_what_makes_no_sense_is_refused(given):
    with pytest.raises(UnsuitableClip):
        Smoothing.of(given)
