"""The layout, and the clip as large in it as can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import slicer
from EchoODELib.engine.sequence import EchoSequence
from EchoODELib.scene.clip import createClip
from EchoODELib.scene.layout import ECHO_VIEW, PLOT_VIEW, TABLE_VIEW, EchoLayout, fitClip, showTable
from EchoODELib.scene.study import Study


@pytest.fixture
def a_layout(empty_scene: Any, settle: Callable[..., None]) -> EchoLayout:
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUp3DView)
    layout = EchoLayout()
    layout.install()
    settle()
    return layout


def test_the_layout_has_echo_curve_and_table(a_layout: EchoLayout) -> None:
    manager = slicer.app.layoutManager()
    assert manager.layout == EchoLayout.ID == 507
    echo = manager.sliceWidget(ECHO_VIEW)
    plot, table = manager.plotWidget(PLOT_VIEW), manager.tableWidget(TABLE_VIEW)
    assert echo.isVisible() and plot.isVisible() and table.isVisible()
    assert echo.size.width() > plot.size.width()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode")
    showTable(node)
    assert table.tableView().mrmlTableNode() is node


def test_the_layout_of_before_comes_back(a_layout: EchoLayout) -> None:
    a_layout.install()
    a_layout.restore()
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutOneUp3DView
    assert not a_layout.installed


def test_a_layout_chosen_since_stays(a_layout: EchoLayout) -> None:
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    a_layout.restore()
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView


@pytest.mark.parametrize("spacing", [(0.5, 0.8), None])
def test_a_mark_in_the_files_corner_is_in_that_corner_of_the_view(
    a_layout: EchoLayout, an_echo: EchoSequence, spacing: Any, pixels: Callable[..., np.ndarray]
) -> None:
    study = createClip(an_echo.with_spacing(spacing))
    fitClip(study)
    view = slicer.app.layoutManager().sliceWidget(ECHO_VIEW).sliceView()
    shown = pixels(view)[..., 0]
    rows, columns = np.nonzero(shown > 15)
    top, bottom, left, right = rows.min(), rows.max(), columns.min(), columns.max()
    assert shown[top + 6, left + 6] == 255
    assert max(shown[top + 6, right - 6], shown[bottom - 6, left + 6], shown[bottom - 6, right - 6]) < 200
    # As wide as the view, or as high.
    assert max((right - left) / shown.shape[1], (bottom - top) / shown.shape[0]) > 0.93
    row, column = spacing or (1.0, 1.0)
    assert (right - left) / (bottom - top) == pytest.approx(64 * column / (48 * row), rel=0.03)


def test_what_is_black_around_the_sector_is_left_out(a_layout: EchoLayout, pixels: Callable[..., np.ndarray]) -> None:
    frames = np.zeros((4, 120, 160), np.uint8)
    frames[:, 30:90, 50:110] = 150
    fitClip(createClip(EchoSequence(frames, np.arange(4) / 25, (0.5, 0.5)), "small"))
    shown = pixels(slicer.app.layoutManager().sliceWidget(ECHO_VIEW).sliceView())[..., 0]
    rows, columns = np.nonzero(shown > 100)
    assert max(np.ptp(rows) / shown.shape[0], np.ptp(columns) / shown.shape[1]) > 0.9
    assert abs(columns.mean() - shown.shape[1] / 2) < 4


def test_each_clip_is_shown_in_its_turn(a_layout: EchoLayout, an_echo: EchoSequence) -> None:
    studies: list[Study] = [createClip(an_echo, name) for name in ("one", "two")]
    for study in studies:
        fitClip(study)
        composite = slicer.app.layoutManager().sliceWidget(ECHO_VIEW).mrmlSliceCompositeNode()
        assert composite.GetBackgroundVolumeID() == study.clipNode.GetID()
