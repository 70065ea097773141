"""Undo brings back what was, all of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import slicer
from EchoODELib.engine.sequence import Provenance
from EchoODELib.scene.clip import createClip
from EchoODELib.scene.history import STEPS, History
from EchoODELib.scene.motion import motionNode


@pytest.fixture
def history() -> History:
    return History()


@pytest.fixture
def a_motion() -> tuple[np.ndarray, np.ndarray]:
    """A displacement and its pull-back, (12, 48, 64, 2), smooth."""
    y, x = np.mgrid[0:48, 0:64] / 64
    field = np.stack([np.sin(3 * x + y), np.cos(2 * y)], -1)[None] * np.linspace(0, 2, 12)[:, None, None, None]
    return field.astype(np.float32), (-field).astype(np.float32)


def test_undo_brings_back_masks_corrections_phases_and_provenance(
    a_segmented_study: Any, history: History, some_masks: np.ndarray, how: Provenance
) -> None:
    study = a_segmented_study
    study.markCorrected(3)
    study.setPhases([0], [6], byHand=True)
    study.setSegmented(some_masks[::-1].copy(), how)
    history.push(study, "Propagate")
    study.releaseCorrected(3)
    study.setMasks(np.roll(some_masks, 4, axis=2), Provenance("propagate"))
    study.markCorrected(9)
    study.setPhases([1], [7], byHand=False)
    study.setSegmented(some_masks, Provenance("segment", "other"))
    assert history.canUndo(study)
    assert history.undoName(study) == "Propagate"
    assert history.undo(study) == "Propagate"
    assert np.array_equal(study.masks(), some_masks)
    assert (study.correctedFrames, study.provenance()) == ((3,), how)
    assert (study.edFrames, study.esFrames, study.phasesByHand) == ((0,), (6,), True)
    assert np.array_equal(study.segmented().masks, some_masks[::-1])
    assert study.segmented().provenance == how
    assert not history.canUndo(study)
    assert history.undo(study) is None


def test_undo_of_a_first_run_takes_the_masks_away(
    a_study: Any, history: History, some_masks: np.ndarray, how: Provenance
) -> None:
    history.push(a_study, "Segment")
    a_study.setMasks(some_masks, how)
    a_study.setSegmented(some_masks, how)
    history.undo(a_study)
    assert a_study.masks() is a_study.segmented() is a_study.segmentationNode is a_study.provenance() is None
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    a_study.setMasks(some_masks, how)
    assert np.array_equal(a_study.masks(), some_masks)


def test_undo_restores_an_edit_in_the_view_too(
    a_segmented_study: Any, history: History, some_masks: np.ndarray, draw: Callable[..., None]
) -> None:
    a_segmented_study.setFrame(4)
    history.push(a_segmented_study, "Edit")
    draw(a_segmented_study, "LV", np.ones((48, 64)))
    a_segmented_study.markCorrected(4)
    history.undo(a_segmented_study)
    shown = slicer.util.arrayFromSegmentBinaryLabelmap(
        a_segmented_study.segmentationNode, "LV", a_segmented_study.clipNode
    )
    assert np.array_equal(shown[0] != 0, some_masks[4] == 1)
    assert a_segmented_study.correctedFrames == ()


def test_undo_goes_back_step_by_step_ten_at_most(
    a_segmented_study: Any, history: History, some_masks: np.ndarray, how: Provenance
) -> None:
    for step in range(STEPS + 3):
        history.push(a_segmented_study, f"step {step}")
        a_segmented_study.setMasks(np.roll(some_masks, step + 1, axis=2), how)
    for step in reversed(range(3, STEPS + 3)):
        assert history.undo(a_segmented_study) == f"step {step}"
        assert np.array_equal(a_segmented_study.masks(), np.roll(some_masks, step, axis=2))
    assert not history.canUndo(a_segmented_study)


def test_undo_restores_the_motion(
    a_segmented_study: Any, history: History, a_motion: tuple[np.ndarray, np.ndarray]
) -> None:
    study = a_segmented_study
    history.push(study, "Propagate")
    study.setMotion(*a_motion, 2)
    before = study.motion()
    history.push(study, "Propagate again")
    study.setMotion(a_motion[0] * 2, a_motion[1] * 2, 5)
    history.undo(study)
    after = study.motion()
    assert after.referenceFrame == 2
    assert np.array_equal(after.displacement, before.displacement)
    assert np.array_equal(after.pullBack, before.pullBack)
    history.undo(study)
    assert study.motion() is None


def test_undo_restores_a_motion_that_was_removed(
    a_segmented_study: Any, history: History, a_motion: tuple[np.ndarray, np.ndarray]
) -> None:
    a_segmented_study.setMotion(*a_motion, 2)
    before = a_segmented_study.motion()
    history.push(a_segmented_study, "Segment")
    a_segmented_study.removeMotion()
    assert a_segmented_study.motion() is None
    history.undo(a_segmented_study)
    assert np.array_equal(a_segmented_study.motion().displacement, before.displacement)


def test_calibrating_keeps_the_motion_in_pixels_also_through_undo(
    a_segmented_study: Any, history: History, a_motion: tuple[np.ndarray, np.ndarray]
) -> None:
    a_segmented_study.setMotion(*a_motion, 2)
    before = a_segmented_study.motion()
    history.push(a_segmented_study, "Propagate")
    a_segmented_study.setCalibration((0.2, 0.3))
    assert np.abs(a_segmented_study.motion().displacement - before.displacement).max() < 0.05
    history.undo(a_segmented_study)
    assert np.abs(a_segmented_study.motion().displacement - before.displacement).max() < 0.05
    grid = motionNode(a_segmented_study).GetTransformFromParentAs("vtkOrientedGridTransform").GetDisplacementGrid()
    assert grid.GetSpacing()[0] * (grid.GetDimensions()[0] - 1) == pytest.approx(0.3 * 63)


def test_clips_have_their_own_steps(a_segmented_study: Any, history: History, an_echo: Any) -> None:
    other = createClip(an_echo, "Other")
    history.push(a_segmented_study, "Segment")
    assert not history.canUndo(other)
    history.drop(a_segmented_study)
    assert not history.canUndo(a_segmented_study)


def test_steps_end_with_the_scene(a_segmented_study: Any, history: History, an_echo: Any) -> None:
    history.push(a_segmented_study, "Segment")
    slicer.mrmlScene.Clear(0)
    again = createClip(an_echo)
    assert again.browserNode.GetID() == "vtkMRMLSequenceBrowserNode1"
    assert not history.canUndo(again)
