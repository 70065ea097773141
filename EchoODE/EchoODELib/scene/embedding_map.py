"""A map of the recordings that a network learned from, with the scene's clips among them, as a chart.

Recordings that look alike to the network lie side by side; each is coloured by its ejection fraction. A clip like
none of them is put somewhere nevertheless: its distance tells, not its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk

from .curves import holdSeries
from .nodes import PREFIX, readValue, writeValue

if TYPE_CHECKING:
    from .study import Study

CHART, CLIP_TABLE, CLIP_SERIES = PREFIX + "Map", PREFIX + "MapTable", PREFIX + "MapSeries"
BANDS = (
    (0.0, 30.0, "EF below 30 %", (0.70, 0.09, 0.17)),
    (30.0, 40.0, "30 to 40 %", (0.94, 0.54, 0.38)),
    (40.0, 50.0, "40 to 50 %", (0.79, 0.70, 0.49)),
    (50.0, 60.0, "50 to 60 %", (0.40, 0.66, 0.81)),
    (60.0, float("inf"), "60 % or more", (0.13, 0.40, 0.67)),
)
"""From, below, name, colour: red where the heart hardly contracts, blue where it contracts well."""
_X, _Y, _EF = "x", "y", "EF"
_NETWORK = "MapNetwork"
_ROOM = 0.06  # of the map's width, around it
_LEGEND_LINE = 0.05  # of the chart's height, for each line of the legend
_THIS, _OTHER = (0.05, 0.05, 0.08), (0.45, 0.48, 0.52)

Array = NDArray[np.float32]


def writeMap(points: Array, values: Array, clips: Mapping[Study, Array], network: str) -> Any:
    """Draw the map; called again, it brings the same nodes up to date.

    Parameters
    ----------
    points: (N, 2), of the recordings that the network learned from.
    values: (N,) percent, their ejection fractions.
    clips: (2,), the places of clips of the scene; clips that are left out lose theirs.
    network: whose map it is.

    Returns
    -------
    The vtkMRMLPlotChartNode; put it into a view with :func:`.layout.showChart`.
    """
    _forgetClips(clips)
    chart = _chartNode() or _addChart()
    bands = [_writeBand(chart, band, points, values) for band in range(len(BANDS))]
    for study, place in clips.items():
        _writeClip(study, place)
        writeValue(study.browserNode, _NETWORK, network)
    series = [*bands, *(study.browserNode.GetNodeReference(CLIP_SERIES) for study in clips)]
    around = np.concatenate([points, *(place[np.newaxis] for place in clips.values())])
    low, high = around.min(axis=0).astype(float), around.max(axis=0).astype(float)
    room = _ROOM * np.maximum(high - low, 1e-3)
    wasModifying = chart.StartModify()
    chart.SetXAxisRange(float(low[0] - room[0]), float(high[0] + room[0]))
    height = (high[1] - low[1] + 2 * room[1]) / (1 - _LEGEND_LINE * (len(BANDS) + len(clips)))
    chart.SetYAxisRange(float(low[1] - room[1]), float(low[1] - room[1] + height))
    chart.SetTitle(f"Among {len(points)} training recordings")
    chart.EndModify(wasModifying)
    holdSeries(chart, series)
    return chart


def mapOf(study: Study, network: str) -> Any:
    """The chart, with this clip marked on it; None where the clip is not on the map of this network."""
    chart, series = _chartNode(), study.browserNode.GetNodeReference(CLIP_SERIES)
    if chart is None or series is None or readValue(study.browserNode, _NETWORK, "") != network:
        return None
    for browser in slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode"):
        other = browser.GetNodeReference(CLIP_SERIES)
        if other is not None:
            _dressClip(other, "This clip" if other is series else str(browser.GetName()).removesuffix(" browser"))
    return chart


def removeFromMap(study: Study) -> None:
    """Take a clip from the map, and the map away where that was the last one."""
    browser = study.browserNode
    for role in (CLIP_SERIES, CLIP_TABLE):
        node = browser.GetNodeReference(role)
        if node is not None:
            slicer.mrmlScene.RemoveNode(node)
        browser.RemoveNodeReferenceIDs(role)
    writeValue(browser, _NETWORK, None)
    others = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
    chart = _chartNode()
    if chart is not None and not any(one.GetNodeReference(CLIP_SERIES) for one in others):
        for band in range(len(BANDS)):
            for kind in ("Series", "Table"):
                slicer.mrmlScene.RemoveNode(chart.GetNodeReference(_role(band, kind)))
        slicer.mrmlScene.RemoveNode(chart)


def _chartNode() -> Any:
    for node in slicer.util.getNodesByClass("vtkMRMLPlotChartNode"):
        if node.GetAttribute(CHART):
            return node
    return None


def _addChart() -> Any:
    chart = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotChartNode", "Embedding map")
    chart.SetAttribute(CHART, "1")
    chart.SetTitleFontSize(14)
    chart.SetAxisTitleFontSize(13)
    chart.SetAxisLabelFontSize(11)
    chart.SetLegendFontSize(13)
    chart.SetLegendVisibility(True)
    chart.SetGridVisibility(False)
    chart.SetXAxisTitle("alike lies together (UMAP)")
    chart.SetYAxisTitle("")
    chart.SetXAxisRangeAuto(False)
    chart.SetYAxisRangeAuto(False)
    chart.SetEnablePointMoveAlongX(False)
    chart.SetEnablePointMoveAlongY(False)
    return chart


def _role(band: int, kind: str) -> str:
    return f"{PREFIX}Band{band}{kind}"


def _writeBand(chart: Any, band: int, points: Array, values: Array) -> Any:
    low, high, name, color = BANDS[band]
    table, series = (chart.GetNodeReference(_role(band, kind)) for kind in ("Table", "Series"))
    if table is None:
        table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", f"Embedding map {name}")
        table.SetHideFromEditors(True)
        chart.SetNodeReferenceID(_role(band, "Table"), table.GetID())
    if series is None:
        series = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", name)
        series.SetHideFromEditors(True)
        chart.SetNodeReferenceID(_role(band, "Series"), series.GetID())
    inside = (values >= low) & (values < high)
    _fill(table, points[inside], values[inside])
    _dress(series, table, name if inside.any() else "", color, "Circle" if inside.any() else "None", 5.0)
    return series


def _writeClip(study: Study, place: Array) -> None:
    browser = study.browserNode
    table, series = browser.GetNodeReference(CLIP_TABLE), browser.GetNodeReference(CLIP_SERIES)
    if table is None:
        table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", f"{study.name} on the embedding map")
        table.SetHideFromEditors(True)
        browser.SetNodeReferenceID(CLIP_TABLE, table.GetID())
    if series is None:
        series = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", f"{study.name} on the embedding map")
        series.SetHideFromEditors(True)
        browser.SetNodeReferenceID(CLIP_SERIES, series.GetID())
    _fill(table, place[np.newaxis], np.full(1, np.nan, np.float32))
    _dress(series, table, study.name, _OTHER, "Diamond", 11.0)


def _dressClip(series: Any, name: str) -> None:
    this = name == "This clip"
    color, size = (_THIS, 17.0) if this else (_OTHER, 11.0)
    _dress(series, series.GetTableNode(), name, color, "Diamond", size)


def _forgetClips(clips: Mapping[Study, Array]) -> None:
    from .study import Study

    for browser in slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode"):
        study = Study(browser)
        if study not in clips and browser.GetNodeReference(CLIP_SERIES) is not None:
            removeFromMap(study)


def _fill(node: Any, points: Array, values: Array) -> None:
    """Write places into a table: a single one twice, none as two out of sight, or VTK complains at every drawing."""
    if len(points) == 0:
        points, values = np.full((2, 2), np.float32(1e6)), np.full(2, np.float32(np.nan))
    elif len(points) == 1:
        points, values = points.repeat(2, axis=0), values.repeat(2)
    table = vtk.vtkTable()
    for name, column in zip((_X, _Y, _EF), (points[:, 0], points[:, 1], values), strict=True):
        array = numpy_to_vtk(np.ascontiguousarray(column, np.float64), deep=True)
        array.SetName(name)
        table.AddColumn(array)
    node.SetAndObserveTable(table)


def _dress(series: Any, table: Any, name: str, color: tuple[float, float, float], marker: str, size: float) -> None:
    wasModifying = series.StartModify()
    series.SetName(name)
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName(_X)
    series.SetYColumnName(_Y)
    series.SetPlotType(series.PlotTypeScatter)
    series.SetColor(*color)
    series.SetMarkerStyle(getattr(series, f"MarkerStyle{marker}"))
    series.SetMarkerSize(size)
    series.SetLineStyle(series.LineStyleNone)
    series.EndModify(wasModifying)
