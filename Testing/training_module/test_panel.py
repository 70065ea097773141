"""What a person sees in the panel before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import slicer
from EchoODELib.logic.dependencies import MissingPackages
from EchoODETrainingLib.module.recipes import Changes, read, shipped_recipes

ROOT = Path(__file__).resolve().parents[2] / "EchoODETraining"
PANEL_WIDTH = 420


def test_the_module_uses_what_slicer_has() -> None:
    from SlicerHost.api.check import check

    library = ROOT / "EchoODETrainingLib"
    assert check([ROOT / "EchoODETraining.py", library / "ui", library / "module", ROOT / "Resources" / "UI"]) == []


def test_buttons_that_cannot_be_used_say_why(person: Any, picture: Any) -> None:
    reasons = {
        "addDataButton": "Choose the folder",
        "addSceneButton": "corrected frame",
        "startButton": "plan be shown first",
        "pauseButton": "no run in view",
        "stopButton": "No run is under way",
        "openRunButton": "no run in view",
        "evaluateButton": "Add a data set",
        "openReportButton": "Evaluate a model first",
        "installButton": "no model yet",
        "deleteModelButton": "Choose a model",
    }
    for name, reason in reasons.items():
        button = getattr(person.ui, name)
        assert not button.enabled, name
        assert reason in button.toolTip, name
    person.panel.widget.adjustSize()
    picture("training-panel-empty", person.panel.widget)
    assert person.panel.widget.minimumSizeHint.width() <= PANEL_WIDTH - 20  # of it, bar and margins
    assert "not a medical device" in person.panel.widget.findChild("QLabel", "disclaimerLabel").text


def test_the_module_says_what_it_is(training_module: Any) -> None:
    assert "Show plan" in training_module.helpText
    assert "not a medical device" in training_module.helpText
    assert "cite" in training_module.acknowledgementText
    assert training_module.dependencies == ["EchoODE"]
    assert not training_module.icon.isNull()


def test_settings_show_what_the_recipe_says_and_what_is_changed(person: Any) -> None:
    ui = person.ui
    person.select("recipeComboBox", "quick_phantom")
    told = read(next(path for path in shipped_recipes() if path.stem == "quick_phantom"))
    assert ui.architectureComboBox.currentText.endswith(told["architecture"])
    assert ui.sizeComboBox.currentText.endswith("{} × {}".format(*told["size"]))
    assert ui.limitComboBox.currentText.endswith(f"{told['max_minutes']} minutes")
    assert ui.batchSpinBox.text.endswith(f": {told['batch']}")
    assert ui.modelNameEdit.placeholderText == told["name"]
    assert "Simulated hearts" in ui.recipeInfoLabel.text
    assert not ui.limitSpinBox.enabled
    assert person.panel.recipe.setup().changes == Changes()
    person.select("architectureComboBox", "unet")
    person.select("sizeComboBox", "128 × 160")
    person.select("limitComboBox", "Minutes")
    ui.limitSpinBox.setValue(7)
    ui.batchSpinBox.setValue(3)
    person.type_into("modelNameEdit", "Über mine")
    person.rest()
    wanted = Changes(name="ber-mine", architecture="unet", size=(128, 160), minutes=7, batch=3)
    assert person.panel.recipe.setup().changes == wanted
    person.select("recipeComboBox", shipped_recipes()[0].stem)  # another recipe begins anew, but for the name
    assert person.panel.recipe.setup().changes == Changes(name="ber-mine")


def test_recipes_of_whole_clips_have_their_own_settings(person: Any, picture: Any) -> None:
    ui = person.ui
    person.select("recipeComboBox", "quick_phantom")
    assert not ui.clipFramesSpinBox.visible
    assert ui.architectureComboBox.findText("coreecho") < 0
    person.select("recipeComboBox", "coreecho_small")
    assert ui.clipFramesSpinBox.visible
    assert ui.clipFramesLabel.visible
    assert ui.clipFramesSpinBox.text.endswith(": 16")
    choices = [ui.architectureComboBox.itemText(n) for n in range(ui.architectureComboBox.count)]
    assert choices == ["As in the recipe: coreecho", "coreecho"]
    for words in ("16 frames, 80 ms apart", "3 clips are averaged", "100 epochs, the last 10 teach the head alone"):
        assert words in ui.recipeInfoLabel.text
    ui.clipFramesSpinBox.setValue(24)
    person.rest()
    assert person.panel.recipe.setup().changes == Changes(frames=24)
    picture("training-panel-whole-clips", person.panel.widget)
    person.select("recipeComboBox", "coreecho_hmc_qu_probe")
    assert person.panel.recipe.setup().changes == Changes()
    for words in ("a whole beat at 12 frames", "head alone learns"):
        assert words in ui.recipeInfoLabel.text
    person.select("recipeComboBox", "coreecho_paper")
    assert "36 frames, one in 4 of the recording's" in ui.recipeInfoLabel.text


def test_a_recipe_that_cannot_be_read_is_told(person: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text("name: [")
    person.choose_recipe(path, monkeypatch)
    assert "odd.yaml" in person.told.replace("\u200b", "")
    assert "can't be read" in person.told
    assert not person.ui.planButton.enabled
    path.write_text("name: fine\nbatch: 9\n")
    person.rest()
    person.panel.refresh()
    assert person.ui.batchSpinBox.text.endswith("9")  # once it was corrected


@pytest.mark.parametrize("button", ["addDataButton", "planButton"])
def test_packages_are_asked_for_at_first_use(button: str, person: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr("slicer.util.errorDisplay", lambda text, *_, **__: told.append(text))

    def declined() -> None:
        raise MissingPackages("EchoODE needs more Python packages; start the step again and let them install.")

    monkeypatch.setattr("EchoODETrainingLib.module.operations.ensure_training", declined)
    person.select("dataKindComboBox", "Simulated hearts")
    person.click(button)
    assert "needs more Python packages" in person.told
    assert told
    assert not any(person.logic.busy(event) for event in person.logic._errands)


def test_what_is_asked_for_is_what_the_project_names() -> None:
    import tomllib

    from EchoODETrainingLib.module.dependencies import TRAINING

    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {*project["dependencies"], *project["optional-dependencies"]["training"]}
    assert set(TRAINING) <= named
    assert set(project["optional-dependencies"]["training"]) <= set(TRAINING)


def test_choices_live_with_the_scene_and_the_views_come_back(person: Any, settle: Callable[..., None]) -> None:
    layout = slicer.app.layoutManager()
    arrangement = layout.layout
    person.ui.batchSpinBox.setValue(5)
    person.rest()
    slicer.mrmlScene.Clear(0)
    person.rest()
    assert person.ui.batchSpinBox.value == 0
    assert layout.layout == arrangement
    slicer.util.moduleSelector().selectModule("")
    person.rest()
    assert layout.layout != arrangement
    slicer.util.selectModule("EchoODETraining")


def test_reloading_keeps_working(person: Any) -> None:
    import sys

    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "EchoODETrainingLib"}
    try:
        old = person.panel
        person.widget.onReload()
        person.rest()
        assert person.panel is not old
        assert person.ui.planButton.enabled
    finally:  # the classes that other tests have imported are theirs
        for name in [name for name in sys.modules if name.split(".")[0] == "EchoODETrainingLib"]:
            del sys.modules[name]
        sys.modules.update(before)
        slicer.util.reloadScriptedModule("EchoODETraining")
        person.rest()
