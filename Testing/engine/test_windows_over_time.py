"""Windows over a clip: they cover it, look like training's, and their weights along time have no step."""

import numpy as np
import pytest
from EchoODELib.engine.errors import WeightsError
from EchoODELib.engine.windows_over_time import WindowPlan, WindowUse

USE = WindowUse(frames=7, inputs=4, stride=4)


def irregular_times(count: int = 60, seed: int = 3) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).uniform(0.01, 0.03, count))


@pytest.mark.parametrize("use", [USE, WindowUse(stride=6), WindowUse(stride=1), WindowUse(stride=4, seconds=0.12)])
@pytest.mark.parametrize(
    "times", [np.arange(41) / 50, np.arange(20) / 50, np.arange(5) / 50, np.arange(30) / 30, irregular_times()]
)
def test_every_moment_is_covered_with_weights_of_one(times, use):
    plan = WindowPlan(times, use)
    for time in np.linspace(times[0], times[-1], 300):
        shares = plan.shares(float(time))
        assert sum(share.weight for share in shares) == pytest.approx(1)
        for share in shares:
            window = plan.windows[share.window]
            assert window.start - 1e-9 <= time <= window.end + 1e-9
            assert -1e-6 <= share.at <= 1 + 1e-6
    for frame in range(len(times)):
        assert plan.shares(float(times[frame]))


@pytest.mark.parametrize("times", [np.arange(41) / 50, np.arange(33) / 30, irregular_times()])
def test_weights_have_no_step_along_time(times):
    plan = WindowPlan(times, WindowUse(stride=3, seconds=0.12))
    moments = np.linspace(times[0], times[-1], 4001)
    weights = np.zeros((len(moments), len(plan.windows)))
    for row, time in zip(weights, moments, strict=True):
        for share in plan.shares(float(time)):
            row[share.window] = share.weight
    shortest = min(window.rise for window in plan.windows[1:])
    assert np.abs(np.diff(weights, axis=0)).max() < 3 * (moments[1] - moments[0]) / shortest


def test_a_clip_of_the_training_rate_is_seen_as_in_training():
    plan = WindowPlan(np.arange(23) / 50, USE)
    assert [window.inputs[0] for window in plan.windows] == [0, 4, 8, 12, 16]
    for window in plan.windows:
        assert np.diff(window.inputs).tolist() == [2, 2, 2]
        assert window.input_times == pytest.approx((0, 1 / 3, 2 / 3, 1))


def test_the_last_window_is_as_long_as_the_others():
    last = WindowPlan(np.arange(21) / 50, USE).windows[-1]
    assert last.inputs == (14, 16, 18, 20)


@pytest.mark.parametrize(("rate", "inputs"), [(100.0, (0, 4, 8, 12)), (50.0, (0, 2, 4, 6)), (25.0, (0, 1, 2, 3))])
def test_a_window_covers_the_same_part_of_a_beat_at_any_frame_rate(rate, inputs):
    window = WindowPlan(np.arange(60) / rate, WindowUse(seconds=0.12)).windows[0]
    assert window.inputs == inputs
    assert window.end - window.start == pytest.approx(0.12)
    assert window.input_times[-1] == pytest.approx(1)


@pytest.mark.parametrize(("count", "rate"), [(5, 50.0), (6, 50.0), (30, 14.0)])
def test_a_window_of_few_frames_is_filled_as_in_training(count, rate):
    for window in WindowPlan(np.arange(count) / rate, WindowUse(seconds=0.12)).windows:
        assert len(window.inputs) == 4
        assert list(window.inputs) == sorted(window.inputs)
        assert window.input_times == pytest.approx((0, 1 / 3, 2 / 3, 1), abs=0.1)


@pytest.mark.parametrize("times", [[0.0], [0.0, 0.02], [0.0, 0.02, 0.3]])
def test_phases_stand_still(times):
    plan = WindowPlan(np.array(times), USE)
    assert [window.inputs for window in plan.windows] == [(frame,) * 4 for frame in range(len(times))]
    assert all(plan.shares(time)[0].at == 0.5 for time in times)


def test_a_gap_is_bridged_linearly_and_not_seen_as_motion():
    times = np.concatenate((np.arange(10) / 50, 2 + np.arange(10) / 50))
    plan = WindowPlan(times, USE)
    assert all(max(window.inputs) < 10 or min(window.inputs) >= 10 for window in plan.windows)
    before, after = plan.shares(float(times[9] + 0.25 * (times[10] - times[9])))
    assert (before.weight, after.weight) == (pytest.approx(0.75), pytest.approx(0.25))
    assert plan.windows[before.window].end == times[9]
    assert plan.windows[after.window].start == times[10]


def test_what_counts_nothing_is_not_asked_for():
    plan = WindowPlan(np.arange(1000) / 50, WindowUse(stride=5))
    assert sum(len(plan.shares(frame / 50)) for frame in range(1000)) < 1.01 * 1000


@pytest.mark.parametrize(
    "use",
    [{"stride": 7}, {"inputs": 8}, {"inputs": 1}, {"window_seconds": 0}, {"window_frames": 7.5}, {"stride": True}],
)
def test_a_card_whose_windows_make_no_sense_is_refused(use):
    with pytest.raises(WeightsError, match="windows"):
        WindowUse.of_card(use)


def test_a_card_may_say_how_its_windows_are():
    assert WindowUse.of_card({}) == WindowUse()
    said = {"window_frames": 9, "inputs": 5, "stride": 2, "window_seconds": 0.2, "flips": True}
    assert WindowUse.of_card(said) == WindowUse(9, 5, 2, 0.2)
