"""What a person does to masks, segments and the module itself: no corrected mask is lost, and the window lives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer
from e2e.trouble import alive, failed, one_sentence, start
from EchoODELib.engine.sequence import Label
from SlicerHost.mouse import Qt

# Odd masks


def test_empty_masks_have_nothing_to_carry(person: Any, bare: Any) -> None:
    bare.ensureMasks()
    person.rest()
    person.click("propagateButton")
    failed(person, "no LV")


@pytest.mark.parametrize("what", ["removed", "renamed", "added"])
def test_a_person_changes_the_segments(what: str, person: Any, worked_on: Any) -> None:
    person.click("editButton")
    segmentation = worked_on.segmentationNode.GetSegmentation()
    if what == "removed":
        segmentation.RemoveSegment(segmentation.GetNthSegmentID(0))
    elif what == "renamed":
        segmentation.GetNthSegment(0).SetName("My ventricle")
    else:
        segmentation.AddEmptySegment("mine", "Mine")
    person.rest()
    person.click("editButton")
    worked_on.setFrame(5)
    person.rest()
    start(person, "segment")
    person.until_done()
    one_sentence(person.told)
    assert worked_on.correctedFrames == (0,)
    assert (worked_on.masks()[1:] == Label.LV).any(axis=(1, 2)).all()
    alive(person)


def test_the_segmentation_is_deleted_by_hand(person: Any, worked_on: Any) -> None:
    slicer.mrmlScene.RemoveNode(worked_on.segmentationNode)
    person.rest()
    alive(person)
    start(person, "segment")
    person.until_done()
    one_sentence(person.told)
    assert worked_on.segmentationNode is not None
    assert (worked_on.masks() == Label.LV).any()


def test_playback_ends_an_edit(person: Any, worked_on: Any, work: Any) -> None:
    person.click("editButton")
    person.effect("Paint")
    person.press(Qt.Key_P)
    person.rest(20)
    assert not person.ui.editButton.isChecked()
    person.press(Qt.Key_P)
    worked_on.setFrame(0)
    alive(person)


# The module itself


def test_undo_after_everything(person: Any, worked_on: Any) -> None:
    before = worked_on.masks().copy()
    for step in ("segment", "propagate"):
        start(person, step)
        person.until_done()
    for _ in range(2):
        person.press(Qt.Key_Z, Qt.ControlModifier | Qt.AltModifier)
        one_sentence(person.told)
    np.testing.assert_array_equal(worked_on.masks(), before)
    assert worked_on.motion() is None
    assert worked_on.correctedFrames == (0,)
    for _ in range(3):  # more often than there is anything
        person.press(Qt.Key_Z, Qt.ControlModifier | Qt.AltModifier)
    np.testing.assert_array_equal(worked_on.masks(), before)
    alive(person)


def test_the_module_is_reloaded_with_a_clip(person: Any, worked_on: Any, library_put_back: None) -> None:
    mask = worked_on.mask(0).copy()
    browser = worked_on.browserNode
    person.widget.onReload()
    person.rest()
    study = person.study
    assert study is not None
    assert study.browserNode is browser
    assert study.correctedFrames == (0,)
    np.testing.assert_array_equal(study.mask(0), mask)
    start(person, "segment")
    person.until_done()
    one_sentence(person.told)
    np.testing.assert_array_equal(study.mask(0), mask)
    alive(person)
