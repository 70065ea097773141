"""``echoode train`` from a recipe to a model that segments; its run folder, steered and followed from outside."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from EchoODELib.cli import app
from EchoODELib.engine.phantom import PhantomSettings, simulate
from EchoODELib.engine.progress import Monitor
from EchoODELib.engine.segment import Segmenter
from EchoODELib.engine.weights import MODELS_VARIABLE, load_model
from EchoODETrainingLib.checkpoint import Checkpoints
from EchoODETrainingLib.errors import TrainingError
from EchoODETrainingLib.machine import Machine
from EchoODETrainingLib.run_files import COLUMNS
from EchoODETrainingLib.run_folder import RunFolder
from EchoODETrainingLib.train import train
from typer.testing import CliRunner, Result

from training.standins import CARD, a_recipe

HEARTS = {"kind": "phantom", "options": {"clips": {"train": 3, "valid": 1}, "views": ["A4C"], "frames": 10, "size": 64}}
TINY: dict[str, Any] = {
    "name": "tiny-hearts",
    "architecture": "echo_ode",
    "configuration": {"width": 4, "hidden": 8, "solver": "euler", "steps": 2, "stem_stride": 2},
    "size": [32, 32],
    "data": [HEARTS, {**HEARTS, "split": "valid"}],
    "window": {"inputs": 3, "outputs": 5},
    "epochs": 3,
    "epoch_examples": 4,
    "batch": 2,
    "precision": "32-true",
    "card": CARD,
}
ALONE = ("--device", "cpu", "--workers", "0", "--threads", "1")


def echoode(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module", autouse=True)
def the_cache(tmp_path_factory: pytest.TempPathFactory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECHOODE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def a_recipe_file(tmp_path: Path) -> Callable[..., Path]:
    def write(**changes: object) -> Path:
        path = tmp_path / "tiny.yaml"
        path.write_text(yaml.safe_dump({**TINY, **changes}))
        return path

    return write


@pytest.fixture(scope="module")
def a_run(tmp_path_factory: pytest.TempPathFactory, the_cache: None) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    (folder / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    done = echoode("train", folder / "tiny.yaml", "--run", folder / "run", *ALONE)
    assert done.exit_code == 0, done.output
    return folder / "run"


def test_the_run_folder_holds_what_was_agreed(a_run: Path) -> None:
    status = json.loads((a_run / "status.json").read_text())
    assert status["state"] == "done"
    assert (status["step"], status["steps"], status["epoch"], status["epochs"]) == (6, 6, 3, 3)
    assert (status["name"], status["model"]) == ("tiny-hearts", "model/tiny-hearts.yaml")
    assert set(status["best"]) == {"lv", "myocardium", "la"}
    rows = list(csv.DictReader((a_run / "metrics.csv").open()))
    assert tuple(rows[0]) == COLUMNS
    assert [int(row["step"]) for row in rows] == [2, 4, 6]
    assert all(0 <= float(row["valid_lv"]) <= 1 and float(row["loss"]) > 0 for row in rows)
    assert "Epoch 3: valid lv" in (a_run / "log.txt").read_text()
    pictures = sorted(path.name for path in (a_run / "previews").iterdir())
    assert pictures == ["epoch-001.png", "epoch-002.png", "epoch-003.png"]
    assert cv2.imread(str(a_run / "previews" / pictures[0])).shape[0] > 200
    names = {path.name for path in (a_run / "checkpoints").iterdir()}
    assert names == {f"{n}.{kind}" for n in ("last", "previous", "best") for kind in ("json", "safetensors")}
    assert list((a_run / "tensorboard").glob("events.*"))
    assert not list(a_run.glob(".echoode*"))


def test_its_model_is_found_by_name_and_segments(a_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
    assert "Installed tiny-hearts." in echoode("models", "install", a_run).output
    assert "tiny-hearts" in echoode("models").output
    _, card = load_model("tiny-hearts")
    assert card.training["epochs"] == 3
    assert {"window_frames": 5, "inputs": 3}.items() <= card.use.items()
    assert 0.1 < card.use["window_seconds"] < 1.5
    assert set(card.figures["valid_while_training"]) == {"lv", "myocardium", "la"}
    clip = simulate(PhantomSettings(frames=16, frame_rate=20.0, size=64, seed=3)).sequence
    assert Segmenter("tiny-hearts", "cpu").segment(clip).masks.shape == (16, 64, 64)
    assert "Deleted tiny-hearts." in echoode("models", "delete", "tiny-hearts").output
    assert not list(tmp_path.iterdir())
    assert echoode("models", "delete", "unet-camus-a4c").exit_code == 7


def test_a_plan_says_what_and_how_long_and_trains_nothing(a_recipe_file, tmp_path: Path) -> None:
    done = echoode("train", a_recipe_file(), "--plan", "--json", *ALONE)
    plan = json.loads(done.stdout)
    assert (plan["steps"], plan["epochs"], plan["batch"], plan["size"]) == (6, 3, 2, [32, 32])
    assert [(row["for"], row["clips"]) for row in plan["data"]] == [("train", 3), ("valid", 1)]
    assert plan["parameters"] > 1000
    assert plan["seconds"] >= 6 * plan["seconds_a_step"] > 0
    told = echoode("train", a_recipe_file(), "--plan", *ALONE).stdout
    assert "3 clips of 3 patients" in told and "about" in told
    assert not (tmp_path / "runs").exists()


def test_a_second_run_in_the_same_folder_is_refused(a_run: Path, a_recipe_file) -> None:
    done = echoode("train", a_recipe_file(), "--run", a_run, *ALONE)
    assert done.exit_code == TrainingError.exit_code
    assert "--resume" in done.output
    again = echoode("train", "--resume", "--run", a_run, "--json", *ALONE)
    assert again.exit_code == 0
    assert json.loads(again.stdout)["state"] == "done"


def test_a_run_that_another_process_is_at_work_on_is_not_resumed(tmp_path: Path) -> None:
    RunFolder.begin(tmp_path / "run", a_recipe(**TINY)).status(state="running")
    status = tmp_path / "run" / "status.json"
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "echoode"])
    told = json.dumps({**json.loads(status.read_text()), "pid": other.pid})
    status.write_text(told)
    try:
        done = echoode("train", "--resume", "--run", tmp_path / "run", *ALONE)
    finally:
        other.kill()
        other.wait()
    assert done.exit_code == TrainingError.exit_code
    assert f"under way in process {other.pid}; stop it" in " ".join(done.output.split())
    assert status.read_text() == told
    RunFolder.again(tmp_path / "run")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--data", "camus"], 2, "KIND=FOLDER"),
        (["--data", "camus=nowhere"], 10, "takes no data camus"),
        (["--batch", "0"], 2, "batch"),
        (["--resume", "--batch", "2"], 2, "keeps its recipe"),
        (["--device", "quantum"], 9, "no device"),
        (["--epochs", "2", "--run", "/proc/nowhere"], 8, "can't be written"),
    ],
)
def test_wrong_use_is_one_sentence(a_recipe_file, tmp_path, arguments: list[str], code: int, words: str) -> None:
    place = [] if "--run" in arguments else ["--run", tmp_path / "run"]
    done = echoode("train", a_recipe_file(), *place, *arguments)
    assert done.exit_code == code, done.output
    assert words in " ".join(done.output.replace("│", " ").split())


def test_a_failed_run_says_so_in_its_folder(a_recipe_file, tmp_path: Path) -> None:
    done = echoode("train", a_recipe_file(start_from="nothing"), "--run", tmp_path / "run", *ALONE)
    assert done.exit_code == 7
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert status["state"] == "failed"
    assert "nothing" in status["message"]


def test_a_run_that_never_began_gives_way_to_another_try(a_recipe_file, tmp_path: Path, camus_patients) -> None:
    pairs = {"kind": "camus", "options": {"views": ["4CH"]}}
    recipe = a_recipe_file(data=[{**pairs, "split": "train"}, HEARTS], epochs=1)
    place = ("train", recipe, "--run", tmp_path / "run", *ALONE)
    first = echoode(*place)
    assert first.exit_code == 10
    assert "--data camus=FOLDER" in first.output
    second = echoode(*place, "--data", f"camus={camus_patients[0].parents[1]}")
    assert second.exit_code == 0, second.output
    assert echoode(*place).exit_code == TrainingError.exit_code


def test_a_run_obeys_pause_resume_and_stop(tmp_path: Path) -> None:
    recipe = a_recipe(**{**TINY, "epochs": 500})
    folder = RunFolder.begin(tmp_path / "run", recipe)
    control = tmp_path / "run" / "control"
    outcomes = []
    runner = threading.Thread(
        target=lambda: outcomes.append(train(recipe, folder, machine=Machine("cpu", 0, 1))), daemon=True
    )
    runner.start()

    def wait_for(state: str) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while (status := folder.read_status()).get("state") != state:
            assert time.monotonic() < deadline, status
            time.sleep(0.02)
        return status

    running = wait_for("running")
    assert (running["steps"], running["message"]) == (1000, "")
    control.write_text("pause\n")
    paused = wait_for("paused")
    before = json.loads((tmp_path / "run" / "checkpoints" / "last.json").read_text())["progress"]["step"]
    time.sleep(0.5)
    assert folder.read_status() == paused
    assert json.loads((tmp_path / "run" / "checkpoints" / "last.json").read_text())["progress"]["step"] == before
    control.write_text("resume")
    wait_for("running")
    control.write_text("stop")
    stopped = wait_for("stopped")
    runner.join(30)
    assert before < stopped["step"] < 1000
    assert stopped["model"] and outcomes[0].state == "stopped"
    assert outcomes[0].progress.step == stopped["step"]


def test_a_cancelled_run_stops_after_a_checkpoint(tmp_path: Path) -> None:
    recipe = a_recipe(**{**TINY, "epochs": 500})
    folder = RunFolder.begin(tmp_path / "run", recipe)
    monitor = Monitor(lambda progress: monitor.cancel() if progress.stage == "Training" else None)
    outcome = train(recipe, folder, machine=Machine("cpu", 0, 1), monitor=monitor)
    assert (outcome.state, outcome.progress.step) == ("stopped", 1)
    assert Checkpoints(folder.checkpoints).load().progress.step == 1
    assert folder.read_status()["state"] == "stopped"
    assert (folder.path / folder.read_status()["model"]).is_file()


@pytest.mark.parametrize("word", ["", "faster", "\xff\xfe"])
def test_other_words_are_not_obeyed(tmp_path: Path, word: str) -> None:
    (tmp_path / "control").write_bytes(word.encode("latin-1"))
    assert RunFolder(tmp_path).control() == ""


def test_rows_that_are_measured_again_are_dropped_first(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    for step in (20, 40, 60):
        folder.measured({"step": step, "epoch": 1, "loss": np.pi, "valid_lv": None})
    folder.forget_after(40)
    folder.measured({"step": 60, "epoch": 2, "loss": 1.0, "valid_lv": 0.5, "valid_lines_mm": 3.0})
    rows = list(csv.DictReader((tmp_path / "metrics.csv").open(newline="")))
    assert [(row["step"], row["epoch"], row["loss"], row["valid_lv"]) for row in rows] == [
        ("20", "1", "3.14159", ""),
        ("40", "1", "3.14159", ""),
        ("60", "2", "1", "0.5"),
    ]
