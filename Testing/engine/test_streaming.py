"""Whole videos, frame by frame and window by window: seams, batches, order, memory, and moments between frames."""

import itertools

import numpy as np
import pytest
import torch
from EchoODELib.engine.errors import DeviceError
from EchoODELib.engine.models import build_model
from EchoODELib.engine.models.clip_output import ClipOutput
from EchoODELib.engine.models.inference import Batches
from EchoODELib.engine.models.times import Blend
from EchoODELib.engine.streaming import FrameSource, WindowSource, moments
from EchoODELib.engine.windows_over_time import WindowPlan, WindowUse
from engine.standins import TINY_ECHO_ODE, TINY_UNET
from torch import nn

CPU = torch.device("cpu")
SIZE = (16, 24)
USE = WindowUse()


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
    network = build_model("echo_ode", classes=2, **TINY_ECHO_ODE).eval()
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


def of_frames(network, frames, **settings) -> FrameSource:
    return FrameSource(network, lambda f: frames[list(f)], np.arange(len(frames)) / 50, device=CPU, **settings)


@pytest.fixture(scope="module")
def a_frame_network() -> nn.Module:
    torch.manual_seed(0)
    return build_model("unet", classes=2, **TINY_UNET).eval()


def test_a_frame_network_is_mixed_between_frames():
    source = of_frames(nn.Conv2d(1, 2, 1).eval(), slow_frames(4))
    at = [m.probabilities for m in all_moments(source, [0.0, 0.005, 0.02, 0.06])]
    np.testing.assert_allclose(at[1], 0.75 * at[0] + 0.25 * at[2], atol=1e-6)


@pytest.mark.parametrize("batch", [2, 3, 7, 50])
def test_frames_do_not_see_each_other(a_frame_network, batch):
    source, times = of_frames(a_frame_network, slow_frames(7)), np.arange(7) / 50
    for one, many in zip(all_moments(source, times, 1), all_moments(source, times, batch), strict=True):
        assert many.probabilities.shape == (2, *SIZE)
        np.testing.assert_allclose(many.probabilities, one.probabilities, atol=1e-5)
        np.testing.assert_allclose(many.probabilities.sum(0), 1, atol=1e-5)


def test_mirroring_makes_a_frame_network_indifferent_to_mirroring(a_frame_network):
    frames, times = slow_frames(3), np.arange(3) / 50
    found = all_moments(of_frames(a_frame_network, frames, mirror=True), times)
    mirrored = all_moments(of_frames(a_frame_network, frames[..., ::-1].copy(), mirror=True), times)
    for a, b in zip(found, mirrored, strict=True):
        np.testing.assert_allclose(a.probabilities, b.probabilities[..., ::-1], atol=1e-5)


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
