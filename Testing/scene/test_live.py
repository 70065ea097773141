"""Live masks in the scene: each on its frame, the newest in view where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import slicer
from EchoODELib.engine.sequence import Provenance
from EchoODELib.scene.frames import readGray, readTime
from EchoODELib.scene.history import History
from EchoODELib.scene.live import NEWEST, LiveMasks
from EchoODELib.scene.study import Study


def newest() -> Any:
    """The node of the newest mask, or None."""
    found = [node for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode") if node.GetAttribute(NEWEST)]
    return found[0] if found else None


def shown() -> bool:
    return bool(newest().GetDisplayNode().GetVisibility())


def grow(study: Study) -> str:
    """Add a frame, as a recording does; its index value."""
    sequence = study.clipSequenceNode
    last = sequence.GetNumberOfDataNodes() - 1
    index = f"{float(sequence.GetNthIndexValue(last)) + 0.025:.9f}"
    sequence.SetDataNodeAtValue(sequence.GetNthDataNode(last), index)
    return index


def test_each_mask_goes_to_its_frame_and_others_stay_without(a_study: Any, some_masks: np.ndarray) -> None:
    live = LiveMasks(a_study)
    for frame in (0, 5, 7):
        assert live.write(frame, some_masks[frame])
    masks = a_study.masks()
    for frame in range(12):
        np.testing.assert_array_equal(masks[frame], some_masks[frame] if frame in (0, 5, 7) else 0)
    assert a_study.maskSequenceNode.GetNumberOfDataNodes() == 3


def test_the_newest_mask_is_in_view_where_the_frame_has_none(a_study: Any, some_masks: np.ndarray) -> None:
    live = LiveMasks(a_study)
    live.write(0, some_masks[0])
    assert not shown()
    a_study.setFrame(3)
    live.follow()
    assert shown()
    live.write(3, some_masks[3])
    assert not shown()
    live.write(4, np.zeros_like(some_masks[4]))  # no LV was found: that is a result, but nothing to see
    a_study.setFrame(4)
    live.follow()
    assert shown()
    a_study.segmentationNode.GetDisplayNode().SetVisibility(False)
    live.follow()
    assert not shown()  # a person wants no masks
    live.end()
    assert newest() is None
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationDisplayNode") == 1


def test_masks_can_be_shown_where_the_frame_in_view_is_newer_than_the_first_mask(
    a_study: Any, some_masks: np.ndarray
) -> None:
    a_study.setFrame(9)
    live = LiveMasks(a_study)
    live.write(2, some_masks[2])
    assert a_study.segmentationNode is not None
    assert shown()
    assert not a_study.mask(9).any()
    a_study.setFrame(2)
    live.follow()
    assert not shown()
    np.testing.assert_array_equal(a_study.mask(2), some_masks[2])


def test_a_corrected_frame_keeps_its_mask(a_segmented_study: Any, some_masks: np.ndarray) -> None:
    a_segmented_study.markCorrected(3)
    live, other = LiveMasks(a_segmented_study), np.roll(some_masks, 4, axis=2)
    live.begin()
    assert not live.write(3, other[3])
    assert live.write(4, other[4])
    np.testing.assert_array_equal(a_segmented_study.mask(3), some_masks[3])
    np.testing.assert_array_equal(a_segmented_study.mask(4), other[4])
    np.testing.assert_array_equal(a_segmented_study.mask(5), some_masks[5])


def test_what_does_not_go_with_live_masks_is_taken_away(
    a_segmented_study: Any, some_masks: np.ndarray, how: Any
) -> None:
    field = np.zeros((*some_masks.shape, 2), np.float32)
    a_segmented_study.setMotion(field, field, 0)
    a_segmented_study.setSegmented(some_masks, how)
    LiveMasks(a_segmented_study).begin()
    assert a_segmented_study.motion() is None
    assert a_segmented_study.segmented() is None
    np.testing.assert_array_equal(a_segmented_study.masks(), some_masks)


def test_the_newest_mask_is_not_saved(a_study: Any, some_masks: np.ndarray, reload: Callable[[], None]) -> None:
    LiveMasks(a_study).write(0, some_masks[0])
    a_study.setProvenance(Provenance("live"))
    reload()
    (again,) = Study.all()
    assert newest() is None
    np.testing.assert_array_equal(again.mask(0), some_masks[0])
    assert again.provenance() == Provenance("live")


def test_undo_brings_back_a_clip_that_grew_since(a_segmented_study: Any, some_masks: np.ndarray) -> None:
    history, study = History(), a_segmented_study
    history.push(study, "segmenting live")
    grow(study)
    live = LiveMasks(study)
    for frame in (11, 12):
        live.write(frame, np.roll(some_masks[0], 5, axis=1))
    live.end()
    assert study.mask(12).any()
    history.undo(study)
    np.testing.assert_array_equal(study.masks()[:12], some_masks)
    assert not study.mask(12).any()


def test_one_frame_is_read_as_all_are(a_study: Any) -> None:
    sequence = a_study.sequence()
    for frame in (0, 4, 11):
        np.testing.assert_array_equal(readGray(a_study, frame), sequence.frames[frame])
        assert abs(readTime(a_study, frame) - sequence.times[frame]) < 1e-6
