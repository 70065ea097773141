"""LV volume or area over time as a chart: a curve a clip, beats shaded, ED, ES, corrected and doubtful frames marked.

A chart of the scene has no areas and no cursor of its own. A beat's shade is a line that runs up and down so densely
that it fills; the cursor is an upright line with a dot on the curve. Every point of every series belongs to a frame
of a clip (:func:`frameOfPoint`), and its table says to which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import slicer
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from ..engine.export.wording import reading_unit, spoken, spoken_summary
from ..engine.sequence import FrameSeries, Measurements
from .curve_points import CLIP, FRAME, TIME, VALUE, writePoints
from .nodes import PREFIX

if TYPE_CHECKING:
    from .study import Study

Quantity = Literal["volume", "area"]
Array = NDArray[np.float64]

CHART, CURVE, CURVE_SERIES = PREFIX + "Chart", PREFIX + "CurveTable", PREFIX + "CurveSeries"
_SERIES = {"volume": "lv_volume", "area": "lv_area"}
_TITLES = {"lv_volume": "LV volume", "lv_area": "LV area"}
_CURVE_COLORS = ((0.02, 0.50, 0.60), (0.50, 0.31, 0.78), (0.75, 0.36, 0.05), (0.30, 0.45, 0.12))
_STROKES = 220  # of a shade, over the whole chart
_SIDES = 0.02  # of the time, room for marks on the first and last frame
_HEADROOM = (1.08, 0.065)  # of the largest value: above the curve, and for each line of the legend


@dataclass(frozen=True)
class _Look:
    """How a series of marks is drawn: name in the legend, colour, marker and its size, width of the line."""

    name: str
    color: tuple[float, float, float]
    marker: str
    size: float = 9.0
    width: float = 0.0


# In drawing order: what comes later is on top, and is what a click or a drag gets hold of.
_BEHIND = {
    "BeatOdd": _Look("", (0.925, 0.945, 0.965), "None", width=4.0),
    "BeatEven": _Look("", (0.965, 0.975, 0.985), "None", width=4.0),
    "Cursor": _Look("", (0.45, 0.48, 0.52), "None", width=1.5),
}
_BEFORE = {
    "Flagged": _Look("To check", (0.80, 0.10, 0.35), "Cross", 8.0),
    "Corrected": _Look("Corrected", (0.13, 0.15, 0.20), "Square", 9.0),
    "Now": _Look("", (0.13, 0.15, 0.20), "Circle", 7.0),
    "ES": _Look("ES", (0.90, 0.35, 0.05), "Diamond", 13.0),
    "ED": _Look("ED", (0.13, 0.60, 0.32), "Diamond", 13.0),
}


def showCurves(
    studies: Iterable[Study], measurementsByStudy: Mapping[Study, Measurements], quantity: Quantity = "volume"
) -> Any:
    """Draw the chart of one or more clips; called again, it brings the same nodes up to date.

    Parameters
    ----------
    studies: clips to show, the first one's beats shaded if it is alone. Those without measurements are left out,
        and those whose unit is not that of the first (cm² beside px²).
    quantity: "volume", or "area"; without volumes (uncalibrated, not apical) areas are shown.

    Returns
    -------
    The vtkMRMLPlotChartNode; put it into a view with :func:`.layout.showChart`.
    """
    chart = chartNode() or _addChart()
    measured = [study for study in studies if study in measurementsByStudy]
    name = _SERIES[quantity]
    if not any(_has(measurementsByStudy[study], name) for study in measured):
        name = _SERIES["area"]
    measured = [study for study in measured if _has(measurementsByStudy[study], name)]
    units = [measurementsByStudy[study].per_frame[name].unit for study in measured]
    shown = [study for study, unit in zip(measured, units, strict=True) if unit == units[0]]
    unit, factor = reading_unit(units[0]) if units else ("", 1.0)
    values = {study: measurementsByStudy[study].per_frame[name].values * factor for study in shown}
    marks = _marks(shown, measurementsByStudy)
    lines = len(shown) + sum(any(frames.values()) for frames in marks.values())
    largest = max((float(np.nanmax(one)) for one in values.values()), default=1.0)
    top = (_HEADROOM[0] + _HEADROOM[1] * lines) * (largest or 1.0)
    last = max((float(study.times[-1]) for study in shown), default=1.0)
    wasModifying = chart.StartModify()
    chart.SetTitle("")
    chart.SetAttribute(PREFIX + "Unit", unit)
    chart.SetAttribute(PREFIX + "Top", repr(top))
    chart.SetXAxisTitle("Time (s)")
    chart.SetYAxisTitle(f"{_TITLES[name]} ({unit})" if unit else _TITLES[name])
    chart.SetXAxisRangeAuto(False)
    chart.SetYAxisRangeAuto(False)
    chart.SetXAxisRange(-_SIDES * last, (1 + _SIDES) * max(last, 1e-3))
    chart.SetYAxisRange(0.0, top)
    curves = [
        _writeCurve(study, values[study], _TITLES[name] if len(shown) == 1 else study.name, number)
        for number, study in enumerate(shown)
    ]
    _writeShades(chart, shown, measurementsByStudy, top, last)
    _writeMarks(chart, marks, values)
    chart.SetAttribute(PREFIX + "Headline", _headline([measurementsByStudy[study] for study in shown]))
    if shown:
        updateCursor(shown[0])
    for role, look in {**_BEHIND, **_BEFORE}.items():
        _dress(_seriesOf(chart, role), _tableOf(chart, role), look)
    chart.EndModify(wasModifying)
    behind, before = ([_seriesOf(chart, role) for role in looks] for looks in (_BEHIND, _BEFORE))
    holdSeries(chart, [*behind, *curves, *before] if shown else [])
    return chart


def updateCursor(study: Study) -> None:
    """Move the cursor to a clip's frame in view, and say value and frame above the chart."""
    chart, table = chartNode(), study.browserNode.GetNodeReference(CURVE)
    if chart is None or table is None or table.GetNumberOfRows() <= study.frame:
        return
    frame, clip = study.frame, study.browserNode.GetID()
    time, value = (float(vtk_to_numpy(table.GetTable().GetColumnByName(name))[frame]) for name in (TIME, VALUE))
    top = float(chart.GetAttribute(PREFIX + "Top") or 1.0)
    writePoints(_tableOf(chart, "Cursor"), [time, time], [0.0, top], [frame, frame], [clip, clip])
    known = np.isfinite(value)
    now = ([time], [value], [frame], [clip]) if known else ([], [], [], [])
    writePoints(_tableOf(chart, "Now"), *now)
    told = spoken(value, chart.GetAttribute(PREFIX + "Unit") or "") if known else ""
    parts = [chart.GetAttribute(PREFIX + "Headline") or "", told, f"frame {frame}"]
    chart.SetTitle(" · ".join(part for part in parts if part))


def frameOfPoint(seriesNode: Any, pointIndex: int) -> tuple[Study, int] | None:
    """The clip and frame that a point of a series belongs to; None for points that aren't of this chart."""
    from .study import Study

    table = None if seriesNode is None else seriesNode.GetTableNode()
    if table is None or table.GetColumnIndex(FRAME) < 0 or not 0 <= pointIndex < table.GetNumberOfRows():
        return None
    clip = table.GetTable().GetColumnByName(CLIP).GetValue(int(pointIndex))
    study = Study.of(slicer.mrmlScene.GetNodeByID(clip))
    return None if study is None else (study, int(table.GetTable().GetColumnByName(FRAME).GetValue(int(pointIndex))))


def chartNode() -> Any:
    """The scene's chart of curves, or None."""
    for node in slicer.util.getNodesByClass("vtkMRMLPlotChartNode"):
        if node.GetAttribute(CHART):
            return node
    return None


def markTable(role: str) -> Any:
    """The table node of the marks "ED", "ES", "Corrected", "Flagged", "Cursor" or "Now", or None without a chart."""
    chart = chartNode()
    return None if chart is None else _tableOf(chart, role)


def _headline(measurements: Sequence[Measurements]) -> str:
    """EF of the clip, if it is one."""
    if len(measurements) != 1:
        return ""
    for name, title in (("ejection_fraction", "EF"), ("fractional_area_change", "FAC")):
        if name in measurements[0].summary:
            return f"{title} {spoken_summary(measurements[0].summary[name])}"
    return ""


def _has(measurements: Measurements, name: str) -> bool:
    series: FrameSeries | None = measurements.per_frame.get(name)
    return series is not None and bool(np.isfinite(series.values).any())


def _writeCurve(study: Study, values: Array, name: str, number: int) -> Any:
    browser = study.browserNode
    table, series = browser.GetNodeReference(CURVE), browser.GetNodeReference(CURVE_SERIES)
    if table is None:
        table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", f"{study.name} curve")
        browser.SetNodeReferenceID(CURVE, table.GetID())
    if series is None:
        series = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", name)
        browser.SetNodeReferenceID(CURVE_SERIES, series.GetID())
    clip = browser.GetID()
    writePoints(table, study.times, values, range(len(values)), [clip] * len(values))
    _dress(series, table, _Look(name, _CURVE_COLORS[number % len(_CURVE_COLORS)], "Circle", 4.0, 2.5))
    return series


def _writeShades(
    chart: Any, shown: Sequence[Study], measurementsByStudy: Mapping[Study, Measurements], top: float, last: float
) -> None:
    spans: dict[str, list[tuple[float, float]]] = {"BeatOdd": [], "BeatEven": []}
    if len(shown) == 1:
        times = shown[0].times
        for number, beat in enumerate(measurementsByStudy[shown[0]].beats):
            end = beat.next_ed_frame if beat.next_ed_frame is not None else beat.es_frame
            first, stop = sorted((float(times[beat.ed_frame]), float(times[end])))
            spans["BeatEven" if number % 2 else "BeatOdd"].append((first, stop))
    for role, bands in spans.items():
        x, y = [np.zeros(0)], [np.zeros(0)]
        for first, stop in bands:
            strokes = max(2, round(_STROKES * (stop - first) / max(last, 1e-9)))
            # Down, up, down ... and back along the bottom to the next band, below the axis.
            x += [np.repeat(np.linspace(first, stop, strokes), 2)]
            y += [np.resize([0.0, top, top, 0.0], 2 * strokes)]
            y[-1][-1] = 0.0
        points, heights = np.concatenate(x), np.concatenate(y)
        times = shown[0].times if shown else np.zeros(1)
        frames = np.abs(points[:, None] - times[None]).argmin(axis=1)
        clips = [shown[0].browserNode.GetID()] * len(points) if shown else []
        writePoints(_tableOf(chart, role), points, heights, frames.tolist(), clips)


def _marks(
    shown: Sequence[Study], measurementsByStudy: Mapping[Study, Measurements]
) -> dict[str, dict[Study, tuple[int, ...]]]:
    """The marked frames of each clip, by the kind of mark."""
    return {
        "Flagged": {s: tuple(sorted({flag.frame for flag in measurementsByStudy[s].flags})) for s in shown},
        "Corrected": {s: s.correctedFrames for s in shown},
        "ES": {s: measurementsByStudy[s].es_frames for s in shown},
        "ED": {s: measurementsByStudy[s].ed_frames for s in shown},
    }


def _writeMarks(
    chart: Any, marks: Mapping[str, Mapping[Study, tuple[int, ...]]], values: Mapping[Study, Array]
) -> None:
    for role, framesByStudy in marks.items():
        points = [
            (float(study.times[frame]), float(values[study][frame]), frame, study.browserNode.GetID())
            for study, frames in framesByStudy.items()
            for frame in frames
            if np.isfinite(values[study][frame])
        ]
        writePoints(_tableOf(chart, role), *([point[k] for point in points] for k in range(4)))


def _addChart() -> Any:
    chart = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotChartNode", "LV curves")
    chart.SetAttribute(CHART, "1")
    chart.SetTitleFontSize(14)
    chart.SetAxisTitleFontSize(15)
    chart.SetAxisLabelFontSize(13)
    chart.SetLegendFontSize(13)
    chart.SetLegendVisibility(True)
    chart.SetGridVisibility(False)
    chart.SetEnablePointMoveAlongX(True)
    chart.SetEnablePointMoveAlongY(False)
    for role, look in {**_BEHIND, **_BEFORE}.items():
        table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", f"LV curves {role}")
        table.SetHideFromEditors(True)
        series = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLPlotSeriesNode", look.name or role)
        series.SetHideFromEditors(True)
        chart.SetNodeReferenceID(f"{PREFIX}{role}Table", table.GetID())
        chart.SetNodeReferenceID(f"{PREFIX}{role}Series", series.GetID())
        writePoints(table, [], [], [], [])
        _dress(series, table, look)
    return chart


def _tableOf(chart: Any, role: str) -> Any:
    return chart.GetNodeReference(f"{PREFIX}{role}Table")


def _seriesOf(chart: Any, role: str) -> Any:
    return chart.GetNodeReference(f"{PREFIX}{role}Series")


def _dress(series: Any, table: Any, look: _Look) -> None:
    """Draw a series by its look; unseen, and not in the legend, while its table has no frame's point."""
    empty = table.GetTable().GetColumnByName(FRAME).GetValue(0) < 0
    look = _Look("", look.color, "None") if empty else look
    wasModifying = series.StartModify()
    series.SetName(look.name)
    series.SetAndObserveTableNodeID(table.GetID())
    series.SetXColumnName(TIME)
    series.SetYColumnName(VALUE)
    series.SetPlotType(series.PlotTypeScatter)
    series.SetColor(*look.color)
    series.SetMarkerStyle(getattr(series, f"MarkerStyle{look.marker}"))
    series.SetMarkerSize(look.size)
    series.SetLineStyle(series.LineStyleSolid if look.width else series.LineStyleNone)
    series.SetLineWidth(look.width or 2.0)
    series.EndModify(wasModifying)


def holdSeries(chart: Any, wanted: Sequence[Any]) -> None:
    """Let the chart hold these series, drawn in this order.

    Series without points stay, unseen: a view draws a series that comes later on top of all others, so that the order
    is only kept by starting from none, and a drag would end with that.
    """
    identifiers = [series.GetID() for series in wanted]
    now = [chart.GetNthPlotSeriesNodeID(n) for n in range(chart.GetNumberOfPlotSeriesNodes())]
    if now != identifiers:
        chart.RemoveAllPlotSeriesNodeIDs()
        for identifier in identifiers:
            chart.AddAndObservePlotSeriesNodeID(identifier)
