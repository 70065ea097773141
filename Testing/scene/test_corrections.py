"""A person's edits lock their frame; nothing else does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import slicer
from EchoODELib.engine.sequence import Provenance
from EchoODELib.scene.corrections import CorrectionWatcher
from SlicerHost.mouse import Qt, QTest, place_of


@pytest.fixture
def seen() -> list[int]:
    return []


@pytest.fixture
def watcher(a_segmented_study: Any, seen: list[int]) -> Iterator[CorrectionWatcher]:
    watcher = CorrectionWatcher(a_segmented_study, seen.append)
    watcher.begin()
    yield watcher
    watcher.end()


def test_an_edit_marks_its_frame(
    watcher: CorrectionWatcher, a_segmented_study: Any, draw: Callable[..., None], seen: list[int]
) -> None:
    for frame in (7, 2):
        a_segmented_study.setFrame(frame)
        draw(a_segmented_study, "LV", np.eye(48, 64))
    assert a_segmented_study.correctedFrames == (2, 7)
    assert seen == [7, 2]


def test_looking_playing_and_renaming_mark_nothing(watcher: CorrectionWatcher, a_segmented_study: Any) -> None:
    for frame in range(12):
        a_segmented_study.setFrame(frame)
    node = a_segmented_study.segmentationNode
    node.GetSegmentation().GetSegment("LV").SetName("Cavity")
    node.GetDisplayNode().SetOpacity2DFill(0.7)
    node.GetSegmentation().AddEmptySegment("Thrombus", "Thrombus")
    assert a_segmented_study.correctedFrames == ()


def test_our_own_writing_marks_nothing(
    watcher: CorrectionWatcher,
    a_segmented_study: Any,
    some_masks: np.ndarray,
    how: Provenance,
    draw: Callable[..., None],
) -> None:
    a_segmented_study.setMasks(some_masks[::-1].copy(), how)
    a_segmented_study.setMask(0, some_masks[0])
    a_segmented_study.setCalibration((0.3, 0.3))
    assert a_segmented_study.correctedFrames == ()
    draw(a_segmented_study, "LA", some_masks[0] == 1)
    assert a_segmented_study.correctedFrames == (0,)


def test_after_the_end_nothing_is_marked(
    watcher: CorrectionWatcher, a_segmented_study: Any, draw: Callable[..., None]
) -> None:
    watcher.end()
    assert not watcher.active
    draw(a_segmented_study, "LV", np.eye(48, 64))
    assert a_segmented_study.correctedFrames == ()


def test_watching_a_clip_without_masks_gives_empty_ones(a_study: Any, draw: Callable[..., None]) -> None:
    a_study.browserNode.SetPlaybackActive(True)
    watcher = CorrectionWatcher(a_study)
    assert watcher.begin() is a_study.segmentationNode
    assert not a_study.browserNode.GetPlaybackActive()
    draw(a_study, "LV", np.eye(48, 64))
    watcher.end()
    assert a_study.correctedFrames == (0,)


def test_masks_and_clips_may_vanish_meanwhile(watcher: CorrectionWatcher, a_segmented_study: Any) -> None:
    slicer.mrmlScene.RemoveNode(a_segmented_study.maskSequenceNode)
    slicer.mrmlScene.Clear(0)
    watcher.end()


def test_a_stroke_of_the_editor_s_brush_marks_the_frame(
    watcher: CorrectionWatcher, a_segmented_study: Any, settle: Callable[..., None], seen: list[int]
) -> None:
    a_segmented_study.setFrame(5)
    slicer.util.setSliceViewerLayers(background=a_segmented_study.clipNode, fit=True)
    editor = slicer.qMRMLSegmentEditorWidget()
    editor.setMRMLSegmentEditorNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode"))
    editor.setMRMLScene(slicer.mrmlScene)
    editor.setSegmentationNode(a_segmented_study.segmentationNode)
    editor.setSourceVolumeNode(a_segmented_study.clipNode)
    editor.setCurrentSegmentID("LV")
    editor.setActiveEffectByName("Paint")
    editor.setupViewObservations()
    effect = editor.activeEffect()
    effect.setCommonParameter("BrushUseAbsoluteSize", 1)
    effect.setCommonParameter("BrushAbsoluteDiameter", 4.0)
    settle()
    view = slicer.app.layoutManager().sliceWidget("Red").sliceView()
    before = a_segmented_study.masks()
    ras = (-55 * 0.8, -8 * 0.5, 0.0)
    QTest.mouseClick(view.VTKWidget(), Qt.LeftButton, Qt.NoModifier, place_of(view, ras))
    editor.setActiveEffect(None)
    editor.removeViewObservations()
    changed = a_segmented_study.masks() != before
    assert changed[5].any()
    assert not np.delete(changed, 5, axis=0).any()
    rows, columns = np.nonzero(changed[5])
    assert (rows.mean(), columns.mean()) == pytest.approx((8, 55), abs=0.7)
    assert (a_segmented_study.mask(5)[changed[5]] == 1).all()
    assert a_segmented_study.correctedFrames == (5,)
    assert set(seen) == {5}
