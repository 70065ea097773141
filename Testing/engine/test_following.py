"""Networks that remember, led through clips: every frame is followed, however many are asked for at once."""

import numpy as np
import pytest
import torch
from EchoODELib.engine.following import FIRST_LOOKS, LONGEST_GAP, Follower, FollowSource, film_starts
from EchoODELib.engine.models import build_model
from EchoODELib.engine.models.causal_network import CausalNetwork
from EchoODELib.engine.models.clip_output import ClipOutput
from EchoODELib.engine.models.inference import Batches
from EchoODELib.engine.segment import Segmenter
from EchoODELib.engine.sequence import View
from EchoODELib.engine.streaming import moments
from EchoODELib.engine.weights import save_model
from engine.standins import a_card, a_clip, balance

CPU = torch.device("cpu")
SIZE = (8, 12)


class Counter(CausalNetwork):
    """Its logits are how many frames it has seen, what it saw last, and the view bit; it keeps what it was shown."""

    stride = 1

    def __init__(self, memory_for: int = 100) -> None:
        super().__init__()
        self.shown: list[int] = []
        self.memory_for = memory_for

    def follow(self, frames, memory=None, long_axis=None):
        if frames.shape[1] > self.memory_for:
            raise RuntimeError("can't allocate memory")
        self.shown += frames[0].amax((1, 2, 3)).round().int().tolist()
        batch, count = frames.shape[:2]
        seen = torch.arange(1, count + 1).expand(batch, count) + (0 if memory is None else memory[0][:, None])
        told = long_axis.view(-1, 1, 1, 1).expand(batch, count, *SIZE)
        maps = (seen.view(batch, count, 1, 1).expand(batch, count, *SIZE).float(), frames[:, :, 0], told)
        return ClipOutput(torch.stack(maps, 2) / 100), (seen[:, -1],)


def steps(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.float32)[:, None, None] + np.zeros(SIZE, np.float32)


def led(network, times, wanted, *, frames=None, batch=3, **settings) -> np.ndarray:
    """(n, 3, rows, columns) what the network says at frames ``wanted``, as logits times 100, up to a constant."""
    frames = steps(len(times)) if frames is None else frames
    source = FollowSource(
        Follower(network, device=CPU, **settings), lambda some: frames[list(some)], np.asarray(times), at_once=batch
    )
    asked = [float(times[frame]) for frame in wanted]
    found = np.stack([one.probabilities for one in moments(source, asked, Batches(batch, CPU), classes=3)])
    return 100 * np.log(found)


def seen_before(found: np.ndarray) -> np.ndarray:
    """How many frames the network had been shown, less what it saw last."""
    return (found[:, 0] - found[:, 1]).mean((1, 2))


def test_every_frame_is_followed_once_and_the_first_is_shown_a_few_times():
    network = Counter()
    found = led(network, np.arange(10) / 30, [2, 7])
    assert network.shown == [0] * FIRST_LOOKS + list(range(1, 8))
    np.testing.assert_allclose(seen_before(found), FIRST_LOOKS, atol=1e-3)


@pytest.mark.parametrize("batch", [1, 2, 5, 16])
def test_how_many_frames_are_followed_at_once_changes_nothing(batch):
    torch.manual_seed(0)
    network = build_model("multi_view_conv_lstm", widths=(4, 6), classes=3).eval()
    frames = np.random.default_rng(0).standard_normal((11, *SIZE)).astype(np.float32)
    times = np.arange(11) / 30
    wanted = led(network, times, range(11), frames=frames, batch=4)
    np.testing.assert_allclose(led(network, times, range(11), frames=frames, batch=batch), wanted, atol=1e-3)
    np.testing.assert_allclose(led(network, times, [3, 10], frames=frames, batch=batch), wanted[[3, 10]], atol=1e-3)


def test_a_gap_begins_a_new_film_and_a_few_stills_are_films_each():
    times = np.array([0, 0.03, 0.06, 0.09, 0.12, 0.12 + 1.1 * LONGEST_GAP, 0.45])
    assert film_starts(times) == {0, 5}
    network = Counter()
    led(network, times, range(7))
    assert network.shown == [0] * FIRST_LOOKS + [1, 2, 3, 4] + [5] * FIRST_LOOKS + [6]
    assert film_starts(np.array([0, 0.03, 0.06])) == {0, 1, 2}


def test_when_memory_runs_out_fewer_frames_are_followed_from_where_it_stood():
    found = led(Counter(memory_for=FIRST_LOOKS), np.arange(12) / 30, range(12), batch=8)
    np.testing.assert_allclose(seen_before(found), FIRST_LOOKS, atol=1e-3)


def test_a_mirrored_film_has_a_memory_of_its_own():
    torch.manual_seed(0)
    network = build_model("multi_view_conv_lstm", widths=(4, 6), classes=3).eval()
    frames = np.random.default_rng(0).standard_normal((6, *SIZE)).astype(np.float32)
    turned = np.ascontiguousarray(frames[..., ::-1])
    both, plain, other = (
        np.exp(led(network, np.arange(6) / 30, range(6), frames=given, mirror=mirror) / 100)
        for given, mirror in ((frames, True), (frames, False), (turned, False))
    )
    np.testing.assert_allclose(both, (plain + other[..., ::-1]) / 2, atol=1e-5)


def test_the_long_axis_is_told():
    plain, long = (led(Counter(), np.arange(5) / 30, range(5), long_axis=told) for told in (False, True))
    np.testing.assert_allclose((long[:, 2] - long[:, 1]) - (plain[:, 2] - plain[:, 1]), 1, atol=1e-3)


def test_a_saved_memory_goes_on_where_it_was():
    network = build_model("multi_view_conv_lstm", widths=(4, 6)).eval()
    frames = np.random.default_rng(0).standard_normal((8, *SIZE)).astype(np.float32)
    one, other = Follower(network, device=CPU), Follower(network, device=CPU)
    one.follow(frames[:4])
    other.memory = tuple(part.clone() for part in one.memory)
    np.testing.assert_allclose(other.follow(frames[4:]), one.follow(frames[4:]), atol=1e-6)
    one.forget()
    np.testing.assert_allclose(one.follow(frames[:2]), Follower(network, device=CPU).follow(frames[:2]), atol=1e-6)


def test_the_segmenter_follows_and_tells_the_view(tmp_path, monkeypatch):
    torch.manual_seed(3)
    configuration = {"widths": [4, 8, 8], "normalisation": "batch"}
    network = build_model("multi_view_conv_lstm", **configuration).eval()
    balance(network, network.head)
    with torch.no_grad():
        network.decoder[0].first[0].weight[:, -1] *= 50  # of the view bit
    save_model(network, a_card("live", architecture="multi_view_conv_lstm", configuration=configuration), tmp_path)
    monkeypatch.setenv("ECHOODE_MODELS", str(tmp_path))
    segmenter = Segmenter("live", "cpu", clean=False)
    clip = a_clip(12)
    whole = segmenter.segment(clip).masks
    assert len(np.unique(whole)) > 1
    np.testing.assert_array_equal(segmenter.segment(clip, frames=[4, 9]).masks[[4, 9]], whole[[4, 9]])
    assert (segmenter.segment(a_clip(12, view=View.A3C)).masks != whole).any()
