"""Grid, arrows and strain over the echo: where they are, when they are there, and that they follow the clip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import slicer
from EchoODELib.engine.phantom import PhantomClip
from EchoODELib.engine.sequence import Label
from EchoODELib.scene import motion_display
from EchoODELib.scene.geometry import clipAxes
from EchoODELib.scene.motion_display import hideMotion, motionModel, motionShown, showArrows, showGrid
from EchoODELib.scene.strain import hideStrain, showStrain, strainNode, strainOf
from EchoODELib.scene.study import Study
from scipy.ndimage import map_coordinates
from vtk.util.numpy_support import vtk_to_numpy


def mesh_pixels(study: Any) -> np.ndarray:
    """(N, 2) px of the drawn mesh's points."""
    points = vtk_to_numpy(motionModel(study).GetPolyData().GetPoints().GetData())
    return clipAxes(study.clipNode).toPixels(points)


def test_nothing_is_drawn_at_first(a_moving_study: Any) -> None:
    assert motionShown(a_moving_study) == ""
    assert motionModel(a_moving_study) is None
    assert strainNode(a_moving_study) is None


def test_there_is_nothing_to_draw_without_motion(a_segmented_study: Any) -> None:
    assert showGrid(a_segmented_study) is None
    assert showArrows(a_segmented_study) is None
    assert showStrain(a_segmented_study) is None


def test_the_grid_moves_with_the_tissue(a_moving_study: Any, a_phantom: PhantomClip) -> None:
    a_moving_study.setFrame(0)
    showGrid(a_moving_study, 6.0)
    still = mesh_pixels(a_moving_study)
    es = a_phantom.es_frames[0]
    a_moving_study.setFrame(es)
    moved = mesh_pixels(a_moving_study)
    field = a_phantom.displacement[es]
    expected = np.stack([map_coordinates(field[..., k], still.T[::-1], order=1) for k in (0, 1)], -1)
    assert np.abs(moved - still - expected).max() < 0.1
    assert np.abs(moved - still).max() > 3


def test_its_lines_are_as_far_apart_as_asked(a_moving_study: Any) -> None:
    a_moving_study.setFrame(0)
    showGrid(a_moving_study, 8.0)
    step = 8.0 / a_moving_study.sequence().spacing[0]
    rows = np.unique(np.round(mesh_pixels(a_moving_study)[:, 1], 3))
    assert np.isclose(np.subtract.outer(rows, rows), step, atol=0.01).any()


def test_it_stays_around_the_heart(a_moving_study: Any, a_phantom: PhantomClip) -> None:
    a_moving_study.setFrame(0)
    showGrid(a_moving_study)
    column, row = np.rint(mesh_pixels(a_moving_study)).astype(int).T
    ventricle = np.isin(a_phantom.masks[0], (Label.LV, Label.MYOCARDIUM))
    rows, columns = np.nonzero(ventricle)
    away = 0.1 * 128
    assert rows.min() - away <= row.min() < row.max() <= rows.max() + away
    assert columns.min() - away <= column.min() < column.max() <= columns.max() + away
    assert len(row) > 500


def test_arrows_lead_from_then_to_now(a_moving_study: Any, a_phantom: PhantomClip) -> None:
    es = a_phantom.es_frames[0]
    a_moving_study.setFrame(es)
    model = showArrows(a_moving_study)
    corners = mesh_pixels(a_moving_study).reshape(-1, 7, 2)
    tails, tips = corners[:, :2].mean(axis=1), corners[:, 5]
    column, row = np.rint(tails).astype(int).T
    assert np.abs(tips - tails - a_phantom.displacement[es, row, column]).max() < 0.6
    lengths = vtk_to_numpy(model.GetPolyData().GetPointData().GetScalars())[::7]
    expected = np.linalg.norm(tips - tails, axis=1) * a_moving_study.sequence().spacing[0]
    assert lengths == pytest.approx(expected, abs=1e-3)
    assert set((a_phantom.masks[0][row, column]).tolist()) <= {Label.LV, Label.MYOCARDIUM}


def test_how_it_looks_survives_the_next_frame(a_moving_study: Any) -> None:
    model = showGrid(a_moving_study)
    model.GetDisplayNode().SetColor(1.0, 0.0, 0.0)
    for frame in (3, 9):
        a_moving_study.setFrame(frame)
    assert model.GetDisplayNode().GetColor() == (1.0, 0.0, 0.0)
    assert motionShown(a_moving_study) == "grid"


def test_it_can_be_changed_and_hidden(a_moving_study: Any) -> None:
    showGrid(a_moving_study)
    model = showArrows(a_moving_study)
    assert motionShown(a_moving_study) == "arrows"
    hideMotion(a_moving_study)
    assert motionShown(a_moving_study) == ""
    assert not model.GetDisplayNode().GetVisibility()
    a_moving_study.removeMotion()
    assert motionModel(a_moving_study) is None


def test_another_motion_is_drawn_at_once(a_moving_study: Any, a_phantom: PhantomClip) -> None:
    showGrid(a_moving_study, 7.0)
    a_moving_study.setFrame(a_phantom.es_frames[0])
    before = mesh_pixels(a_moving_study)
    a_moving_study.setMotion(0.5 * a_phantom.displacement, 0.5 * a_phantom.pull_back, 0)
    after = mesh_pixels(a_moving_study)
    assert after.shape == before.shape
    assert np.abs(after - before).max() > 1
    a_moving_study.setCalibration((0.3, 0.3))
    assert motionShown(a_moving_study) == "grid"
    assert np.ptp(mesh_pixels(a_moving_study), axis=0) == pytest.approx(np.ptp(after, axis=0), rel=0.3)


def test_a_saved_scene_has_the_motion_and_not_its_drawing(a_moving_study: Any, reload: Callable[[], None]) -> None:
    showArrows(a_moving_study)
    showStrain(a_moving_study)
    reload()
    study = Study.all()[0]
    assert motionShown(study) == ""
    assert motionModel(study) is None
    assert [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLModelNode") if "A4C" in node.GetName()] == []
    assert showGrid(study) is not None
    hideStrain(study)
    study.removeMotion()
    assert [n.GetName() for n in slicer.util.getNodesByClass("vtkMRMLTransformNode") if "A4C" in n.GetName()] == []


def test_a_closed_scene_leaves_no_follower(a_moving_study: Any) -> None:
    showGrid(a_moving_study)
    slicer.mrmlScene.Clear(0)
    motion_display.stopFollowing()
    assert motion_display._followers == {}


def test_the_grid_is_seen_in_the_view(echo_view: Any, a_moving_study: Any, pixels: Any, picture: Any) -> None:
    a_moving_study.setFrame(4)
    before = pixels(echo_view).astype(int)
    showGrid(a_moving_study)
    after = pixels(echo_view).astype(int)
    changed = (after != before).any(axis=-1)
    lime = (after[..., 1] > after[..., 2] + 20) & changed
    assert 0.005 < lime.mean() < 0.2
    picture("grid", echo_view)
    showArrows(a_moving_study)
    picture("arrows", echo_view)


def test_strain_is_that_of_the_simulation(a_phantom: PhantomClip) -> None:
    """Against the lengths of the tracked endocardium, an independent way to the same mean."""
    from EchoODELib.engine.measure import trace_lv
    from EchoODELib.engine.measure.strain import strain, tracked_lengths
    from EchoODELib.scene.motion import Motion

    motion = Motion(a_phantom.displacement, a_phantom.pull_back, 0)
    es, spacing = a_phantom.es_frames[0], a_phantom.sequence.spacing
    values = strainOf(motion, a_phantom.masks, spacing, "longitudinal")
    assert np.array_equal(np.isfinite(values), a_phantom.masks == Label.MYOCARDIUM)
    assert np.nanmax(np.abs(values[0])) < 0.1
    shapes = trace_lv(a_phantom.masks, spacing)
    tracked = strain(tracked_lengths(shapes, a_phantom.displacement, 0), 0)[es]
    assert -35 < np.nanmean(values[es]) < -5
    assert np.nanmean(values[es]) == pytest.approx(tracked, abs=4)


def test_strain_of_a_known_stretch() -> None:
    """Everything 10 % longer downwards: walls that run down lengthen by 10 %, areas grow by 10 %."""
    from EchoODELib.scene.motion import Motion

    masks = np.zeros((2, 80, 60), np.uint8)
    masks[:, 5:75, 15:45] = Label.MYOCARDIUM
    masks[:, 15:65, 25:35] = Label.LV
    y = np.mgrid[0:80, 0:60][0].astype(np.float32)
    there = np.zeros((2, 80, 60, 2), np.float32)
    there[1, ..., 1] = 0.1 * y
    back = np.zeros_like(there)
    back[1, ..., 1] = -y / 11
    motion = Motion(there, back, 0)
    for spacing in ((1.0, 1.0), (0.5, 0.8)):
        assert strainOf(motion, masks, spacing, "area")[1, 40, 20] == pytest.approx(10, abs=0.3)
        longitudinal = strainOf(motion, masks, spacing, "longitudinal")[1]
        assert longitudinal[40, 20] == pytest.approx(10, abs=0.5)
        assert abs(longitudinal[70, 30]) < 1  # below the cavity the wall runs across


def test_strain_is_seen_red_where_tissue_shortens(
    echo_view: Any, a_moving_study: Any, a_phantom: PhantomClip, pixels: Any, picture: Any
) -> None:
    a_moving_study.setFrame(a_phantom.es_frames[0])
    before = pixels(echo_view).astype(int)
    node = showStrain(a_moving_study)
    after = pixels(echo_view).astype(int)
    changed = (np.abs(after - before).max(axis=-1) > 25) & (after.max(axis=-1) > 60)
    assert 0.01 < changed.mean() < 0.3
    assert np.median((after[..., 0] - after[..., 2])[changed]) > 20
    array = slicer.util.arrayFromVolume(node)[0]
    assert np.array_equal(array > -1000, a_phantom.masks[a_moving_study.frame] == Label.MYOCARDIUM)
    legend = after[int(0.6 * len(after)) :, int(0.8 * after.shape[1]) :]
    blue = (legend[..., 2] > legend[..., 0] + 60).mean()
    a_moving_study.setFrame(2)
    a_moving_study.setFrame(a_phantom.es_frames[0])
    legend = pixels(echo_view).astype(int)[int(0.6 * len(after)) :, int(0.8 * after.shape[1]) :]
    assert (legend[..., 2] > legend[..., 0] + 60).mean() == pytest.approx(blue, rel=0.1)
    assert blue > 0.001
    picture("strain", echo_view)
    hideStrain(a_moving_study)
    assert np.abs(pixels(echo_view).astype(int) - before).mean() < 1.0
    assert strainNode(a_moving_study) is None
