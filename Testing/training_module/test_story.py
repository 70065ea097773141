"""The main job with the real trainer, by mouse and keys: data, a plan, a run, a report, a model that segments.

Each step leaves a picture: set ECHOODE_PICTURES to a folder to keep them.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import slicer
import yaml
from EchoODETrainingLib.module.curves import Curves
from EchoODETrainingLib.module.run_folder import State

CLIPS = {"clips": {"train": 4, "valid": 1}, "views": ["A4C"], "frames": 12, "size": 64}
RECIPE = {
    "name": "story",
    "architecture": "unet",
    "configuration": {"in_channels": 1, "classes": 4, "widths": [8, 16, 16], "blocks": 1},
    "size": [48, 48],
    "data": [{"kind": "phantom", "options": CLIPS}, {"kind": "phantom", "split": "valid", "options": CLIPS}],
    "augmentation": {"elastic": 0},
    "optimiser": {"learning_rate": 0.005},
    "steps": 40,
    "epoch_examples": 80,
    "batch": 4,
    "precision": "32-true",
    "average": 0.9,
    "validation": {"every_epochs": 1},
    "card": {
        "views": ["A4C"],
        "training_data": "Simulated hearts.",
        "licence": "Apache-2.0",
        "citation": "None",
        "intended_use": "To see that the module works.",
        "limits": "It has seen four hearts.",
    },
}


@pytest.mark.timeout(900)
def test_from_data_to_a_model_that_segments(
    person: Any, tmp_path: Path, own_models: Path, picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ui = person.ui

    path = tmp_path / "story.yaml"
    path.write_text(yaml.safe_dump(RECIPE))
    person.choose_recipe(path, monkeypatch)
    assert "48 × 48" in ui.sizeComboBox.currentText
    person.type_into("modelNameEdit", "My hearts 1")
    person.select("dataKindComboBox", "Simulated hearts")
    person.click("addDataButton")
    person.until_no_errand()
    assert ui.dataTable.rowCount == 1, person.told
    assert ui.dataTable.item(0, 1).text() == "4"  # as this recipe says
    person.plan()
    assert ui.planLabel.isVisible(), person.told
    assert "Simulated hearts, 4 clips" in ui.planLabel.text
    assert "40 steps of 4" in ui.planLabel.text
    picture("training-story-1-plan")

    person.start()
    run = person.logic.run
    assert run.folder.name.startswith("My-hearts-1-")
    person.click("pauseButton")
    person.until(lambda: person.state is State.PAUSED)
    assert person.ui.pauseButton.text == "Resume"
    person.click("pauseButton")
    person.until(lambda: run.previews() or not person.state.active)
    person.see(ui.previewFrame)
    picture("training-story-2-running")
    person.until(lambda: not person.state.active)
    assert person.state is State.DONE, person.told
    assert "is done" in person.told
    curves = Curves(run).update()
    assert curves["loss"][-1][1] < curves["loss"][0][1]
    assert person.logic.status.best["lv"] > 0.3
    assert slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLVectorVolumeNode").GetImageData() is not None
    picture("training-story-3-done")

    opened: list[str] = []
    monkeypatch.setattr("qt.QDesktopServices.openUrl", lambda url: opened.append(url.toLocalFile()))
    assert "Result of" in ui.evaluateModelComboBox.currentText
    person.click("evaluateButton")
    person.until_no_errand()
    texts = [ui.figuresTable.item(row, 0).text() for row in range(ui.figuresTable.rowCount)]
    assert "LV, Dice" in texts, person.told
    summary = json.loads((person.logic.evaluation.report.parent / "summary.json").read_text())
    dice = summary["groups"][0]["models"]["My-hearts-1"]["figures"]["dice_lv"]["mean"]
    assert ui.figuresTable.item(texts.index("LV, Dice"), 1).text() == f"{dice:.3f}"
    person.click("openReportButton")
    assert opened == [str(person.logic.evaluation.report)]
    person.see(ui.figuresTable)
    picture("training-story-4-evaluated")

    person.click("installButton")
    assert "My-hearts-1 is installed" in person.told
    assert (own_models / "My-hearts-1.yaml").is_file()
    picture("training-story-5-installed")
    segments(picture)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_killed_run_goes_on_where_it_was(person: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real trainer, killed in the middle and resumed by a click."""
    path = tmp_path / "story.yaml"
    path.write_text(yaml.safe_dump({**RECIPE, "steps": 400}))
    person.choose_recipe(path, monkeypatch)
    person.plan()
    person.start()
    run = person.logic.run
    person.until(lambda: run.previews())
    os.kill(person.logic.status.pid, signal.SIGKILL)
    person.until(lambda: person.state is State.INTERRUPTED)
    step = person.logic.status.step
    assert 0 < step < 400
    person.click("pauseButton")
    person.until(lambda: person.state is State.RUNNING)
    assert person.logic.status.step > 0
    person.click("stopButton")
    person.until(lambda: person.state is State.STOPPED)
    assert person.ui.installButton.enabled
    steps = [point[0] for point in Curves(run).update()["loss"]]
    assert steps == sorted(set(steps))


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_modules_own_test_passes(training_module: Any, own_models: Path) -> None:
    """What a developer runs in Slicer itself."""
    import EchoODETraining

    EchoODETraining.EchoODETrainingTest().runTest()
    assert not list(own_models.glob("*.yaml"))


def segments(picture: Any) -> None:
    """In the other module, the new model can be chosen and outlines a clip."""
    from e2e.person import Person
    from EchoODELib.engine.phantom import PhantomSettings, simulate
    from EchoODELib.scene.clip import createClip

    somebody = Person()
    slicer.util.selectModule("EchoODE")
    somebody.logic.close()  # a worker of earlier tests knows another folder of models
    somebody.rest()
    clip = simulate(PhantomSettings(frames=6, frame_rate=20.0, size=64, beats=1.0, seed=3)).sequence
    somebody.panel.setStudy(createClip(clip, "A clip"))
    somebody.rest()
    somebody.select("modelComboBox", "My-hearts-1")
    somebody.click("segmentButton")
    somebody.until_done()
    assert somebody.study.provenance().model == "My-hearts-1", somebody.told
    assert somebody.study.masks().any()
    picture("training-story-6-segmented")
    somebody.logic.close()
