"""The Segmenter with networks of clips, tiny and untrained but whole: some frames, streams, moments, memory."""

import subprocess
import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from EchoODELib.engine.errors import UnsuitableClip, WeightsError
from EchoODELib.engine.metrics import count_components
from EchoODELib.engine.models import build_model
from EchoODELib.engine.progress import Monitor
from EchoODELib.engine.segment import Segmenter
from EchoODELib.engine.sequence import EchoSequence, Label, View
from EchoODELib.engine.weights import find_card, save_model, write_card
from engine.standins import TINY_ECHO_ODE, a_card, a_clip


@pytest.mark.parametrize("count", [1, 2, 6, 30])
def test_the_segmenter_takes_networks_of_clips(models, count):
    clip = a_clip(count)
    segmented = Segmenter("clips", "cpu", clean=False).segment(clip)
    assert segmented.masks.shape == clip.frames.shape
    assert len(np.unique(segmented.masks)) > 1
    assert segmented.provenance.model == "clips"


def test_a_warm_up_runs_the_network(models):
    segmenter = Segmenter("clips", "cpu")
    passes = []
    for network in (member.network for member in segmenter._members):
        network.encoder.register_forward_hook(lambda *_: passes.append(1))
    segmenter.warm_up()
    assert passes


def test_some_frames_get_the_masks_that_they_get_in_the_whole(models):
    clip, segmenter = a_clip(40), Segmenter("clips", "cpu", clean=False)
    whole, some = segmenter.segment(clip).masks, segmenter.segment(clip, frames=[3, 17, 18, 39]).masks
    np.testing.assert_array_equal(some[[3, 17, 18, 39]], whole[[3, 17, 18, 39]])
    assert not some[[0, 10, 30]].any()


def test_a_stream_gives_the_masks_of_segment_piece_by_piece(models):
    clip, segmenter = a_clip(300, side=24), Segmenter("clips", "cpu", smoothing=0.03)
    parts = list(segmenter.stream(clip))
    assert len(parts) == 2
    assert np.concatenate([part.frames for part in parts]).tolist() == list(range(300))
    np.testing.assert_array_equal(np.concatenate([part.masks for part in parts]), segmenter.segment(clip).masks)


def test_progress_counts_up_and_a_cancel_stops_a_stream(models):
    reports = []
    monitor = Monitor(report=reports.append)
    parts = Segmenter("clips", "cpu").stream(a_clip(300, side=24), monitor=monitor)
    next(parts)
    assert 0.4 < reports[-1].fraction < 0.9
    monitor.cancel()
    with pytest.raises(Exception, match="cancelled"):
        next(parts)


def test_pictures_and_masks_between_frames(models):
    clip, segmenter = a_clip(20), Segmenter("clips", "cpu", clean=False)
    times = np.linspace(0, clip.times[-1], 77)
    between = segmenter.segment_at(clip, times[::-1])
    assert between.images.shape == between.masks.shape == (77, *clip.shape)
    assert between.times.tolist() == times[::-1].tolist()
    at_frames = segmenter.segment_at(clip, clip.times).masks
    assert (at_frames == segmenter.segment(clip).masks).mean() > 0.999
    frames = Segmenter("frames", "cpu", clean=False).segment_at(clip, [0.0, 0.01, 0.02]).images
    np.testing.assert_array_equal(frames[[0, 2]], clip.frames[[0, 1]])
    np.testing.assert_allclose(frames[1], clip.frames[:2].mean(0), atol=0.51)
    for times in ([], [-0.1], [clip.times[-1] + 0.01], [np.nan]):
        with pytest.raises(UnsuitableClip, match="times"):
            segmenter.segment_at(clip, times)


@pytest.mark.parametrize(("view", "walls"), [(View.A4C, 1), (View.PLAX, 2)])
def test_a_model_of_several_views_keeps_the_walls_that_a_clips_view_shows(models, view, walls):
    card = find_card("clips")
    write_card(replace(card, views=("A4C", "PLAX")))
    masks = Segmenter("clips", "cpu").segment(a_clip(6, view=view)).masks
    assert count_components(masks == Label.MYOCARDIUM).max() == walls


def test_half_precision_is_for_cards_that_allow_it(models):
    clip = a_clip(12)
    whole = Segmenter("clips", "cpu", clean=False).segment(clip)
    half = Segmenter("clips", "cpu", clean=False, half=True).segment(clip)
    assert (whole.masks == half.masks).mean() > 0.9
    assert "half" not in whole.provenance.settings
    assert half.provenance.settings["half"] is True


def test_windows_that_make_no_sense_are_refused_when_the_model_is_loaded(models):
    card = a_card("odd", architecture="echo_ode", configuration=TINY_ECHO_ODE, use={"stride": 9})
    save_model(build_model("echo_ode", **TINY_ECHO_ODE), card, models)
    with pytest.raises(WeightsError, match="windows"):
        Segmenter("odd", "cpu")


def test_memory_does_not_grow_with_the_clip(models, tmp_path):
    segmenter = Segmenter("frames", "cpu", clean=False)
    peaks = []
    for count in (512, 1536):
        frames = np.lib.format.open_memmap(tmp_path / f"{count}.npy", "w+", np.uint8, (count, 64, 64))
        frames[:] = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
        clip = EchoSequence(frames, np.arange(count) / 50)
        tracemalloc.start()
        masked = sum(part.masks.shape[0] for part in segmenter.stream(clip))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert masked == count
    # A frame's mask alone has 4,096 bytes, its probabilities 10,240.
    assert (peaks[1] - peaks[0]) / (1536 - 512) < 2048


_WHOLE_VIDEO = """
import resource, sys, threading, time
import numpy as np, torch
from EchoODELib.engine.segment import Segmenter
from EchoODELib.engine.sequence import EchoSequence

def anonymous():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon")) * 1024

count, folder = 30_000, sys.argv[1]
segmenter = Segmenter("clips", "cpu")
frames = np.lib.format.open_memmap(f"{folder}/clip.npy", "r")
masks = np.lib.format.open_memmap(f"{folder}/masks.npy", "w+", np.uint8, frames.shape)
before, peak, over = anonymous(), 0, threading.Event()

def watch():
    global peak
    while not over.wait(0.05):
        peak = max(peak, anonymous())

threading.Thread(target=watch, daemon=True).start()
found = 0
for part in segmenter.stream(EchoSequence(frames, np.arange(count) / 50)):
    masks[part.frames] = part.masks
    found += len(part.frames)
over.set()
print(found, peak - before)
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.timeout(3600)
def test_thirty_thousand_frames_need_less_than_two_gigabytes_beside_the_model(models, tmp_path):
    slim = {"width": 8, "solver": "rk4", "steps": 1}
    card = a_card("clips", architecture="echo_ode", configuration=slim, input_size=(112, 112))
    save_model(build_model("echo_ode", **slim), card, models)
    clip = a_clip(250, side=256).frames
    frames = np.lib.format.open_memmap(tmp_path / "clip.npy", "w+", np.uint8, (30_000, 256, 256))
    for start in range(0, 30_000, 250):
        frames[start : start + 250] = clip
    del frames
    done = subprocess.run([sys.executable, "-c", _WHOLE_VIDEO, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found, grown = (int(number) for number in done.stdout.split())
    assert found == 30_000
    assert grown < 2e9
