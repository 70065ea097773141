"""Segment, correct, propagate, undo, export: what the panel and scripts ask for, seen in the scene and in files."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from EchoODELib.engine.errors import EchoODEError, OutputError, UnsuitableClip, UnsuitableMask
from EchoODELib.engine.phantom import PhantomClip
from EchoODELib.logic.options import Event, ExportOptions


def heard(operations: Any) -> list[Event]:
    """Events as they come, progress left out."""
    events: list[Event] = []
    operations.listeners.append(lambda event, study: events.append(event) if event is not Event.PROGRESS else None)
    return events


def test_segmenting_gives_masks_phases_and_numbers(operations: Any, a_study: Any) -> None:
    events = heard(operations)
    operations.segmentSequence(a_study.browserNode, waitForCompletion=True)
    assert events[0] is Event.STARTED
    assert events[-1] is Event.FINISHED
    assert (a_study.masks() == 1).any(axis=(1, 2)).all()
    assert a_study.edFrames and a_study.esFrames
    assert not a_study.phasesByHand
    assert np.array_equal(a_study.segmented().masks, a_study.masks())
    assert 20 < operations.measure(a_study.browserNode).summary["ejection_fraction"].mean < 80
    assert not operations.busy


def test_a_corrected_frame_survives_every_run(operations: Any, a_study: Any, two_beats: PhantomClip) -> None:
    operations.segmentSequence(a_study, waitForCompletion=True)
    drawn = np.roll(two_beats.masks[7], 3, axis=1)
    a_study.setMask(7, drawn)
    operations.corrected(a_study, 7)
    operations.segmentSequence(a_study, waitForCompletion=True)
    assert np.array_equal(a_study.mask(7), drawn)
    operations.propagate(a_study, waitForCompletion=True)
    assert np.array_equal(a_study.mask(7), drawn)
    assert a_study.correctedFrames == (7,)


def test_only_the_beat_of_a_correction_is_computed_anew(operations: Any, a_measured_study: Any) -> None:
    study = a_measured_study
    operations.propagate(study, waitForCompletion=True)
    before, motion = study.masks().copy(), study.motion()
    first, second = study.esFrames[:2]
    frame = second + 2
    study.setMask(frame, np.roll(before[frame], 2, axis=1))
    operations.corrected(study, frame)
    operations.propagate(study, waitForCompletion=True)
    changed = np.flatnonzero((study.masks() != before).any(axis=(1, 2)))
    assert frame in changed
    assert changed.min() > study.edFrames[1] - 1
    after = study.motion()
    assert np.abs(after.displacement[first] - motion.displacement[first]).max() < 0.1
    assert np.abs(after.displacement[frame] - motion.displacement[frame]).max() > 0.3


def test_everything_can_be_undone_step_by_step(operations: Any, a_study: Any) -> None:
    operations.segmentSequence(a_study, waitForCompletion=True)
    segmented = a_study.masks().copy()
    operations.propagate(a_study, waitForCompletion=True)
    assert a_study.motion() is not None
    assert operations.undo(a_study) == "propagating"
    assert a_study.motion() is None
    assert np.array_equal(a_study.masks(), segmented)
    assert operations.undo(a_study) == "segmenting"
    assert a_study.masks() is None or not a_study.masks().any()
    assert operations.undo(a_study) is None


def test_a_mark_is_moved_and_the_ejection_fraction_follows(operations: Any, a_measured_study: Any) -> None:
    events = heard(operations)
    before = operations.measure(a_measured_study).beats[0].quantities["ejection_fraction"].value
    es = a_measured_study.esFrames[0]
    operations.movePhase(a_measured_study, "ES", es, es - 3)
    after = operations.measure(a_measured_study).beats[0].quantities["ejection_fraction"].value
    assert after < before - 1
    assert a_measured_study.phasesByHand
    assert Event.PHASES in events
    operations.findPhases(a_measured_study)
    assert not a_measured_study.phasesByHand


def test_phases_that_cannot_be_are_refused(operations: Any, a_measured_study: Any) -> None:
    for ed, es in (((0, 99), (5,)), ((0,), (-1,)), ((4,), (4,))):
        with pytest.raises(UnsuitableClip):
            operations.setPhases(a_measured_study, ed, es)
    assert not a_measured_study.phasesByHand


def test_a_cancelled_run_leaves_everything_as_it_was(operations: Any, a_measured_study: Any) -> None:
    before = a_measured_study.masks().copy()
    events = heard(operations)
    operations.propagate(a_measured_study)
    assert operations.runningStep == "propagate"
    operations.cancel()
    operations.wait()
    assert events[-1] is Event.CANCELLED
    assert np.array_equal(a_measured_study.masks(), before)
    assert a_measured_study.motion() is None
    assert not operations.canUndo(a_measured_study)


def test_one_run_at_a_time(operations: Any, a_measured_study: Any) -> None:
    operations.propagate(a_measured_study)
    with pytest.raises(EchoODEError, match="under way"):
        operations.segmentSequence(a_measured_study)
    operations.cancel()
    operations.wait()


def test_nothing_to_carry_is_said_before_anything_starts(operations: Any, a_study: Any, tmp_path: Path) -> None:
    with pytest.raises(UnsuitableMask, match="draw the LV"):
        operations.propagate(a_study)
    with pytest.raises(UnsuitableMask):
        operations.export(a_study, tmp_path)
    with pytest.raises(UnsuitableClip):
        operations.segmentSequence(None)
    assert not operations.busy


def test_one_drawn_mask_is_enough_to_propagate(operations: Any, a_study: Any, two_beats: PhantomClip) -> None:
    a_study.ensureMasks()
    ed = two_beats.ed_frames[0]
    a_study.setMask(ed, two_beats.masks[ed])
    operations.corrected(a_study, ed)
    operations.propagate(a_study, waitForCompletion=True)
    assert (a_study.masks() == 1).any(axis=(1, 2)).all()
    assert np.array_equal(a_study.mask(ed), two_beats.masks[ed])


def test_an_export_names_nobody_unless_asked(operations: Any, a_measured_study: Any, tmp_path: Path) -> None:
    kinds = ("json", "csv", "xlsx")
    operations.export(a_measured_study, tmp_path / "a", ExportOptions(kinds, scene=True), waitForCompletion=True)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == ["beats.csv", "frames.csv", "results.json", "results.xlsx", "scene.mrb"]
    for path in operations.written.values():
        content = path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                content = b"".join(name.encode() + archive.read(name) for name in archive.namelist())
        assert b"JOHN" not in content, path
    assert a_measured_study.name == "DOE^JOHN 4C"
    operations.export(
        a_measured_study, tmp_path / "b", ExportOptions((), scene=True, names=True), waitForCompletion=True
    )
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["scene.mrb"]


def test_a_folder_that_cannot_be_written_is_said(operations: Any, a_measured_study: Any, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("mine")
    with pytest.raises(OutputError):
        operations.export(a_measured_study, blocked, ExportOptions(("json",)), waitForCompletion=True)
    assert blocked.read_text() == "mine"
    with pytest.raises(OutputError, match="Choose a folder"):
        operations.export(a_measured_study, "")


def test_biplane_needs_both_clips_measured(operations: Any, a_measured_study: Any, two_beats: PhantomClip) -> None:
    from dataclasses import replace

    from EchoODELib.engine.sequence import Provenance, View
    from EchoODELib.scene.clip import createClip

    other = createClip(replace(two_beats.sequence, view=View.A2C), "two chambers")
    with pytest.raises(UnsuitableMask):
        operations.biplane(a_measured_study, other)
    other.setMasks(two_beats.masks, Provenance("manual"))
    measured = operations.biplane(a_measured_study, other)
    single = operations.measure(a_measured_study).summary["ejection_fraction"].mean
    assert abs(measured.summary["ejection_fraction"].mean - single) < 3


def test_a_clip_of_slicers_dicom_browser_takes_what_its_file_says(
    operations: Any, a4c_cine: Path, monkeypatch: pytest.MonkeyPatch, empty_scene: Any
) -> None:
    import slicer
    from EchoODELib.engine.io import read_clip
    from EchoODELib.scene.clip import createClip
    from EchoODELib.scene.study import Study

    class Database:
        """The one method of ctkDICOMDatabase that is asked."""

        def fileForInstance(self, instance: str) -> str:
            return str(a4c_cine) if instance == "1.2.3" else ""

    file = read_clip(a4c_cine)
    study = createClip(file.with_spacing((0.3, 0.3)), "from DICOM")
    browser = study.browserNode
    for name in ("Calibration", "Source", "View"):
        browser.RemoveAttribute(f"EchoODE.{name}")
    study.clipSequenceNode.GetNthDataNode(0).SetAttribute("DICOM.instanceUIDs", "1.2.3")
    monkeypatch.setattr(slicer, "dicomDatabase", Database(), raising=False)
    adopted = operations.adopt(browser)
    assert adopted == Study(browser)
    assert not adopted.sequence().calibrated
    assert adopted.sequence().source.format == file.source.format
    assert operations.adopt(browser) == adopted
