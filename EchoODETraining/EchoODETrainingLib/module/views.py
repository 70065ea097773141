"""The views of a training run: curves of loss and validation Dice, masks on validation clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

PREFIX = "EchoODETraining."
LAYOUT_ID = 508
LOSS_VIEW, DICE_VIEW, PREVIEW_VIEW = "EchoODELoss", "EchoODEDice", "Red"
_XML = f"""
<layout type="vertical" split="true">
  <item splitSize="520"><view class="vtkMRMLSliceNode" singletontag="{PREVIEW_VIEW}">
    <property name="orientation" action="default">Axial</property>
    <property name="viewlabel" action="default">R</property>
    <property name="viewcolor" action="default">#F34A33</property></view></item>
  <item splitSize="480"><layout type="horizontal" split="true">
    <item splitSize="500"><view class="vtkMRMLPlotViewNode" singletontag="{LOSS_VIEW}">
      <property name="viewlabel" action="default">L</property></view></item>
    <item splitSize="500"><view class="vtkMRMLPlotViewNode" singletontag="{DICE_VIEW}">
      <property name="viewlabel" action="default">D</property></view></item>
  </layout></item>
</layout>
"""
# Column of metrics.csv -> chart, name, colour.
_SERIES = {
    "loss": ("Loss", "Loss", (0.02, 0.50, 0.60)),
    "valid_lv": ("Dice", "LV", (0.13, 0.60, 0.32)),
    "valid_myocardium": ("Dice", "Myocardium", (0.90, 0.35, 0.05)),
    "valid_la": ("Dice", "Left atrium", (0.50, 0.31, 0.78)),
}
_CHARTS = {"Loss": (LOSS_VIEW, "Training loss"), "Dice": (DICE_VIEW, "Validation Dice")}
_MOST_POINTS = 400  # of the loss; more are averaged
_AHEAD = 1.3  # of what is done is the axis long, until the run's end is in sight
_MARKED = 40  # fewer points than these are marked one by one


class TrainingLayout:
    """The arrangement of the views, and the one that was there before."""

    def __init__(self) -> None:
        self.previous: int | None = None

    def install(self) -> None:
        """Arrange the views, and remember how they were."""
        node = _layout_node()
        if node.IsLayoutDescription(LAYOUT_ID):
            node.SetLayoutDescription(LAYOUT_ID, _XML)
        else:
            node.AddLayoutDescription(LAYOUT_ID, _XML)
        if node.GetViewArrangement() != LAYOUT_ID:
            self.previous = node.GetViewArrangement()
            node.SetViewArrangement(LAYOUT_ID)

    def restore(self) -> None:
        """Arrange the views as they were, unless a person has chosen another layout since."""
        node = _layout_node()
        if node.GetViewArrangement() == LAYOUT_ID and self.previous is not None:
            node.SetViewArrangement(self.previous)
        self.previous = None


def show_curves(metrics: Mapping[str, Sequence[tuple[float, float]]], steps: int, title: str) -> None:
    """Draw the curves; called again, it brings the same nodes up to date.

    Parameters
    ----------
    metrics: column of metrics.csv -> (step, value).
    steps: of the whole run, the end of the axis; 0 where unknown.
    title: of the run.
    """
    last = max((points[-1][0] for points in metrics.values() if points), default=1.0)
    for name, (view, axis) in _CHARTS.items():
        chart = _chart(name)
        modifying = chart.StartModify()
        columns = [column for column, (owner, _, _) in _SERIES.items() if owner == name]
        highest = 0.0
        lowest = 1.0
        for column in columns:
            points = _thinned(metrics.get(column, ()))
            _write(column, points)
            values = [value for _, value in points]
            highest, lowest = max([highest, *values]), min([lowest, *values])
        chart.SetTitle(title)
        chart.SetXAxisTitle("Step")
        chart.SetYAxisTitle(axis)
        chart.SetXAxisRangeAuto(False)
        chart.SetYAxisRangeAuto(False)
        ahead = _AHEAD * last if steps <= 0 else min(float(steps), _AHEAD * last)
        chart.SetXAxisRange(0.0, max(ahead, last, 1.0))
        if name == "Dice":  # what matters lies at its upper end
            chart.SetYAxisRange(max(0.0, np.floor(10 * lowest - 0.5) / 10) if lowest < 1.0 else 0.0, 1.0)
        else:
            chart.SetYAxisRange(min(0.0, lowest), 1.05 * highest or 1.0)
        chart.EndModify(modifying)
        _hold(chart, [_series(column) for column in columns if metrics.get(column)])
        view_node("vtkMRMLPlotViewNode", view).SetPlotChartNodeID(chart.GetID())


def show_preview(path: Path) -> bool:
    """Show a picture of masks in the slice view; False if it can't be read, as while it is written."""
    image = _read_png(path)
    if image is None:
        return False
    volume = _node("vtkMRMLVectorVolumeNode", "Preview", "Training: preview")
    # As in a clip's view: columns to the patient's left, rows down.
    volume.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
    volume.SetAndObserveImageData(image)
    if volume.GetDisplayNode() is None:
        volume.CreateDefaultDisplayNodes()
        display = volume.GetDisplayNode()
        display.SetAutoWindowLevel(False)
        display.SetWindowLevelMinMax(0, 255)
    composite = view_node("vtkMRMLSliceCompositeNode", PREVIEW_VIEW)
    composite.SetBackgroundVolumeID(volume.GetID())
    composite.SetForegroundVolumeID(None)
    fit_preview(volume)
    return True


def hide_preview() -> None:
    """Show no picture."""
    for node in _own_nodes():
        if node.IsA("vtkMRMLVolumeNode"):
            slicer.mrmlScene.RemoveNode(node)


def preview_size() -> tuple[int, int]:
    """Columns and rows of the view that shows the picture."""
    columns, rows = view_node("vtkMRMLSliceNode", PREVIEW_VIEW).GetDimensions()[:2]
    return int(columns), int(rows)


def fit_preview(volume: Any) -> None:
    """Show a volume as large as its view allows, as a picture is seen."""
    columns, rows, _ = volume.GetImageData().GetDimensions()
    node = view_node("vtkMRMLSliceNode", PREVIEW_VIEW)
    across, down = (max(1, size) for size in preview_size())
    width = max(columns, rows * across / down)
    modifying = node.StartModify()
    node.SetOrientationToAxial()
    to_ras = node.GetSliceToRAS()
    for row, value in enumerate((-(columns - 1) / 2, -(rows - 1) / 2, 0.0)):
        to_ras.SetElement(row, 3, value)
    node.SetXYZOrigin(0.0, 0.0, 0.0)
    node.SetFieldOfView(width, width * down / across, node.GetFieldOfView()[2])
    node.UpdateMatrices()
    node.EndModify(modifying)


def clear_views() -> None:
    """Take what is shown of a run out of the scene."""
    for node in _own_nodes():
        slicer.mrmlScene.RemoveNode(node)


def view_node(class_name: str, name: str) -> Any:
    """The node of one of the layout's views, made where the layout has not been shown yet."""
    from EchoODELib.scene.layout import viewNode

    return viewNode(class_name, name)


def _layout_node() -> Any:
    node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    return node or slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLayoutNode")


def _own_nodes() -> list[Any]:
    classes = ("vtkMRMLPlotChartNode", "vtkMRMLPlotSeriesNode", "vtkMRMLTableNode", "vtkMRMLVectorVolumeNode")
    return [
        node for name in classes for node in slicer.util.getNodesByClass(name) if node.GetAttribute(PREFIX + "Role")
    ]


def _node(class_name: str, role: str, name: str) -> Any:
    """The scene's node in a role, made where there is none; it is not saved, for the run's folder has it all."""
    for node in slicer.util.getNodesByClass(class_name):
        if node.GetAttribute(PREFIX + "Role") == role:
            return node
    node = slicer.mrmlScene.AddNewNodeByClass(class_name, name)
    node.SetAttribute(PREFIX + "Role", role)
    node.SetSaveWithScene(False)
    return node


def _chart(name: str) -> Any:
    chart = _node("vtkMRMLPlotChartNode", name, f"Training: {name}")
    chart.SetTitleFontSize(14)
    chart.SetAxisTitleFontSize(14)
    chart.SetAxisLabelFontSize(12)
    chart.SetLegendFontSize(12)
    chart.SetLegendVisibility(True)
    return chart


def _series(column: str) -> Any:
    _, name, color = _SERIES[column]
    series = _node("vtkMRMLPlotSeriesNode", column, name)
    table = _table(column)
    modifying = series.StartModify()
    series.SetName(name)
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName("step")
    series.SetYColumnName(column)
    series.SetPlotType(series.PlotTypeScatter)
    series.SetColor(*color)
    few = table.GetNumberOfRows() < _MARKED
    series.SetMarkerStyle(series.MarkerStyleCircle if few else series.MarkerStyleNone)
    series.SetMarkerSize(5)
    series.SetLineStyle(series.LineStyleSolid)
    series.SetLineWidth(2.5)
    series.EndModify(modifying)
    return series


def _table(column: str) -> Any:
    return _node("vtkMRMLTableNode", column, f"Training: {_SERIES[column][1]}")


def _write(column: str, points: Sequence[tuple[float, float]]) -> None:
    # A line of one point makes VTK complain at every drawing; it is written twice.
    values = np.array([*points, *points] if len(points) == 1 else points, np.float64).reshape(-1, 2)
    table = vtk.vtkTable()
    for name, numbers in (("step", values[:, 0]), (column, values[:, 1])):
        array = numpy_to_vtk(np.ascontiguousarray(numbers), deep=True, array_type=vtk.VTK_DOUBLE)
        array.SetName(name)
        table.AddColumn(array)
    _table(column).SetAndObserveTable(table)


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Means of neighbours where there are more points than can be seen."""
    if len(points) <= _MOST_POINTS:
        return list(points)
    parts = np.array_split(np.array(points, np.float64), _MOST_POINTS)
    return [(float(part[:, 0].mean()), float(part[:, 1].mean())) for part in parts]


def _hold(chart: Any, wanted: Sequence[Any]) -> None:
    """Let the chart hold these series."""
    identifiers = [series.GetID() for series in wanted]
    now = [chart.GetNthPlotSeriesNodeID(n) for n in range(chart.GetNumberOfPlotSeriesNodes())]
    if now != identifiers:
        chart.RemoveAllPlotSeriesNodeIDs()
        for identifier in identifiers:
            chart.AddAndObservePlotSeriesNodeID(identifier)


def _read_png(path: Path) -> Any:
    """A picture as vtkImageData of three components, its first row on top; None if it can't be read."""
    reader = vtk.vtkPNGReader()
    if not path.is_file() or not reader.CanReadFile(str(path)):
        return None
    reader.SetFileName(str(path))
    flip = vtk.vtkImageFlip()  # VTK counts rows from below
    flip.SetFilteredAxis(1)
    flip.SetInputConnection(reader.GetOutputPort())
    parts = vtk.vtkImageExtractComponents()
    parts.SetInputConnection(flip.GetOutputPort())
    reader.Update()
    count = reader.GetOutput().GetNumberOfScalarComponents()
    if reader.GetErrorCode() or reader.GetOutput().GetNumberOfPoints() == 0:
        return None
    parts.SetComponents(*((0, 1, 2) if count >= 3 else (0, 0, 0)))
    parts.Update()
    return parts.GetOutput()
