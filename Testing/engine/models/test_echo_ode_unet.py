"""Echo-ODE on a U-Net: it begins as that U-Net, and learns from there."""

from __future__ import annotations

import pytest
import torch
from EchoODELib.engine.models import build_model

SMALL = {"widths": (4, 8, 12), "classes": 4}


def both(seed: int = 0):
    torch.manual_seed(seed)
    unet = build_model("unet", heads=2, **SMALL)
    unet(torch.randn(4, 1, 32, 32))  # statistics that are not the default ones
    network = build_model("echo_ode_unet", hidden=8, derivative_width=4, reconstruction_width=2, **SMALL)
    network.adopt(unet)
    return unet.eval(), network.eval()


def test_it_begins_with_the_masks_of_the_unet():
    unet, network = both()
    frames, times = torch.randn(2, 3, 1, 32, 40), torch.tensor([0.0, 0.3, 1.0])
    output = network(frames, times, times)
    torch.testing.assert_close(output.logits.flatten(0, 1), unet(frames.flatten(0, 1)), rtol=1e-4, atol=1e-5)
    assert output.reconstruction is not None and output.reconstruction.shape == frames.shape


def test_every_part_learns():
    _, network = both()
    torch.manual_seed(1)
    with torch.no_grad():  # the additions start at zero, which hides from the first step what lies behind them
        for addition in network.additions:
            addition.weight.normal_(0, 0.1)
    output = network.train()(torch.randn(2, 3, 1, 32, 32), torch.linspace(0, 1, 3), torch.linspace(0, 1, 4))
    (output.logits.square().mean() + output.reconstruction.square().mean()).backward()
    still = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    # A bias before a batch normalisation has no say; here there is none.
    assert still == []


def test_a_clip_alone_is_a_clip_among_others_at_any_size():
    _, network = both()
    frames = torch.randn(3, 4, 1, 27, 37)
    times = torch.rand(3, 4).sort(1).values
    asked = torch.rand(3, 5)
    with torch.no_grad():
        together = network(frames, times, asked).logits
        alone = network(frames[1:2], times[1:2], asked[1:2]).logits
    assert together.shape == (3, 5, 4, 27, 37)
    torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-5)


def test_another_unet_is_not_adopted():
    _, network = both()
    with pytest.raises(ValueError, match="same widths"):
        network.adopt(build_model("unet", widths=(4, 8, 16)))
    with pytest.raises(ValueError, match="no U-Net"):
        network.adopt(build_model("enet"))
