"""The training module in the host, somebody in front of it, and a trainer that does what a test needs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT / "EchoODETraining") not in sys.path:
    sys.path.append(str(ROOT / "EchoODETraining"))


@pytest.fixture
def own_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of one's own models, a new one."""
    folder = tmp_path / "own models"
    monkeypatch.setenv("ECHOODE_MODELS", str(folder))
    return folder


@pytest.fixture
def runs_folder(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def fake_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts ``fake_echoode_trainer`` in the trainer's place; it runs as a process, as the real one does."""
    monkeypatch.setattr("EchoODETrainingLib.module.commands.TRAIN", "fake_echoode_trainer")
    known = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), *([known] if known else [])]))


@pytest.fixture
def recipe_file(tmp_path: Path) -> Callable[..., Path]:
    """`recipe_file(name)` writes a recipe for the fake trainer, which does what the name says."""

    def write(name: str, **changes: object) -> Path:
        path = tmp_path / f"{name}.yaml"
        content = {"name": name, "architecture": "unet", "size": [64, 64], "epochs": 3, "batch": 4, **changes}
        path.write_text(yaml.safe_dump({**content, "data": [{"kind": "phantom", "split": "train"}]}))
        return path

    return write


@pytest.fixture(scope="session")
def training_module(load_module: Callable[[Path], Any]) -> Iterator[Any]:
    """The module, loaded beside the one whose models it makes."""
    import slicer

    load_module(ROOT / "EchoODE" / "EchoODE.py")
    load_module(ROOT / "EchoODETraining" / "EchoODETraining.py")
    yield slicer.modules.echoodetraining
    for module in (slicer.modules.echoodetraining, slicer.modules.echoode):
        module.widgetRepresentation().self().logic.close()


@pytest.fixture
def person(
    training_module: Any, empty_scene: Any, own_models: Path, runs_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """Somebody in front of the module, in an empty scene, without runs or models of their own."""
    import slicer
    from training_module.trainee import Trainee

    somebody = Trainee()
    slicer.util.mainWindow().resize(1280, 860)
    slicer.util.selectModule("EchoODETraining")
    somebody.rest()
    somebody.panel.train.setFolder(str(runs_folder))
    somebody.panel.context.messages.clear()
    somebody.panel.refresh()
    somebody.rest()
    yield somebody
    somebody.end_all()
    slicer.mrmlScene.Clear(0)
    slicer.util.moduleSelector().selectModule("")
    somebody.rest()
