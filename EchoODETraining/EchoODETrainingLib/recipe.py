"""A recipe: everything that decides a training run, in one YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml
from EchoODELib.engine.errors import WeightsError

from .augment import Augmentation

RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class Stage:
    """A part of a run at one input size: ``epochs`` passes over the real frames."""

    size: tuple[int, int]
    epochs: int


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes
    ----------
    name: of the model that comes out.
    architecture, configuration: as ``build_model`` takes them.
    stages: coarse to fine; the last one's size becomes the model's input size.
    card: texts of the model card (training_data, licence, citation, intended_use, limits, views).
    augmentation: random changes of the training frames.
    phantom_clips, phantom_frames, phantom_share: simulated clips, frames of each, and the share of
        every batch that they make up (all of it where there are no real frames).
    batch: frames a step.
    learning_rate, weight_decay: AdamW's; the rate rises over ``warm_up`` of the steps, then falls as a cosine.
    average: decay per step of the weights' exponential moving average, which is what is kept.
    seed: of weights, order and random changes.
    start_from: a model's name to continue from (fine-tuning on one's own data), or "".
    half: compute in bfloat16.
    """

    name: str
    architecture: str
    configuration: Mapping[str, Any]
    stages: tuple[Stage, ...]
    card: Mapping[str, Any]
    augmentation: Augmentation = field(default_factory=Augmentation)
    phantom_clips: int = 0
    phantom_frames: int = 12
    phantom_share: float = 0.0
    batch: int = 8
    learning_rate: float = 2e-3
    weight_decay: float = 2e-2
    warm_up: float = 0.05
    average: float = 0.999
    seed: int = 0
    start_from: str = ""
    half: bool = True


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from ``path``, or from the shipped ones if there is no such file.

    Raises
    ------
    WeightsError: no such recipe, or one that can't be understood.
    """
    found = next((p for p in (path, RECIPES / path.name, RECIPES / f"{path.name}.yaml") if p.is_file()), None)
    if found is None:
        shipped = ", ".join(sorted(p.name for p in RECIPES.glob("*.yaml")))
        raise WeightsError(f"There is no recipe {path}; give a YAML file or one of: {shipped}.")
    try:
        content = yaml.safe_load(found.read_text(encoding="utf-8"))
        stages = tuple(Stage((s["size"][0], s["size"][1]), s["epochs"]) for s in content.pop("stages"))
        augmentation = dict(content.pop("augmentation", {}))
        if "scale" in augmentation:
            augmentation["scale"] = tuple(augmentation["scale"])
        recipe = Recipe(**content, stages=stages, augmentation=Augmentation(**augmentation))
    except (yaml.YAMLError, AttributeError, KeyError, IndexError, TypeError) as error:
        known = ", ".join(f.name for f in fields(Recipe))
        raise WeightsError(
            f"The recipe {found.name} can't be understood ({error}); its fields are: {known}."
        ) from error
    if not stages:
        raise WeightsError(f"The recipe {found.name} has no stages; give at least one size with its epochs.")
    return recipe
