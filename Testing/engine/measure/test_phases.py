import numpy as np
import pytest
from EchoODELib.engine.errors import UnsuitableClip, UnsuitableMask
from EchoODELib.engine.measure import PhaseSettings, find_phases


def area_curve(contraction, rate, onsets, begin, end, depth=0.4):
    times = np.arange(begin, end + 1e-9, 1 / rate)
    return 3000 * (1 - depth * contraction(times, np.asarray(onsets, float))), times


def inside(moments, times):
    """Frames of those moments that lie well inside the clip."""
    margin = 1.5 * (times[1] - times[0])
    return [int(np.argmin(np.abs(times - m))) for m in moments if times[0] + margin < m < times[-1] - margin]


def end_systoles(onsets):
    cycles = np.diff(onsets)
    return np.asarray(onsets[:-1]) + np.minimum(0.42 * cycles, 0.33 + 0.03 * cycles)


def assert_found(found, expected, tolerance):
    for frame in expected:
        assert min(abs(frame - f) for f in found) <= tolerance, (found, expected)


@pytest.mark.parametrize("rate", [20, 30, 50, 80])
@pytest.mark.parametrize("heart_rate", [45, 60, 80, 110])
@pytest.mark.parametrize("begin", [0.0, 0.15, 0.6])
def test_every_phase_is_found_within_a_frame(contraction, rate, heart_rate, begin):
    cycle = 60 / heart_rate
    onsets = np.arange(6) * cycle
    values, times = area_curve(contraction, rate, onsets, begin * cycle, (begin + 3) * cycle)
    phases = find_phases(values, times)
    ed, es = inside(onsets, times), inside(end_systoles(onsets), times)
    assert_found(phases.ed_frames, ed, 1)
    assert_found(phases.es_frames, es, 1 if rate <= 50 else 2)
    # Nothing is invented: at most the clip's two ends come on top.
    assert len(ed) <= len(phases.ed_frames) <= len(ed) + 2
    assert len(es) <= len(phases.es_frames) <= len(es) + 2
    assert phases.cycle == pytest.approx(cycle, abs=2 / rate)


@pytest.mark.parametrize("lengths", [(0.6, 1.1, 0.8, 0.55), (1.0, 0.5, 1.2, 0.7), (0.9, 0.9, 0.45, 1.3)])
@pytest.mark.parametrize("rate", [25, 50])
def test_beats_of_different_length_are_each_found(contraction, lengths, rate):
    onsets = np.concatenate([[0.0], np.cumsum(lengths)])
    values, times = area_curve(contraction, rate, [*onsets, onsets[-1] + 1], 0.0, onsets[-1])
    phases = find_phases(values, times)
    assert_found(phases.ed_frames, inside(onsets, times), 1)
    assert_found(phases.es_frames, inside(end_systoles(onsets), times), 1)
    assert len(phases.es_frames) == len(lengths)


def test_a_weak_beat_among_strong_ones_counts(contraction):
    onsets = np.arange(5) * 0.8
    times = np.arange(0, 3.2, 0.02)
    state = contraction(times, onsets)
    state[(times >= 0.8) & (times < 1.6)] *= 0.45
    phases = find_phases(3000 * (1 - 0.4 * state), times)
    assert len(phases.es_frames) == 4


@pytest.mark.parametrize("noise", [0.01, 0.03])
@pytest.mark.parametrize("seed", range(6))
def test_noise_neither_moves_nor_multiplies_the_phases(contraction, noise, seed):
    onsets = np.arange(5) * 0.9
    values, times = area_curve(contraction, 50, onsets, 0, 2.7)
    values = values + np.random.default_rng(seed).standard_normal(len(values)) * noise * np.ptp(values)
    phases = find_phases(values, times)
    es = inside(end_systoles(onsets), times)
    assert len(phases.es_frames) == len(es) == 3
    assert_found(phases.es_frames, es, 3)
    assert_found(phases.ed_frames, inside(onsets, times), 2)


def test_a_single_collapsed_mask_is_not_an_es(contraction):
    values, times = area_curve(contraction, 50, np.arange(4) * 0.9, 0, 1.8)
    reference = find_phases(values, times)
    values[33], values[70] = 100.0, np.nan
    phases = find_phases(values, times)
    assert phases.ed_frames == reference.ed_frames
    assert phases.es_frames == reference.es_frames


@pytest.mark.parametrize(
    ("begin", "end", "ed", "es"),
    [
        (0.0, 0.40, 0, 17),  # ED to ES, as half sequences come
        (0.0, 0.55, 0, 17),  # ED to early filling
        (0.30, 0.9, 30, 2),  # ES to the next ED
        (0.15, 0.9, 37, 10),  # from mid-systole on
    ],
)
def test_a_clip_shorter_than_a_beat_has_one_ed_and_one_es(contraction, begin, end, ed, es):
    values, times = area_curve(contraction, 50, [0, 0.9, 1.8], begin, end)
    phases = find_phases(values, times)
    assert len(phases.ed_frames) == len(phases.es_frames) == 1
    assert abs(phases.ed_frames[0] - ed) <= 1
    assert abs(phases.es_frames[0] - es) <= 2


@pytest.mark.parametrize("values", [(100, 60), (60, 100), (100, 60, 95), (100, 80, 60, 70)])
def test_a_handful_of_frames_gives_the_largest_and_the_smallest(values):
    phases = find_phases(np.array(values, float), np.arange(len(values)) * 0.1)
    assert int(np.argmax(values)) in phases.ed_frames
    assert phases.es_frames == (int(np.argmin(values)),)


def test_uneven_frame_times_are_taken_as_they_are(contraction):
    rng = np.random.default_rng(3)
    times = np.sort(rng.uniform(0, 2.7, 120))
    times[0] = 0.0
    onsets = np.arange(5) * 0.9
    phases = find_phases(3000 * (1 - 0.4 * contraction(times, onsets)), times)
    found = times[list(phases.es_frames)]
    assert np.allclose(found, end_systoles(onsets)[: len(found)], atol=0.07)
    assert phases.smoothed.shape == times.shape


def test_the_papers_filter_is_13_frames_wide_and_ours_follows_rate_and_rhythm(contraction):
    widths = {}
    for rate in (25, 80):
        for cycle in (0.5, 1.2):
            values, times = area_curve(contraction, rate, np.arange(7) * cycle, 0, 4 * cycle)
            assert find_phases(values, times, settings=PhaseSettings(smoothing="paper")).width == 13
            assert find_phases(values, times, settings=PhaseSettings(smoothing="none")).width == 1
            widths[rate, cycle] = find_phases(values, times).width
    assert widths[25, 0.5] <= widths[25, 1.2] < widths[80, 1.2]
    assert widths[80, 0.5] < widths[80, 1.2]
    assert all(width % 2 for width in widths.values())


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ([5.0], UnsuitableClip),
        ([np.nan] * 9, UnsuitableMask),
        ([np.nan, 4.0, np.nan], UnsuitableMask),
        ([7.0] * 20, UnsuitableMask),
    ],
)
def test_what_has_no_phases_says_so(values, error):
    with pytest.raises(error):
        find_phases(np.array(values), np.arange(len(values)) * 0.02)
