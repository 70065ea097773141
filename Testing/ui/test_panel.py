"""What a person sees and clicks in the panel, without a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import slicer
from EchoODELib.engine.sequence import View
from SlicerHost.mouse import Qt, QTest

PANEL_WIDTH = 420


def click(widget: Any) -> None:
    """With the left button, in the middle."""
    QTest.mouseClick(widget, Qt.LeftButton)


def type_into(edit: Any, text: str) -> None:
    """Replace a line's text and press Enter."""
    edit.setFocus()
    edit.selectAll()
    QTest.keyClicks(edit, text)
    QTest.keyClick(edit, Qt.Key_Return)


# Nothing loaded


def test_without_a_clip_buttons_say_what_is_missing(ui: Any) -> None:
    for button in (ui.segmentButton, ui.propagateButton, ui.editButton, ui.undoButton, ui.exportButton):
        assert not button.enabled
        assert "clip first" in button.toolTip
    assert not ui.clipDetails.visible
    assert ui.measureHint.visible


@pytest.mark.parametrize("state", ["empty", "loaded", "segmented", "editing"])
def test_the_panel_is_no_wider_than_slicers(
    state: str, panel: Any, ui: Any, add_clip: Callable[..., Any], settle: Callable[..., None], picture: Any
) -> None:
    if state != "empty":
        add_clip(masks=state != "loaded", name="A clip whose name is far longer than any panel of any module is wide")
    if state == "editing":
        click(ui.editButton)
    settle()
    picture(f"ui-panel-{state}", panel.widget)
    assert panel.widget.minimumSizeHint.width() <= PANEL_WIDTH - 20  # the scroll bar and margins have their share


# Clip


def test_what_was_read_is_shown(ui: Any, a_study: Any) -> None:
    assert "24 frames" in ui.clipInfoLabel.text
    assert "mm/px" in ui.clipInfoLabel.text
    assert ui.viewComboBox.currentText == "A4C"
    assert ui.clipSelector.currentNode() is a_study.browserNode


def test_an_uncalibrated_clip_is_called_so(ui: Any, a_study: Any, settle: Callable[..., None]) -> None:
    ui.pixelSizeSpinBox.setValue(0.0)
    settle()
    assert "uncalibrated" in ui.clipInfoLabel.text
    assert a_study.sequence().spacing is None
    assert "EDV" not in ui.headlineLabel.text
    assert "EF" in ui.headlineLabel.text


def test_a_line_calibrates(ui: Any, a_study: Any, settle: Callable[..., None]) -> None:
    before = a_study.sequence().spacing[1]
    click(ui.calibrateButton)
    settle()
    assert ui.calibrationFrame.visible
    assert not ui.applyCalibrationButton.enabled
    line = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLMarkupsLineNode")
    line.AddControlPoint(0, 0, 0)
    line.AddControlPoint(30 * before, 0, 0)  # 30 px
    settle()
    ui.knownLengthSpinBox.setValue(60.0)
    click(ui.applyCalibrationButton)
    settle()
    assert a_study.sequence().spacing[1] == pytest.approx(2.0, rel=1e-3)
    assert slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLMarkupsLineNode") is None
    assert not ui.calibrationFrame.visible


def test_the_view_can_be_said(ui: Any, a_study: Any, settle: Callable[..., None]) -> None:
    ui.viewComboBox.setFocus()
    QTest.keyClick(ui.viewComboBox, Qt.Key_Down)
    settle()
    assert a_study.view is View.A2C


def test_samples_are_offered_and_loaded(panel: Any, ui: Any, settle: Callable[..., None]) -> None:
    menu = ui.sampleDataButton.menu()
    panel.clip.fillSamples()
    titles = [action.text for action in menu.actions()]
    assert titles == ["Simulated A4C", "Real A4C cine"]
    menu.actions()[1].trigger()
    settle()
    assert "30 frames" in ui.clipInfoLabel.text
    assert "uncalibrated" in ui.clipInfoLabel.text


def test_a_file_that_cannot_be_read_is_told_of_in_the_panel(panel: Any, tmp_path: Path) -> None:
    (tmp_path / "clip.avi").write_bytes(b"not a video")
    panel.clip.load(str(tmp_path / "clip.avi"))
    assert panel.context.messages.widget.visible
    assert panel.context.messages.text.endswith(".")


def test_a_long_name_is_told_in_full_and_wraps(panel: Any, settle: Callable[..., None]) -> None:
    name = "a_clip_" * 20 + ".dcm"
    panel.clip.load(f"/no/such/folder/{name}")
    settle()
    assert name in panel.context.messages.text
    assert panel.widget.minimumSizeHint.width() <= PANEL_WIDTH - 20


# Phases


def test_a_phase_can_be_typed_and_marked(ui: Any, a_study: Any, settle: Callable[..., None]) -> None:
    type_into(ui.esLineEdit, "9")
    settle()
    assert a_study.esFrames == (9,)
    assert "by hand" in ui.phaseStateLabel.text
    a_study.setFrame(11)
    settle()
    click(ui.esMarkButton)
    settle()
    assert a_study.esFrames == (9, 11)
    click(ui.esMarkButton)
    settle()
    assert a_study.esFrames == (9,)
    click(ui.findPhasesButton)
    settle()
    assert "area curve" in ui.phaseStateLabel.text


@pytest.mark.parametrize("text", ["200", "x", "1.5"])
def test_a_frame_that_cannot_be_is_refused(
    text: str, panel: Any, ui: Any, a_study: Any, settle: Callable[..., None]
) -> None:
    before = a_study.esFrames
    type_into(ui.esLineEdit, text)
    settle()
    assert a_study.esFrames == before
    assert ui.esLineEdit.text == ", ".join(map(str, before))
    assert panel.context.messages.widget.visible


def test_moving_es_moves_ef_at_once(ui: Any, a_study: Any, settle: Callable[..., None]) -> None:
    before = ui.efLabel.text
    type_into(ui.esLineEdit, str(a_study.esFrames[0] - 5))
    settle()
    assert ui.efLabel.text != before


# Corrections


def test_an_edited_frame_is_listed_locked_and_released(
    panel: Any, ui: Any, a_study: Any, settle: Callable[..., None]
) -> None:
    a_study.browserNode.SetPlaybackActive(True)
    click(ui.editButton)
    settle()
    assert not a_study.browserNode.GetPlaybackActive()
    assert ui.editorFrame.visible
    assert ui.segmentEditor.segmentationNode() is a_study.segmentationNode
    a_study.setFrame(5)
    settle()
    paint(a_study, settle)
    assert a_study.correctedFrames == (5,)
    assert ui.correctedList.item(0).text() == "5"
    click(ui.editButton)
    a_study.setFrame(0)
    settle()
    assert not ui.releaseButton.enabled
    row = ui.correctedList.visualItemRect(ui.correctedList.item(0)).center()
    QTest.mouseClick(ui.correctedList.viewport(), Qt.LeftButton, Qt.NoModifier, row)
    settle()
    assert a_study.frame == 5
    click(ui.releaseButton)
    settle()
    assert a_study.correctedFrames == ()
    click(ui.undoButton)
    settle()
    assert a_study.correctedFrames == (5,)


def paint(study: Any, settle: Callable[..., None]) -> None:
    """A change of the mask in view, as an editor's effect makes it."""
    import numpy as np

    node = study.segmentationNode
    identifier = node.GetSegmentation().GetNthSegmentID(0)
    array = slicer.util.arrayFromSegmentBinaryLabelmap(node, identifier, study.clipNode).copy()
    array[:, :8, :8] = np.uint8(1)
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, identifier, study.clipNode)
    settle()


def test_editing_without_a_stroke_leaves_nothing_to_undo(panel: Any, a_study: Any, settle: Callable[..., None]) -> None:
    ui = panel.ui
    click(ui.editButton)
    panel.refresh()  # as soon as anything is told while the editor is open
    click(ui.editButton)
    settle()
    assert not ui.undoButton.enabled
    assert "Nothing to undo" in ui.undoButton.toolTip


def test_playing_ends_editing(ui: Any, a_study: Any, settle: Callable[..., None]) -> None:
    click(ui.editButton)
    settle()
    ui.playWidget.onVcrPlayPause()
    settle(10)
    assert not ui.editButton.checked
    assert not ui.editorFrame.visible
    a_study.browserNode.SetPlaybackActive(False)


# Display


def test_masks_are_shown_as_chosen(ui: Any, a_study: Any, settle: Callable[..., None]) -> None:
    display = a_study.segmentationNode.GetDisplayNode()
    assert display.GetVisibility2DOutline()
    assert not display.GetVisibility2DFill()
    assert not ui.opacitySlider.enabled
    ui.maskStyleComboBox.setCurrentIndex(1)
    ui.opacitySlider.setValue(0.7)
    settle()
    assert display.GetVisibility2DFill()
    assert not display.GetVisibility2DOutline()
    assert display.GetOpacity2DFill() == pytest.approx(0.7)
    click(ui.masksCheckBox)
    settle()
    assert not display.GetVisibility()


def test_motion_needs_a_propagation(ui: Any, a_study: Any) -> None:
    assert not ui.gridCheckBox.enabled
    assert "propagate first" in ui.gridCheckBox.toolTip


# Measurements


def test_numbers_are_those_that_are_measured(ui: Any, a_study: Any, operations: Any) -> None:
    ef = operations.measure(a_study).summary["ejection_fraction"].mean
    assert ui.efLabel.text == f"{ef:.0f} %"
    names = [ui.beatTable.item(row, 0).text() for row in range(ui.beatTable.rowCount)]
    assert names[:3] == ["EF", "EDV", "ESV"]


def test_several_beats_have_mean_and_sd(
    ui: Any, add_clip: Callable[..., Any], settle: Callable[..., None], picture: Any, panel: Any
) -> None:
    study = add_clip(beats=3.0)
    header = [ui.beatTable.horizontalHeaderItem(column).text() for column in range(ui.beatTable.columnCount)]
    assert header[:3] == ["Quantity", "Mean ± SD", "Beat 1"]
    assert "beats" in ui.headlineLabel.text
    picture("ui-beats", panel.measure.widget)
    column = header.index("Beat 2")
    cell = ui.beatTable.visualItemRect(ui.beatTable.item(0, column)).center()
    QTest.mouseClick(ui.beatTable.viewport(), Qt.LeftButton, Qt.NoModifier, cell)
    settle()
    assert study.frame == study.edFrames[1]


def test_two_views_give_biplane(ui: Any, add_clip: Callable[..., Any], settle: Callable[..., None]) -> None:
    other = add_clip(View.A2C, name="Two chambers")
    add_clip(View.A4C, name="Four chambers")
    ui.biplaneSelector.setCurrentNode(other.browserNode)
    settle()
    assert "Biplane" in ui.biplaneLabel.text
    assert "EDV" in ui.biplaneLabel.text


# The scene's life


def test_a_browser_without_images_is_told_of(panel: Any, ui: Any, settle: Callable[..., None]) -> None:
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Points over time")
    settle()
    ui.clipSelector.setCurrentNode(browser)
    settle()
    assert "Points over time" in panel.context.messages.text
    assert not ui.segmentButton.enabled


def test_a_deleted_clip_leaves_an_empty_panel(ui: Any, panel: Any, a_study: Any, settle: Callable[..., None]) -> None:
    slicer.mrmlScene.RemoveNode(a_study.browserNode)
    settle()
    assert panel.context.study is None
    assert not ui.segmentButton.enabled


def test_a_closed_scene_leaves_an_empty_panel(ui: Any, panel: Any, a_study: Any, settle: Callable[..., None]) -> None:
    click(ui.editButton)
    settle()
    slicer.mrmlScene.Clear(0)
    settle()
    assert panel.context.study is None
    assert not ui.editorFrame.visible
    assert not ui.clipDetails.visible


def test_the_panel_follows_the_selector(ui: Any, panel: Any, add_clip: Callable[..., Any], settle: Any) -> None:
    first = add_clip(name="First")
    second = add_clip(masks=False, name="Second")
    assert panel.context.study == second
    assert not first.segmentationNode.GetDisplayNode().GetVisibility()
    ui.clipSelector.setCurrentNode(first.browserNode)
    settle()
    assert panel.context.study == first
    assert first.segmentationNode.GetDisplayNode().GetVisibility()
    assert ui.resultsFrame.visible


def test_a_renamed_clip_keeps_its_place(ui: Any, a_study: Any, settle: Callable[..., None]) -> None:
    a_study.browserNode.SetName("Another name")
    settle()
    assert ui.clipSelector.currentNode() is a_study.browserNode
