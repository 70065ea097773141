"""Runs that are killed, cancelled or short of what they need, or whose nodes go: one clear sentence, no lost work."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from e2e.trouble import add, alive, failed, one_sentence, simulated, start
from EchoODELib.engine.weights import DEFAULT_MODEL
from EchoODELib.logic.dependencies import MissingPackages
from SlicerHost.mouse import Qt, QTest

CANCEL_S = 0.5
LOADED_S = 1.0  # what a machine that others load may take longer


@pytest.fixture
def another_worker(person: Any, monkeypatch: Any) -> Iterator[Any]:
    """`another_worker(NAME=value)`: the next run starts a process with this in its environment."""

    def start(**environment: str) -> None:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        person.logic.close()

    yield start
    person.logic.cancel()
    person.until_done()
    person.logic.close()


def process(person: Any) -> int:
    """Number of the worker's process."""
    return int(person.logic._worker._dispatch._process.pid)


# The worker


@pytest.mark.parametrize("step", ["segment", "propagate"])
def test_a_killed_worker(step: str, person: Any, worked_on: Any, work: Any) -> None:
    before = worked_on.masks()
    start(person, step)
    assert person.logic.busy
    os.kill(process(person), signal.SIGKILL)
    failed(person, "again")
    np.testing.assert_array_equal(worked_on.masks(), before)


@pytest.mark.parametrize("step", ["segment", "propagate", "export"])
@pytest.mark.parametrize("when", ["at once", "under way"])
def test_cancelling(step: str, when: str, person: Any, worked_on: Any, work: Any, tmp_path: Path) -> None:
    before, phases, folder = worked_on.masks(), worked_on.edFrames, tmp_path / "results"
    person.ui.exportFolderEdit.setCurrentPath(str(folder))
    person.click(f"{step}Button")
    if when == "under way":
        person.until(lambda: person.logic.progress is not None or not person.logic.busy)
    button = getattr(person.ui, f"{step}Button")
    begun = time.perf_counter()
    QTest.mouseClick(button, Qt.LeftButton)
    person.until(lambda: not person.logic.busy)
    assert time.perf_counter() - begun < CANCEL_S + LOADED_S
    if "ancel" in person.told:  # it may have been done just before
        np.testing.assert_array_equal(worked_on.masks(), before)
        assert worked_on.edFrames == phases
        assert not list(tmp_path.rglob("*.part*"))
    one_sentence(person.told)
    alive(person)


def test_two_runs_at_once(person: Any, worked_on: Any, work: Any) -> None:
    start(person, "propagate")
    assert not person.ui.segmentButton.isEnabled()
    assert "wait" in person.ui.segmentButton.toolTip
    assert person.panel.context.attempt(lambda: person.logic.segmentSequence(worked_on)) is None
    one_sentence(person.told)
    assert "another run" in person.told.lower()
    person.until_done()
    assert worked_on.motion() is not None
    alive(person)


def test_a_damaged_model(person: Any, bare: Any, another_worker: Any, tmp_path: Path) -> None:
    shipped = Path(sys.modules["EchoODELib"].__file__).resolve().parents[2] / "Resources" / "Models"
    copy = shutil.copytree(shipped, tmp_path / "Models")
    for path in copy.rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    another_worker(ECHOODE_MODELS=str(copy))
    start(person, "segment")
    failed(person, DEFAULT_MODEL)
    assert bare.masks() is None


def test_a_missing_model(person: Any, bare: Any) -> None:
    person.panel.context.parameters.model = "my-own-model"
    person.rest()
    start(person, "segment")
    failed(person, "my-own-model")


def test_torch_is_missing_in_the_worker(person: Any, bare: Any, another_worker: Any, tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(
        'raise ModuleNotFoundError("No module named torch", name="torch")\n'
    )
    another_worker(PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    start(person, "segment")
    failed(person, "PyTorch", "install")


def test_packages_are_missing_and_there_is_no_network(person: Any, bare: Any, monkeypatch: Any) -> None:
    def refuse() -> None:
        raise MissingPackages("Python packages that EchoODE needs could not be installed: check the network.")

    monkeypatch.setattr("EchoODELib.logic.dependencies.ensureComputing", refuse)
    person.click("segmentButton")
    failed(person, "network")


# Nodes that go during a run


@pytest.mark.parametrize("which", ["browser", "masks", "clip", "segmentation"])
@pytest.mark.parametrize("step", ["segment", "propagate"])
def test_a_node_is_deleted_during_a_run(which: str, step: str, person: Any, worked_on: Any) -> None:
    start(person, step)
    node = {
        "browser": worked_on.browserNode,
        "masks": worked_on.maskSequenceNode,
        "clip": worked_on.clipSequenceNode,
        "segmentation": worked_on.segmentationNode,
    }[which]
    slicer.mrmlScene.RemoveNode(node)
    person.until_done()
    one_sentence(person.told)
    alive(person)
    if which in ("browser", "clip"):
        assert person.study is None
        assert "removed" in person.told
    else:
        assert worked_on.masks() is not None
        assert worked_on.segmentationNode is not None


def test_the_scene_is_closed_during_a_run(person: Any, worked_on: Any) -> None:
    start(person, "propagate")
    person.press(Qt.Key_W, Qt.ControlModifier)
    failed(person, "closed")
    assert person.study is None
    study = add(person, simulated().sequence)
    start(person, "segment")
    person.until_done()
    assert study.masks() is not None


def test_the_module_is_left_during_a_run(person: Any, worked_on: Any, work: Any) -> None:
    start(person, "propagate")
    slicer.util.moduleSelector().selectModule("")
    person.until_done()
    assert worked_on.motion() is not None
    slicer.util.selectModule("EchoODE")
    person.rest()
    alive(person)
