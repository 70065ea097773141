"""The networks that are compared: peers of Echo-ODE, and Echo-ODE with parts of it taken away.

All are trained by one recipe on the same clips, for the same time or the same number of steps; only architecture and
window differ. A step shows 42 labelled frames, and the first level has one width, to all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from EchoODETrainingLib.recipe import Recipe, make_recipe

#: Fixed steps in place of dopri5, which costs several times as much and ends at the same masks.
_SOLVER = {"solver": "midpoint", "steps": 4}
_AUGMENTATION = {"scale": [0.85, 1.2], "rotation": 12, "shift": 0.05, "stretch": 0.08, "elastic": 0.0, "strength": 0.5}
_CLIP = {"inputs": 4, "outputs": 7}
_FRAME = {"inputs": 1, "outputs": 1}
_FRAMES_A_STEP = 42


@dataclass(frozen=True)
class Variant:
    """A network of the comparison.

    Attributes
    ----------
    key, name: short, and as the tables say it.
    group: "peers" or "ablation".
    architecture, settings: as the registry takes them, beside the width.
    published: what the paper calls it in its tables, "" where it has none.
    """

    key: str
    name: str
    group: str
    architecture: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    published: str = ""

    @property
    def takes_clips(self) -> bool:
        """Whether it sees windows of a clip."""
        return self.architecture in ("echo_ode", "echo_lstm", "conv_lstm")

    def configuration(self, width: int) -> dict[str, Any]:
        """The architecture's arguments for a first level of ``width`` channels."""
        if self.architecture == "unet":
            shape: dict[str, Any] = {"widths": [width * 2**level for level in range(5)]}
        elif self.architecture == "unet_plus_plus":
            shape = {"widths": [width * 2**level for level in range(4)], "heads": 3}
        elif self.architecture == "deeplabv3":
            shape = {"widths": [2 * width * 2**level for level in range(4)], "pyramid": 8 * width}
        elif self.architecture == "enet":
            shape = {"widths": [width, 4 * width, 8 * width]}
        else:
            shape = {"width": width}
        return {**shape, **self.settings}


_WITHOUT_BACKWARD = {**_SOLVER, "latent_ode": False}
VARIANTS = (
    Variant("unet", "U-Net", "peers", "unet", published="UNet"),
    Variant("unet-plus-plus", "U-Net++", "peers", "unet_plus_plus"),
    Variant("enet", "ENet", "peers", "enet"),
    Variant("deeplabv3", "DeepLabv3", "peers", "deeplabv3"),
    Variant("conv-lstm", "ConvLSTM", "peers", "conv_lstm", published="ConvLSTM"),
    Variant("echo-lstm", "Echo-LSTM", "peers", "echo_lstm", published="Echo-LSTM"),
    Variant("echo-ode", "Echo-ODE", "peers", "echo_ode", _SOLVER, "Echo-ODE"),
    Variant(
        "baseline",
        "baseline",
        "ablation",
        "echo_ode",
        {**_SOLVER, "reconstruction": False, "skips": "none"},
        "baseline",
    ),
    Variant(
        "reconstruction",
        "baseline + reconstruction",
        "ablation",
        "echo_ode",
        {**_SOLVER, "skips": "none"},
        "baseline + reconstruction",
    ),
    Variant("without-d", "Echo-ODE without D", "ablation", "echo_ode", {**_SOLVER, "dynamics": False}),
    Variant("without-backward", "Echo-ODE without its backward ODE", "ablation", "echo_ode", _WITHOUT_BACKWARD),
    Variant(
        "both-skips", "Echo-ODE with skips of the frames, too", "ablation", "echo_ode", {**_SOLVER, "skips": "both"}
    ),
)
#: Echo-ODE as published is the last row of the paper's ablation as well.
WHOLE = "echo-ode"
WHOLE_IN_ABLATION = "baseline + reconstruction + skips"


@dataclass(frozen=True)
class Budget:
    """What every network gets.

    Attributes
    ----------
    minutes: of training, each.
    steps: of training, each, instead of minutes; then a busy machine changes nothing.
    size: rows and columns of the input.
    width: channels of the first level.
    phantoms: simulated hearts to learn from.
    patients: whose pairs, in motion, are learned from; 0 for phantoms alone.
    held_out: hearts, and patients, to evaluate on.
    threads: of the CPU.
    seed: of weights, order and changes.
    """

    minutes: float = 3.0
    steps: int | None = None
    size: int = 64
    width: int = 12
    phantoms: int = 60
    patients: int = 60
    held_out: int = 12
    threads: int = 2
    seed: int = 1

    @property
    def said(self) -> str:
        """How much training, in words."""
        return f"{self.steps} steps" if self.steps else f"{self.minutes:g} minutes"

    @property
    def option(self) -> str:
        """How much training, on the command line."""
        return f"--steps {self.steps}" if self.steps else f"--minutes {self.minutes:g}"

    def phantom_options(self) -> dict[str, Any]:
        """Of the data set ``phantom``."""
        return {"clips": {"train": self.phantoms, "valid": self.held_out}, "views": ["A4C"], "frames": 24}


def recipe_of(variant: Variant, budget: Budget, camus: Path | None, phantom_cache: Path) -> Recipe:
    """The recipe of a variant; nothing is chosen on the clips that are evaluated.

    Parameters
    ----------
    camus: a CAMUS folder whose ``train`` holds the patients to learn from, or None.
    phantom_cache: where simulated clips are kept.
    """
    data: list[dict[str, Any]] = [
        {"kind": "phantom", "folder": str(phantom_cache), "share": 0.5, "options": budget.phantom_options()}
    ]
    if camus is not None:
        data.append({"kind": "pseudo_camus", "folder": str(camus), "share": 0.5, "options": {"views": ["4CH"]}})
    shown = _CLIP if variant.takes_clips else _FRAME
    content = {
        "name": f"peer-{variant.key}",
        "architecture": variant.architecture,
        "configuration": variant.configuration(budget.width),
        "size": [budget.size, budget.size],
        "data": data,
        "window": shown,
        "augmentation": _AUGMENTATION,
        "optimiser": {"name": "adamw", "learning_rate": 0.003, "weight_decay": 0.01},
        "losses": {"reconstruction": 0.5},
        "steps": budget.steps or 20_000,
        "epoch_examples": 240,
        "max_minutes": None if budget.steps else budget.minutes,
        "batch": _FRAMES_A_STEP // shown["outputs"],
        "precision": "32-true",
        "average": 0.99,
        "seed": budget.seed,
        "card": {
            "views": ["A4C"],
            "training_data": "hearts simulated by EchoODE" + (" and pairs of CAMUS in motion" if camus else ""),
            "licence": "CC BY-NC-SA 4.0" if camus else "Apache-2.0",
            "citation": "EchoODE",
            "intended_use": "To compare networks under one small budget.",
            "limits": "Not a medical device, and no model for clips of patients.",
        },
    }
    return make_recipe(content)
