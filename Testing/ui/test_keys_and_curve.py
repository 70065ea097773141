"""Keys, and the mouse on the curve."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import slicer
from EchoODELib.scene.curves import chartNode, frameOfPoint, markTable
from SlicerHost.mouse import Qt, QTest, drag


def press(key: Any, modifiers: Any = Qt.NoModifier) -> None:
    """A key in the main window."""
    window = slicer.util.mainWindow()
    window.activateWindow()
    slicer.app.processEvents()
    QTest.keyClick(window, key, modifiers)


def test_keys_step_and_jump(a_study: Any, settle: Callable[..., None]) -> None:
    press(Qt.Key_Right)
    settle()
    assert a_study.frame == 1
    press(Qt.Key_Left)
    press(Qt.Key_Left)
    settle()
    assert a_study.frame == a_study.frameCount - 1
    press(Qt.Key_S)
    settle()
    assert a_study.frame == a_study.esFrames[0]
    press(Qt.Key_D)
    settle()
    assert a_study.frame in a_study.edFrames


def test_keys_edit_and_play(ui: Any, a_study: Any, settle: Callable[..., None]) -> None:
    press(Qt.Key_E)
    settle()
    assert ui.editButton.checked
    press(Qt.Key_E)
    settle()
    assert not ui.editButton.checked
    press(Qt.Key_P)
    assert a_study.browserNode.GetPlaybackActive()
    press(Qt.Key_P)
    assert not a_study.browserNode.GetPlaybackActive()


def test_keys_are_gone_with_the_module(a_study: Any, settle: Callable[..., None]) -> None:
    slicer.util.moduleSelector().selectModule("")
    settle()
    press(Qt.Key_Right)
    settle()
    assert a_study.frame == 0


def plot_view() -> Any:
    from EchoODELib.scene.layout import PLOT_VIEW

    manager = slicer.app.layoutManager()
    widgets = [manager.plotWidget(index) for index in range(manager.plotViewCount)]
    return next(one.plotView() for one in widgets if one.mrmlPlotViewNode().GetLayoutName() == PLOT_VIEW)


def series_nodes() -> list[Any]:
    chart = chartNode()
    return [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]


@pytest.mark.parametrize("frame", [4, 15])
def test_a_click_on_the_curve_goes_to_the_frame(frame: int, a_study: Any, settle: Callable[..., None]) -> None:
    settle(10)
    view = plot_view()
    curve = next(one for one in series_nodes() if frameOfPoint(one, frame) == (a_study, frame))
    place = view._point_on_screen(curve, frame)
    QTest.mouseMove(view, place)
    QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, place)
    settle(10)
    assert a_study.frame == frame


def test_es_is_dragged_along_the_curve_and_ef_follows(ui: Any, a_study: Any, settle: Callable[..., None]) -> None:
    settle(10)
    view, es, ef = plot_view(), a_study.esFrames[0], ui.efLabel.text
    marks = next(one for one in series_nodes() if one.GetTableNode() is markTable("ES"))
    curve = next(one for one in series_nodes() if frameOfPoint(one, 4) == (a_study, 4))
    start, end = view._point_on_screen(marks, 0), view._point_on_screen(curve, es + 4)
    middle = (start + end) / 2
    for place in (middle, end):
        place.setY(start.y())
    drag(view, [start, middle, end])
    settle(10)
    assert a_study.esFrames == (es + 4,)
    assert ui.esLineEdit.text == str(es + 4)
    assert ui.efLabel.text != ef


def test_the_cursor_is_where_playing_stopped(a_study: Any, settle: Callable[..., None]) -> None:
    from EchoODELib.scene.curves import markTable

    a_study.browserNode.SetPlaybackRateFps(200.0)
    press(Qt.Key_P)
    for _ in range(20):
        settle()
        time.sleep(0.005)
    press(Qt.Key_P)
    settle()
    assert a_study.frame > 0
    assert slicer.util.arrayFromTableColumn(markTable("Cursor"), "Frame").tolist() == [a_study.frame] * 2
