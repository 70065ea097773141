"""The multi-view network and its form with memory: published size, one way through all, and the view bit."""

import pytest
import torch
from EchoODELib.engine.errors import UnsuitableClip, WeightsError
from EchoODELib.engine.models import build_model
from EchoODELib.engine.models.inference import fuse_normalisation

SMALL = {"widths": (4, 6, 8)}
PLACES = ("encoder", "decoder", "last", "bottleneck")


def a_network(name: str = "multi_view_conv_lstm", **configuration: object) -> torch.nn.Module:
    """With normalisations that have seen something."""
    torch.manual_seed(0)
    network = build_model(name, **SMALL | configuration)
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.2)
            part.running_var.uniform_(0.5, 1.5)
    return network.eval()


def some_clips(batch: int = 2, frames: int = 5, size: tuple[int, int] = (16, 24)) -> torch.Tensor:
    return torch.randn(batch, frames, 1, *size, generator=torch.Generator().manual_seed(1))


def one_by_one(network: torch.nn.Module, clips: torch.Tensor) -> torch.Tensor:
    memory, found = None, []
    for index in range(clips.shape[1]):
        output, memory = network.follow(clips[:, index : index + 1], memory)
        found.append(output.logits)
    return torch.cat(found, 1)


@pytest.mark.parametrize(
    ("recurrent", "count"),
    [("none", 1_995_924), ("encoder", 2_696_028), ("last", 2_003_436), ("bottleneck", 6_649_260)],
)
def test_the_default_has_about_the_published_number_of_parameters(recurrent, count):
    network = build_model("multi_view_conv_lstm", recurrent=recurrent)
    assert sum(p.numel() for p in network.parameters()) == count


@torch.inference_mode()
@pytest.mark.parametrize("cell", ["lstm", "coupled"])
@pytest.mark.parametrize("recurrent", PLACES)
@pytest.mark.parametrize("settings", [{}, {"normalisation": "batch", "stride": 2}])
def test_frame_by_frame_gives_what_all_at_once_gives(recurrent, cell, settings):
    network = a_network(recurrent=recurrent, cell=cell, **settings)
    clips = some_clips(size=(16, 21))
    whole, _ = network.follow(clips)
    assert whole.logits.shape == (2, 5, 4, 16, 21)
    torch.testing.assert_close(one_by_one(network, clips), whole.logits, atol=1e-5, rtol=1e-4)
    begun, memory = network.follow(clips[:, :2])
    rest, _ = network.follow(clips[:, 2:], memory)
    torch.testing.assert_close(torch.cat((begun.logits, rest.logits), 1), whole.logits, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("recurrent", PLACES)
def test_it_remembers_and_does_not_look_ahead(recurrent):
    network, clips = a_network(recurrent=recurrent), some_clips()
    changed = clips.clone()
    changed[:, 2] += 1
    before, after = network.follow(clips)[0].logits, network.follow(changed)[0].logits
    torch.testing.assert_close(before[:, :2], after[:, :2])
    assert (before[:, 3:] - after[:, 3:]).abs().amax((0, 2, 3, 4)).min() > 1e-6


@torch.inference_mode()
def test_without_memory_frames_do_not_see_each_other():
    network, clips = a_network("multi_view_unet"), some_clips()
    whole, memory = network.follow(clips)
    assert memory == ()
    torch.testing.assert_close(whole.logits[:, 2:3], network.follow(clips[:, 2:3])[0].logits)


@torch.inference_mode()
def test_clips_of_a_batch_do_not_see_each_other():
    network, clips = a_network(), some_clips(3)
    torch.testing.assert_close(network.follow(clips)[0].logits[1:2], network.follow(clips[1:2])[0].logits)


@torch.inference_mode()
def test_the_view_bit_tells_and_is_off_by_default():
    network, clips = a_network(), some_clips()
    plain = network.follow(clips)[0].logits
    torch.testing.assert_close(network.follow(clips, None, torch.tensor([False, False]))[0].logits, plain)
    second = network.follow(clips, None, torch.tensor([False, True]))[0].logits
    torch.testing.assert_close(second[0], plain[0])
    assert (second[1] - plain[1]).abs().max() > 1e-6


@torch.inference_mode()
def test_a_memory_that_does_not_fit_is_refused():
    network = a_network()
    _, memory = network.follow(some_clips())
    for clips in (some_clips(size=(32, 24)), some_clips(1)):
        with pytest.raises(UnsuitableClip, match="memory"):
            network.follow(clips, memory)
    with pytest.raises(UnsuitableClip, match="no clips"):
        network.follow(some_clips()[0])


@torch.inference_mode()
@pytest.mark.parametrize("name", ["multi_view_unet", "multi_view_conv_lstm"])
def test_normalisations_can_be_folded(name):
    network, clips = a_network(name, normalisation="batch", stride=2), some_clips()
    fused = fuse_normalisation(network)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in fused.modules())
    torch.testing.assert_close(fused.follow(clips)[0].logits, network.follow(clips)[0].logits, atol=1e-4, rtol=1e-3)


@torch.inference_mode()
def test_a_coupled_memory_stays_within_what_was_put_in():
    cell = a_network(cell="coupled").encoder[0].first
    cell.of_state.weight[: cell.hidden] = 0
    frames = some_clips(1, 60).flatten(0, 1)
    _, (_, kept) = cell(frames, 1, None)
    assert kept.min() >= 0
    assert kept.max() <= cell.of_input(frames)[:, : cell.hidden].max()


@torch.inference_mode()
@pytest.mark.parametrize("normalisation", ["batch", "none"])
def test_a_coupled_network_begins_as_the_still_one_that_it_adopts(normalisation):
    still = a_network("multi_view_unet", normalisation=normalisation)
    network = a_network(normalisation=normalisation, cell="coupled")
    clips = some_clips(frames=1).expand(-1, 4, -1, -1, -1)
    wanted = still.follow(clips)[0].logits
    before = (network.follow(clips)[0].logits - wanted).abs().mean()
    network.adopt(still)
    assert (network.follow(clips)[0].logits - wanted).abs().mean() < 0.2 * before


def test_other_networks_are_not_adopted():
    with pytest.raises(ValueError, match="adopted"):
        a_network().adopt(build_model("unet", widths=[4, 8, 8]))
    with pytest.raises((ValueError, RuntimeError)):
        a_network().adopt(build_model("multi_view_unet", widths=[4, 8, 8]))


@pytest.mark.parametrize("wrong", [{"recurrent": "stem"}, {"cell": "gru"}, {"stride": 3}, {"widths": [4]}])
def test_settings_that_make_no_network_are_refused(wrong):
    with pytest.raises(WeightsError):
        build_model("multi_view_conv_lstm", **{**SMALL, **wrong})


@pytest.mark.parametrize("cell", ["lstm", "coupled"])
def test_gradients_reach_the_first_frame(cell):
    network = a_network(cell=cell).train()
    clips = some_clips(1, 4).requires_grad_()
    network.follow(clips)[0].logits[:, -1].square().sum().backward()
    assert clips.grad[:, 0].abs().max() > 0
    assert all(parameter.grad is not None for parameter in network.parameters())
