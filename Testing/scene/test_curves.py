"""The chart: what it says, where a click leads, and what a drag does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import slicer
from EchoODELib.engine.measure import measure
from EchoODELib.engine.phantom import PhantomClip
from EchoODELib.engine.sequence import FrameFlag, Measurements, Provenance
from EchoODELib.scene.clip import createClip
from EchoODELib.scene.curve_drag import PhaseDragWatcher
from EchoODELib.scene.curves import chartNode, frameOfPoint, markTable, showCurves, updateCursor
from EchoODELib.scene.layout import PLOT_VIEW, EchoLayout, fitClip, showChart
from EchoODELib.scene.study import Study


@pytest.fixture
def some_measurements(a_moving_study: Study, a_phantom: PhantomClip) -> Measurements:
    found = measure(a_moving_study.result(), ed_frames=a_phantom.ed_frames, es_frames=a_phantom.es_frames)
    return replace(found, flags=(FrameFlag(4, "lv_area", "The LV jumps."),))


@pytest.fixture
def plot_view(a_moving_study: Study, some_measurements: Measurements, settle: Callable[..., None]) -> Any:
    """The layout's plot view with the phantom's volume curve."""
    EchoLayout().install()
    settle()
    fitClip(a_moving_study)
    a_moving_study.setFrame(0)
    showChart(showCurves([a_moving_study], {a_moving_study: some_measurements}))
    settle()
    return slicer.app.layoutManager().plotWidget(PLOT_VIEW).plotView()


def points(table: Any) -> list[tuple[float, float, int]]:
    """Time, value and frame of a table's points; a single one stands there twice, none as one of frame -1."""
    columns = [slicer.util.arrayFromTableColumn(table, name) for name in ("Time", "Value", "Frame")]
    return sorted({point for point in zip(*(column.tolist() for column in columns), strict=True) if point[2] >= 0})


def series_of(name: str) -> Any:
    chart = chartNode()
    shown = [chart.GetNthPlotSeriesNode(n) for n in range(chart.GetNumberOfPlotSeriesNodes())]
    return next(one for one in shown if one.GetName() == name)


def test_the_chart_says_what_it_shows(
    a_moving_study: Study, some_measurements: Measurements, a_phantom: PhantomClip
) -> None:
    a_moving_study.markCorrected(7)
    chart = showCurves([a_moving_study], {a_moving_study: some_measurements})
    assert (chart.GetXAxisTitle(), chart.GetYAxisTitle()) == ("Time (s)", "LV volume (mL)")
    names = [chart.GetNthPlotSeriesNode(n).GetName() for n in range(chart.GetNumberOfPlotSeriesNodes())]
    assert [name for name in names if name] == ["LV volume", "To check", "Corrected", "ES", "ED"]
    assert chart.GetAxisLabelFontSize() >= 12
    volumes, times = some_measurements.per_frame["lv_volume"].values, a_moving_study.times
    for role, frames in (
        ("ED", a_phantom.ed_frames),
        ("ES", a_phantom.es_frames),
        ("Corrected", (7,)),
        ("Flagged", (4,)),
    ):
        expected = [(times[frame], volumes[frame], frame) for frame in frames]
        assert np.array(points(markTable(role))) == pytest.approx(np.array(expected))


def test_areas_and_uncalibrated_clips(a_moving_study: Study, some_measurements: Measurements) -> None:
    chart = showCurves([a_moving_study], {a_moving_study: some_measurements}, "area")
    assert chart.GetYAxisTitle() == "LV area (cm²)"
    a_moving_study.setCalibration(None)
    chart = showCurves([a_moving_study], {a_moving_study: measure(a_moving_study.result())})
    assert chart.GetYAxisTitle() == "LV area (px²)"


def test_every_point_leads_to_its_frame(plot_view: Any, a_moving_study: Study) -> None:
    chart = chartNode()
    for number in range(chart.GetNumberOfPlotSeriesNodes()):
        series = chart.GetNthPlotSeriesNode(number)
        table = series.GetTableNode()
        for index, at in enumerate(slicer.util.arrayFromTableColumn(table, "Time")):
            if series.GetMarkerStyle() == series.MarkerStyleNone and series.GetLineStyle() == series.LineStyleNone:
                assert frameOfPoint(series, index) is None  # nothing to see, nothing to hit
                continue
            study, frame = frameOfPoint(series, index)
            assert study == a_moving_study
            assert abs(a_moving_study.times[frame] - at) <= 0.5 / 25 + 1e-9
        assert frameOfPoint(series, table.GetNumberOfRows()) is None
    assert frameOfPoint(None, 0) is None


def test_a_click_tells_the_point(plot_view: Any, a_moving_study: Study, settle: Callable[..., None]) -> None:
    from SlicerHost.mouse import Qt, QTest

    heard: list[int] = []

    def clicked(seriesIds: Any, selections: Any) -> None:
        for n in range(seriesIds.GetNumberOfValues()):
            series = slicer.mrmlScene.GetNodeByID(seriesIds.GetValue(n))
            heard.append(frameOfPoint(series, selections.GetItemAsObject(n).GetValue(0))[1])

    view = slicer.app.layoutManager().plotWidget(PLOT_VIEW).mrmlPlotViewNode()
    view.SetInteractionMode(view.InteractionModePanView)
    settle()
    plot_view.connect("dataSelected(vtkStringArray*,vtkCollection*)", clicked)
    for frame in (5, 11):
        place = plot_view._point_on_screen(series_of("LV volume"), frame)
        QTest.mouseMove(plot_view, place)
        QTest.mouseClick(plot_view, Qt.LeftButton, Qt.NoModifier, place)
        settle()
        assert heard[-1] == frame
    plot_view.disconnect("dataSelected(vtkStringArray*,vtkCollection*)", clicked)


def test_the_cursor_follows_at_once(plot_view: Any, a_moving_study: Study) -> None:
    taken = []
    for frame in range(24):
        a_moving_study.setFrame(frame)
        start = time.perf_counter()
        updateCursor(a_moving_study)
        taken.append(time.perf_counter() - start)
        assert {at for at, _, _ in points(markTable("Cursor"))} == {a_moving_study.times[frame]}
    assert np.median(taken) < 0.005
    assert "frame 23" in chartNode().GetTitle()
    assert "EF " in chartNode().GetTitle()


@pytest.fixture
def moves() -> list[tuple[str, int, int]]:
    return []


@pytest.fixture
def a_watcher(
    plot_view: Any, a_moving_study: Study, moves: list[tuple[str, int, int]], settle: Callable[..., None]
) -> Iterator[PhaseDragWatcher]:
    """Watches, and measures anew as the module does."""

    def moved(study: Study, kind: str, old: int, new: int) -> None:
        moves.append((kind, old, new))
        phases = {k: [f for _, _, f in points(markTable(k))] for k in ("ED", "ES")}
        found = measure(study.result(), ed_frames=phases["ED"], es_frames=phases["ES"])
        showCurves([study], {study: found})

    watcher = PhaseDragWatcher(a_moving_study, moved)
    watcher.begin()
    settle()
    yield watcher
    watcher.end()


def pull(view: Any, series: Any, index: int, byPixels: int, settle: Callable[..., None]) -> None:
    """Drag a point of a series sideways, with drawings in between as in life."""
    from PySide6 import QtCore, QtGui, QtWidgets
    from SlicerHost.mouse import Qt, QTest

    start = view._point_on_screen(series, index)
    QTest.mouseMove(view, start)
    QTest.mousePress(view, Qt.LeftButton, Qt.NoModifier, start)
    for step in range(1, 9):
        place = QtCore.QPointF(start + QtCore.QPoint(byPixels * step // 8, 0))
        event = QtGui.QMouseEvent(
            QtCore.QEvent.MouseMove, place, view.mapToGlobal(place), Qt.NoButton, Qt.LeftButton, Qt.NoModifier
        )
        QtWidgets.QApplication.sendEvent(view, event)
        settle()
    QTest.mouseRelease(view, Qt.LeftButton, Qt.NoModifier, place.toPoint())
    settle()


def test_es_is_dragged_to_another_frame(
    plot_view: Any,
    a_watcher: PhaseDragWatcher,
    a_moving_study: Study,
    a_phantom: PhantomClip,
    moves: list[tuple[str, int, int]],
    settle: Callable[..., None],
    picture: Any,
) -> None:
    old = a_phantom.es_frames[0]
    step = (
        plot_view._point_on_screen(series_of("LV volume"), 1).x()
        - plot_view._point_on_screen(series_of("LV volume"), 0).x()
    )
    before = chartNode().GetTitle()
    pull(plot_view, series_of("ES"), 0, -3 * step, settle)
    assert moves[0][:2] == ("ES", old)
    assert moves[-1][2] in (old - 3, old - 2, old - 4)
    assert all(one[2] == two[1] for one, two in pairwise(moves))
    new = moves[-1][2]
    at, value, frame = points(markTable("ES"))[0]
    curve = slicer.util.arrayFromTableColumn(series_of("LV volume").GetTableNode(), "Value")
    assert (frame, at, value) == (new, pytest.approx(a_moving_study.times[new]), pytest.approx(curve[new]))
    assert chartNode().GetTitle() != before  # another EF
    picture("dragged_es")


def test_marks_do_not_pass_each_other(
    plot_view: Any, a_watcher: PhaseDragWatcher, a_phantom: PhantomClip, settle: Callable[..., None]
) -> None:
    pull(plot_view, series_of("ED"), 1, -1000, settle)
    assert [frame for _, _, frame in points(markTable("ED"))][:2] == [
        a_phantom.ed_frames[0],
        a_phantom.ed_frames[0] + 1,
    ]


def test_a_pulled_curve_springs_back_and_goes_to_that_frame(
    plot_view: Any,
    a_watcher: PhaseDragWatcher,
    a_moving_study: Study,
    some_measurements: Measurements,
    moves: list[Any],
    settle: Callable[..., None],
) -> None:
    pull(plot_view, series_of("LV volume"), 5, 4, settle)
    assert moves == []
    assert a_moving_study.frame == 5
    table = series_of("LV volume").GetTableNode()
    assert slicer.util.arrayFromTableColumn(table, "Time") == pytest.approx(a_moving_study.times)
    assert slicer.util.arrayFromTableColumn(table, "Value") == pytest.approx(
        some_measurements.per_frame["lv_volume"].values
    )


def test_moved_marks_are_told_without_a_mouse(
    a_watcher: PhaseDragWatcher, a_phantom: PhantomClip, moves: list[Any]
) -> None:
    table = markTable("ES")
    slicer.util.arrayFromTableColumn(table, "Time")[0] += 2 / 25
    slicer.util.arrayFromTableColumnModified(table, "Time")
    assert moves == [("ES", a_phantom.es_frames[0], a_phantom.es_frames[0] + 2)]


def test_several_clips_share_the_chart(
    a_moving_study: Study, some_measurements: Measurements, a_phantom: PhantomClip
) -> None:
    other = createClip(a_phantom.sequence, "A2C")
    other.setMasks(a_phantom.masks, Provenance("truth"))
    both = {a_moving_study: some_measurements, other: some_measurements}
    chart = showCurves([a_moving_study, other], both)
    names = [chart.GetNthPlotSeriesNode(n).GetName() for n in range(chart.GetNumberOfPlotSeriesNodes())]
    assert [name for name in names if name] == ["A4C", "A2C", "To check", "ES", "ED"]
    colors = {series_of(name).GetColor() for name in ("A4C", "A2C")}
    assert len(colors) == 2
    belongs = [frameOfPoint(series_of("ED"), n)[0].name for n in range(2 * len(a_phantom.ed_frames))]
    assert sorted(set(belongs)) == ["A2C", "A4C"]
    assert points(markTable("BeatOdd")) == []
    chart = showCurves([a_moving_study], both)
    assert [chart.GetNthPlotSeriesNode(n).GetName() for n in range(chart.GetNumberOfPlotSeriesNodes())].count(
        "A2C"
    ) == 0


def test_nothing_measured_is_an_empty_chart(a_moving_study: Study, some_measurements: Measurements) -> None:
    showCurves([a_moving_study], {a_moving_study: some_measurements})
    chart = showCurves([a_moving_study], {})
    assert chart.GetNumberOfPlotSeriesNodes() == 0


def test_a_loaded_scene_gets_the_same_chart(
    a_moving_study: Study, some_measurements: Measurements, reload: Callable[[], None]
) -> None:
    showCurves([a_moving_study], {a_moving_study: some_measurements})
    count = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLPlotSeriesNode")
    before = points(markTable("ED"))
    reload()
    study = Study.all()[0]
    showCurves([study], {study: some_measurements})
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLPlotChartNode") == 1
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLPlotSeriesNode") == count
    assert np.array(points(markTable("ED"))) == pytest.approx(np.array(before))


def test_the_chart_is_drawn_without_complaints(
    plot_view: Any, a_moving_study: Study, some_measurements: Measurements, settle: Callable[..., None], picture: Any
) -> None:
    problems: list[str] = []
    import vtk

    window = vtk.vtkStringOutputWindow()
    before = vtk.vtkOutputWindow.GetInstance()
    vtk.vtkOutputWindow.SetInstance(window)
    a_moving_study.markCorrected(7)
    showCurves([a_moving_study], {a_moving_study: some_measurements})
    settle()
    picture("curves")
    vtk.vtkOutputWindow.SetInstance(before)
    problems += [line for line in window.GetOutput().splitlines() if "error" in line.lower()]
    assert problems == []
