"""Points that a person drags: of a plot's series, and of a markups line on a slice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from SlicerHost.mouse import Qt, QTest, drag, place_of


@pytest.fixture
def a_plot_of_marks(scene: Any, settle: Any) -> Any:
    """A plot view with two marks, at (3, 80) and (20, 40), on a curve, in the mode that moves points."""
    import slicer

    manager = slicer.app.layoutManager()
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpPlotView)
    chart = scene.AddNewNodeByClass("vtkMRMLPlotChartNode", "Chart")
    x, marks = np.arange(30.0), (np.array([3.0, 20]), np.array([80.0, 40]))
    for name, columns in (
        ("Curve", (x, 60 + 30 * np.sin(x / 5))),
        ("Marks", marks),
    ):
        table = scene.AddNewNodeByClass("vtkMRMLTableNode", f"{name} table")
        slicer.util.updateTableFromArray(table, columns, ["t", "v"])
        series = scene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", name)
        series.SetAndObserveTableNodeID(table.GetID())
        series.SetXColumnName("t")
        series.SetYColumnName("v")
        series.SetPlotType(series.PlotTypeScatter)
        series.SetMarkerStyle(series.MarkerStyleCircle)
        series.SetMarkerSize(9)
        chart.AddAndObservePlotSeriesNodeID(series.GetID())
    slicer.app.applicationLogic().GetSelectionNode().SetActivePlotChartID(chart.GetID())
    slicer.app.applicationLogic().PropagatePlotChartSelection()
    node = manager.plotWidget(0).mrmlPlotViewNode()
    node.SetInteractionMode(node.InteractionModeMovePoints)
    settle()
    yield manager.plotWidget(0).plotView()
    node.SetInteractionMode(node.InteractionModePanView)


def column(name: str, which: str = "t") -> np.ndarray:
    import slicer

    return slicer.util.arrayFromTableColumn(slicer.util.getNode(f"{name} table"), which).copy()


def test_a_point_of_a_plot_is_dragged_and_its_table_follows(a_plot_of_marks: Any, settle: Any) -> None:
    import slicer
    from PySide6 import QtCore

    heard: list[str] = []
    table = slicer.util.getNode("Marks table")
    tag = table.AddObserver("ModifiedEvent", lambda *_: heard.append("table"))
    a_plot_of_marks.connect("dataSelected(vtkStringArray*,vtkCollection*)", lambda *_: heard.append("selected"))
    curve = column("Curve")
    start = a_plot_of_marks._point_on_screen(slicer.util.getNode("Marks"), 1)
    drag(a_plot_of_marks, [start + QtCore.QPoint(dx, 0) for dx in (0, 5, 10, 20, 40)])
    settle()
    table.RemoveObserver(tag)
    assert column("Marks")[0] == 3
    assert 21 < column("Marks")[1] < 29
    assert column("Marks", "v")[1] == pytest.approx(40, abs=1)
    np.testing.assert_array_equal(column("Curve"), curve)
    assert {"table", "selected"} <= set(heard)


def test_looking_around_a_plot_moves_no_point(a_plot_of_marks: Any, settle: Any) -> None:
    import slicer
    from PySide6 import QtCore

    node = slicer.app.layoutManager().plotWidget(0).mrmlPlotViewNode()
    node.SetInteractionMode(node.InteractionModePanView)
    settle()
    start = a_plot_of_marks._point_on_screen(slicer.util.getNode("Marks"), 1)
    drag(a_plot_of_marks, [start + QtCore.QPoint(dx, 0) for dx in (0, 5, 10, 20, 40)])
    settle()
    assert column("Marks").tolist() == [3, 20]


def test_a_click_names_series_and_point(a_plot_of_marks: Any, settle: Any) -> None:
    import slicer

    node = slicer.app.layoutManager().plotWidget(0).mrmlPlotViewNode()
    node.SetInteractionMode(node.InteractionModePanView)
    settle()
    found: list[tuple[str, int]] = []

    def heard(ids: Any, selections: Any) -> None:
        for i in range(ids.GetNumberOfValues()):
            found.append((ids.GetValue(i), selections.GetItemAsObject(i).GetValue(0)))

    a_plot_of_marks.connect("dataSelected(vtkStringArray*,vtkCollection*)", heard)
    series = slicer.util.getNode("Curve")
    place = a_plot_of_marks._point_on_screen(series, 12)
    QTest.mouseMove(a_plot_of_marks, place)
    QTest.mouseClick(a_plot_of_marks, Qt.LeftButton, Qt.NoModifier, place)
    assert found == [(series.GetID(), 12)]


def test_an_end_of_a_line_is_dragged_on_the_slice(a_slice_view: Any, scene: Any, settle: Any) -> None:
    line = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "Length")
    line.CreateDefaultDisplayNodes()
    line.SetLineStartPositionWorld([-10, -10, 0])
    line.SetLineEndPositionWorld([-30, -10, 0])
    settle()
    heard: list[str] = []
    line.AddObserver(line.PointEndInteractionEvent, lambda *_: heard.append("end"))
    path = [place_of(a_slice_view, (-30.0, -10.0 - step, 0.0)) for step in (0, 4, 8, 12, 15)]
    canvas = a_slice_view.VTKWidget()
    QTest.mouseMove(canvas, path[0])
    settle()
    drag(canvas, path)
    settle()
    start, end = line.GetLineStartPositionWorld(), line.GetLineEndPositionWorld()
    assert list(start) == pytest.approx([-10, -10, 0])
    assert list(end) == pytest.approx([-30, -25, 0], abs=0.6)
    assert heard == ["end"]


def test_a_locked_line_stays(a_slice_view: Any, scene: Any, settle: Any) -> None:
    line = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "Length")
    line.CreateDefaultDisplayNodes()
    line.SetLineStartPositionWorld([-10, -10, 0])
    line.SetLineEndPositionWorld([-30, -10, 0])
    line.SetLocked(True)
    settle()
    drag(a_slice_view.VTKWidget(), [place_of(a_slice_view, (-30.0, -10.0 - step, 0.0)) for step in (0, 4, 8)])
    assert list(line.GetLineEndPositionWorld()) == pytest.approx([-30, -10, 0])
