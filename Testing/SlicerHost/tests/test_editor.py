"""The segment editor, worked with mouse and keys on a clip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from SlicerHost.mouse import Qt, QTest, drag, place_of, turn_wheel

SQUARE = ((-10.0, -8.0, 0.0), (-30.0, -8.0, 0.0), (-30.0, -24.0, 0.0), (-10.0, -24.0, 0.0))


@pytest.fixture
def editor(editor_module: Any, a_slice_view: Any) -> Any:
    return editor_module.ui.editor


@pytest.fixture
def mask(editor_module: Any, a_browser: Any, a_slice_view: Any) -> Callable[[], np.ndarray]:
    """The LV of the current frame, (64, 80) bool."""
    import slicer

    def read() -> np.ndarray:
        volume, node = editor_module.logic.proxies(a_browser)
        return slicer.util.arrayFromSegmentBinaryLabelmap(node, "LV", volume)[0] != 0

    return read


@pytest.fixture
def write(editor_module: Any, a_browser: Any, a_slice_view: Any) -> Callable[[np.ndarray], None]:
    """Set the LV of the current frame."""
    import slicer

    def put(array: np.ndarray) -> None:
        volume, node = editor_module.logic.proxies(a_browser)
        slicer.util.updateSegmentBinaryLabelmapFromArray(array[np.newaxis].astype(np.uint8), node, "LV", volume)

    return put


def start(editor: Any, effect: str) -> Any:
    """Click the button of an effect."""
    QTest.mouseClick(editor.findChild("QToolButton", effect), Qt.LeftButton)
    assert editor.activeEffect().name == effect
    return editor.activeEffect()


def brush(effect: Any, diameter_mm: float) -> None:
    effect.setCommonParameter("BrushUseAbsoluteSize", 1)
    effect.setCommonParameter("BrushAbsoluteDiameter", diameter_mm)


def apply(editor: Any, effect: str) -> None:
    QTest.mouseClick(editor.findChild("QPushButton", f"{effect}ApplyButton"), Qt.LeftButton)


def test_a_click_paints_a_disc_of_the_brush_s_size(editor: Any, a_slice_view: Any, mask: Any) -> None:
    brush(start(editor, "Paint"), 8.0)
    QTest.mouseClick(
        a_slice_view.VTKWidget(), Qt.LeftButton, Qt.NoModifier, place_of(a_slice_view, (-20.0, -16.0, 0.0))
    )
    rows, columns = np.nonzero(mask())
    assert mask().sum() * 0.25 == pytest.approx(np.pi * 16, rel=0.08)
    assert (rows.mean() * 0.5, columns.mean() * 0.5) == pytest.approx((16.0, 20.0), abs=0.4)


def test_a_fast_stroke_leaves_no_gaps_and_erase_takes_it_away(editor: Any, a_slice_view: Any, mask: Any) -> None:
    canvas = a_slice_view.VTKWidget()
    stroke = [place_of(a_slice_view, ras) for ras in ((-8.0, -16.0, 0.0), (-32.0, -16.0, 0.0))]
    brush(start(editor, "Paint"), 4.0)
    drag(canvas, stroke)
    assert mask()[32, 17:64].all()
    brush(start(editor, "Erase"), 6.0)
    drag(canvas, stroke)
    assert not mask().any()


def test_undo_and_redo(editor: Any, a_slice_view: Any, mask: Any) -> None:
    canvas = a_slice_view.VTKWidget()
    brush(start(editor, "Paint"), 6.0)
    sizes = [0]
    for ras in SQUARE[:2]:
        QTest.mouseClick(canvas, Qt.LeftButton, Qt.NoModifier, place_of(a_slice_view, ras))
        sizes.append(int(mask().sum()))
    undo, redo = (editor.findChild("QToolButton", name) for name in ("UndoButton", "RedoButton"))
    QTest.mouseClick(undo, Qt.LeftButton)
    assert mask().sum() == sizes[1]
    editor.undo()
    assert mask().sum() == 0
    QTest.mouseClick(redo, Qt.LeftButton)
    editor.redo()
    assert mask().sum() == sizes[2]


def test_shift_and_wheel_change_the_brush(editor: Any, a_slice_view: Any, a_browser: Any) -> None:
    effect = start(editor, "Paint")
    before = effect.doubleParameter("BrushRelativeDiameter")
    canvas = a_slice_view.VTKWidget()
    turn_wheel(canvas, 2, canvas.rect.center(), Qt.ShiftModifier)
    assert effect.doubleParameter("BrushRelativeDiameter") == pytest.approx(before * 1.2**2, abs=0.1)
    assert a_browser.GetSelectedItemNumber() == 0


@pytest.mark.parametrize("finish", ["right button", "key"])
def test_draw_fills_an_outline(editor: Any, a_slice_view: Any, mask: Any, finish: str) -> None:
    canvas = a_slice_view.VTKWidget()
    start(editor, "Draw")
    places = [place_of(a_slice_view, ras) for ras in SQUARE]
    for place in places:
        QTest.mouseClick(canvas, Qt.LeftButton, Qt.NoModifier, place)
    if finish == "key":
        QTest.keyClick(canvas, Qt.Key_Return)
    else:
        QTest.mouseClick(canvas, Qt.RightButton, Qt.NoModifier, places[-1])
    assert mask().sum() * 0.25 == pytest.approx(20 * 16, rel=0.07)  # pixels on the outline count
    assert mask()[32, 40]


def test_threshold_fills_by_grey_value_inside_a_mask(
    editor: Any, editor_module: Any, a_browser: Any, mask: Any, write: Any, a_clip: np.ndarray
) -> None:
    import slicer

    _, node = editor_module.logic.proxies(a_browser)
    node.GetSegmentation().AddEmptySegment("Sector", "Sector")
    sector = np.zeros((64, 80), bool)
    sector[10:60, 5:70] = True
    volume = a_browser.GetProxyNode(a_browser.GetMasterSequenceNode())
    slicer.util.updateSegmentBinaryLabelmapFromArray(sector[np.newaxis].astype(np.uint8), node, "Sector", volume)
    editor.setCurrentSegmentID("LV")
    editor_node = editor.mrmlSegmentEditorNode()
    editor_node.SetOverwriteMode(editor_node.OverwriteNone)
    editor_node.SetMaskSegmentID("Sector")
    editor_node.SetMaskMode(node.EditAllowedInsideSingleSegment)
    effect = start(editor, "Threshold")
    effect.setParameter("MinimumThreshold", 0)
    effect.setParameter("MaximumThreshold", 60)
    apply(editor, "Threshold")
    np.testing.assert_array_equal(mask(), sector & (a_clip[0] <= 60))
    editor_node.SetMaskMode(node.EditAllowedEverywhere)


@pytest.mark.parametrize("method", ["MEDIAN", "MORPHOLOGICAL_OPENING", "GAUSSIAN"])
def test_smoothing_takes_a_speck_away_and_keeps_the_body(editor: Any, mask: Any, write: Any, method: str) -> None:
    body = np.zeros((64, 80), bool)
    body[20:50, 20:60] = True
    speck = body.copy()
    speck[5, 5] = True
    write(speck)
    effect = start(editor, "Smoothing")
    effect.setParameter("SmoothingMethod", method)
    effect.setParameter("KernelSizeMm", 2.0)
    effect.setParameter("GaussianStandardDeviationMm", 1.0)
    apply(editor, "Smoothing")
    assert not mask()[5, 5]
    assert np.mean(mask() == body) > 0.99


def test_closing_fills_a_hole(editor: Any, mask: Any, write: Any) -> None:
    holed = np.zeros((64, 80), bool)
    holed[20:50, 20:60] = True
    holed[30, 30] = False
    write(holed)
    start(editor, "Smoothing").setParameter("SmoothingMethod", "MORPHOLOGICAL_CLOSING")
    apply(editor, "Smoothing")
    assert mask()[30, 30]


def test_islands_keep_the_largest(editor: Any, mask: Any, write: Any) -> None:
    islands = np.zeros((64, 80), bool)
    islands[5:10, 5:10] = islands[20:50, 20:60] = True
    write(islands)
    start(editor, "Islands")
    apply(editor, "Islands")
    assert mask().sum() == 30 * 40
    editor.undo()
    assert mask().sum() == 30 * 40 + 25


def test_an_edit_stays_on_its_frame(editor: Any, a_slice_view: Any, a_browser: Any, mask: Any) -> None:
    a_browser.SetSelectedItemNumber(3)
    brush(start(editor, "Paint"), 6.0)
    QTest.mouseClick(a_slice_view.VTKWidget(), Qt.LeftButton, Qt.NoModifier, place_of(a_slice_view, SQUARE[0]))
    painted = mask()
    assert painted.any()
    a_browser.SetSelectedItemNumber(4)
    assert not mask().any()
    a_browser.SetSelectedItemNumber(3)
    np.testing.assert_array_equal(mask(), painted)


def test_segments_are_added_and_removed_with_the_buttons(editor: Any) -> None:
    add, remove = (editor.findChild("QPushButton", f"{what}SegmentButton") for what in ("Add", "Remove"))
    QTest.mouseClick(add, Qt.LeftButton)
    ids = list(editor.segmentationNode().GetSegmentation().GetSegmentIDs())
    assert len(ids) == 2
    assert editor.currentSegmentID() == ids[1]
    QTest.mouseClick(remove, Qt.LeftButton)
    assert list(editor.segmentationNode().GetSegmentation().GetSegmentIDs()) == ["LV"]


def test_a_readonly_editor_leaves_the_mask_alone(editor: Any, a_slice_view: Any, mask: Any) -> None:
    start(editor, "Paint")
    editor.readOnly = True
    drag(a_slice_view.VTKWidget(), [place_of(a_slice_view, ras) for ras in SQUARE])
    assert not mask().any()
    editor.readOnly = False


def test_effects_can_be_ordered_and_hidden(editor: Any) -> None:
    editor.setEffectNameOrder(["Erase", "Paint"])
    editor.unorderedEffectsVisible = False
    assert [editor.effectByIndex(i).name for i in range(editor.effectCount())] == ["Erase", "Paint"]
    editor.unorderedEffectsVisible = True
    editor.setEffectNameOrder([])
    assert editor.effectCount() == len(editor.availableEffectNames())
