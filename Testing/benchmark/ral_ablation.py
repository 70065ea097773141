"""The ablation of recurrent aggregation learning (Li et al. 2019, table 2) on a small budget, one part less each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from EchoODETrainingLib.recipe import Recipe, make_recipe

_AUGMENTATION = {"scale": [0.85, 1.2], "rotation": 12, "shift": 0.05, "stretch": 0.08, "elastic": 0.0, "strength": 0.5}
VIEWS = ("A4C", "A2C", "A3C", "PLAX")
_FRAMES, _BATCH = 4, 8


@dataclass(frozen=True)
class Part:
    """A network of the ablation.

    Attributes
    ----------
    key: short; the model is called "ral-KEY".
    name: as the paper's table 2 calls it.
    without: arguments of the architecture that take the part away.
    """

    key: str
    name: str
    without: Mapping[str, bool]

    @property
    def model(self) -> str:
        """The trained model's name."""
        return f"ral-{self.key}"


PARTS = (
    Part("full", "full", {}),
    Part("without-classification", "without classification", {"classification": False}),
    Part("without-blocks", "without ConvBlock", {"blocks": False}),
    Part("without-temporal", "without temporal", {"temporal": False}),
    Part("without-spatial", "without spatial", {"spatial": False}),
)


@dataclass(frozen=True)
class AblationBudget:
    """What every network gets: steps, side of the input, growth of the blocks, hearts to learn from, seed."""

    steps: int = 300
    size: int = 64
    growth: int = 6
    hearts: int = 80
    seed: int = 1

    @property
    def option(self) -> str:
        """On the command line."""
        return f"--ablation --steps {self.steps} --size {self.size} --growth {self.growth} --learn-from {self.hearts}"


def recipe_of(part: Part, budget: AblationBudget, cache: Path) -> Recipe:
    """The recipe of a part: simulated hearts of all views alone, since no public set has real ones of all."""
    options: dict[str, Any] = {"clips": {"train": budget.hearts}, "views": list(VIEWS), "frames": 16}
    content = {
        "name": part.model,
        "architecture": "ral",
        "configuration": {"growth": budget.growth, "stem_stride": 2, **part.without},
        "size": [budget.size, budget.size],
        "data": [{"kind": "phantom", "folder": str(cache), "options": options}],
        "window": {"inputs": _FRAMES, "outputs": _FRAMES, "stride": [1.0, 3.0]},
        "augmentation": _AUGMENTATION,
        "optimiser": {"name": "adamw", "learning_rate": 0.003, "weight_decay": 0.01},
        "losses": {"view": 0.0 if part.key == "without-classification" else 0.2},
        "steps": budget.steps,
        "epoch_examples": 240,
        "batch": _BATCH,
        "precision": "32-true",
        "average": 0.99,
        "seed": budget.seed,
        "card": {
            "views": list(VIEWS),
            "training_data": "hearts simulated by EchoODE",
            "licence": "Apache-2.0",
            "citation": "EchoODE",
            "intended_use": "To compare networks under one small budget.",
            "limits": "Not a medical device, and no model for clips of patients.",
        },
    }
    return make_recipe(content)
