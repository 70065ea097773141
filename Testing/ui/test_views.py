"""The view that is proposed for a clip, and what follows from it, in the panel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import slicer
from EchoODELib.engine.sequence import KNOWN_VIEWS, Provenance, View
from EchoODELib.engine.views import VIEW_MODEL
from EchoODELib.logic.options import SegmentOptions
from EchoODELib.logic.view_proposals import modelFor
from EchoODELib.scene.clip import createClip
from engine.standins import save_view_model
from SlicerHost.mouse import Qt, QTest
from ui.conftest import simulated

WITHIN_S = 30.0


@pytest.fixture
def until(settle: Callable[..., None]) -> Callable[[Callable[[], object]], None]:
    """Let the application live until something is so."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not condition():
            assert time.monotonic() < deadline, "it took too long"
            settle(1)
            time.sleep(0.005)
        settle()

    return wait


@pytest.fixture(scope="module")
def sees_a2c(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The network of views takes every clip for an A2C, with 0.9."""
    folder = tmp_path_factory.mktemp("models")
    rest = {view: 0.1 / len(KNOWN_VIEWS) for view in (*KNOWN_VIEWS, View.OTHER)}
    save_view_model(folder, VIEW_MODEL, {**rest, View.A2C: 0.9})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECHOODE_MODELS", str(folder))
        yield


@pytest.fixture(scope="module")
def logics(sees_a2c: None) -> Iterator[set[Any]]:
    """The module's logic, once its worker was started among these models."""
    known: set[Any] = set()
    yield known
    for logic in known:
        logic.close()


@pytest.fixture
def a_clip(module: Any, logics: set[Any], until: Any) -> Callable[..., Any]:
    """Puts a clip that its file says is of a view into the scene, and waits for the proposal."""
    if module.logic not in logics:
        module.logic.close()
        logics.add(module.logic)
    module.logic.warmUp(SegmentOptions(model=VIEW_MODEL))

    def add(view: View, masks: bool = False) -> Any:
        made = simulated()
        study = createClip(replace(made.sequence, view=view), "A clip")
        if masks:
            study.setMasks(made.masks, Provenance("segment"))
        module.panel.setStudy(study)
        until(lambda: study.proposedView is not None)
        return study

    return add


def test_a_view_that_nobody_named_is_proposed_and_can_be_overruled(
    a_clip: Callable[..., Any], ui: Any, panel: Any, picture: Callable[..., Path], until: Any
) -> None:
    study = a_clip(View.UNKNOWN, masks=True)
    assert study.view is View.A2C
    until(lambda: ui.viewComboBox.currentText == "A2C")
    assert ui.viewProposalLabel.visible
    assert ui.viewProposalLabel.text == "A2C, 0.90 likely"
    assert "looks like" not in ui.clipInfoLabel.text
    assert VIEW_MODEL in ui.modelComboBox.currentText
    picture("view-proposed", panel.clip.widget)
    ui.viewComboBox.setFocus()
    for _ in range(2):
        QTest.keyClick(ui.viewComboBox, Qt.Key_Down)
    until(lambda: study.view is View.PLAX)
    assert "looks like A2C (90 %)" in ui.clipInfoLabel.text  # it may be wrong, and says so
    assert "plax" in ui.modelComboBox.currentText
    assert ui.viewProposalLabel.text == "A2C, 0.90 likely"
    until(lambda: "apical view" in ui.notesLabel.text)  # volumes don't fit the view
    picture("view-overruled", panel.clip.widget)
    panel.setStudy(None)
    until(lambda: panel.context.study is None)
    panel.setStudy(study)
    until(lambda: panel.context.study == study)
    assert study.view is View.PLAX  # the person has the last word


def test_a_view_that_the_file_names_stays(a_clip: Callable[..., Any], ui: Any, until: Any) -> None:
    study = a_clip(View.A4C)
    assert study.view is View.A4C
    until(lambda: "looks like A2C" in ui.clipInfoLabel.text)
    assert ui.modelComboBox.currentText == f"Automatic ({modelFor(View.A4C)})"


def test_the_model_that_a_person_chose_stays(a_clip: Callable[..., Any], ui: Any, panel: Any, until: Any) -> None:
    panel.context.parameters.model = "unet-camus-a4c"
    study = a_clip(View.UNKNOWN)
    until(lambda: ui.viewComboBox.currentText == "A2C")
    assert study.view is View.A2C
    assert ui.modelComboBox.currentText == "unet-camus-a4c"
    panel.context.parameters.model = ""


@pytest.mark.parametrize("view", list(View))
def test_every_view_can_be_shown(view: View, ui: Any, add_clip: Callable[..., Any], settle: Any) -> None:
    study = add_clip(masks=False)
    study.setView(view, byHand=True)
    settle()
    assert ui.viewComboBox.currentText.lower() == view.value.lower()


def test_what_a_person_chose_is_saved_with_the_scene(add_clip: Callable[..., Any], tmp_path: Path, settle: Any) -> None:
    from EchoODELib.scene.study import Study

    study = add_clip(masks=False)
    study.setView(View.OTHER, byHand=True)
    study.setProposedView(View.A3C, 0.51234)
    scene = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(scene))
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(scene))
    settle()
    (again,) = Study.all()
    assert (again.view, again.viewByHand, again.proposedView) == (View.OTHER, True, (View.A3C, 0.5123))
