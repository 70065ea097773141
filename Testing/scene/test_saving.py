"""A scene that was saved, closed and loaded holds everything, and work goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import slicer
from EchoODELib.engine.sequence import EchoSequence, Provenance, View
from EchoODELib.scene.clip import createClip
from EchoODELib.scene.corrections import CorrectionWatcher
from EchoODELib.scene.study import Study


def test_everything_is_found_again(
    a_segmented_study: Any,
    an_echo: EchoSequence,
    some_masks: np.ndarray,
    how: Provenance,
    reload: Callable[[], None],
    draw: Callable[..., None],
) -> None:
    study = a_segmented_study
    study.setSegmented(some_masks[::-1].copy(), how)
    study.setPhases([0, 9], [5], byHand=True)
    study.setFrame(4)
    drawn = some_masks[4] == 1
    drawn[2:5, 2:9] = True
    draw(study, "LV", drawn)
    study.markCorrected(4)
    study.clipNode.SetName("some image")
    study.segmentationNode.SetName("some segmentation")
    expected = some_masks.copy()
    expected[4][drawn] = 1
    reload()
    (study,) = Study.all()
    again = study.sequence()
    assert np.array_equal(again.frames, an_echo.frames)
    assert np.allclose(again.times, an_echo.times, rtol=0, atol=1e-9)
    assert (again.spacing, again.view, again.source) == (an_echo.spacing, View.A4C, an_echo.source)
    assert np.array_equal(study.masks(), expected)
    assert (study.correctedFrames, study.provenance(), study.frame) == ((4,), how, 4)
    assert (study.edFrames, study.esFrames, study.phasesByHand) == ((0, 9), (5,), True)
    assert np.array_equal(study.segmented().masks, some_masks[::-1])
    assert (study.clipNode.GetName(), study.segmentationNode.GetName()) == ("some image", "some segmentation")


def test_work_goes_on_after_loading(
    a_segmented_study: Any,
    some_masks: np.ndarray,
    how: Provenance,
    reload: Callable[[], None],
    draw: Callable[..., None],
) -> None:
    a_segmented_study.markCorrected(1)
    reload()
    (study,) = Study.all()
    watcher = CorrectionWatcher(study)
    watcher.begin()
    study.setFrame(8)
    drawn = np.zeros((48, 64), bool)
    drawn[40:46, 50:60] = True
    draw(study, "LA", drawn)
    study.setFrame(2)
    watcher.end()
    assert study.correctedFrames == (1, 8)
    assert np.array_equal(study.mask(8) == 3, drawn)
    study.setMasks(np.zeros_like(some_masks), how)
    assert [frame for frame in range(12) if study.mask(frame).any()] == [1, 8]
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1


def test_an_edit_of_a_loaded_scene_is_saved_again(
    a_segmented_study: Any, some_masks: np.ndarray, reload: Callable[[], None], draw: Callable[..., None]
) -> None:
    reload()
    (study,) = Study.all()
    study.setMask(6, some_masks[0])
    study.setFrame(7)
    draw(study, "LV", np.ones((48, 64)))
    expected = study.masks().copy()
    reload()
    assert np.array_equal(Study.all()[0].masks(), expected)
    assert (expected[7] == 1).all()


def test_several_clips_and_uncalibrated_ones(
    a_segmented_study: Any, an_echo: EchoSequence, some_masks: np.ndarray, how: Provenance, reload: Callable[[], None]
) -> None:
    other = createClip(EchoSequence(an_echo.frames[:1], np.zeros(1)), "Still")
    other.setMasks(some_masks[:1], how)
    reload()
    first, second = Study.all()
    assert (first.name, second.name) == ("patient 7; rest: 100%", "Still")
    assert second.sequence().spacing is None
    assert np.array_equal(first.masks(), some_masks)
    assert np.array_equal(second.masks(), some_masks[:1])


def test_a_loaded_scene_joins_one_that_is_open(
    a_segmented_study: Any, some_masks: np.ndarray, how: Provenance, an_echo: EchoSequence, tmp_path: Any
) -> None:
    """Node ids of the two scenes collide; roles follow the renumbering."""
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    slicer.mrmlScene.Clear(0)
    here = createClip(EchoSequence(255 - an_echo.frames, an_echo.times), "Here")
    here.setMasks(some_masks[::-1].copy(), how)
    slicer.util.loadScene(path)
    studies = {study.name: study for study in Study.all()}
    assert set(studies) == {"Here", "patient 7; rest: 100%"}
    loaded = studies["patient 7; rest: 100%"]
    assert np.array_equal(here.masks(), some_masks[::-1])
    assert np.array_equal(loaded.masks(), some_masks)
    assert np.array_equal(loaded.sequence().frames, an_echo.frames)
