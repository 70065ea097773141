"""Recurrent aggregation learning: what it remembers, what its parts are for, what it was published as."""

from __future__ import annotations

import pytest
import torch
from EchoODELib.engine.errors import WeightsError
from EchoODELib.engine.models import build_model
from EchoODELib.engine.models.causal_network import CausalNetwork
from EchoODELib.engine.models.dense_block import DenseBlock, PlainBlock
from torch import Tensor, nn

TINY = {
    "growth": 2,
    "layers": 2,
    "stem": 4,
    "widths": (4, 4, 4, 4, 4),
    "features": (4, 4, 4, 4, 4),
    "hidden": (3, 4, 5, 5, 6),
    "view_width": 6,
}
ABLATIONS = [{}, {"classification": False}, {"blocks": False}, {"temporal": False}, {"spatial": False}]


def a_network(**changes: object) -> CausalNetwork:
    torch.manual_seed(3)
    network = build_model("ral", **TINY, **changes)
    for part in network.modules():  # as after training: no normalisation is the identity
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_mean, -0.3, 0.3)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
    assert isinstance(network, CausalNetwork)
    return network.eval()


def a_clip(frames: int = 5, size: tuple[int, int] = (30, 37)) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(2, frames, 1, *size)


@pytest.mark.parametrize("changes", ABLATIONS)
@pytest.mark.parametrize("parts", [(1, 1, 1, 1, 1), (2, 3), (4, 1)])
@torch.no_grad()
def test_going_on_with_the_memory_gives_what_all_frames_at_once_give(changes: dict, parts: tuple[int, ...]) -> None:
    network, clip = a_network(**changes), a_clip()
    whole, last = network.follow(clip)
    memory, logits, views = None, [], []
    for piece in clip.split(list(parts), 1):
        output, memory = network.follow(piece, memory)
        logits.append(output.logits)
        views.append(output.views)
    torch.testing.assert_close(torch.cat(logits, 1), whole.logits, atol=1e-5, rtol=1e-4)
    for one, other in zip(memory, last, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    if whole.views is None:
        assert changes == {"classification": False}
    else:
        torch.testing.assert_close(torch.cat(views, 1), whole.views, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("changes", ABLATIONS)
@torch.no_grad()
def test_shapes_are_those_of_the_frames(changes: dict) -> None:
    output, memory = a_network(**changes).follow(a_clip(3))
    assert output.logits.shape == (2, 3, 4, 30, 37)
    assert output.logits.dtype == torch.float32
    assert (output.views is None) == ("classification" in changes)
    assert output.views is None or output.views.shape == (2, 3, 5)
    assert len(memory) == 15  # hidden state, cell and output of five ConvLSTMs
    assert [kept.shape[1] for kept in memory[::3]] == [6, 5, 5, 4, 3]


@torch.no_grad()
def test_it_never_looks_ahead_and_remembers_what_was() -> None:
    network, clip = a_network(), a_clip()
    before = network.follow(clip)[0].logits
    changed = clip.clone()
    changed[:, 3] += 1
    after = network.follow(changed)[0].logits
    torch.testing.assert_close(after[:, :3], before[:, :3])
    assert (after[:, 4] - before[:, 4]).abs().max() > 1e-4


@torch.no_grad()
def test_without_recurrence_in_time_each_frame_stands_alone() -> None:
    network, clip = a_network(temporal=False), a_clip()
    whole = network.follow(clip)[0].logits
    for frame in range(5):
        alone = network.follow(clip[:, frame : frame + 1])[0].logits
        torch.testing.assert_close(alone, whole[:, frame : frame + 1], atol=1e-5, rtol=1e-4)


def test_without_recurrence_in_scale_no_level_sees_another_one() -> None:
    for spatial in (True, False):
        network = a_network(spatial=spatial).train()
        memory = network.follow(a_clip(1))[1]
        memory[-1].sum().backward()  # the finest level's output
        coarsest = [parameter.grad for parameter in network.levels[0].parameters()]
        assert any(grad is not None and grad.abs().max() > 0 for grad in coarsest) == spatial


def test_masks_and_views_teach_each_other() -> None:
    network = a_network().train()
    network.follow(a_clip(1, (64, 64)))[0].views.sum().backward()
    for level in network.levels:
        assert level.of_frame.weight.grad.abs().max() > 0


@torch.no_grad()
def test_between_frames_both_count() -> None:
    network, clip = a_network(), a_clip(3)
    given = torch.tensor([0.0, 0.5, 1.0])
    output = network(clip, given, torch.tensor([0.25, 0.5]))
    whole = network.follow(clip)[0]
    torch.testing.assert_close(output.logits[:, 0], (whole.logits[:, 0] + whole.logits[:, 1]) / 2, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(output.views[:, 1], whole.views[:, 1])


@pytest.mark.parametrize("block", [DenseBlock, PlainBlock])
@pytest.mark.parametrize("dilation", [1, 2, 4])
def test_blocks_see_as_far_as_their_dilations_let_them(block: type[nn.Module], dilation: int) -> None:
    torch.manual_seed(0)
    network = block(3, 4, 3, dilation).eval()
    image = torch.randn(1, 3, 41, 41, requires_grad=True)
    found = network(image)
    assert found.shape == (1, 15, 41, 41)
    found[0, :, 20, 20].sum().backward()
    rows = image.grad[0].abs().sum((0, 2)).nonzero().flatten()
    assert (int(rows.min()), int(rows.max())) == (20 - 3 * dilation, 20 + 3 * dilation)


def test_a_dense_layer_keeps_what_all_before_it_found() -> None:
    torch.manual_seed(0)
    block, image = DenseBlock(3, 4, 2, 1).eval(), torch.randn(1, 3, 9, 9)
    found = block(image)
    torch.testing.assert_close(found[:, :3], image)
    torch.testing.assert_close(found[:, 3:7], block.layers[0](image))
    torch.testing.assert_close(found[:, 7:], block.layers[1](found[:, :7]))


def test_the_default_is_small_and_the_papers_depths_are_there() -> None:
    network = build_model("ral")
    assert 0.5e6 < sum(p.numel() for p in network.parameters()) < 1.5e6
    dilations = [block.layers[0][2].dilation[0] for block in network.pyramid.blocks]
    assert dilations == [1, 1, 2, 4, 8]
    assert [len(block.layers) for block in network.pyramid.blocks] == [6] * 5


def test_levels_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(WeightsError, match="a number a level"):
        build_model("ral", hidden=(8, 8))


def test_an_untrained_network_hands_on_what_it_sees() -> None:
    torch.manual_seed(0)
    output = build_model("ral", **TINY).train().follow(a_clip(1, (64, 64)))[0]
    assert output.logits.std((-2, -1)).mean() > 0.1  # five levels of small hidden states once left a fiftieth of this
