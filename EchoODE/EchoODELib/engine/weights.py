"""Model cards and weights: found by name, verified by checksum, never unpickled.

A model is a folder's pair of files: ``NAME.yaml``, its card, and the safetensors file that the card
names. The shipped ones lie in the repository's ``Resources/Models``; further folders are named by the
environment variable ``ECHOODE_MODELS`` (separated as in PATH) and come first.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from .errors import WeightsError
from .export.atomic import write_bytes
from .models import ARCHITECTURES, build_model

if TYPE_CHECKING:
    import torch
    from torch import nn

MODELS_VARIABLE = "ECHOODE_MODELS"
DEFAULT_MODEL = "echo-ode-camus-a4c"
DEFAULT_EF_MODEL = "coreecho-l1-small"
COMBINATION = "combination"
"""The architecture of a card that has no weights, but names other models, see :mod:`.combination`."""
TASKS = ("segmentation", "ejection_fraction", "infarction")
"""What a model can be for: masks, percent of a clip, or whether a clip shows an infarction (a logit)."""


@dataclass(frozen=True)
class ModelCard:
    """What a model is, what it was made from, what it can and can't do.

    Attributes
    ----------
    name: as it is asked for; also the card's file name.
    task: one of :data:`TASKS`.
    architecture, configuration: how :func:`~.models.build_model` makes the network.
    input_size: (rows, columns) that a frame's sector is fitted into.
    labels: names of the network's channels in order: classes from the background on, or its values' names.
    views: standard views it was trained for.
    weights: name of the safetensors file beside the card; empty for a combination.
    sha256: checksum of that file, or of the combined models' checksums.
    training_data: what it was trained and chosen on.
    licence: terms of the weights.
    citation: what to cite with results.
    figures: what it reached, by data set, in words and numbers.
    intended_use, limits: for whom and what, and where it fails.
    use: what was found best on the data it was chosen on: flips (bool), smoothing (seconds), half (bool:
        bfloat16 loses nothing); of a network that takes clips how its windows are, see ``windows_over_time.WindowUse``,
        or how its clips are sampled, see ``clips_over_time.ClipUse``.
    training: settings that made it.
    folder: where the card was found; not part of the file.
    """

    name: str
    task: str
    architecture: str
    configuration: Mapping[str, object]
    input_size: tuple[int, int]
    labels: tuple[str, ...]
    views: tuple[str, ...]
    weights: str
    sha256: str
    training_data: str
    licence: str
    citation: str
    intended_use: str
    limits: str
    figures: Mapping[str, object] = field(default_factory=dict)
    use: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, object] = field(default_factory=dict)
    folder: Path = field(default=Path(), compare=False)

    @property
    def path(self) -> Path:
        """The weight file."""
        return self.folder / self.weights

    @property
    def checksum(self) -> str:
        """Of all that its answers come from: the weights and, where it brings them, its known embeddings."""
        known = self.use.get("known")
        return f"{self.sha256}+{known.get('sha256')}" if isinstance(known, Mapping) else self.sha256


def own_models_folder() -> Path:
    """Where models of one's own are installed: the first folder of ECHOODE_MODELS, or one among the user's data."""
    named = next((part for part in os.environ.get(MODELS_VARIABLE, "").split(os.pathsep) if part), "")
    if named:
        return Path(named)
    if sys.platform == "win32":
        place = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        place = Path.home() / "Library" / "Application Support"
    else:
        place = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return place / "EchoODE" / "Models"


def model_folders() -> list[Path]:
    """Folders that are searched for models, the first match winning: ECHOODE_MODELS, one's own, the shipped ones.

    The shipped folder is ``Resources/Models`` beside the package, in one of the folders above it: so it
    lies in the repository, and so it is installed into Slicer.
    """
    named = [Path(part) for part in os.environ.get(MODELS_VARIABLE, "").split(os.pathsep) if part]
    parents = Path(__file__).resolve().parents
    shipped = [folder / "Resources" / "Models" for folder in parents[1:6]]
    return [folder for folder in dict.fromkeys((*named, own_models_folder(), *shipped)) if folder.is_dir()]


def list_models() -> list[ModelCard]:
    """The cards of all models found, by name; of two with one name, the one that would be loaded.

    Raises
    ------
    WeightsError: a card that can't be read.
    """
    found: dict[str, ModelCard] = {}
    for folder in model_folders():
        for path in sorted(folder.glob("*.yaml")):
            if path.stem not in found:
                found[path.stem] = read_card(path)
    return [found[name] for name in sorted(found)]


def models_for(task: str) -> list[ModelCard]:
    """The cards of all models for one of :data:`TASKS`: the default first, where it is installed, others by name.

    Raises
    ------
    WeightsError: a card that can't be read.
    """
    first = (DEFAULT_MODEL, DEFAULT_EF_MODEL)
    return sorted((card for card in list_models() if card.task == task), key=lambda card: card.name not in first)


def find_card(name: str) -> ModelCard:
    """The card of the model ``name``.

    Raises
    ------
    WeightsError: no such model, or its card can't be read.
    """
    folders = model_folders()
    for folder in folders:
        path = folder / f"{name}.yaml"
        if path.parent == folder and path.is_file():
            return read_card(path)
    known = ", ".join(sorted({path.stem for folder in folders for path in folder.glob("*.yaml")})) or "none"
    raise WeightsError(
        f"There is no model “{name}” (found: {known}); name one of these, or set {MODELS_VARIABLE} to its folder."
    )


def read_card(path: Path) -> ModelCard:
    """Read and check a card.

    Raises
    ------
    WeightsError: not YAML, a field missing, unknown or of the wrong kind.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise WeightsError(f"The model card {path.name} can't be read; get the model again.") from error
    if not isinstance(content, dict):
        raise WeightsError(f"The model card {path.name} is not a list of fields; get the model again.")
    known = {f.name: f for f in fields(ModelCard) if f.name != "folder"}
    required = {name for name, f in known.items() if f.default is MISSING and f.default_factory is MISSING}
    for problem, names in (("lacks", required - set(content)), ("has unknown", set(content) - set(known))):
        if names:
            listed = ", ".join(sorted(str(name) for name in names))
            raise WeightsError(f"The model card {path.name} {problem} {listed}; correct it or get the model again.")
    for name, value in content.items():
        if not isinstance(value, _KINDS.get(name, str)):
            raise WeightsError(f"In the model card {path.name}, {name} has a wrong kind of value; correct it.")
    if content["task"] not in TASKS:
        raise WeightsError(f"This version doesn't know the task “{content['task']}” of {path.name}.")
    size, labels, least = content["input_size"], content["labels"], 2 if content["task"] == "segmentation" else 1
    sized = len(size) == 2 and all(type(side) is int and 0 < side <= 4096 for side in size)
    if not sized or len(labels) < least or Path(content["weights"]).name != content["weights"]:
        raise WeightsError(
            f"The model card {path.name} needs an input_size of two sides, {('', 'a label', 'two labels')[least]} or "
            "more, and a bare file name as weights."
        )
    if content["name"] != path.stem:
        raise WeightsError(f"The model card {path.name} is for “{content['name']}”; name the file after its model.")
    if content["architecture"] not in (*ARCHITECTURES, COMBINATION):
        raise WeightsError(f"This version doesn't know the architecture “{content['architecture']}” of {path.name}.")
    tuples = {name: tuple(content[name]) for name in ("input_size", "labels", "views")}
    return ModelCard(**{**content, **tuples, "folder": path.parent})


# What isn't here is text.
_KINDS: dict[str, type] = {
    "configuration": dict,
    "input_size": list,
    "labels": list,
    "views": list,
    "figures": dict,
    "use": dict,
    "training": dict,
}


def load_model(name: str = DEFAULT_MODEL, device: str | torch.device = "cpu") -> tuple[nn.Module, ModelCard]:
    """Build a model by name and fill it with its verified weights.

    Returns
    -------
    The network in float32 and evaluation mode on ``device``, and its card.

    Raises
    ------
    WeightsError: no such model, weights missing or damaged, or not fitting the architecture.
    """
    card = find_card(name)
    return load_network(card).to(device), card


def load_network(card: ModelCard) -> nn.Module:
    """A card's network, filled with its verified weights: in float32 and evaluation mode, on the CPU.

    Raises
    ------
    WeightsError: weights missing or damaged, or not fitting the architecture.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    if card.architecture == COMBINATION:
        raise WeightsError(f"{card.name} combines several models and has no weights of its own; segment clips with it.")
    try:
        content = card.path.read_bytes()
    except OSError as error:
        raise WeightsError(f"The weights {card.weights} of {card.name} are missing; get the model again.") from error
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise WeightsError(f"The weights {card.weights} are damaged: their checksum differs; get the model again.")
    network = build_model(card.architecture, **card.configuration)
    try:
        state = {key: value.float() if value.is_floating_point() else value for key, value in load(content).items()}
        network.load_state_dict(state)
    except (SafetensorError, RuntimeError) as error:
        raise WeightsError(f"The weights {card.weights} don't fit the model on the card of {card.name}.") from error
    return network.eval()


def save_model(network: nn.Module, card: ModelCard, folder: Path) -> ModelCard:
    """Write a network's weights as float16 safetensors and its card beside them.

    Parameters
    ----------
    network: of the card's architecture and configuration.
    card: ``weights``, ``sha256`` and ``folder`` are filled in here.
    folder: made if absent.

    Returns
    -------
    The card as written.

    Raises
    ------
    OutputError: the folder can't be written, or the disk is full; nothing half written is left.
    """
    import torch
    from safetensors.torch import save

    state = {
        key: (value.half() if value.dtype == torch.float32 else value).cpu().contiguous()
        for key, value in network.state_dict().items()
    }
    # One key only: several are written in random order, and equal weights should give equal files.
    content = save(state, metadata={"format": "pt"})
    card = replace(card, weights=f"{card.name}.safetensors", sha256=hashlib.sha256(content).hexdigest(), folder=folder)
    write_bytes(card.path, content)
    write_card(card)
    return card


def write_card(card: ModelCard) -> None:
    """Write a card into its folder, which is made if absent.

    Raises
    ------
    OutputError: the folder can't be written, or the disk is full.
    """
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(card).items()}
    del plain["folder"]
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
    write_bytes(card.folder / f"{card.name}.yaml", text.encode())
