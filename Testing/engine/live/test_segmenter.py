"""Frames one by one: the masks of the batch form, memory kept, saved and restored, streams without end."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from EchoODELib.engine.errors import UnsuitableClip, WeightsError
from EchoODELib.engine.live.choice import LIVE_MODEL, live_models, why_not_live
from EchoODELib.engine.live.segmenter import StreamingSegmenter
from EchoODELib.engine.metrics import count_components
from EchoODELib.engine.models import ARCHITECTURES, build_model
from EchoODELib.engine.models.per_frame import takes_clips
from EchoODELib.engine.segment import Segmenter
from EchoODELib.engine.sequence import Label
from EchoODELib.engine.weights import find_card
from engine.standins import a_clip

LIVE = ("frames", "follows", "views")


def masks(segmenter: StreamingSegmenter, clip, first: int = 0) -> np.ndarray:
    return np.stack([segmenter.push(f, t).mask for f, t in zip(clip.frames[first:], clip.times[first:], strict=True)])


@pytest.mark.usefixtures("live_models")
@pytest.mark.parametrize("model", LIVE)
@pytest.mark.parametrize("flips", [False, True])
def test_prepared_alike_a_stream_gets_the_masks_of_a_clip(model, flips):
    clip = a_clip(12)
    live = StreamingSegmenter(model, "cpu", flips=flips, clean=False, adapt=False)
    live.start(clip.frames)
    whole = Segmenter(model, "cpu", flips=flips, clean=False, smoothing=0.0).segment(clip).masks
    found = masks(live, clip)
    assert len(np.unique(whole)) > 1
    # Halves of probabilities are kept by the one and floats by the other: a pixel on the fence may fall either way.
    assert (found == whole).mean() > 0.999


@pytest.mark.usefixtures("live_models")
@pytest.mark.parametrize("model", LIVE)
@pytest.mark.parametrize("at", [1, 14])
def test_a_stream_goes_on_from_what_was_saved(model, at):
    clip = a_clip(24, rate=20.0)
    options = {"smoothing": "wma:4", "flips": True}
    one = StreamingSegmenter(model, "cpu", **options)
    before = [one.push(f, t) for f, t in zip(clip.frames[:at], clip.times[:at], strict=True)]
    saved = one.save()
    other = StreamingSegmenter(model, "cpu", **options)
    other.restore(saved)
    np.testing.assert_array_equal(masks(other, clip, at), masks(one, clip, at))
    assert [frame.began for frame in before] == [True] + [False] * (at - 1)
    assert not other.push(clip.frames[0], clip.times[-1] + 0.05).began


@pytest.mark.usefixtures("live_models")
def test_what_was_seen_before_counts_until_it_is_forgotten():
    clip = a_clip(10)
    live = StreamingSegmenter("follows", "cpu", clean=False, adapt=False)
    live.start(clip.frames)
    first, last = live.push(clip.frames[0], 0.0), masks(live, clip, 1)[-1]
    alone = live.push(clip.frames[-1], 5.0)  # after a pause
    assert alone.began
    assert (alone.mask != last).any()
    assert live.push(clip.frames[0], 1.0).began  # a step back: the clip begins again
    live.reset()
    again = live.push(clip.frames[0], 0.0)
    assert again.began and first.began
    assert again.mask.shape == clip.shape


@pytest.mark.usefixtures("live_models")
def test_the_area_is_in_mm2_where_the_pixel_size_is_known():
    frame = a_clip(1).frames[0]
    px, mm = (StreamingSegmenter("frames", "cpu", spacing=s).push(frame, 0.0) for s in (None, (0.5, 0.5)))
    assert (px.unit, mm.unit) == ("px²", "mm²")
    assert px.lv_area == np.count_nonzero(px.mask == Label.LV)
    assert mm.lv_area == 0.25 * px.lv_area
    assert 0 < px.network_seconds < px.seconds


@pytest.mark.usefixtures("live_models")
def test_masks_are_tidied_and_views_told():
    clip = a_clip(5)
    live = StreamingSegmenter("views", "cpu")
    for frame, time in zip(clip.frames, clip.times, strict=True):
        found = live.push(frame, time)
        assert count_components(found.mask == Label.LV)[0] <= 1
        assert found.views.shape == (5,)
        assert found.views.sum() == pytest.approx(1, abs=1e-5)
    assert StreamingSegmenter("frames", "cpu").push(clip.frames[0], 0.0).views is None


@pytest.mark.usefixtures("live_models")
def test_smoothing_is_that_of_the_batch_form():
    clip = a_clip(14)
    live = StreamingSegmenter("frames", "cpu", clean=False, smoothing="wma:6", adapt=False)
    live.start(clip.frames)
    found = masks(live, clip)
    whole = Segmenter("frames", "cpu", clean=False, smoothing="wma:6").segment(clip).masks
    assert (found == whole).mean() > 0.999
    bare = StreamingSegmenter("frames", "cpu", clean=False, adapt=False)
    bare.start(clip.frames)
    assert (np.diff(masks(bare, clip), axis=0) != 0).mean() > 1.5 * (np.diff(found, axis=0) != 0).mean()


@pytest.mark.usefixtures("live_models")
def test_memory_does_not_grow_with_the_stream():
    clip = a_clip(8, side=32)
    live = StreamingSegmenter("follows", "cpu")

    def run(start: int, stop: int) -> int:
        for number in range(start, stop):
            live.push(clip.frames[number % 8], number / 30)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        early, late = run(0, 60), run(60, 120)
    finally:
        tracemalloc.stop()
    assert late < early + 50_000


@pytest.mark.usefixtures("live_models")
def test_models_that_look_ahead_are_refused_in_one_sentence():
    with pytest.raises(WeightsError, match=r"whole windows of a clip.*can't be used live"):
        StreamingSegmenter("clips", "cpu")
    with pytest.raises(WeightsError, match="combines several"):
        StreamingSegmenter("accurate-camus-a4c", "cpu")
    with pytest.raises(UnsuitableClip, match="looks ahead"):
        StreamingSegmenter("frames", "cpu", smoothing=0.05)
    names = [card.name for card in live_models()]
    assert names[0] == LIVE_MODEL
    assert set(LIVE) < set(names) and "clips" not in names


def test_cards_tell_what_networks_do():
    segments = find_card(LIVE_MODEL)
    for architecture in ARCHITECTURES:
        if architecture == "coreecho":  # gives no masks
            continue
        network = build_model(architecture)
        windowed = takes_clips(network) and not getattr(network, "causal", False)
        assert bool(why_not_live(replace(segments, architecture=architecture))) == windowed, architecture


@pytest.mark.usefixtures("live_models")
@pytest.mark.parametrize(
    ("frame", "time"),
    [
        (np.zeros((20, 20), np.uint8), 0.1),
        (np.zeros((48, 48), np.float32), 0.1),
        (np.zeros((48, 48), np.uint8), np.nan),
    ],
)
def test_frames_that_do_not_belong_are_refused(frame, time):
    live = StreamingSegmenter("frames", "cpu")
    live.push(a_clip(1).frames[0], 0.0)
    with pytest.raises(UnsuitableClip):
        live.push(frame, time)


@pytest.mark.usefixtures("live_models")
def test_saved_streams_of_others_are_refused():
    live = StreamingSegmenter("frames", "cpu")
    assert live.save() == b""
    live.push(a_clip(1).frames[0], 0.0)
    saved = live.save()
    with pytest.raises(UnsuitableClip, match="another model"):
        StreamingSegmenter("follows", "cpu").restore(saved)
    for damaged in (b"no", saved[:40], saved[:-9], b"\xff" * 64):
        with pytest.raises(UnsuitableClip, match="damaged"):
            live.restore(damaged)
    live.restore(b"")
    assert live.push(a_clip(1).frames[0], 0.0).began
