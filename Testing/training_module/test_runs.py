"""Runs as a person meets them: started, paused, stopped, cut off, found again, failed in every way."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import slicer
from EchoODETrainingLib.module.curves import Curves
from EchoODETrainingLib.module.operations import TrainingOperations
from EchoODETrainingLib.module.recipes import Setup
from EchoODETrainingLib.module.run_folder import State

pytestmark = pytest.mark.usefixtures("fake_trainer")


ONE_SLICE = slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView


def shown_chart(view: str) -> Any:
    from EchoODELib.scene.layout import viewNode

    return viewNode("vtkMRMLPlotViewNode", view).GetPlotChartNode()


@pytest.fixture
def one_slice(person: Any) -> Any:
    """The layout manager, with another module and its own layout in view."""
    slicer.util.moduleSelector().selectModule("")
    person.rest()
    slicer.app.layoutManager().setLayout(ONE_SLICE)
    return slicer.app.layoutManager()


@pytest.fixture
def started(person: Any, recipe_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`started(name)` plans and starts the fake trainer's recipe of that name."""

    def begin(name: str, **changes: object) -> Any:
        person.choose_recipe(recipe_file(name, **changes), monkeypatch)
        person.plan()
        person.start()
        return person.logic.run

    return begin


def test_nothing_starts_before_it_was_planned(
    person: Any, recipe_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    person.choose_recipe(recipe_file("steady"), monkeypatch)
    assert not person.ui.startButton.enabled
    assert "plan be shown first" in person.ui.startButton.toolTip
    person.plan()
    assert person.ui.planLabel.isVisible()
    for part in ("19,976 parameters", "Simulated hearts, 6 clips", "steps of 4", "2.0 hours", "nothing to validate on"):
        assert part in person.ui.planLabel.text
    assert person.ui.startButton.enabled
    person.ui.batchSpinBox.setValue(2)
    person.rest()
    assert not person.ui.startButton.enabled
    assert not person.ui.planLabel.isVisible()


def test_a_run_pauses_goes_on_and_stops(person: Any, started: Callable[[str], Any], picture: Any) -> None:
    run = started("steady")
    person.until(lambda: person.logic.status.best)
    assert person.ui.trainProgressFrame.isVisible()
    assert "Step" in person.ui.trainProgressLabel.text
    assert "LV" in person.ui.trainInfoLabel.text
    person.click("pauseButton")
    person.until(lambda: person.state is State.PAUSED)
    assert person.ui.pauseButton.text == "Resume"
    step = person.logic.status.step
    picture("training-paused")
    person.click("pauseButton")
    person.until(lambda: person.state is State.RUNNING and person.logic.status.step > step)
    person.click("stopButton")
    person.until(lambda: person.state is State.STOPPED)
    assert "was stopped" in person.told
    assert "stopped" in person.ui.runComboBox.currentText
    assert not person.ui.stopButton.enabled
    assert Curves(run).update()["loss"]


def test_curves_and_previews_follow(person: Any, started: Callable[[str], Any], picture: Any) -> None:
    from EchoODETrainingLib.module.views import LOSS_VIEW, VALID_VIEW

    run = started("steady")
    person.until(lambda: len(run.previews()) > 2)
    person.logic.poll()
    person.rest(10)
    charts = {}
    for view in (LOSS_VIEW, VALID_VIEW):
        chart = shown_chart(view)
        charts[view] = [chart.GetNthPlotSeriesNode(n) for n in range(chart.GetNumberOfPlotSeriesNodes())]
    assert [series.GetName() for series in charts[LOSS_VIEW]] == ["Loss"]
    assert [series.GetName() for series in charts[VALID_VIEW]] == ["LV", "Myocardium"]
    table = charts[LOSS_VIEW][0].GetTableNode()
    assert table.GetNumberOfRows() > 20

    def newest() -> float:
        return table.GetTable().GetValue(table.GetNumberOfRows() - 1, 0).ToDouble()

    before = newest()
    person.until(lambda: newest() > before)
    volume = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLVectorVolumeNode")
    assert volume.GetImageData().GetDimensions() == (120, 60, 1)
    person.ui.previewSlider.setValue(0)
    person.rest()
    assert person.ui.previewEpochLabel.text == "1"
    assert slicer.util.arrayFromVolume(volume)[0, 50, 5].tolist() == [10, 10, 90]
    assert slicer.util.arrayFromVolume(volume)[0, 5, 5].tolist() == [5, 10, 90]
    picture("training-curves")
    person.panel.train.follow(None)
    assert slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLVectorVolumeNode") is None
    assert slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLPlotChartNode") is None


def test_networks_of_whole_clips_show_their_own_figures(
    person: Any, started: Callable[..., Any], picture: Any, one_slice: Any
) -> None:
    from EchoODETrainingLib.module.views import SECOND_VALID_VIEW, VALID_VIEW, TrainingLayout, ValuesLayout

    slicer.util.selectModule("EchoODETraining")
    run = started("steady", task="ejection_fraction", architecture="coreecho")
    person.until(lambda: len(run.previews()) > 4)
    person.logic.poll()
    person.rest(10)
    assert one_slice.layout == ValuesLayout.ID
    for view, axis in ((VALID_VIEW, "Validation error (points of EF)"), (SECOND_VALID_VIEW, "Validation R²")):
        chart = shown_chart(view)
        assert chart.GetYAxisTitle() == axis
        assert chart.GetNumberOfPlotSeriesNodes() == 1
        assert chart.GetNthPlotSeriesNode(0).GetTableNode().GetNumberOfRows() > 3
    person.until(lambda: "mean error" in person.ui.trainInfoLabel.text and "R² 0." in person.ui.trainInfoLabel.text)
    assert "Dice" not in person.ui.trainInfoLabel.text
    picture("training-values")
    person.click("stopButton")
    person.until(lambda: person.state is State.STOPPED)
    started("short")
    person.until(lambda: person.state is State.DONE)
    assert one_slice.layout == TrainingLayout.ID
    person.panel.train.follow(run)
    person.rest()
    assert one_slice.layout == ValuesLayout.ID
    slicer.util.moduleSelector().selectModule("")
    person.rest()
    assert one_slice.layout == ONE_SLICE


def test_a_layout_that_a_person_chose_stays(person: Any, started: Callable[..., Any], one_slice: Any) -> None:
    slicer.util.selectModule("EchoODETraining")
    one_slice.setLayout(ONE_SLICE)
    run = started("steady", task="ejection_fraction")
    person.until(lambda: run.previews())
    person.logic.poll()
    assert one_slice.layout == ONE_SLICE


@pytest.mark.usefixtures("person")
def test_figures_are_drawn_where_they_can_be_read() -> None:
    from EchoODETrainingLib.module.views import SECOND_VALID_VIEW, VALID_VIEW, show_curves

    steps = [10.0 * n for n in range(1, 6)]
    told = {
        "loss": list(zip(steps, (9.0, 7.0, 6.0, 5.0, 5.0), strict=True)),
        "valid_mae": list(zip(steps, (40.0, 12.0, 8.0, 6.0, 5.0), strict=True)),
        "valid_r2": list(zip(steps, (-30.0, -0.4, 0.3, 0.6, 0.7), strict=True)),
        "valid_bce": list(zip(steps, (0.9, 0.7, 0.6, 0.5, 0.5), strict=True)),
        "valid_accuracy": list(zip(steps, (0.5, 0.6, 0.6, 0.7, 0.8), strict=True)),
    }
    expected = {
        "ejection_fraction": [("points of EF", (0, 42)), ("R²", (-1, 1))],
        "infarction": [("cross entropy", (0, 0.945)), ("accuracy", (0.4, 1))],
    }
    for task, charts in expected.items():
        show_curves(told, 100, "a run", task)
        for view, (axis, ends) in zip((VALID_VIEW, SECOND_VALID_VIEW), charts, strict=True):
            assert axis in shown_chart(view).GetYAxisTitle()
            assert shown_chart(view).GetYAxisRange() == pytest.approx(ends)


def test_a_run_is_done_and_says_so(person: Any, started: Callable[[str], Any]) -> None:
    started("short")
    person.until(lambda: person.state is State.DONE)
    assert "is done" in person.told
    assert not person.ui.pauseButton.enabled


def test_a_killed_run_is_interrupted_and_resumes(person: Any, started: Callable[[str], Any], picture: Any) -> None:
    run = started("steady")
    person.until(lambda: run.previews())
    os.kill(person.logic.status.pid, signal.SIGKILL)
    person.until(lambda: person.state is State.INTERRUPTED)
    assert "was interrupted: Resume" in person.told
    step = person.logic.status.step
    picture("training-interrupted")
    person.click("pauseButton")
    person.until(lambda: person.state is State.RUNNING and person.logic.status.step > step)
    assert person.logic.run == run


def test_a_run_goes_on_without_the_application_and_is_found_again(
    person: Any, started: Callable[[str], Any], runs_folder: Path
) -> None:
    run = started("steady")
    pid = person.logic.status.pid
    assert os.getsid(pid) != os.getsid(0)  # no signal that ends the application reaches it
    person.logic.close()
    another = TrainingOperations()
    another.runsFolder = runs_folder
    assert another.runs() == [run]
    assert another.stateOf(run) is State.RUNNING
    person.panel.train.follow(None)
    assert person.state is None
    person.panel.train.setFolder(str(runs_folder))  # as at the next start
    assert person.logic.run == run
    assert person.state is State.RUNNING
    person.until(lambda: person.logic.status.step > 0)


def test_a_crash_is_told(person: Any, started: Callable[[str], Any]) -> None:
    started("crash")
    person.until(lambda: person.state is State.INTERRUPTED)
    assert "interrupted" in person.ui.trainInfoLabel.text


@pytest.mark.parametrize(
    ("name", "sentence"), [("wrong", "size: it must be two numbers."), ("mute", "It ended before it began")]
)
def test_a_refusal_is_told_in_the_trainers_words(
    name: str, sentence: str, person: Any, recipe_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    person.choose_recipe(recipe_file(name), monkeypatch)
    if name == "wrong":
        person.plan()
    else:  # it says nothing to a plan, either
        person.plan()
        assert "ended without an answer" in person.told
        monkeypatch.setattr(type(person.panel.recipe), "planned", True)
        person.panel.refresh()
    person.click("startButton")
    person.until(lambda: person.state is State.FAILED)
    person.rest()
    assert sentence in person.told


def test_a_run_that_does_not_obey_can_be_ended(
    person: Any, started: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    started("deaf")
    person.click("stopButton")
    assert not person.ui.stopButton.enabled
    assert "asked to stop" in person.ui.stopButton.toolTip
    monkeypatch.setattr("EchoODETrainingLib.ui.train_section._PATIENCE_S", 0.1)
    person.until(lambda: person.ui.stopButton.text == "End now", 20)
    person.click("stopButton")
    person.until(lambda: person.state is State.INTERRUPTED)


def test_a_runs_folder_that_cannot_be_written_is_told(
    person: Any, recipe_file: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.choose_recipe(recipe_file("steady"), monkeypatch)
    (tmp_path / "file").write_text("in the way")
    person.type_into(person.ui.runsFolderEdit.findChild("QLineEdit"), str(tmp_path / "file" / "runs"))
    person.until(lambda: person.logic.runsFolder == tmp_path / "file" / "runs")
    person.plan()
    person.click("startButton")
    assert "can't be written" in person.told
    assert person.logic.run is None


def test_a_full_disk_is_told(
    person: Any, recipe_file: Callable[[str], Path], runs_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    person.choose_recipe(recipe_file("steady"), monkeypatch)
    person.plan()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        person.click("startButton")
    assert "no space left on device" in person.told
    assert not list(runs_folder.iterdir())


def test_errands_that_nobody_waits_for_leave_no_files(
    person: Any, recipe_file: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    setup = Setup(recipe_file("steady"))
    person.logic.makePlan(setup)
    assert list(scratch.iterdir())
    person.logic.makePlan(setup)
    person.logic.close()
    assert not list(scratch.iterdir())


def test_a_full_temporary_folder_is_told(
    person: Any, recipe_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkdtemp", full)
    person.select("dataKindComboBox", "Simulated hearts")
    person.click("addDataButton")
    assert "is there room on the disk?" in person.told
