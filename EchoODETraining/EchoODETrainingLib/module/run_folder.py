"""A training run as its folder tells: state, figures, curves, pictures. It is steered through the folder, too."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from EchoODELib.engine.errors import OutputError

from ..run_files import CONTROL, METRICS, PREVIEW, PREVIEWS, RECIPE, STATUS, State
from .process import alive, end_group, said_error

LAUNCH, OUTPUT = "launch.json", "output.txt"  # written by whoever starts a run here
_FRESH_S = 60.0  # a run of another machine counts as alive when it wrote so lately
_TAIL = 4000  # characters of the output that are searched for what went wrong
_MUTE = f"It ended before it began; what it printed is in {OUTPUT} in the run's folder."


@dataclass(frozen=True)
class Status:
    """What a run says of itself; see the run folder's description in ``docs/training.md``.

    Attributes
    ----------
    best: on the validation clips, of the weights that are kept: Dice by structure, or the figures of whole clips.
    seconds_left: None where it can't tell yet.
    model: path of the finished model's card in the run's folder, or "".
    """

    state: State
    name: str = ""
    pid: int = 0
    step: int = 0
    steps: int = 0
    epoch: int = 0
    epochs: int = 0
    seconds_left: float | None = None
    best: dict[str, float] = field(default_factory=dict)
    message: str = ""
    model: str = ""

    @property
    def fraction(self) -> float:
        """Share of the steps that is done."""
        return min(1.0, self.step / self.steps) if self.steps > 0 else 0.0


@dataclass(frozen=True)
class Launch:
    """How a run was started here: what Resume needs.

    Attributes
    ----------
    data: ``KIND=FOLDER`` of each data set.
    pid: of the process's group.
    host: name of the machine.
    started: seconds since 1970.
    """

    recipe: str
    data: tuple[str, ...]
    device: str
    pid: int = 0
    host: str = ""
    started: float = 0.0


class Run:
    """A light handle on a run's folder; it has no state of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and other.folder == self.folder

    def __hash__(self) -> int:
        return hash(self.folder)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    def status(self) -> Status:
        """How it stands now."""
        told, launch = self._told(), self.launch()
        if told is None or (launch is not None and launch.started > self._told_at()):
            # Nothing has been said since the last start.
            if launch is None:
                return Status(State.INTERRUPTED, self.name)
            if self._alive(launch, 0):
                return Status(State.STARTING, self.name, launch.pid)
            before = _status(told, self.name) if told is not None else Status(State.FAILED, self.name)
            return _with(before, State.FAILED, self._error() or _MUTE)
        status = _status(told, self.name)
        if status.state.active and not self._alive(launch, status.pid):
            return _with(status, State.INTERRUPTED, self._error())
        return status

    def launch(self) -> Launch | None:
        """How it was started here, or None."""
        content = _mapping(self.folder / LAUNCH)
        if content is None:
            return None
        with suppress(TypeError, ValueError, KeyError):
            return Launch(
                recipe=str(content["recipe"]),
                data=tuple(map(str, content["data"])),
                device=str(content["device"]),
                pid=int(content["pid"]),
                host=str(content["host"]),
                started=float(content["started"]),
            )
        return None

    def write_launch(self, launch: Launch) -> None:
        """Remember how it is started.

        Raises
        ------
        OutputError: the folder can't be written.
        """
        self._write(LAUNCH, json.dumps(launch.__dict__, indent=1))

    def steer(self, word: str) -> None:
        """Ask the run to ``pause``, ``resume`` or ``stop``; it reads that at its next step.

        Raises
        ------
        OutputError: the folder can't be written.
        """
        self._write(CONTROL, word)

    def kill(self) -> None:
        """End the run's process without waiting for its next step; its last checkpoint stays."""
        launch = self.launch()
        if launch is not None and launch.host == socket.gethostname() and alive(launch.pid):
            end_group(launch.pid)

    def changed(self) -> float:
        """When curves or previews were last written, seconds since 1970."""
        times = [0.0]
        for name in (METRICS, PREVIEWS):
            with suppress(OSError):
                times.append((self.folder / name).stat().st_mtime)
        return max(times)

    def previews(self) -> list[Path]:
        """Pictures of masks on validation clips, the oldest first."""
        return sorted((self.folder / PREVIEWS).glob(PREVIEW))

    def model(self) -> Path | None:
        """The card of the model that it has made, or None."""
        status = self.status()
        card = self.folder / status.model
        return card if status.model and card.is_file() else None

    def _told(self) -> dict[str, Any] | None:
        return _mapping(self.folder / STATUS)

    def _told_at(self) -> float:
        with suppress(OSError):
            return (self.folder / STATUS).stat().st_mtime
        return 0.0

    def _alive(self, launch: Launch | None, pid: int) -> bool:
        if launch is not None and launch.host == socket.gethostname():
            return alive(launch.pid) or alive(pid)
        return alive(pid) or time.time() - self._told_at() < _FRESH_S

    def _error(self) -> str:
        """The error that its process ended with, "" if it told none."""
        with suppress(OSError):
            return said_error((self.folder / OUTPUT).read_text(encoding="utf-8", errors="replace")[-_TAIL:])
        return ""

    def _write(self, name: str, text: str) -> None:
        unfinished = self.folder / f".{name}.new"
        try:
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(self.folder / name)
        except OSError as error:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise OutputError(
                f"The run's folder {self.folder} can't be written ({_reason(error)}): is there room on the disk?"
            ) from error


def fresh_folder(parent: Path, name: str, taken: Sequence[str] = ()) -> Path:
    """Make a new run's folder, with a number behind its name where that is taken.

    Raises
    ------
    OutputError: it can't be made or written.
    """
    plain = "".join(c if c.isalnum() or c in "-_." else "-" for c in name.strip()).strip(".-") or "training"
    stamp = datetime.now().strftime("%Y-%m-%d")
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            folder = parent / (f"{plain}-{stamp}" if number == 1 else f"{plain}-{stamp}-{number}")
            if not folder.exists() and folder.name not in taken:
                folder.mkdir()
                return folder
    except OSError as error:
        raise OutputError(
            f"The runs' folder {parent} can't be written ({_reason(error)}): choose another one."
        ) from error
    raise OutputError(f"There are too many runs called {plain} in {parent}; choose another name.")


def runs_in(parent: Path) -> list[Run]:
    """The runs of a folder, the latest first."""
    if not parent.is_dir():
        return []
    found = [
        (path.stat().st_mtime, path)
        for path in parent.iterdir()
        if path.is_dir() and ((path / STATUS).is_file() or (path / LAUNCH).is_file())
    ]
    births = {path: _born(path, changed) for changed, path in found}
    return [Run(path) for path in sorted(births, key=lambda path: (births[path], path.name), reverse=True)]


def _born(path: Path, changed: float) -> float:
    for name in (LAUNCH, RECIPE):
        with suppress(OSError):
            return (path / name).stat().st_mtime
    return changed


def _mapping(path: Path) -> dict[str, Any] | None:
    """A JSON object's content; None where there is none, or none that can be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _status(told: dict[str, Any], name: str) -> Status:
    """What status.json says; what it says wrongly counts as unsaid."""
    try:
        state = State(told.get("state"))
    except ValueError:
        state = State.INTERRUPTED
    best = told.get("best")
    left = told.get("seconds_left")
    numbers = {key: told[key] for key in ("pid", "step", "steps", "epoch", "epochs") if isinstance(told.get(key), int)}
    return Status(
        state=state,
        name=str(told.get("name") or name),
        seconds_left=float(left) if isinstance(left, int | float) else None,
        best={k: float(v) for k, v in best.items() if isinstance(v, int | float)} if isinstance(best, dict) else {},
        message=str(told.get("message") or ""),
        model=str(told.get("model") or ""),
        **numbers,
    )


def _with(status: Status, state: State, message: str) -> Status:
    return Status(**{**status.__dict__, "state": state, "message": message, "seconds_left": None})


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
