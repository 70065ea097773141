"""A depthwise convolution with gradients of its own is still torch's convolution."""

from __future__ import annotations

import pytest
import torch
from EchoODELib.engine.models.depthwise import DepthwiseConv3d
from torch import Tensor, nn


def gradients(layer: nn.Conv3d, maps: Tensor, wanted: Tensor) -> list[Tensor]:
    maps = maps.detach().requires_grad_()
    layer.zero_grad(set_to_none=True)
    layer(maps).backward(wanted)
    assert layer.bias is not None
    found = [maps.grad, layer.weight.grad, layer.bias.grad]
    assert all(gradient is not None for gradient in found)
    return [gradient.clone() for gradient in found if gradient is not None]


@pytest.mark.parametrize("size", [1, 3, 5])
@pytest.mark.parametrize("shape", [(3, 6, 4, 7, 5), (1, 6, 1, 2, 9)])
def test_values_and_gradients_are_torchs(size: int, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    ours = DepthwiseConv3d(6, size).double()
    torchs = nn.Conv3d(6, 6, size, padding=size // 2, groups=6).double()
    torchs.load_state_dict(ours.state_dict())
    maps, wanted = torch.randn(shape).double(), torch.randn(shape).double()
    assert torch.equal(ours(maps), torchs(maps))
    for gradient, other in zip(gradients(ours, maps, wanted), gradients(torchs, maps, wanted), strict=True):
        torch.testing.assert_close(gradient, other)


def test_a_part_that_stays_as_it_is_gets_no_gradient() -> None:
    layer = DepthwiseConv3d(2, 3)
    layer.weight.requires_grad_(False)
    layer(torch.randn(2, 2, 3, 4, 4)).sum().backward()
    assert layer.weight.grad is None
    assert layer.bias is not None and layer.bias.grad is not None


def test_half_precision_and_pictures_without_gradients_are_taken() -> None:
    layer, maps = DepthwiseConv3d(2, 3), torch.randn(2, 2, 3, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(maps).dtype == torch.bfloat16
    with torch.no_grad():
        assert not layer(maps).requires_grad
