"""The state of a run on disk: tensors as safetensors, the rest as JSON with their checksum.

At every moment of a write there is a whole state in the folder: the new one is written beside the last,
which becomes the previous one, and a state is read from whichever pair of files belongs together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from EchoODELib.engine.errors import OutputError
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from .errors import TrainingError

FORMAT = 1


@dataclass
class Progress:
    """How far a run is.

    Attributes
    ----------
    step, steps: steps done, and in all.
    seconds: spent so far.
    best: figures of the best validation so far, by name.
    best_figure: the one number of it that is compared.
    looks_since_best: validations since then.
    rate_factor: what the schedule's learning rate is multiplied with, below 1 after a rescue.
    losses, loss_count: sum and number of the losses of the epoch so far.
    """

    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    best: dict[str, float] = field(default_factory=dict)
    best_figure: float | None = None
    looks_since_best: int = 0
    rate_factor: float = 1.0
    losses: float = 0.0
    loss_count: int = 0


@dataclass
class State:
    """What a checkpoint holds: tensors by name, and the rest."""

    tensors: dict[str, Tensor]
    progress: Progress
    numbers: dict[str, Any]

    def averaged(self) -> dict[str, Tensor]:
        """The averaged network's own state, as its ``load_state_dict`` takes it."""
        own = "average.module."  # as torch's AveragedModel names it
        return {key.removeprefix(own): value for key, value in self.tensors.items() if key.startswith(own)}


def capture(network: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer, progress: Progress) -> State:
    """The state of a run, copied to the CPU's memory."""
    tensors = {f"network.{key}": value for key, value in network.state_dict().items()}
    tensors |= {f"average.{key}": value for key, value in average.state_dict().items()}
    numbers: dict[str, Any] = {}
    for index, moments in optimiser.state_dict()["state"].items():
        for name, value in moments.items():
            if isinstance(value, Tensor):
                tensors[f"optimiser.{index}.{name}"] = value
            else:
                numbers[f"{index}.{name}"] = value
    copied = {key: value.detach().to("cpu", copy=True).contiguous() for key, value in tensors.items()}
    return State(copied, Progress(**asdict(progress)), numbers)


def restore(
    state: State, network: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer | None = None
) -> Progress:
    """Put a state back.

    Raises
    ------
    TrainingError: it is of another network.
    """
    parts: dict[str, dict[str, Tensor]] = {"network": {}, "average": {}}
    moments: dict[int, dict[str, Any]] = {}
    for key, value in state.tensors.items():
        part, _, rest = key.partition(".")
        if part == "optimiser":
            index, _, name = rest.partition(".")
            moments.setdefault(int(index), {})[name] = value
        else:
            parts[part][rest] = value
    for key, number in state.numbers.items():
        index, _, name = key.partition(".")
        moments.setdefault(int(index), {})[name] = number
    try:
        network.load_state_dict(parts["network"])
        average.load_state_dict(parts["average"])
        if optimiser is not None:
            groups = optimiser.state_dict()["param_groups"]
            optimiser.load_state_dict({"state": moments, "param_groups": groups})
    except (RuntimeError, ValueError) as error:
        raise TrainingError("The checkpoint is of another network; give the recipe that the run began with.") from error
    return Progress(**asdict(state.progress))


class Checkpoints:
    """The states of one run in its folder: ``last``, ``previous`` and ``best``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def empty(self) -> bool:
        """Whether nothing was ever written."""
        return not any(self.folder.glob("*.json"))

    def save(self, state: State, *, best: bool = False) -> None:
        """Write a state as the last one, or as the best.

        Raises
        ------
        OutputError: the disk is full or can't be written; the states before are still there.
        """
        name = "best" if best else "last"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            content = save(state.tensors, metadata={"format": "pt"})
            document = {
                "format": FORMAT,
                "sha256": hashlib.sha256(content).hexdigest(),
                "progress": asdict(state.progress),
                "numbers": state.numbers,
            }
            self._file(f"new-{name}", "safetensors").write_bytes(content)
            self._file(f"new-{name}", "json").write_text(json.dumps(document, indent=1), encoding="utf-8")
            for kind in ("safetensors", "json"):
                if not best and self._file(name, kind).exists():
                    self._file(name, kind).replace(self._file("previous", kind))
            for kind in ("safetensors", "json"):
                self._file(f"new-{name}", kind).replace(self._file(name, kind))
        except OSError as error:
            for kind in ("safetensors", "json"):
                self._file(f"new-{name}", kind).unlink(missing_ok=True)
            raise OutputError(
                f"The checkpoint could not be written ({(error.strerror or str(error)).lower()}); make room on the "
                "disk and go on with --resume: the one before is still there."
            ) from error

    def load(self, say: Callable[[str], None] = lambda message: None) -> State:
        """The newest whole state; ``say`` is told if the last one is damaged.

        Raises
        ------
        TrainingError: there is none.
        """
        names = ("new-last", "last", "previous")
        found = {name: document for name in names if (document := self._document(name)) is not None}
        damaged = not {"new-last", "last"} & set(found)
        for name, document in sorted(found.items(), key=lambda one: one[1]["progress"]["step"], reverse=True):
            content = self._content(document["sha256"], (name, *names))
            if content is None:
                damaged = True
                continue
            if damaged:
                step = document["progress"]["step"]
                say(f"The last checkpoint is damaged; the one before it, of step {step}, is used.")
            return State(content, Progress(**document["progress"]), document["numbers"])
        raise TrainingError(f"There is no whole checkpoint in {self.folder}; begin the run anew in another folder.")

    def load_best(self) -> State | None:
        """The best state, or None where there is none that is whole."""
        document = self._document("best")
        content = None if document is None else self._content(document["sha256"], ("best", "new-best"))
        if document is None or content is None:
            return None
        return State(content, Progress(**document["progress"]), document["numbers"])

    def _file(self, name: str, kind: str) -> Path:
        return self.folder / f"{name}.{kind}"

    def _document(self, name: str) -> dict[str, Any] | None:
        try:
            document = json.loads(self._file(name, "json").read_text(encoding="utf-8"))
            Progress(**document["progress"])
            return document if {"sha256", "numbers"} <= set(document) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _content(self, checksum: str, names: tuple[str, ...]) -> dict[str, Tensor] | None:
        for name in names:
            try:
                content = self._file(name, "safetensors").read_bytes()
                if hashlib.sha256(content).hexdigest() == checksum:
                    return load(content)
            except (OSError, SafetensorError):
                continue
        return None
