"""Command lines: plan, train, evaluate. All else that the module wants of the trainer goes through a run's folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from EchoODELib.engine.errors import EchoODEError

from ..run_files import RECIPE
from .data import DataChoice
from .process import Errand, python_command, scratch_folder
from .recipes import Setup, write_asked
from .run_folder import Launch

TRAIN = "EchoODETrainingLib.train"
CLI = "EchoODELib.cli"


def train(folder: Path, launch: Launch, resume: bool) -> list[str]:
    """The command of a run."""
    first = ["--resume"] if resume and (folder / RECIPE).is_file() else [launch.recipe]
    data = [part for one in launch.data for part in ("--data", one)]
    return python_command(TRAIN, *first, "--run", folder, *data, "--device", launch.device)


def plan(setup: Setup) -> Errand:
    """Start reckoning what a setup would train; the answer is for ``Plan.of``.

    Raises
    ------
    UnusableRecipe: it can't be read.
    OutputError, ProcessFailed: it can't be started.
    """
    folder = scratch_folder()
    try:
        asked = write_asked(folder, setup)
    except EchoODEError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Errand(python_command(TRAIN, asked, "--plan", "--json", "--device", setup.device), folder)


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
    OutputError, ProcessFailed: it can't be started.
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
