"""Small stand-ins: the card of an untrained model, a network whose classes all win somewhere, and a clip of noise."""

from __future__ import annotations

import numpy as np
import torch
from EchoODELib.engine.sequence import EchoSequence, View
from EchoODELib.engine.weights import ModelCard
from torch import nn

TINY_UNET = {"widths": [4, 8, 8]}
TINY_ECHO_ODE = {"width": 2, "hidden": 8, "solver": "rk4", "steps": 2}


def a_card(name: str = "tiny", **changes: object) -> ModelCard:
    """Of a U-Net, unless ``changes`` say otherwise."""
    fields = {
        "name": name,
        "task": "segmentation",
        "architecture": "unet",
        "configuration": TINY_UNET,
        "input_size": (32, 40),
        "labels": ("background", "lv", "myocardium", "la"),
        "views": ("A4C",),
        "weights": "",
        "sha256": "",
        "training_data": "none",
        "licence": "Apache-2.0",
        "citation": "none",
        "intended_use": "tests",
        "limits": "everything",
    }
    return ModelCard(**{**fields, **changes})


def balance(network: nn.Module, head: nn.Conv2d) -> None:
    """Let each class win somewhere: an untrained network that calls all pixels the same would test nothing."""
    seen = []
    hook = head.register_forward_hook(lambda layer, inputs, output: seen.append(output))
    noise = torch.randn(1, 1, 32, 40)
    with torch.no_grad():
        if network.takes_clips:
            network(noise[None].expand(1, 4, 1, 32, 40), torch.linspace(0, 1, 4), torch.zeros(1))
        else:
            network(noise)
        hook.remove()
        mean, spread = seen[0].mean((0, 2, 3)), seen[0].std((0, 2, 3))
        head.weight.div_(spread[:, None, None, None])
        head.bias.sub_(mean).div_(spread)


def a_clip(count: int, rate: float = 50.0, side: int = 48, view: View = View.A4C) -> EchoSequence:
    """``count`` frames of noise that gets slowly brighter and darker from left to right."""
    random = np.random.default_rng(7)
    still = random.integers(30, 200, (side, side))
    frames = np.stack([np.clip(still + 40 * np.sin(t / 6) * (np.arange(side) / side), 0, 255) for t in range(count)])
    noise = random.integers(0, 6, frames.shape)
    return EchoSequence((frames + noise).clip(0, 255).astype(np.uint8), np.arange(count) / rate, view=view)
