"""Who judges a run's network while it learns, by the recipe's task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from EchoODELib.engine.errors import EchoODEError
from torch import nn

from .gather import Gathered, shown, value_sampler_of
from .recipe import Recipe
from .validate import DiceJudge
from .value_judge import ValueJudge


class Judge(Protocol):
    """Judges networks on what it was given to look at."""

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Figures by name."""
        ...

    def figure(self, scores: Mapping[str, float]) -> float:
        """The one number of them that is compared; the higher the better."""
        ...

    def preview(self, network: nn.Module, path: Path) -> None:
        """Write a picture of how the network does, after it was judged."""
        ...


def judge_of(
    recipe: Recipe,
    gathered: Gathered,
    use: Mapping[str, Any],
    *,
    device: torch.device,
    half: bool = False,
    looks: bool = True,
) -> Judge | None:
    """The judge of a run; None where there is nothing to choose on. A clip that can't be read is skipped.

    Parameters
    ----------
    use: what the model's card will say.
    device, half: where the network is, and whether it is judged in bfloat16.
    looks: whether this process judges; others' judges are given nothing to look at.
    """
    if not gathered.valid:
        return None
    if recipe.task == "segmentation":
        frames = shown(recipe, gathered, use) if looks else []
        return DiceJudge(frames, recipe.labels, device=device, half=half)
    recordings = []
    for data, entries in gathered.valid if looks else ():
        for entry in entries:
            try:
                recording: Any = data.load(entry)
                recording.wanted(recipe.task)
            except EchoODEError as error:
                data.skip(entry.name, str(error))
                continue
            recordings.append(recording)
    return ValueJudge(recordings, value_sampler_of(recipe, recipe.size, changes=False), device=device, half=half)
