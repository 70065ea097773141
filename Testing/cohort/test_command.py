"""``echoode batch``: for people and for machines, refusing wrong use in a sentence."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from EchoODELib.cli import app
from EchoODELib.cli.terminal import cancelling
from EchoODELib.cohort.orders import CohortSettings
from EchoODELib.engine.progress import Monitor
from typer.testing import CliRunner, Result

Table = Callable[[Path], pd.DataFrame]


def batch(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["batch", *map(str, arguments)])


@pytest.mark.usefixtures("quick")
def test_a_folder_from_end_to_end(some_clips: Path, tmp_path: Path, table: Table) -> None:
    """By a process as a person gets it; a second call has nothing to do."""
    arguments = (some_clips, "-o", tmp_path, "--model", "quick", "--steps", "segment,measure", "--device", "cpu")
    first = batch(*arguments, "--view", "A4C")
    assert first.exit_code == 0
    assert "4 of 4 done, 0 failed" in first.stdout
    assert "4 of 4 clips" in first.stderr
    assert set(table(tmp_path / "results.csv")["view"]) == {"A4C"}
    second = batch(*arguments, "--view", "A4C", "--json")
    document: Any = json.loads(second.stdout)
    assert (document["clips"], document["done"], document["failed"]) == (4, 4, 0)
    assert document["files"]["results"] == str(tmp_path / "results.csv")
    third = batch(*arguments)
    assert third.exit_code == 8
    assert "other settings (view)" in third.stderr


@pytest.mark.usefixtures("quick")
def test_what_is_seen_straight_in_the_clips(some_clips: Path, tmp_path: Path, table: Table) -> None:
    arguments = (some_clips, "-o", tmp_path / "out", "--device", "cpu", "--steps", "ef,infarction")
    models = ("--ef-model", "guess", "--infarction-model", "beats")
    assert batch(*arguments, *models).exit_code == 0
    results = table(tmp_path / "out" / "results.csv")
    assert len(results["ejection_fraction of the clip (%)"]) == 4
    assert results["infarction probability"].between(0, 1).all()
    for option in ("--ef-model", "--infarction-model"):
        other = batch(some_clips, "-o", tmp_path / "other", *arguments[3:], *models, option, "quick")
        assert (other.exit_code, "quick is for segmentation; choose one for" in other.stderr) == (7, True)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--steps", "segment,paint"), "--steps takes segment, propagate, measure, ef, infarction; got paint"),
        (("--steps", ","), "--steps needs one or more"),
        (("--steps", "measure"), "give --masks or the step segment"),
        (("--steps", "measure,ef"), "give --masks or the step segment"),
        (("--steps", "segment", "--masks", "."), "give --masks or the step segment"),
        (("--steps", "ef", "--masks", "."), "--masks needs a step that takes masks"),
        (("--steps", "ef", "--also", "pictures"), "--also needs a step that has masks"),
        (("--also", "motion", "--steps", "segment"), "--also motion needs the step propagate"),
        (("--also", "music"), "--also takes csv"),
        (("--workers", "2", "--scheduler", "here:1"), "one of --workers and --scheduler"),
        (("--spacing", "0.5,0.5,0.5"), "--spacing needs 1 or 2 numbers"),
    ],
)
def test_wrong_use(some_clips: Path, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done = batch(some_clips, "-o", tmp_path / "out", *arguments)
    assert done.exit_code == 2
    assert words in " ".join(done.stderr.replace("│", " ").split())
    assert not (tmp_path / "out").exists()


def test_nothing_that_can_be_done(some_clips: Path, tmp_path: Path, quick: CohortSettings) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("text")
    for arguments, code, words in (
        ((tmp_path / "empty", "-o", tmp_path / "out"), 3, "There is no clip in"),
        ((tmp_path / "nowhere", "-o", tmp_path / "out"), 3, "does not exist"),
        ((some_clips, "-o", tmp_path / "file"), 8, "can't be written"),
        ((some_clips, "-o", tmp_path / "out", "--model", "none"), 7, "There is no model"),
    ):
        done = batch(*arguments, *(() if "--model" in arguments else ("--model", quick.model)))
        assert (done.exit_code, words in done.stderr) == (code, True), done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_request_to_stop_cancels(number: signal.Signals) -> None:
    monitor = Monitor()
    with cancelling(monitor):
        os.kill(os.getpid(), number)
        assert monitor.cancelled
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
