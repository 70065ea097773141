"""A small network that a test trains in a few seconds to outline one simulated heart: quick, and good to watch."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from EchoODELib.engine.models import build_model
from EchoODELib.engine.models.preparation import Fit, standardise
from EchoODELib.engine.phantom import PhantomClip
from EchoODELib.engine.sector import find_sector
from EchoODELib.engine.weights import ModelCard, save_model
from torch.nn import functional

SIZE, CONFIGURATION, STEPS, BATCH = 64, {"widths": [8, 12, 16, 24]}, 90, 8


def save_quick_model(clip: PhantomClip, folder: Path, name: str = "quick") -> str:
    """Train it on a clip's own frames and save it as a model; returns its name."""
    torch.manual_seed(0)
    inputs, labels = _examples(clip)
    network = build_model("unet", **CONFIGURATION).train()
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(STEPS):
        chosen = torch.randint(len(inputs), (BATCH,))
        loss = functional.cross_entropy(network(inputs[chosen]), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    card = ModelCard(
        name, "segmentation", "unet", CONFIGURATION, (SIZE, SIZE), ("background", "lv", "myocardium", "la"), ("A4C",),
        "", "", "one simulated heart", "Apache-2.0", "none", "tests", "everything else",
    )  # fmt: skip
    save_model(network, card, folder)
    return name


def _examples(clip: PhantomClip) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames and labels as the network sees them."""
    sector = find_sector(clip.sequence)
    fit = Fit.of(sector.box, (SIZE, SIZE), clip.sequence.spacing)
    inside = fit.to_input(sector.mask.astype(np.uint8)) > 0
    frames = standardise(np.stack([fit.to_input(frame) for frame in clip.sequence.frames]), inside)
    row0, row1, column0, column1 = fit.box
    top, bottom, left, right = fit.placed
    labels = np.zeros(frames.shape, np.int64)
    for label, mask in zip(labels, clip.masks, strict=True):
        cut = mask[row0:row1, column0:column1]
        label[top:bottom, left:right] = cv2.resize(cut, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST)
    return torch.from_numpy(frames)[:, None], torch.from_numpy(labels)
