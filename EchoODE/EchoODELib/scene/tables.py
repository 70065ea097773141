"""What was measured, as tables to read: a row a beat with mean and SD, and a row a frame.

Numbers are rounded to what they carry, in the units that are read (cm, cm², mL); the export gives all digits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ..engine.export.wording import NAMES, reading_unit, title_of
from ..engine.sequence import FrameSeries, Measurements
from .lines import LINES, draggedFrames, lineLengths
from .nodes import PREFIX

if TYPE_CHECKING:
    from .study import Study

BEATS, FRAMES = PREFIX + "BeatsTable", PREFIX + "FramesTable"

_SERIES = {
    "lv_volume": "LV volume",
    "lv_area": "LV area",
    "lv_length": "LV length",
    "lv_base_width": "Annulus",
    "myocardial_area": "Myocardium",
    "la_area": "LA area",
    "longitudinal_strain": "Strain (contour)",
    "longitudinal_strain_tracked": "Strain (tracked)",
}
_DECIMALS = {"cm": 2, "cm²": 1, "mL": 1, "%": 1, "bpm": 0, "s": 3, "px": 1, "px²": 0, "L/min": 1, "g": 0}


def showBeats(study: Study, measurements: Measurements) -> Any:
    """Fill the table node "… beats": a row a beat, with its ED and ES frames and quantities, then mean and SD.

    Returns
    -------
    The vtkMRMLTableNode; its columns are named as people read them, with units.
    """
    beats = measurements.beats
    tail = ["Mean", "SD"] if len(beats) > 1 else []
    columns: list[tuple[str, str, Sequence[Any] | NDArray[Any]]] = [
        ("Beat", "", [*(str(number) for number in range(1, len(beats) + 1)), *tail]),
        ("ED frame", "", [*(str(beat.ed_frame) for beat in beats), *([""] * len(tail))]),
        ("ES frame", "", [*(str(beat.es_frame) for beat in beats), *([""] * len(tail))]),
    ]
    known = [name for name in NAMES if any(name in beat.quantities for beat in beats)]
    known += sorted({name for beat in beats for name in beat.quantities} - set(known))
    for name in known:
        values = [beat.quantities[name].value if name in beat.quantities else math.nan for beat in beats]
        measured = next(beat.quantities[name].unit for beat in beats if name in beat.quantities)
        if tail:
            summary = measurements.summary.get(name)
            values += [math.nan, math.nan] if summary is None else [summary.mean, summary.sd]
        unit, rounded = _rounded(np.array(values, float), measured)
        columns.append((title_of(name), unit, rounded))
    return fillTable(study, BEATS, "beats", columns)


def showFrames(study: Study, measurements: Measurements) -> Any:
    """Fill the table node "… frames": a row a frame, with phase, beat, what was measured, lines, and why to check.

    Lengths of lines that a person dragged are the dragged ones.
    """
    count, times = study.frameCount, study.times
    phase, beat, check = [""] * count, [""] * count, [""] * count
    for name, frames in (("ES", measurements.es_frames), ("ED", measurements.ed_frames)):
        for frame in frames:
            phase[frame] = name
    for number, one in enumerate(measurements.beats, start=1):
        last = one.next_ed_frame if one.next_ed_frame is not None else one.es_frame + 1
        for frame in range(one.ed_frame, last):
            beat[frame] = str(number)
    corrected = set(study.correctedFrames)
    for flag in measurements.flags:
        check[flag.frame] = f"{check[flag.frame]} {flag.reason}".strip()
    columns: list[tuple[str, str, Sequence[Any] | NDArray[Any]]] = [
        ("Frame", "", np.arange(count)),
        ("Time", "s", np.round(times, 3)),
        ("Phase", "", phase),
        ("Beat", "", beat),
    ]
    for title, series in _series(study, measurements):
        if np.isfinite(series.values).any() and np.any(series.values):
            unit, rounded = _rounded(series.values, series.unit)
            columns.append((title, unit, rounded))
    dragged = {key: set(draggedFrames(study, key)) for key in LINES}
    hands = [
        ", ".join([*(["mask"] if f in corrected else []), *(LINES[key].name for key in LINES if f in dragged[key])])
        for f in range(count)
    ]
    columns += [("By hand", "", hands), ("To check", "", check)]
    return fillTable(study, FRAMES, "frames", columns)


def removeTables(study: Study) -> None:
    """Take a clip's tables out of the scene."""
    for role in (BEATS, FRAMES):
        node = study.browserNode.GetNodeReference(role)
        if node is not None:
            slicer.mrmlScene.RemoveNode(node)
        study.browserNode.RemoveNodeReferenceIDs(role)


def _series(study: Study, measurements: Measurements) -> Iterable[tuple[str, FrameSeries]]:
    """Titles and series to show, lines as drawn before those measured."""
    drawn: Mapping[str, FrameSeries] = lineLengths(study)
    for name, title in _SERIES.items():
        series = measurements.per_frame.get(name)
        if name in drawn and draggedFrames(study, name):
            series = drawn[name]
        if series is not None:
            yield title, series
    for key in LINES:
        if key in drawn and key not in _SERIES:
            yield LINES[key].name, drawn[key]


def _rounded(values: NDArray[np.float64], unit: str) -> tuple[str, NDArray[np.float64]]:
    """The unit that is read, and the values in it, rounded."""
    name, factor = reading_unit(unit)
    return name, np.round(values * factor, _DECIMALS.get(name, 2))


def fillTable(study: Study, role: str, name: str, columns: list[tuple[str, str, Sequence[Any] | NDArray[Any]]]) -> Any:
    """Write (title, unit, values) columns into the study's table node of a role, made at first use."""
    node = study.browserNode.GetNodeReference(role)
    if node is None:
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", f"{study.name} {name}")
        study.browserNode.SetNodeReferenceID(role, node.GetID())
    wasModifying = node.StartModify()
    table = vtk.vtkTable()
    node.RemoveAllColumns()
    for title, _, values in columns:
        table.AddColumn(_column(title, values))
    node.SetAndObserveTable(table)
    for title, unit, _ in columns:
        if unit:
            node.SetColumnUnitLabel(title, unit)  # the table view writes it behind the title
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetUseFirstColumnAsRowHeader(False)
    node.SetLocked(True)
    node.EndModify(wasModifying)
    return node


def _column(title: str, values: Sequence[Any] | NDArray[Any]) -> Any:
    if isinstance(values, np.ndarray):
        column = vtk.vtkIntArray() if values.dtype.kind == "i" else vtk.vtkDoubleArray()
        column.SetNumberOfValues(len(values))
        for row, value in enumerate(values.tolist()):
            column.SetValue(row, value)
    else:
        column = vtk.vtkStringArray()
        for value in values:
            column.InsertNextValue(value)
    column.SetName(title)
    return column
