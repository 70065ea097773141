"""One interface for all: a frame network that takes clips."""

import pytest
import torch
from EchoODELib.engine.models import build_model
from EchoODELib.engine.models.per_frame import PerFrame, as_clip_network, takes_clips

TIMES = torch.tensor([0.0, 0.2, 0.7, 1.0])


class Counting(torch.nn.Module):
    """Hands frames through as logits, and counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += len(x)
        return x


@pytest.fixture
def some_clips() -> torch.Tensor:
    return torch.randn(2, 4, 1, 8, 10, generator=torch.Generator().manual_seed(0))


def test_at_the_frames_times_the_logits_are_the_networks(some_clips):
    torch.manual_seed(0)
    network = build_model("unet", widths=(4, 8), heads=1).eval()
    output = as_clip_network(network)(some_clips, TIMES, TIMES)
    torch.testing.assert_close(output.logits, network(some_clips.flatten(0, 1)).unflatten(0, (2, 4)))
    assert output.reconstruction is None
    assert output.heat_maps is None


def test_between_frames_logits_are_blended_and_outside_the_nearest_is_kept(some_clips):
    asked = torch.tensor([[0.1, 0.6, -1.0], [0.85, 5.0, 0.2]])
    found = PerFrame(Counting())(some_clips, TIMES, asked).logits
    torch.testing.assert_close(found[0, 0], (some_clips[0, 0] + some_clips[0, 1]) / 2)
    torch.testing.assert_close(found[0, 1], 0.2 * some_clips[0, 1] + 0.8 * some_clips[0, 2])
    torch.testing.assert_close(found[0, 2], some_clips[0, 0])
    torch.testing.assert_close(found[1, 0], (some_clips[1, 2] + some_clips[1, 3]) / 2)
    torch.testing.assert_close(found[1, 1], some_clips[1, 3])
    torch.testing.assert_close(found[1, 2], some_clips[1, 1])


def test_clips_may_have_times_of_their_own(some_clips):
    own = torch.stack((TIMES, TIMES * 10))
    found = PerFrame(Counting())(some_clips, own, torch.tensor([0.2])).logits
    torch.testing.assert_close(found[0, 0], some_clips[0, 1])
    torch.testing.assert_close(found[1, 0], 0.9 * some_clips[1, 0] + 0.1 * some_clips[1, 1])


def test_frames_that_no_time_needs_are_not_looked_at(some_clips):
    network = Counting()
    PerFrame(network)(some_clips, TIMES, torch.tensor([[0.2, 0.2], [1.0, 0.2]]))
    assert network.seen == 3


def test_frames_at_one_time_are_no_trouble(some_clips):
    found = PerFrame(Counting())(some_clips, torch.tensor([0.0, 0.5, 0.5, 1.0]), torch.tensor([0.5])).logits
    assert found.isfinite().all()


def test_a_clip_network_stays_itself_and_a_frame_network_is_wrapped():
    clip, frame = build_model("echo_ode", width=2), build_model("unet", widths=(2, 4), heads=1)
    assert takes_clips(clip)
    assert as_clip_network(clip) is clip
    assert not takes_clips(frame)
    wrapped = as_clip_network(frame)
    assert takes_clips(wrapped)
    assert as_clip_network(wrapped) is wrapped
