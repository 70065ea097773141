"""Measurement lines: on the heart, in the right unit, and a person's word is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from EchoODELib.engine.measure import trace_lv
from EchoODELib.engine.measure.dimensions import lv_length, mitral_annulus_width
from EchoODELib.engine.phantom import PhantomClip
from EchoODELib.engine.sequence import Provenance, View
from EchoODELib.scene.geometry import clipAxes
from EchoODELib.scene.history import History
from EchoODELib.scene.lines import (
    LineWatcher,
    draggedFrames,
    hideLines,
    lineLengths,
    lineNode,
    releaseLine,
    showLines,
)
from EchoODELib.scene.study import Study


@pytest.fixture
def heard() -> list[tuple[Study, str]]:
    return []


@pytest.fixture
def a_watcher(a_moving_study: Study, heard: list[tuple[Study, str]]) -> Iterator[LineWatcher]:
    showLines(a_moving_study)
    watcher = LineWatcher(a_moving_study, lambda study, key: heard.append((study, key)))
    watcher.begin()
    yield watcher
    watcher.end()


def pull(view: Any, node: Any, end: int, by: tuple[int, int]) -> None:
    """Drag an end of a line with the mouse, px of the view."""
    from PySide6 import QtCore
    from SlicerHost.mouse import drag, place_of

    start = place_of(view, node.GetNthControlPointPositionWorld(end))
    drag(view.VTKWidget(), [start + QtCore.QPoint(by[0] * k // 6, by[1] * k // 6) for k in range(7)])


def test_lengths_are_those_of_the_measure_room(a_moving_study: Study, a_phantom: PhantomClip) -> None:
    assert set(showLines(a_moving_study)) == {"lv_length", "lv_base_width"}
    shapes = trace_lv(a_phantom.masks, a_phantom.sequence.spacing)
    found = lineLengths(a_moving_study)
    assert found["lv_length"].unit == "mm"
    assert found["lv_length"].values == pytest.approx(lv_length(shapes), abs=1e-3)
    assert found["lv_base_width"].values == pytest.approx(mitral_annulus_width(shapes), abs=1e-3)


def test_ends_lie_where_the_simulation_has_them(a_moving_study: Study, a_phantom: PhantomClip) -> None:
    node = showLines(a_moving_study)["lv_length"]
    for frame in (0, a_phantom.es_frames[0]):
        a_moving_study.setFrame(frame)
        ends = [node.GetNthControlPointPosition(point) for point in (0, 1)]
        apex, base = clipAxes(a_moving_study.clipNode).toPixels(np.array(ends))
        true_base, true_apex = a_phantom.landmarks["long_axis"][frame]
        assert np.linalg.norm(apex - true_apex) < 4
        assert np.linalg.norm(base - true_base) < 4


def test_the_label_tells_the_length(a_moving_study: Study) -> None:
    node = showLines(a_moving_study)["lv_length"]
    length = lineLengths(a_moving_study)["lv_length"].values[a_moving_study.frame]
    assert node.GetNthControlPointLabel(0) == f"LV length {length:.0f} mm"
    assert not node.GetDisplayNode().GetPropertiesLabelVisibility()


def test_uncalibrated_clips_are_never_in_mm(a_moving_study: Study) -> None:
    a_moving_study.setCalibration(None)
    nodes = showLines(a_moving_study)
    shapes = trace_lv(a_moving_study.masks(), None)
    found = lineLengths(a_moving_study)["lv_length"]
    assert found.unit == "px"
    assert found.values == pytest.approx(lv_length(shapes), abs=1e-3)
    for node in nodes.values():
        labels = [node.GetNthControlPointLabel(point) for point in (0, 1)]
        assert any(label.endswith(" px") for label in labels)
        assert not any("mm" in label for label in labels)


def test_a_drag_is_kept_through_all(
    echo_view: Any,
    a_moving_study: Study,
    a_watcher: LineWatcher,
    heard: list[tuple[Study, str]],
    settle: Callable[..., None],
    reload: Callable[[], None],
    picture: Any,
) -> None:
    a_moving_study.setFrame(5)
    settle()
    before = lineLengths(a_moving_study)["lv_length"].values
    node = lineNode(a_moving_study, "lv_length")
    pull(echo_view, node, 0, (0, -30))
    after = lineLengths(a_moving_study)["lv_length"].values
    assert heard == [(a_moving_study, "lv_length")]
    assert draggedFrames(a_moving_study, "lv_length") == (5,)
    assert after[5] > before[5] + 2
    assert np.delete(after, 5) == pytest.approx(np.delete(before, 5))
    assert node.GetNthControlPointLabel(0) == f"LV length {after[5]:.0f} mm"
    picture("lines", echo_view)
    a_moving_study.setFrame(9)
    a_moving_study.setFrame(5)
    showLines(a_moving_study)
    assert lineLengths(a_moving_study)["lv_length"].values == pytest.approx(after)
    a_watcher.end()
    reload()
    again = Study.all()[0]
    assert draggedFrames(again, "lv_length") == (5,)
    showLines(again)
    assert lineLengths(again)["lv_length"].values == pytest.approx(after, abs=1e-3)
    releaseLine(again, "lv_length", 5)
    showLines(again)
    assert lineLengths(again)["lv_length"].values == pytest.approx(before, abs=1e-3)


def test_what_we_write_is_not_a_drag(a_moving_study: Study, a_watcher: LineWatcher, heard: list[Any]) -> None:
    for frame in (3, 8):
        a_moving_study.setFrame(frame)
    showLines(a_moving_study)
    assert heard == []
    assert draggedFrames(a_moving_study, "lv_length") == ()


def test_a_frame_without_lv_has_no_line(a_moving_study: Study, a_phantom: PhantomClip) -> None:
    a_moving_study.setMask(3, np.zeros(a_phantom.masks[3].shape, np.uint8))
    showLines(a_moving_study)
    lengths = lineLengths(a_moving_study)["lv_length"].values
    assert np.flatnonzero(np.isnan(lengths)).tolist() == [3]


def test_parasternal_lines_come_from_landmarks(a_study: Study) -> None:
    a_study.setView(View.PLAX)
    ends = np.tile(np.array([[10.0, 5.0], [10.0, 15.0]]), (12, 1, 1))
    ends[7] = np.nan
    assert showLines(a_study) == {}
    nodes = showLines(a_study, landmarks={"IVS": ends, "LVID": ends + np.array([0.0, 10.0])})
    assert set(nodes) == {"IVS", "LVID"}
    lengths = lineLengths(a_study)["IVS"].values
    assert np.isnan(lengths[7])
    assert np.delete(lengths, 7) == pytest.approx(10 * 0.5)  # rows of 0.5 mm
    hideLines(a_study)
    assert not nodes["IVS"].GetDisplayNode().GetVisibility()


def test_a_models_lines_are_drawn_saved_and_undone(
    a_segmented_study: Study, some_masks: np.ndarray, how: Provenance, reload: Callable[[], None]
) -> None:
    study = a_segmented_study
    study.setView(View.PLAX)
    marked = np.tile(np.float32([[20, 5], [20, 9], [20, 9], [20, 29], [20, 29], [20, 35.126]]), (12, 1, 1))
    marked[4, 2] = np.nan
    study.setLines(marked)
    assert study.lines() == pytest.approx(marked, abs=0.01, nan_ok=True)
    assert study.result().lines is not None
    showLines(study)
    lengths = lineLengths(study)
    assert np.delete(lengths["LVID"].values, 4) == pytest.approx(20 * 0.5)
    assert lengths["LVPW"].values == pytest.approx(6.13 * 0.5)
    study.markCorrected(2)
    showLines(study)
    assert lineLengths(study)["LVPW"].values[2] != pytest.approx(6.13 * 0.5, abs=0.2)
    history = History()
    history.push(study, "segmenting")
    study.setLines(None)
    assert study.lines() is None
    history.undo(study)
    reload()
    (study,) = Study.all()
    assert study.lines() == pytest.approx(marked, abs=0.01, nan_ok=True)
