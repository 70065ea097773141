"""Whole videos with networks that see windows: seams, batches, order, memory, and moments between frames."""

import itertools
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import torch
from EchoODELib.engine.combination import save_combination
from EchoODELib.engine.errors import DeviceError, UnsuitableClip, WeightsError
from EchoODELib.engine.models import build_model
from EchoODELib.engine.models.clip_output import ClipOutput
from EchoODELib.engine.models.inference import Batches
from EchoODELib.engine.models.times import Blend
from EchoODELib.engine.progress import Monitor
from EchoODELib.engine.segment import Segmenter
from EchoODELib.engine.sequence import EchoSequence, View
from EchoODELib.engine.streaming import FrameSource, WindowSource, moments
from EchoODELib.engine.weights import MODELS_VARIABLE, ModelCard, save_model
from EchoODELib.engine.windows_over_time import WindowPlan, WindowUse
from torch import nn

CPU = torch.device("cpu")
SIZE = (16, 24)
USE = WindowUse()
TINY = {"width": 2, "hidden": 8, "solver": "rk4", "steps": 2}


class Echo(nn.Module):
    """Says what it sees: its first class's logits are the frames, blended along time, plus what tells windows apart."""

    takes_clips = True

    def __init__(self, opinionated: float = 0.0) -> None:
        super().__init__()
        self.opinionated, self.seen = opinionated, 0

    def forward(self, frames, input_times, output_times):
        self.seen += frames.shape[0] * frames.shape[1]
        blend = Blend(input_times.float(), output_times.float())
        first = blend(frames.flatten(0, 1)).unflatten(0, output_times.shape)
        opinion = self.opinionated * (2 * (frames.mean((1, 2, 3, 4)) * 1e4 % 1) - 1)
        first = first + opinion.view(-1, 1, 1, 1, 1)
        return ClipOutput(torch.cat((first, torch.zeros_like(first)), 2), first)


def slow_frames(count: int) -> np.ndarray:
    """Frames that get brighter by the same step each."""
    ramp = np.linspace(-1, 1, count, dtype=np.float32)
    return ramp[:, None, None] + 0.1 * np.random.default_rng(0).standard_normal(SIZE).astype(np.float32)


def over(network, frames, times=None, use=USE, **settings) -> WindowSource:
    times = np.arange(len(frames)) / 50 if times is None else times
    return WindowSource(network, lambda f: frames[list(f)], WindowPlan(times, use), device=CPU, **settings)


def all_moments(source, times, batch=2):
    return list(moments(source, list(times), Batches(batch, CPU), classes=2))


def images(found) -> np.ndarray:
    return np.stack([moment.image for moment in found])


@pytest.fixture(scope="module")
def an_echo_ode() -> nn.Module:
    torch.manual_seed(4)
    network = build_model("echo_ode", classes=2, **TINY).eval()
    with torch.no_grad():
        network.forward_ode.rest[-1].weight.mul_(20)
    return network


@pytest.mark.parametrize("count", [1, 3, 5, 7, 8, 12, 50])
def test_clips_of_any_length_have_a_moment_at_each_frame(count):
    frames = slow_frames(count)
    found = all_moments(over(Echo(), frames), np.arange(count) / 50)
    assert len(found) == count
    np.testing.assert_allclose(images(found), frames, atol=1e-5)
    assert all(np.allclose(moment.probabilities.sum(0), 1, atol=1e-5) for moment in found)


def test_windows_that_disagree_leave_no_seam():
    frames = slow_frames(60)
    times = np.linspace(0, 59 / 50, 2000)
    use = WindowUse(stride=3)
    found = images(all_moments(over(Echo(1.0), frames, use=use), times))
    truth = images(all_moments(over(Echo(), frames, use=use), times))
    opinions = (found - truth).mean((1, 2))
    assert np.ptp(opinions) > 0.5
    assert np.abs(np.diff(opinions)).max() < 2.5 * (times[1] - times[0]) / 0.06


@pytest.mark.parametrize("mirror", [False, True])
def test_the_result_does_not_depend_on_how_many_windows_are_computed_at_once(an_echo_ode, mirror):
    frames = slow_frames(41)
    times = np.arange(41) / 50
    one, many = (all_moments(over(an_echo_ode, frames, mirror=mirror), times, batch) for batch in (1, 9))
    for a, b in zip(one, many, strict=True):
        np.testing.assert_allclose(a.probabilities, b.probabilities, atol=1e-5)
        np.testing.assert_allclose(a.image, b.image, atol=1e-4)


def test_frames_encoded_once_give_what_whole_windows_give(an_echo_ode):
    frames = slow_frames(23)

    class Whole(nn.Module):
        takes_clips = True

        def forward(self, *arguments):
            return an_echo_ode(*arguments)

    times = np.arange(23) / 50
    shared, whole = (all_moments(over(network, frames), times) for network in (an_echo_ode, Whole()))
    for a, b in zip(shared, whole, strict=True):
        np.testing.assert_allclose(a.probabilities, b.probabilities, atol=1e-5)


def test_each_frame_is_encoded_once(an_echo_ode, monkeypatch):
    encoded = []
    encode = an_echo_ode.encode
    monkeypatch.setattr(an_echo_ode, "encode", lambda frames: encoded.append(len(frames)) or encode(frames))
    all_moments(over(an_echo_ode, slow_frames(47)), np.arange(47) / 50)
    assert sum(encoded) == 24
    encoded.clear()
    all_moments(over(an_echo_ode, slow_frames(47), use=WindowUse(stride=3)), np.arange(47) / 50)
    assert sum(encoded) == 46  # the second frame is no window's input


def test_a_mirrored_clip_gives_the_mirrored_result(an_echo_ode):
    frames, times = slow_frames(11), np.arange(11) / 50
    found = all_moments(over(an_echo_ode, frames, mirror=True), times)
    mirrored = all_moments(over(an_echo_ode, frames[..., ::-1].copy(), mirror=True), times)
    for a, b in zip(found, mirrored, strict=True):
        np.testing.assert_allclose(a.probabilities, b.probabilities[..., ::-1], atol=1e-5)


@pytest.mark.parametrize("rate", [25.0, 50.0])
def test_moments_between_frames_are_continuous(an_echo_ode, rate):
    frames = slow_frames(25)
    source = over(an_echo_ode, frames, np.arange(25) / rate, WindowUse(seconds=0.12))
    coarse, fine = (
        np.stack([m.probabilities for m in all_moments(source, np.linspace(0.1, 0.4, n))]) for n in (301, 3001)
    )
    step = np.abs(np.diff(coarse, axis=0)).max()
    assert step > 0
    assert np.abs(np.diff(fine, axis=0)).max() < 0.3 * step
    np.testing.assert_allclose(coarse, fine[::10], atol=1e-5)


def test_a_frame_network_is_mixed_between_frames():
    network = nn.Conv2d(1, 2, 1).eval()
    frames = slow_frames(4)
    source = FrameSource(network, lambda f: frames[list(f)], np.arange(4) / 50, device=CPU)
    at = [m.probabilities for m in all_moments(source, [0.0, 0.005, 0.02, 0.06])]
    np.testing.assert_allclose(at[1], 0.75 * at[0] + 0.25 * at[2], atol=1e-6)


def test_half_precision_stays_near(an_echo_ode):
    frames, times = slow_frames(11), np.arange(11) / 50
    whole, half = (all_moments(over(an_echo_ode, frames, half=half), times) for half in (False, True))
    for a, b in zip(whole, half, strict=True):
        np.testing.assert_allclose(a.probabilities, b.probabilities, atol=0.03)


class NarrowMemory(Echo):
    """Holds so many windows and no more."""

    def __init__(self, holds: int) -> None:
        super().__init__()
        self.holds = holds

    def forward(self, frames, input_times, output_times):
        if len(frames) > self.holds:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().forward(frames, input_times, output_times)


def test_fewer_windows_at_once_are_tried_when_memory_runs_out():
    frames, times = slow_frames(60), np.arange(60) / 50
    found = all_moments(over(NarrowMemory(1), frames), times, batch=8)
    np.testing.assert_allclose(images(found), frames, atol=1e-5)
    with pytest.raises(DeviceError, match="memory"):
        all_moments(over(NarrowMemory(0), frames), times, batch=8)


def test_results_come_while_later_frames_are_not_yet_read():
    frames = slow_frames(400)
    read = []

    def reading(wanted):
        read.extend(wanted)
        return frames[list(wanted)]

    source = WindowSource(Echo(), reading, WindowPlan(np.arange(400) / 50, USE), device=CPU)
    stream = moments(source, (np.arange(400) / 50).tolist(), Batches(2, CPU), classes=2)
    for number, _ in enumerate(itertools.islice(stream, 200)):
        assert max(read) < number + 25


# The Segmenter with networks of clips: tiny, untrained, but whole.


def a_card(name: str, architecture: str, configuration: dict, **changes: object) -> ModelCard:
    fields = {
        "name": name,
        "task": "segmentation",
        "architecture": architecture,
        "configuration": configuration,
        "input_size": (32, 40),
        "labels": ("background", "lv", "myocardium", "la"),
        "views": ("A4C",),
        "weights": "",
        "sha256": "",
        "training_data": "none",
        "licence": "Apache-2.0",
        "citation": "none",
        "intended_use": "tests",
        "limits": "untrained",
    }
    return ModelCard(**{**fields, **changes})


def balance(network: nn.Module, head: nn.Conv2d) -> None:
    """Let each class win somewhere: an untrained network that calls all pixels the same would test nothing."""
    seen = []
    hook = head.register_forward_hook(lambda layer, inputs, output: seen.append(output))
    noise = torch.randn(1, 1, 32, 40)
    with torch.no_grad():
        if getattr(network, "takes_clips", False):
            network(noise[None].expand(1, 4, 1, 32, 40), torch.linspace(0, 1, 4), torch.zeros(1))
        else:
            network(noise)
        hook.remove()
        mean, spread = seen[0].mean((0, 2, 3)), seen[0].std((0, 2, 3))
        head.weight.div_(spread[:, None, None, None])
        head.bias.sub_(mean).div_(spread)


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A folder of untrained models: "clips" and "frames"."""
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
    torch.manual_seed(1)
    for name, architecture, configuration, use in (
        ("clips", "echo_ode", TINY, {"window_seconds": 0.12}),
        ("frames", "unet", {"widths": [4, 4], "heads": 1}, {}),
    ):
        network = build_model(architecture, **configuration)
        balance(network.eval(), network.head if name == "clips" else network.heads[0])
        save_model(network, a_card(name, architecture, configuration, use=use), tmp_path)
    return tmp_path


def a_clip(count: int, rate: float = 50.0, side: int = 48) -> EchoSequence:
    random = np.random.default_rng(7)
    still = random.integers(30, 200, (side, side))
    frames = np.stack([np.clip(still + 40 * np.sin(t / 6) * (np.arange(side) / side), 0, 255) for t in range(count)])
    noise = random.integers(0, 6, frames.shape)
    return EchoSequence((frames + noise).clip(0, 255).astype(np.uint8), np.arange(count) / rate, view=View.A4C)


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


def test_half_precision_is_for_cards_that_allow_it(models):
    clip = a_clip(12)
    whole = Segmenter("clips", "cpu", clean=False).segment(clip)
    half = Segmenter("clips", "cpu", clean=False, half=True).segment(clip)
    assert (whole.masks == half.masks).mean() > 0.9
    assert "half" not in whole.provenance.settings
    assert half.provenance.settings["half"] is True


def combined(models, members, name="both"):
    return save_combination(a_card(name, "combination", {"members": members}), models)


def test_a_combination_averages_its_members(models):
    clip = a_clip(12)
    combined(models, [{"model": "clips"}])
    alone = Segmenter("clips", "cpu", clean=False).segment(clip).masks
    np.testing.assert_array_equal(Segmenter("both", "cpu", clean=False).segment(clip).masks, alone)
    frames = Segmenter("frames", "cpu", clean=False).segment(clip).masks
    combined(models, [{"model": "clips", "weight": 1e-6}, {"model": "frames", "weight": 10, "scales": [1.0]}])
    assert (Segmenter("both", "cpu", clean=False).segment(clip).masks == frames).mean() > 0.999
    card = combined(models, [{"model": "clips", "flips": True}, {"model": "frames", "scales": [0.8, 1, 1.2]}])
    mixed = Segmenter("both", "cpu", clean=False).segment(clip)
    assert (mixed.masks != frames).any()
    assert (mixed.masks != alone).any()
    assert mixed.provenance.weights_sha256 == card.sha256 != ""


def test_a_combination_holds_for_its_members_weights_alone(models):
    combined(models, [{"model": "clips"}, {"model": "frames"}])
    torch.manual_seed(99)
    save_model(build_model("echo_ode", **TINY), a_card("clips", "echo_ode", TINY), models)
    with pytest.raises(WeightsError, match="replaced"):
        Segmenter("both", "cpu")


@pytest.mark.parametrize(
    "members",
    [
        [],
        "clips",
        [{"weight": 1}],
        [{"model": "none"}],
        [{"model": "clips", "weight": 0}],
        [{"model": "clips", "scales": []}],
        [{"model": "clips", "colour": 1}],
    ],
)
def test_a_combination_that_makes_no_sense_is_refused(models, members):
    with pytest.raises(WeightsError):
        combined(models, members)
        Segmenter("both", "cpu")


def test_windows_that_make_no_sense_are_refused_when_the_model_is_loaded(models):
    card = a_card("odd", "echo_ode", TINY, use={"stride": 9})
    save_model(build_model("echo_ode", **TINY), card, models)
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
    save_model(build_model("echo_ode", **slim), a_card("clips", "echo_ode", slim, input_size=(112, 112)), models)
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
