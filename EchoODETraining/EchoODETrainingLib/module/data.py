"""Data sets that can be chosen, and what is found in a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .process import Errand, python_command

SIMULATED, OWN, CAMUS, MOVED = "phantom", "exports", "camus", "pseudo_camus"
KIND_NAMES = {
    CAMUS: "CAMUS",
    "echonet_dynamic": "EchoNet-Dynamic",
    "echonet_lvh": "EchoNet-LVH",
    "hmc_qu": "HMC-QU",
    "ted": "TED",
    OWN: "Own clips (exports, scenes)",
    MOVED: "CAMUS in motion",
    SIMULATED: "Simulated hearts",
    "hard_phantom": "Simulated hearts whose echo comes and goes",
    "view_folder": "Clips in folders by view",
    "other_phantom": "Simulated clips of no view",
    "other_camus": "CAMUS, made to no view",
    "restyled_phantom": "Simulated hearts in the texture of CAMUS",
}
"""Kind, as command line and recipes name it -> its name for people."""


@dataclass(frozen=True)
class DataChoice:
    """A data set that was chosen; ``folder`` is None for one that needs no files."""

    kind: str
    folder: Path | None = None

    @classmethod
    def parse(cls, text: str) -> DataChoice:
        """Out of ``KIND=FOLDER`` or ``KIND``."""
        kind, _, folder = text.partition("=")
        return cls(kind, Path(folder) if folder else None)

    def __str__(self) -> str:
        return self.kind if self.folder is None else f"{self.kind}={self.folder}"

    @property
    def title(self) -> str:
        """For people."""
        return KIND_NAMES.get(self.kind, self.kind)


@dataclass(frozen=True)
class Found:
    """What a data set holds.

    Attributes
    ----------
    clips, patients: by split.
    labelled_frames: with a mask or landmarks.
    exact: whether all clips were read for that, or some, and the rest reckoned.
    notes: of clips that can't be read.
    """

    clips: dict[str, int]
    patients: dict[str, int]
    labelled_frames: int
    exact: bool = True
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, document: dict[str, Any]) -> Found:
        """Out of a survey's answer."""
        return cls(
            clips=dict(document["clips"]),
            patients=dict(document["patients"]),
            labelled_frames=int(document["labelled_frames"]),
            exact=bool(document["exact"]),
            notes=tuple(document["notes"]),
        )

    @property
    def trains(self) -> bool:
        """Whether there is anything to train on."""
        return self.clips.get("train", 0) > 0


Options = Mapping[str, Any]
"""What a data set is opened with besides its folder, as a recipe says."""


def key_of(choice: DataChoice, options: Options) -> str:
    """Tells what was looked into: the data set, and how it is opened."""
    return f"{choice} {json.dumps(options, sort_keys=True)}" if options else str(choice)


def look_into(choice: DataChoice, options: Options) -> Errand:
    """Start looking what a data set holds; its answer is for :meth:`Found.of`.

    Raises
    ------
    OutputError, ProcessFailed: it can't be started.
    """
    return Errand(python_command("EchoODETrainingLib.module.survey", choice, json.dumps(dict(options))))
