"""Beats as they end: what a whole clip's measurement finds, found while it plays."""

from __future__ import annotations

import itertools
import math
import tracemalloc

import numpy as np
import pytest
from EchoODELib.engine.live.beats import BeatByBeat
from EchoODELib.engine.measure import measure
from EchoODELib.engine.phantom import PhantomClip, PhantomSettings, simulate
from EchoODELib.engine.sequence import Label, Provenance, SegmentedSequence, View

RATE = 30.0


@pytest.fixture(scope="module")
def an_uneven_heart() -> PhantomClip:
    return simulate(PhantomSettings(frames=120, size=64, frame_rate=RATE, beats=4.3, start=0.3, arrhythmia=0.2, seed=3))


def fed(beats: BeatByBeat, clip: PhantomClip, spacing, frames=None, start: float = 0.0):
    pixel = 1.0 if spacing is None else spacing[0] * spacing[1]
    found = []
    for frame in range(len(clip.masks)) if frames is None else frames:
        time, mask = start + float(clip.sequence.times[frame]), clip.masks[frame]
        found += [(time, beat) for beat in beats.feed(time, np.count_nonzero(mask == Label.LV) * pixel, mask)]
    return found


@pytest.mark.parametrize("calibrated", [True, False])
def test_beats_are_those_of_the_whole_clip(an_uneven_heart, calibrated):
    spacing = an_uneven_heart.sequence.spacing if calibrated else None
    found = fed(BeatByBeat(spacing, View.A4C), an_uneven_heart, spacing)
    clip = SegmentedSequence(an_uneven_heart.sequence.with_spacing(spacing), an_uneven_heart.masks, Provenance("true"))
    whole = [beat for beat in measure(clip).beats if beat.next_ed_frame is not None]
    assert len(found) >= 2
    for (_, beat), other in zip(found, whole, strict=False):
        for time, frame in ((beat.ed_time, other.ed_frame), (beat.es_time, other.es_frame)):
            assert abs(time * RATE - frame) <= 1
        for key in ("ejection_fraction", "heart_rate", *(["end_diastolic_volume"] if calibrated else [])):
            assert beat.quantities[key].value == pytest.approx(other.quantities[key].value, rel=0.05), key
            assert beat.quantities[key].unit == other.quantities[key].unit
        assert ("end_systolic_volume" in beat.quantities) == calibrated


def test_a_beat_is_told_soon_after_it_has_ended(an_uneven_heart):
    found = fed(BeatByBeat(), an_uneven_heart, None)
    assert [beat.number for _, beat in found] == list(range(1, len(found) + 1))
    for time, beat in found:
        assert beat.ed_time < beat.es_time < beat.next_ed_time
        assert 0 < time - beat.next_ed_time < 0.4
    for (_, before), (_, after) in itertools.pairwise(found):
        assert after.ed_time == pytest.approx(before.next_ed_time, abs=0.1)


def test_it_stands_frames_that_were_let_go(an_uneven_heart):
    frames = [k for k in range(120) if k % 3 != 1 and k % 17 != 5]
    all_, some = (fed(BeatByBeat(), an_uneven_heart, None, f) for f in (None, frames))
    assert len(all_) == len(some)
    for (_, one), (_, other) in zip(all_, some, strict=True):
        difference = one.quantities["ejection_fraction"].value - other.quantities["ejection_fraction"].value
        assert abs(difference) < 6


def test_parasternal_and_maskless_streams_have_areas_alone(an_uneven_heart):
    for view, with_mask in ((View.PLAX, True), (View.A4C, False)):
        beats = BeatByBeat((0.5, 0.5), view)
        found = []
        for time, mask in zip(an_uneven_heart.sequence.times, an_uneven_heart.masks, strict=True):
            found += beats.feed(float(time), float((mask == Label.LV).sum()), mask if with_mask else None)
        assert found
        assert all("ejection_fraction" not in beat.quantities for beat in found)
        assert found[0].quantities["end_diastolic_area"].unit == "mm²"
        assert found[0].quantities["fractional_area_change"].value > 20


def test_a_step_back_begins_a_new_curve_and_keeps_the_beats(an_uneven_heart):
    beats = BeatByBeat()
    first = len(fed(beats, an_uneven_heart, None))
    assert beats.count == first == len(beats.beats)
    again = fed(beats, an_uneven_heart, None)
    assert len(again) == first
    assert beats.count == 2 * first
    assert all(beat.ed_time < beat.next_ed_time for _, beat in again)
    assert beats.summary["ejection_fraction"].count == 2 * first
    times, areas = beats.curve
    assert len(times) == len(areas)
    assert (np.diff(times) > 0).all()
    beats.reset()
    assert (beats.count, beats.beats, len(beats.curve[0])) == (0, (), 0)


@pytest.mark.parametrize("area", [math.nan, 1000.0])
def test_no_heart_no_beats(area):
    beats = BeatByBeat()
    assert all(beats.feed(k / 30, area, np.zeros((8, 8), np.uint8)) == () for k in range(60))


def test_memory_does_not_grow_with_the_stream(an_uneven_heart):
    beats = BeatByBeat()

    def run(start: float) -> int:
        for round_ in range(2):
            fed(beats, an_uneven_heart, None, range(0, 120, 3), start + 4 * round_)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        early, late = run(0.0), run(8.0)
    finally:
        tracemalloc.stop()
    assert late < early + 100_000


def test_too_few_frames_of_a_beat_tell_no_ejection_fraction(an_uneven_heart):
    few, enough = range(0, 120, 6), range(0, 120, 2)  # 5 and 15 frames a second
    assert not fed(BeatByBeat(), an_uneven_heart, None, few)
    assert fed(BeatByBeat(), an_uneven_heart, None, enough)
