"""A run's folder: what a person, or the module beside it, reads of a run and steers it with."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from EchoODELib.engine.errors import OutputError
from EchoODELib.engine.export.atomic import write_bytes

from .errors import TrainingError
from .processes import alive, is_first
from .recipe import Recipe, make_recipe
from .run_files import CHECKPOINTS, COLUMNS, CONTROL, LOG, METRICS, MODEL, PREVIEWS, RECIPE, STATUS, WORDS, State

_ACTIVE = tuple(state for state in State if state.active)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class RunFolder:
    """Files of one run; everything that is replaced is replaced in one step.

    Attributes
    ----------
    path: the folder.
    checkpoints, previews, model: its parts.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints, self.previews, self.model = path / CHECKPOINTS, path / PREVIEWS, path / MODEL
        self._status: dict[str, Any] = {}

    @classmethod
    def begin(cls, path: Path, recipe: Recipe) -> RunFolder:
        """Make the folder of a new run; one that ended before its first checkpoint gives way.

        Raises
        ------
        TrainingError: there is a run in it already.
        OutputError: it can't be made.
        """
        made = cls(path)
        if not is_first():
            return made  # the first process of a run makes the folder
        ended = made.read_status().get("state") in (State.STOPPED, State.FAILED)
        if (path / RECIPE).exists() and (not ended or any(made.checkpoints.glob("*.json"))):
            raise TrainingError(f"There is a run in {path} already; continue it with --resume, or name a new folder.")
        made.keep_recipe(recipe)
        made.status(name=recipe.name, state=State.STARTING, started=_now())
        return made

    @classmethod
    def again(cls, path: Path) -> tuple[RunFolder, Recipe]:
        """The folder of a run to go on with, and its recipe.

        Raises
        ------
        TrainingError: there is none, or a process is at work on it.
        """
        try:
            content = yaml.safe_load((path / RECIPE).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise TrainingError(f"There is no run to resume in {path}; name the folder of one.") from error
        made = cls(path)
        made._status = told = made.read_status()
        pid = told.get("pid")
        at_work = told.get("state") in _ACTIVE and isinstance(pid, int) and pid != os.getpid() and alive(pid)
        if at_work and is_first():  # the others of torchrun would meet the first one's number
            raise TrainingError(f"The run in {path} is under way in process {pid}; stop it before it is resumed.")
        return made, make_recipe(content if isinstance(content, dict) else {}, "of the run")

    def keep_recipe(self, recipe: Recipe) -> None:
        """Write ``recipe.yaml``, folders of data and all.

        Raises
        ------
        OutputError: it can't be written.
        """
        write_bytes(self.path / RECIPE, recipe.written().encode())

    def status(self, **changes: Any) -> None:
        """Change fields of ``status.json``; a full disk does not stop a run."""
        empty = {
            "state": State.STARTING,
            "pid": os.getpid(),
            "name": "",
            "started": _now(),
            "updated": "",
            "step": 0,
            "steps": 0,
            "epoch": 0,
            "epochs": 0,
            "seconds_left": None,
            "best": None,
            "message": "",
            "model": "",
        }
        self._status = {**empty, **self._status, **changes, "pid": os.getpid(), "updated": _now()}
        text = json.dumps(self._status, indent=1, ensure_ascii=False)
        try:
            write_bytes(self.path / STATUS, text.encode())
        except OutputError as error:
            self.log(str(error))

    def read_status(self) -> dict[str, Any]:
        """``status.json``, or nothing where there is none."""
        try:
            found = json.loads((self.path / STATUS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def control(self) -> str:
        """The word that somebody wrote into ``control``, or ""."""
        try:
            word = (self.path / CONTROL).read_text(encoding="utf-8").strip().lower()
        except (OSError, UnicodeDecodeError):
            return ""
        return word if word in WORDS else ""

    def clear_control(self) -> None:
        """Forget a word that was obeyed, so that the next run does not obey it again."""
        (self.path / CONTROL).unlink(missing_ok=True)

    def log(self, line: str) -> None:
        """Add a line to ``log.txt``."""
        try:
            with (self.path / LOG).open("a", encoding="utf-8") as file:
                file.write(f"{_now()} {line}\n")
        except OSError:
            return

    def measured(self, row: Mapping[str, float | int | None]) -> None:
        """Add a row to ``metrics.csv``; what it lacks stays empty."""
        path = self.path / METRICS
        try:
            new = not path.exists()
            with path.open("a", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
                if new:
                    writer.writeheader()
                writer.writerow({key: _short(value) for key, value in row.items()})
        except OSError as error:
            self.log(f"{METRICS} could not be written: {error.strerror}")

    def forget_after(self, step: int) -> None:
        """Drop the rows of ``metrics.csv`` after ``step``, which a resumed run makes again."""
        path = self.path / METRICS
        if not path.exists():
            return
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        kept = [row for row in rows if (row.get("step") or "").isdigit() and int(row["step"]) <= step]
        lines = [",".join(COLUMNS), *(",".join(row.get(name) or "" for name in COLUMNS) for row in kept)]
        write_bytes(path, ("\r\n".join(lines) + "\r\n").encode())


def _short(value: float | int | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.6g}"
