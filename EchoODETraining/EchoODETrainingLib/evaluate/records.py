"""What an evaluation puts down beside its numbers: which model, which clips, and what went wrong."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from EchoODELib.engine.models.registry import ARCHITECTURES
from EchoODELib.engine.segment import Segmenter
from EchoODELib.engine.weights import COMBINATION, ModelCard, find_card

from ..datasets.clips import LabelledClip


@dataclass(frozen=True)
class ModelFacts:
    """Which model it was, and how it was used."""

    name: str
    sha256: str
    architecture: str
    takes_clips: bool
    input_size: tuple[int, int]
    views: tuple[str, ...]
    training_data: str
    licence: str
    device: str
    settings: dict[str, Any]


@dataclass(frozen=True)
class DataFacts:
    """Which clips they were; ``sha256`` is over names, frames and masks in order."""

    data_set: str
    kinds: tuple[str, ...]
    split: str
    clips: int
    patients: int
    frames: int
    labelled_frames: int
    sha256: str


@dataclass
class DataCount:
    """Counts and sums up clips as they pass."""

    kind: str
    split: str
    digest: Any = field(default_factory=hashlib.sha256)
    kinds: dict[str, None] = field(default_factory=dict)
    patients: set[str] = field(default_factory=set)
    counts: list[int] = field(default_factory=lambda: [0, 0, 0])

    def add(self, clip: LabelledClip) -> None:
        """Count a clip."""
        for part in (clip.name.encode(), clip.frames.tobytes(), clip.masks.tobytes()):
            self.digest.update(part)
        self.kinds[clip.kind] = None
        self.patients.add(clip.patient)
        for place, count in enumerate((1, len(clip), int(clip.labelled.sum()))):
            self.counts[place] += count

    def facts(self) -> DataFacts:
        """What has passed."""
        sha = self.digest.hexdigest()
        return DataFacts(
            self.kind, tuple(self.kinds), self.split, self.counts[0], len(self.patients), *self.counts[1:], sha
        )


class Failures:
    """What went wrong, for the person at the terminal and for a report that others read."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.shared: list[tuple[str, str]] = []

    def add(self, what: str, why: str, *, shared: tuple[str, str] | None = None) -> None:
        """Put a failure down; ``shared`` says it without names."""
        self.told.append((what, why))
        self.shared.append((what, why) if shared is None else shared)


def model_facts(name: str, segmenter: Segmenter) -> ModelFacts:
    """Which model a segmenter holds, under the name that it goes by here, and how it uses it."""
    card = segmenter.card
    return ModelFacts(
        name=name,
        sha256=card.sha256,
        architecture=card.architecture,
        takes_clips=sees_clips(card),
        input_size=card.input_size,
        views=card.views,
        training_data=card.training_data,
        licence=card.licence,
        device=segmenter.device.type,
        settings={"flips": segmenter.flips, "clean": segmenter.clean, **segmenter.smoothing.settings},
    )


def sees_clips(card: ModelCard) -> bool:
    """Whether a model, or a member of it, looks at windows of a clip rather than at single frames."""
    if card.architecture == COMBINATION:
        return any(sees_clips(find_card(member["model"])) for member in card.configuration["members"])  # type: ignore[attr-defined]
    module, name = ARCHITECTURES[card.architecture]
    return bool(getattr(import_module(f"EchoODELib.engine.models.{module}"), name).takes_clips)
