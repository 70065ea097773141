"""The second opinion, as a person gets it: EF from the clip beside the masks', what was looked at, the map."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from EchoODELib.engine.known_embeddings import KnownEmbeddings, write_known_embeddings
from EchoODELib.engine.second_opinion import LARGE_DIFFERENCE
from EchoODELib.engine.weights import DEFAULT_EF_MODEL
from EchoODELib.scene.curves import chartNode
from EchoODELib.scene.heat import heatNode, heatShown
from EchoODELib.scene.layout import shownChart
from EchoODELib.scene.strain import overlayComposite
from EchoODELib.scene.study import Study
from engine.standins import TINY_COREECHO, save_clip_model
from SlicerHost.mouse import Qt, QTest

WITHIN_S = 60.0
WIDTH = TINY_COREECHO["widths"][-1]
# Quick, where umap-learn compiles for half a minute; the true one is tested in the engine's room.
QUICK_UMAP = """
import numpy as np

class UMAP:
    def __init__(self, **settings):
        self.settings = settings

    def fit(self, embeddings):
        self.embedding_ = self.transform(embeddings)
        return self

    def transform(self, embeddings):
        return np.asarray(embeddings)[:, :2].astype(np.float32)
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Untrained networks: one by the default's name knows 40 recordings far from any clip, "new" knows none."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "umap.py").write_text(QUICK_UMAP)
    random = np.random.default_rng(0)
    known = random.normal(size=(40, WIDTH)).astype(np.float32)
    values = random.uniform(15, 75, 40).astype(np.float32)
    told = KnownEmbeddings(known, values, threshold=1e-4, neighbours=3)
    write_known_embeddings(told, save_clip_model(folder, DEFAULT_EF_MODEL))
    save_clip_model(folder, "new", use={"clips": {"frames": 6, "clips": 1}, "validated_on_patients": True})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECHOODE_MODELS", str(folder))
        patch.setenv("PYTHONPATH", str(folder), prepend=":")
        yield folder


@pytest.fixture(scope="module")
def logics(models: Path) -> Iterator[set[Any]]:
    """The module's logic, once its worker was started among these models."""
    known: set[Any] = set()
    yield known
    for logic in known:
        logic.close()


@pytest.fixture
def until(settle: Callable[..., None], panel: Any) -> Callable[[Callable[[], object]], None]:
    """Let the application live until something is so."""

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not condition():
            assert time.monotonic() < deadline, f"it took too long; the panel says: {panel.context.messages.text!r}"
            slicer.app.processEvents()
            time.sleep(0.002)
        settle()

    return wait


@pytest.fixture
def click(module: Any, logics: set[Any], until: Any) -> Iterator[Callable[[str], None]]:
    """`click(button)` clicks a button by name and waits for what it starts."""
    if module.logic not in logics:
        module.logic.close()
        logics.add(module.logic)
    module.panel.opinion.fillModels()

    def press(name: str) -> None:
        button = getattr(module.panel.ui, name)
        assert button.enabled, button.toolTip
        QTest.mouseClick(button, Qt.LeftButton)
        until(lambda: not module.logic.busy)

    yield press
    if (parameters := module.panel.context.parameters) is not None:
        parameters.efModel = ""
        parameters.showHeat = parameters.showMap = False


def test_both_ejection_fractions_stand_side_by_side(
    click: Any, add_clip: Any, ui: Any, operations: Any, panel: Any, picture: Any
) -> None:
    study = add_clip(beats=2.2)
    assert not ui.opinionFrame.visible
    click("estimateButton")
    opinion = operations.opinions.opinion(study)
    assert f"EF {opinion.value:.0f} %" in panel.context.messages.text
    measured = operations.measure(study)
    masks = measured.summary["ejection_fraction"].mean
    assert ui.masksEfLabel.text == f"{masks:.0f} %"
    assert ui.clipEfLabel.text == f"{opinion.value:.0f} %"
    assert f"{opinion.low:.0f} – {opinion.high:.0f} %" in ui.clipEfNote.text
    whole = [beat for beat in measured.beats if beat.next_ed_frame is not None]
    assert len(whole) == len(opinion.beats) >= 1
    assert ui.opinionTable.rowCount == len(measured.beats)
    for row, beat in enumerate(measured.beats):
        said = opinion.of_beat(beat.ed_frame, beat.next_ed_frame)
        assert ui.opinionTable.item(row, 2).text() == ("–" if said is None else f"{said:.0f} %")
    assert abs(opinion.value - masks) > LARGE_DIFFERENCE  # an untrained network
    warned = ui.opinionWarningLabel.text
    for words in ("differ by", "Unlike the training data", "Not validated on patients"):
        assert words in warned
    assert "not validated" not in ui.opinionNotesLabel.text  # it is not said twice
    picture("opinion", panel.opinion.widget)
    QTest.mouseClick(
        ui.opinionTable.viewport(), Qt.LeftButton, Qt.NoModifier,
        ui.opinionTable.visualItemRect(ui.opinionTable.item(len(measured.beats) - 1, 0)).center(),
    )  # fmt: skip
    assert study.frame == measured.beats[-1].ed_frame


def test_the_comparison_follows_the_masks(click: Any, a_study: Any, ui: Any, operations: Any, until: Any) -> None:
    click("estimateButton")
    before, said = ui.masksEfLabel.text, ui.clipEfLabel.text
    table = a_study.browserNode.GetNodeReference("EchoODE.OpinionTable").GetTable()
    assert table.GetValueByName(0, "Beat").ToString() == "Whole clip"
    kept = table.GetValueByName(0, "EF from masks").ToDouble()
    es = a_study.esFrames[0]
    operations.movePhase(a_study, "ES", es, es - 3)
    until(lambda: ui.masksEfLabel.text != before)
    assert ui.clipEfLabel.text == said
    table = a_study.browserNode.GetNodeReference("EchoODE.OpinionTable").GetTable()
    assert table.GetValueByName(0, "EF from masks").ToDouble() < kept


def test_without_masks_the_network_speaks_alone(click: Any, add_clip: Any, ui: Any) -> None:
    add_clip(masks=False)
    click("estimateButton")
    assert ui.masksEfLabel.text == ui.differenceLabel.text == "–"
    assert "%" in ui.clipEfLabel.text
    assert not ui.opinionTable.visible
    click("explainButton")
    assert ui.heatLabel.visible and not ui.heatBar.visible
    assert "Segment" in ui.heatLabel.text


def test_what_it_looked_at_is_shown_and_hidden(
    click: Any, a_study: Any, ui: Any, operations: Any, panel: Any, picture: Any, until: Any
) -> None:
    assert not ui.explainButton.enabled
    click("estimateButton")
    click("explainButton")
    assert ui.explainButton.checked
    assert heatShown(a_study)
    assert overlayComposite().GetCompositing() == slicer.vtkMRMLSliceCompositeNode.Add
    share, even = operations.opinions.shareInLV(a_study)
    assert 0 <= share <= 1 and 0.02 < even < 0.5
    assert f"{100 * share:.0f} % of the heat" in ui.heatLabel.text
    wall, wallEven = operations.opinions.shareInLV(a_study, wall=True)
    assert wall >= share and wallEven > even
    assert f"{100 * wall:.0f} % in the LV with its wall" in ui.heatLabel.text
    assert ui.heatBar.value == round(100 * share)
    shown = slicer.util.arrayFromVolume(heatNode(a_study)).copy()
    a_study.setFrame(a_study.frame + 6)
    until(lambda: True)
    assert heatShown(a_study)
    assert not np.array_equal(slicer.util.arrayFromVolume(heatNode(a_study)), shown)  # it plays with the clip
    picture("opinion-heat")
    click("explainButton")
    assert not heatShown(a_study) and not ui.explainButton.checked
    assert not ui.heatFrame.visible
    click("explainButton")  # at once: nothing is computed again
    assert heatShown(a_study)
    panel.context.parameters.showStrain = True  # one volume at a time lies over the echo
    until(lambda: not ui.explainButton.checked)
    assert not heatShown(a_study)
    assert overlayComposite().GetCompositing() == slicer.vtkMRMLSliceCompositeNode.Alpha
    panel.context.parameters.showStrain = False


def test_the_map_takes_the_curves_place_and_gives_it_back(
    click: Any, a_study: Any, ui: Any, operations: Any, picture: Any, until: Any
) -> None:
    click("estimateButton")
    curve = shownChart()
    assert curve is chartNode()
    click("mapButton")
    until(lambda: shownChart() is not curve)
    chart = shownChart()
    assert ui.mapButton.checked and ui.mapLabel.visible
    series = [chart.GetNthPlotSeriesNode(number) for number in range(chart.GetNumberOfPlotSeriesNodes())]
    points = {one.GetName(): one.GetTableNode().GetNumberOfRows() for one in series if one.GetName()}
    assert points.pop("This clip") == 2  # a single point is written twice
    assert sum(points.values()) == 40
    place = series[-1].GetTableNode().GetTable()
    embedding = operations.opinions.opinion(a_study).embedding
    for axis, value in zip("xy", embedding, strict=False):
        assert place.GetValueByName(0, axis).ToDouble() == pytest.approx(value, abs=1e-4)
    picture("opinion-map")
    operations.refreshViews(a_study)  # as any change of masks does
    assert shownChart() is chart
    click("mapButton")
    until(lambda: shownChart() is curve)
    assert not ui.mapButton.checked


def test_a_model_that_knows_no_recordings_has_no_map(click: Any, a_study: Any, ui: Any, panel: Any, until: Any) -> None:
    panel.context.parameters.efModel = "new"
    until(lambda: ui.efModelComboBox.currentText == "new")
    click("estimateButton")
    assert "Not validated" not in ui.opinionWarningLabel.text
    assert "Unlike" not in ui.opinionWarningLabel.text
    click("mapButton")
    assert "doesn't bring" in panel.context.messages.text
    assert not ui.mapButton.checked
    assert shownChart() is chartNode()


def test_another_models_heat_and_map_go_with_its_opinion(
    click: Any, a_study: Any, ui: Any, panel: Any, operations: Any, until: Any
) -> None:
    for button in ("estimateButton", "explainButton", "mapButton"):
        click(button)
    panel.context.parameters.efModel = "new"
    until(lambda: ui.efModelComboBox.currentText == "new")
    click("estimateButton")
    assert not operations.opinions.hasHeat(a_study)
    assert operations.opinions.chart(a_study) is None
    assert heatNode(a_study) is None
    until(lambda: shownChart() is chartNode())
    operations.opinions.forget(a_study)
    assert operations.opinions.opinion(a_study) is None
    assert a_study.browserNode.GetNodeReference("EchoODE.OpinionTable") is None


def test_a_saved_scene_brings_everything_back(
    click: Any, a_study: Any, ui: Any, operations: Any, panel: Any, tmp_path: Path, until: Any
) -> None:
    for button in ("estimateButton", "explainButton", "mapButton"):
        click(button)
    opinion, share = operations.opinions.opinion(a_study), operations.opinions.shareInLV(a_study)
    texts = [ui.masksEfLabel.text, ui.clipEfLabel.text, ui.clipEfNote.text, ui.heatLabel.text]
    scene = tmp_path / "scene.mrb"
    assert slicer.util.saveScene(str(scene))
    slicer.mrmlScene.Clear(0)
    until(lambda: panel.context.study is None)
    assert not ui.opinionFrame.visible
    slicer.util.loadScene(str(scene))
    until(lambda: panel.context.study is not None and ui.opinionFrame.visible)
    (study,) = Study.all()
    assert replace(operations.opinions.opinion(study), embedding=()) == replace(opinion, embedding=())
    assert operations.opinions.opinion(study).embedding == pytest.approx(opinion.embedding, rel=1e-5)
    assert operations.opinions.shareInLV(study) == pytest.approx(share)
    until(lambda: heatShown(study))
    assert shownChart() is operations.opinions.chart(study)
    assert [ui.masksEfLabel.text, ui.clipEfLabel.text, ui.clipEfNote.text, ui.heatLabel.text] == texts
    assert ui.explainButton.checked and ui.mapButton.checked


def test_another_clip_has_its_own_opinion(click: Any, add_clip: Any, ui: Any, panel: Any, until: Any) -> None:
    first = add_clip(name="First")
    for button in ("estimateButton", "explainButton"):
        click(button)
    second = add_clip(beats=1.5, name="Second")
    assert not ui.opinionFrame.visible
    assert not heatShown(first)
    click("estimateButton")
    click("mapButton")
    chart = shownChart()
    names = {chart.GetNthPlotSeriesNode(n).GetName() for n in range(chart.GetNumberOfPlotSeriesNodes())}
    assert {"This clip", "First"} <= names
    panel.setStudy(first)
    until(lambda: panel.context.study == first and heatShown(first))
    names = {chart.GetNthPlotSeriesNode(n).GetName() for n in range(chart.GetNumberOfPlotSeriesNodes())}
    assert {"This clip", "Second"} <= names
    assert second.exists


def test_undo_and_a_closed_scene_do_no_harm(
    click: Any, add_clip: Any, ui: Any, operations: Any, panel: Any, until: Any
) -> None:
    study = add_clip()
    operations.remember(study, "painting")
    click("estimateButton")
    click("explainButton")
    operations.undo(study)
    until(lambda: True)
    assert operations.opinions.hasHeat(study)
    QTest.mouseClick(ui.estimateButton, Qt.LeftButton)
    assert ui.estimateButton.text == "Cancel"
    assert not ui.segmentButton.enabled
    slicer.mrmlScene.Clear(0)
    until(lambda: not operations.busy and panel.context.study is None)
    assert not ui.opinionFrame.visible
    assert not ui.estimateButton.enabled


def test_a_cancelled_estimate_leaves_the_first_word(
    click: Any, a_study: Any, ui: Any, operations: Any, until: Any
) -> None:
    click("estimateButton")
    before = operations.opinions.opinion(a_study)
    QTest.mouseClick(ui.estimateButton, Qt.LeftButton)
    QTest.mouseClick(ui.estimateButton, Qt.LeftButton)
    until(lambda: not operations.busy)
    assert operations.opinions.opinion(a_study) == before


def test_with_no_model_the_button_says_so(ui: Any, panel: Any, a_study: Any, monkeypatch: Any, until: Any) -> None:
    monkeypatch.setattr("EchoODELib.ui.opinion_section.efModels", dict)
    panel.opinion.fillModels()
    panel.refresh()
    assert not ui.estimateButton.enabled
    assert "No model for ejection fractions is installed" in ui.estimateButton.toolTip
    assert "No model for ejection fractions is installed" in ui.opinionHint.text
    assert ui.opinionHint.visible


def test_what_can_not_be_estimated_is_said(click: Any, add_clip: Any, ui: Any, panel: Any, operations: Any) -> None:
    from EchoODELib.engine.errors import EchoODEError

    study = add_clip(masks=False)
    with pytest.raises(EchoODEError, match="estimate EF from the clip first"):
        operations.opinions.explain(study)
    panel.context.parameters.efModel = "nonesuch"
    click("estimateButton")
    assert "nonesuch" in panel.context.messages.text
    assert not ui.opinionFrame.visible


def test_exported_tables_have_both(click: Any, a_study: Any, operations: Any, tmp_path: Path) -> None:
    import json

    import jsonschema
    import openpyxl
    from EchoODELib.engine.export.results import results_schema
    from EchoODELib.logic.options import ExportOptions

    click("estimateButton")
    opinion = operations.opinions.opinion(a_study)
    operations.export(a_study, tmp_path / "out", ExportOptions(("json", "csv", "xlsx")), waitForCompletion=True)
    document = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, results_schema())
    whole = document["second_opinion"]["compared"][0]
    assert whole["beat"] is None and whole["large"]
    assert whole["from_clip"] == pytest.approx(opinion.value, rel=1e-5)
    assert whole["from_masks"] == pytest.approx(document["summary"]["ejection_fraction"]["mean"], rel=1e-6)
    assert document["second_opinion"]["unlike_training_data"]
    lines = (tmp_path / "out" / "second_opinion.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[1].startswith("beat,EF from masks (%),EF from clip (%)")
    assert lines[2].startswith("whole clip,")
    book = openpyxl.load_workbook(tmp_path / "out" / "results.xlsx")
    assert book["second opinion"]["A3"].value == "whole clip"


def test_heat_keeps_to_its_pixels_when_their_size_is_said(
    click: Any, a_study: Any, ui: Any, operations: Any, until: Any
) -> None:
    for button in ("estimateButton", "explainButton"):
        click(button)
    share = operations.opinions.shareInLV(a_study)
    a_study.setCalibration((1.5, 1.5))
    until(lambda: True)
    assert heatNode(a_study).GetSpacing()[:2] == pytest.approx((1.5, 1.5))
    corners = [[0.0] * 6, [0.0] * 6]
    heatNode(a_study).GetRASBounds(corners[0])
    a_study.clipNode.GetRASBounds(corners[1])
    assert corners[0] == pytest.approx(corners[1])
    assert operations.opinions.shareInLV(a_study) == pytest.approx(share, abs=1e-6)
