"""Models that Segment sequence offers: shipped ones and one's own, which are installed, imported and deleted here."""

from __future__ import annotations

import hashlib
import importlib.util
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from EchoODELib.engine.errors import OutputError, WeightsError

from ..run_files import MODEL
from .recipes import SEGMENTATION, can_read

if TYPE_CHECKING:
    from EchoODELib.engine.weights import ModelCard


@dataclass(frozen=True)
class InstalledModel:
    """A model as the list shows it.

    Attributes
    ----------
    own: it can be deleted.
    use: what it is for; of a damaged one, what is wrong with it.
    draws: whether it draws masks; others answer about whole clips.
    """

    name: str
    architecture: str
    own: bool
    use: str
    licence: str = ""
    draws: bool = True


def known() -> list[InstalledModel]:
    """All models that are found, damaged ones too, by name; none before the first run, which brings PyYAML."""
    if importlib.util.find_spec("yaml") is None:
        return []
    from EchoODELib.engine.weights import model_folders, own_models_folder, read_card

    found: dict[str, InstalledModel] = {}
    for folder in model_folders():
        own = folder == own_models_folder()
        for path in sorted(folder.glob("*.yaml")):
            if path.stem in found:
                continue
            try:
                card = read_card(path)
            except WeightsError as error:
                found[path.stem] = InstalledModel(path.stem, "?", own, str(error))
                continue
            use, licence = card.intended_use.strip(), card.licence.strip()
            found[card.name] = InstalledModel(card.name, card.architecture, own, use, licence, _draws(card))
    return [found[name] for name in sorted(found)]


def draws_masks(card: Path) -> bool:
    """Whether a model draws masks, by its card; one that can't be read may."""
    if not can_read():
        return True
    from EchoODELib.engine.weights import read_card

    with suppress(WeightsError):
        return _draws(read_card(card))
    return True


def _draws(card: ModelCard) -> bool:
    return card.task == SEGMENTATION


def install(card: Path | None) -> str:
    """Copy a model to one's own, card, weights and known embeddings; its name there, with a number behind it where that
    is taken.

    Raises
    ------
    WeightsError: no card, or the weights or the known embeddings are missing or damaged.
    OutputError: the folder of one's own models can't be written.
    """
    if card is None or not card.is_file():
        raise WeightsError("The run has made no model yet: let it train until its first validation.")
    from EchoODELib.engine.weights import own_models_folder, read_card

    read = read_card(card)
    content, known = _weights(read), _known(read)
    name = _free_name(read, own_models_folder())
    _write(own_models_folder(), name, card, content, known)
    return name


def import_folder(folder: Path) -> list[str]:
    """Install every model of a folder; their names.

    Raises
    ------
    WeightsError: there is none, or one is damaged; then none is installed.
    OutputError: the folder of one's own models can't be written.
    """
    from EchoODELib.engine.weights import own_models_folder, read_card

    paths = sorted(folder.glob("*.yaml")) or sorted((folder / MODEL).glob("*.yaml"))
    if not paths:
        raise WeightsError(f"There is no model in {folder}: choose a folder with a card (NAME.yaml) and its weights.")
    if folder.resolve() == own_models_folder().resolve():
        raise WeightsError("These models are installed already.")
    for path in paths:
        _weights(read_card(path))
        _known(read_card(path))
    return [install(path) for path in paths]


def delete(name: str) -> None:
    """Delete a model of one's own.

    Raises
    ------
    WeightsError: a shipped one, or none of this name.
    OutputError: it can't be deleted.
    """
    from EchoODELib.engine.known_embeddings import known_file
    from EchoODELib.engine.weights import own_models_folder, read_card

    card = own_models_folder() / f"{name}.yaml"
    if not card.is_file():
        raise WeightsError(f"{name} is not a model of your own, and can't be deleted.")
    weights = card.with_suffix(".safetensors")
    with suppress(WeightsError):  # a damaged card names no weights that could be trusted
        weights = read_card(card).path
    try:
        card.unlink()
        card.with_name(known_file(name)).unlink(missing_ok=True)
        if weights.parent == card.parent:
            weights.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{name} can't be deleted ({_reason(error)}).") from error


def _weights(card: ModelCard) -> bytes:
    """A model's weights, as their checksum says."""
    try:
        content = card.path.read_bytes()
    except OSError as error:
        raise WeightsError(f"The weights {card.weights} of {card.name} are missing; get the model again.") from error
    if hashlib.sha256(content).hexdigest() != card.sha256:
        raise WeightsError(f"The weights {card.weights} are damaged: their checksum differs; get the model again.")
    return content


def _known(card: ModelCard) -> bytes | None:
    """The known embeddings that a model brings, as their checksum says; None where it brings none."""
    from EchoODELib.engine.known_embeddings import known_content

    return known_content(card) if "known" in card.use else None


def _free_name(card: ModelCard, folder: Path) -> str:
    """The model's name, or with a number where another model has it; installed again, it keeps its name."""
    from EchoODELib.engine.weights import model_folders, read_card

    taken = {path.stem for other in model_folders() for path in other.glob("*.yaml")}
    for number in range(1, 1000):
        name = card.name if number == 1 else f"{card.name}-{number}"
        if name not in taken:
            return name
        with suppress(WeightsError):
            if (folder / f"{name}.yaml").is_file() and read_card(folder / f"{name}.yaml").sha256 == card.sha256:
                return name
    raise OutputError(f"There are too many models called {card.name}; delete some.")


def _write(folder: Path, name: str, card: Path, content: bytes, known: bytes | None) -> None:
    """Write weights and known embeddings, then the card, which makes the model known."""
    import yaml
    from EchoODELib.engine.export.atomic import write_bytes
    from EchoODELib.engine.known_embeddings import known_file

    fields: dict[str, Any] = yaml.safe_load(card.read_text(encoding="utf-8"))
    fields.update(name=name, weights=f"{name}.safetensors")
    write_bytes(folder / f"{name}.safetensors", content)
    if known is not None:
        fields["use"]["known"]["file"] = known_file(name)
        write_bytes(folder / known_file(name), known)
    text = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=100)
    write_bytes(folder / f"{name}.yaml", text.encode())


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
