"""The tables that people read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import slicer
from EchoODELib.engine.measure import measure
from EchoODELib.engine.phantom import PhantomClip
from EchoODELib.engine.sequence import FrameFlag, Measurements
from EchoODELib.scene.lines import keepDragged, lineNode, showLines
from EchoODELib.scene.tables import removeTables, showBeats, showFrames


@pytest.fixture
def some_measurements(a_moving_study: Any, a_phantom: PhantomClip) -> Measurements:
    found = measure(a_moving_study.result(), ed_frames=a_phantom.ed_frames, es_frames=a_phantom.es_frames)
    return replace(found, flags=(FrameFlag(4, "lv_area", "The LV jumps."), FrameFlag(4, "x", "It is torn.")))


def column(table: Any, name: str) -> list[str]:
    index = table.GetColumnIndex(name)
    assert index >= 0, f"there is no column {name}"
    return [table.GetCellText(row, index) for row in range(table.GetNumberOfRows())]


def test_a_row_a_beat_with_mean_and_sd(a_moving_study: Any, some_measurements: Measurements) -> None:
    table = showBeats(a_moving_study, some_measurements)
    assert table.GetName() == "A4C beats"
    beats = some_measurements.beats
    assert len(beats) == 2
    assert column(table, "Beat") == ["1", "2", "Mean", "SD"]
    assert column(table, "ED frame") == [*(str(beat.ed_frame) for beat in beats), "", ""]
    summary = some_measurements.summary["ejection_fraction"]
    expected = [*(beat.quantities["ejection_fraction"].value for beat in beats), summary.mean, summary.sd]
    assert slicer.util.arrayFromTableColumn(table, "EF") == pytest.approx(expected, abs=0.051)
    units = {name: table.GetColumnUnitLabel(name) for name in ("EF", "EDV", "LV length ED", "LV area ED", "Heart rate")}
    assert units == {"EF": "%", "EDV": "mL", "LV length ED": "cm", "LV area ED": "cm²", "Heart rate": "bpm"}
    length = some_measurements.beats[0].quantities["end_diastolic_length"].value
    assert slicer.util.arrayFromTableColumn(table, "LV length ED")[0] == pytest.approx(length / 10, abs=0.0051)


def test_one_beat_needs_no_mean(a_moving_study: Any, some_measurements: Measurements) -> None:
    table = showBeats(a_moving_study, replace(some_measurements, beats=some_measurements.beats[:1]))
    assert column(table, "Beat") == ["1"]


def test_a_row_a_frame(a_moving_study: Any, some_measurements: Measurements, a_phantom: PhantomClip) -> None:
    a_moving_study.markCorrected(6)
    table = showFrames(a_moving_study, some_measurements)
    assert table.GetName() == "A4C frames"
    assert column(table, "Frame") == [str(frame) for frame in range(24)]
    phases = column(table, "Phase")
    assert [f for f in range(24) if phases[f] == "ED"] == list(a_phantom.ed_frames)
    assert [f for f in range(24) if phases[f] == "ES"] == list(a_phantom.es_frames)
    assert column(table, "To check")[4] == "The LV jumps. It is torn."
    assert column(table, "By hand")[6] == "mask"
    volumes = some_measurements.per_frame["lv_volume"].values
    assert slicer.util.arrayFromTableColumn(table, "LV volume") == pytest.approx(volumes, abs=0.051)
    assert table.GetColumnUnitLabel("Time") == "s"
    assert table.GetLocked()


def test_the_table_follows_a_dragged_line(a_moving_study: Any, some_measurements: Measurements) -> None:
    showLines(a_moving_study)
    a_moving_study.setFrame(2)
    node = lineNode(a_moving_study, "lv_length")
    first = np.array(node.GetNthControlPointPosition(0))
    node.SetNthControlPointPosition(1, *(first - np.array([0.0, 50.0, 0.0])))
    keepDragged(a_moving_study, "lv_length")
    table = showFrames(a_moving_study, some_measurements)
    lengths = slicer.util.arrayFromTableColumn(table, "LV length")
    assert lengths[2] == pytest.approx(5.0)
    assert lengths[3] == pytest.approx(some_measurements.per_frame["lv_length"].values[3] / 10, abs=0.01)
    assert column(table, "By hand")[2] == "LV length"


def test_uncalibrated_clips_are_in_pixels(a_moving_study: Any) -> None:
    a_moving_study.setCalibration(None)
    found = measure(a_moving_study.result())
    beats, frames = showBeats(a_moving_study, found), showFrames(a_moving_study, found)
    units = {
        table.GetColumnUnitLabel(table.GetColumnName(n))
        for table in (beats, frames)
        for n in range(table.GetNumberOfColumns())
    }
    assert "px" in units
    assert not units & {"mm", "cm", "cm²", "mL", "L/min"}


def test_the_same_nodes_are_filled_again(a_moving_study: Any, some_measurements: Measurements) -> None:
    first = showBeats(a_moving_study, some_measurements)
    count = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode")
    assert showBeats(a_moving_study, some_measurements) is first
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode") == count
    removeTables(a_moving_study)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode") == count - 1
