"""Recipes that can be chosen, and what a person changes of one before it is trained."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from EchoODELib.engine.errors import EchoODEError, OutputError

from .data import CAMUS, MOVED, SIMULATED, DataChoice

FOLDER = Path(__file__).parents[1] / "recipes"
FIRST = "echo_ode_apical"
SIZES = ((64, 64), (96, 96), (112, 112), (128, 160), (192, 224), (256, 256))
"""(rows, columns) that are offered beside the recipe's own."""
ASKED = "asked"
SEGMENTATION = "segmentation"


class UnusableRecipe(EchoODEError):
    """A recipe can't be read."""


@dataclass(frozen=True)
class Changes:
    """What differs from the recipe; what is empty or 0 stays as it says.

    Attributes
    ----------
    size: (rows, columns).
    epochs, minutes: how long; one of both.
    frames: of a clip, for networks of whole clips.
    data: the data sets that take the place of the recipe's own; with none, its own are used.
    """

    name: str = ""
    architecture: str = ""
    size: tuple[int, int] = (0, 0)
    epochs: int = 0
    minutes: int = 0
    batch: int = 0
    frames: int = 0
    data: tuple[DataChoice, ...] = ()


@dataclass(frozen=True)
class Setup:
    """Everything that decides a run: a recipe's file, what is changed of it, and where it is trained."""

    recipe: Path
    changes: Changes = field(default_factory=Changes)
    device: str = "auto"


def shipped_recipes() -> list[Path]:
    """Files of the recipes that come with the module: the default model's, ours by name, the papers' as published."""
    return sorted(FOLDER.glob("*.yaml"), key=lambda path: (path.stem != FIRST, path.stem.endswith("_paper"), path.stem))


def can_read() -> bool:
    """Whether recipes can be read already: PyYAML comes with the first run."""
    return importlib.util.find_spec("yaml") is not None


def read(path: Path) -> dict[str, Any]:
    """A recipe's fields; whether they fit is for the trainer to say.

    Raises
    ------
    UnusableRecipe: no such file, or no YAML mapping.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UnusableRecipe(
            f"The recipe {path.name} can't be read: choose a YAML file such as the shipped ones."
        ) from error
    if not isinstance(content, dict):
        raise UnusableRecipe(f"The recipe {path.name} is not a list of fields: choose one such as the shipped ones.")
    return content


def task_of(content: Mapping[str, Any]) -> str:
    """What a recipe's network is for: masks, unless it says otherwise."""
    return str(content.get("task") or SEGMENTATION)


def needed_kinds(content: Mapping[str, Any]) -> list[str]:
    """Data set kinds that a recipe asks for, each once, in order."""
    kinds = [str(one.get("kind", "")) for one in _sources(content)]
    return list(dict.fromkeys(kind for kind in kinds if kind))


def options_of(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Kind of a data set -> what the recipe opens it with; of several, what it is chosen on."""
    found: dict[str, dict[str, Any]] = {}
    for source in sorted(_sources(content), key=lambda one: one.get("split") == "valid"):
        if isinstance(source.get("options"), Mapping):
            found[str(source.get("kind", ""))] = dict(source["options"])
    return found


def changed(content: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """A recipe's fields with a person's changes."""
    made = dict(content)
    if changes.name:
        made["name"] = changes.name
    if changes.architecture and changes.architecture != made.get("architecture"):
        made.update(_of_architecture(changes.architecture, made))
    if changes.size != (0, 0):
        made["size"] = list(changes.size)
        made.pop("before", None)
    if changes.epochs:
        for other in ("steps", "before", "max_minutes"):
            made.pop(other, None)
        made["epochs"] = changes.epochs
        if made.get("head_epochs"):
            # The second stage keeps its share; where it is all of the run, it stays so.
            share = made["head_epochs"] / (content.get("epochs") or made["head_epochs"])
            made["head_epochs"] = min(changes.epochs, max(1, round(share * changes.epochs)))
    if changes.minutes:
        made["max_minutes"] = changes.minutes
    if changes.batch:
        made["batch"] = changes.batch
    if changes.frames and task_of(made) != SEGMENTATION:
        made["clips"] = {**(made.get("clips") or {}), "frames": changes.frames}
    if changes.data:
        made["data"] = _chosen(changes.data, _sources(content))
    return made


def write_asked(folder: Path, setup: Setup) -> Path:
    """Write the recipe of a setup into a folder.

    Raises
    ------
    UnusableRecipe: it can't be read.
    OutputError: the folder can't be written.
    """
    import yaml

    text = yaml.safe_dump(changed(read(setup.recipe), setup.changes), sort_keys=False, allow_unicode=True, width=100)
    path = folder / ASKED / f"{setup.recipe.stem}.yaml"  # by its own name, which the trainer's messages tell
    try:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise OutputError(f"The folder {folder} can't be written ({reason}): choose another one.") from error
    return path


def _sources(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    sources = content.get("data")
    return [one for one in sources if isinstance(one, Mapping)] if isinstance(sources, Sequence) else []


def _chosen(choices: Sequence[DataChoice], known: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The recipe's sources with a person's data in their place.

    A data set that the recipe has is used as the recipe says, one that it lacks is learned from and chosen on. What is
    made of a data set (CAMUS, moved) stays with it, and so do the simulated hearts of a recipe that mixes them in.
    """
    folders = {choice.kind: choice.folder for choice in choices}
    if CAMUS in folders:
        folders.setdefault(MOVED, folders[CAMUS])
    mixed = {one.get("kind") for one in known} != {SIMULATED}
    kept = [dict(one) for one in known if one.get("kind") in folders or (mixed and one.get("kind") == SIMULATED)]
    for one in kept:
        if (folder := folders.get(one["kind"])) is not None:
            one["folder"] = str(folder)
    shares = [one["share"] for one in kept if one.get("share") is not None and one.get("split") != "valid"]
    share = {"share": sum(shares) / len(shares)} if shares else {}
    for choice in choices:
        if choice.kind not in {one.get("kind") for one in known}:
            folder = {} if choice.folder is None else {"folder": str(choice.folder)}
            kept.append({"kind": choice.kind, "split": "train", **share, **folder})
            kept.append({"kind": choice.kind, "split": "valid", **folder})
    return kept


def _of_architecture(architecture: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Fields that go with an architecture: those of a shipped recipe that has it, or its own defaults."""
    for path in shipped_recipes():
        other = read(path)
        if other.get("architecture") == architecture and other.get("labels") == content.get("labels"):
            fields = ("configuration", "window", "losses", "lines")
            return {"architecture": architecture, **{name: other[name] for name in fields if name in other}}
    labels = content.get("labels")
    classes = len(labels) if isinstance(labels, list) else 4
    return {"architecture": architecture, "configuration": {"in_channels": 1, "classes": classes}}
