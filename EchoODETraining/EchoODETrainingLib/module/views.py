"""The views of a training run: curves of loss and validation Dice, masks on validation clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from EchoODELib.scene.curves import holdSeries
from EchoODELib.scene.layout import ECHO_VIEW, SLICE_VIEW, ViewLayout, frameSlice, viewNode
from vtk.util.numpy_support import numpy_to_vtk

from .recipes import SEGMENTATION

PREFIX = "EchoODETraining."
LOSS_VIEW, VALID_VIEW, SECOND_VALID_VIEW = "EchoODELoss", "EchoODEValidation", "EchoODESecondValidation"
PREVIEW_VIEW = ECHO_VIEW
_GREEN, _ORANGE, _VIOLET = (0.13, 0.60, 0.32), (0.90, 0.35, 0.05), (0.50, 0.31, 0.78)
# Column of metrics.csv -> chart, name, colour.
_SERIES = {
    "loss": ("Loss", "Loss", (0.02, 0.50, 0.60)),
    "valid_lv": ("Dice", "LV", _GREEN),
    "valid_myocardium": ("Dice", "Myocardium", _ORANGE),
    "valid_la": ("Dice", "Left atrium", _VIOLET),
    "valid_mae": ("Error", "Mean error", _ORANGE),
    "valid_r2": ("R2", "R²", _GREEN),
    "valid_bce": ("Entropy", "Cross entropy", _ORANGE),
    "valid_accuracy": ("Accuracy", "Accuracy", _GREEN),
}
# Chart -> what its axis says, and the lowest value that is shown where what matters lies at its upper end, 1.
_CHARTS: dict[str, tuple[str, float | None]] = {
    "Loss": ("Training loss", None),
    "Dice": ("Validation Dice", 0.0),
    "Error": ("Validation error (points of EF)", None),
    "R2": ("Validation R²", -1.0),
    "Entropy": ("Validation cross entropy", None),
    "Accuracy": ("Validation accuracy", 0.0),
}
_SHOWN = {
    SEGMENTATION: {"Loss": LOSS_VIEW, "Dice": VALID_VIEW},
    "ejection_fraction": {"Loss": LOSS_VIEW, "Error": VALID_VIEW, "R2": SECOND_VALID_VIEW},
    "infarction": {"Loss": LOSS_VIEW, "Entropy": VALID_VIEW, "Accuracy": SECOND_VALID_VIEW},
}
_MOST_POINTS = 400  # of the loss; more are averaged
_AHEAD = 1.3  # of what is done is the axis long, until the run's end is in sight
_MARKED = 40  # fewer points than these are marked one by one


def _charts(*views: tuple[str, str]) -> str:
    """A row of charts in a layout's XML."""
    return "".join(
        f"""<item splitSize="{1000 // len(views)}"><view class="vtkMRMLPlotViewNode" singletontag="{view}">
      <property name="viewlabel" action="default">{label}</property></view></item>"""
        for view, label in views
    )


class TrainingLayout(ViewLayout):
    """For following a run: the masks large, loss and validation Dice below."""

    ID = 508
    XML = f"""
<layout type="vertical" split="true">
  <item splitSize="520">{SLICE_VIEW}</item>
  <item splitSize="480"><layout type="horizontal" split="true">{_charts((LOSS_VIEW, "L"), (VALID_VIEW, "V"))}
  </layout></item>
</layout>
"""


class ValuesLayout(ViewLayout):
    """For following a run of a network of whole clips, which is judged by two figures of different scales."""

    ID = 509
    XML = f"""
<layout type="vertical" split="true">
  <item splitSize="520">{SLICE_VIEW}</item>
  <item splitSize="480"><layout type="horizontal" split="true">
    {_charts((LOSS_VIEW, "L"), (VALID_VIEW, "V"), (SECOND_VALID_VIEW, "W"))}
  </layout></item>
</layout>
"""


class RunLayout:
    """The views' arrangement for the run that is followed, and how they were before."""

    def __init__(self) -> None:
        self._masks, self._values = TrainingLayout(), ValuesLayout()

    @property
    def installed(self) -> bool:
        """Whether the views are arranged for a run."""
        return self._masks.installed or self._values.installed

    def install(self, task: str) -> None:
        """Arrange the views for a run of a task."""
        wanted, other = (self._masks, self._values) if task == SEGMENTATION else (self._values, self._masks)
        before = other.previous if other.installed else None
        wanted.install()
        if before is not None:
            wanted.previous, other.previous = before, None

    def restore(self) -> None:
        """Arrange the views as they were, unless a person has chosen another layout since."""
        for layout in (self._masks, self._values):
            layout.restore()


def show_curves(
    metrics: Mapping[str, Sequence[tuple[float, float]]], steps: int, title: str, task: str = SEGMENTATION
) -> None:
    """Draw the curves; called again, it brings the same nodes up to date.

    Parameters
    ----------
    metrics: column of metrics.csv -> (step, value).
    steps: of the whole run, the end of the axis; 0 where unknown.
    title: of the run.
    task: of its network, which says what is judged.
    """
    last = max((points[-1][0] for points in metrics.values() if points), default=1.0)
    for name, view in _SHOWN.get(task, _SHOWN[SEGMENTATION]).items():
        axis, lowest_shown = _CHARTS[name]
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
        if lowest_shown is not None:
            below = np.floor(10 * lowest - 0.5) / 10 if lowest < 1.0 else 0.0
            chart.SetYAxisRange(max(lowest_shown, below), 1.0)
        else:
            chart.SetYAxisRange(min(0.0, lowest), 1.05 * highest or 1.0)
        chart.EndModify(modifying)
        holdSeries(chart, [_series(column) for column in columns if metrics.get(column)])
        viewNode("vtkMRMLPlotViewNode", view).SetPlotChartNodeID(chart.GetID())


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
    composite = viewNode("vtkMRMLSliceCompositeNode", PREVIEW_VIEW)
    composite.SetBackgroundVolumeID(volume.GetID())
    composite.SetForegroundVolumeID(None)
    columns, rows, _ = image.GetDimensions()
    slice_ = viewNode("vtkMRMLSliceNode", PREVIEW_VIEW)
    slice_.SetOrientationToAxial()
    frameSlice(slice_, (-(columns - 1) / 2, -(rows - 1) / 2, 0.0), rows, columns)
    return True


def hide_preview() -> None:
    """Show no picture."""
    for node in _own_nodes():
        if node.IsA("vtkMRMLVolumeNode"):
            slicer.mrmlScene.RemoveNode(node)


def preview_size() -> tuple[int, int]:
    """Columns and rows of the view that shows the picture."""
    columns, rows = viewNode("vtkMRMLSliceNode", PREVIEW_VIEW).GetDimensions()[:2]
    return int(columns), int(rows)


def clear_views() -> None:
    """Take what is shown of a run out of the scene."""
    for node in _own_nodes():
        slicer.mrmlScene.RemoveNode(node)


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
