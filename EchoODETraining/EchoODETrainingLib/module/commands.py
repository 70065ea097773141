"""Command lines: plan, train, evaluate. All else that the module wants of the trainer goes through a run's folder."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from EchoODELib.engine.errors import OutputError

from .data import DataChoice
from .process import Errand, python_command
from .recipes import Setup, write_asked
from .run_folder import Launch

TRAIN = "EchoODETrainingLib.train"
CLI = "EchoODELib.cli"


def train(folder: Path, launch: Launch, resume: bool) -> list[str]:
    """The command of a run."""
    first = ["--resume"] if resume and (folder / "recipe.yaml").is_file() else [launch.recipe]
    data = [part for one in launch.data for part in ("--data", one)]
    return python_command(TRAIN, *first, "--run", folder, *data, "--device", launch.device)


class PlanErrand(Errand):
    """Reckons what a setup would train.

    Raises
    ------
    UnusableRecipe: it can't be read.
    OutputError, ProcessFailed: it can't be started.
    """

    def __init__(self, setup: Setup) -> None:
        try:
            self._scratch = Path(tempfile.mkdtemp(prefix="echoode-plan-"))
        except OSError as error:
            raise OutputError("The temporary folder can't be written: is there room on the disk?") from error
        try:
            asked = write_asked(self._scratch, setup)
            super().__init__(python_command(TRAIN, asked, "--plan", "--json", "--device", setup.device))
        except BaseException:
            shutil.rmtree(self._scratch, ignore_errors=True)
            raise

    def finished(self) -> None:
        """See Errand."""
        super().finished()
        shutil.rmtree(self._scratch, ignore_errors=True)


def evaluate(
    model: str,
    data: Sequence[DataChoice],
    split: str,
    device: str,
    folder: Path,
    options: Mapping[str, Mapping[str, Any]],
) -> Errand:
    """Start evaluating a model; the answer is a report's ``summary.json``.

    Parameters
    ----------
    model: name of an installed one, or path of a card.
    folder: takes the report.
    options: kind of a data set -> what it is opened with, as a recipe says.

    Raises
    ------
    ProcessFailed: it can't be started.
    """
    arguments: list[object] = ["--model", model, "--split", split, "--device", device, "--output", folder]
    for choice in data:
        arguments += ["--data", choice]
        for name, value in options.get(choice.kind, {}).items():
            arguments += ["--set", f"{choice.kind}.{name}={json.dumps(value)}"]  # JSON is YAML, too
    return Errand(python_command(CLI, "evaluate", *arguments, "--json"))


def report_folder(parent: Path, model: str, split: str) -> Path:
    """Where a report goes; a report of the same model on the same split is replaced."""
    return parent / f"evaluation-{model}-{split}"
