"""Small stand-ins: the card of an untrained model, a network whose classes all win somewhere, and a clip of noise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from EchoODELib.engine.models import build_model
from EchoODELib.engine.sequence import KNOWN_VIEWS, EchoSequence, View
from EchoODELib.engine.weights import ModelCard, save_model
from torch import nn

TINY_UNET = {"widths": [4, 8, 8]}
TINY_ECHO_ODE = {"width": 2, "hidden": 8, "solver": "rk4", "steps": 2}
TINY_COREECHO = {"depths": [1, 1, 1, 1], "widths": [4, 4, 8, 8], "head_width": 4, "scale": 40.0}
TINY_RAL = {
    "growth": 2,
    "layers": 1,
    "stem": 4,
    "widths": [4, 4, 4, 4, 4],
    "features": [4, 4, 4, 4, 4],
    "hidden": [4, 4, 4, 4, 4],
    "view_width": 4,
}


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


def save_view_model(folder: Path, name: str, shares: Mapping[View, float], **changes: object) -> None:
    """A model that says these probabilities of views, whatever it sees."""
    network = build_model("ral", **TINY_RAL).eval()
    decide = network.view_branch.decide[-1]
    with torch.no_grad():
        decide.weight.zero_()
        decide.bias.copy_(torch.tensor([shares.get(view, 1e-4) for view in (*KNOWN_VIEWS, View.OTHER)]).log())
    save_model(network, a_card(name, architecture="ral", configuration=TINY_RAL, **changes), folder)


def save_clip_model(folder: Path, name: str = "guess", **changes: object) -> ModelCard:
    """An untrained model of whole clips: for ejection fractions, unless ``changes`` say otherwise."""
    torch.manual_seed(0)
    task = str(changes.get("task", "ejection_fraction"))
    network = build_model("coreecho", **TINY_COREECHO)
    for _ in range(20):  # so that batch normalisation knows what it sees
        network.encoder(torch.randn(4, 6, 1, 32, 32))
    fields = {
        "task": task,
        "architecture": "coreecho",
        "configuration": TINY_COREECHO,
        "labels": (task,),
        "input_size": (32, 32),
        "use": {"clips": {"frames": 6, "stride": 2, "clips": 3}},
    }
    return save_model(network, a_card(name, **{**fields, **changes}), folder)


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
