"""Files, folders and clips that the module can't use: each time one clear sentence, a living window, no lost work."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vtk
from e2e.trouble import add, alive, failed, one_sentence, simulated, start
from EchoODELib.engine.sequence import ClipSource, EchoSequence, View

# Files and folders


def test_a_folder_that_cannot_be_written(person: Any, worked_on: Any, work: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    person.ui.exportFolderEdit.setCurrentPath(str(tmp_path / "file" / "results"))
    person.click("exportButton")
    failed(person, "file")
    assert not person.ui.writtenList.isVisible()


@pytest.mark.skipif(not Path("/dev/full").exists() or os.geteuid() != 0, reason="needs a small disk of its own")
def test_a_full_disk(person: Any, worked_on: Any, work: Any, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.system(f"mount -t tmpfs -o size=24k tmpfs {disk} 2>/dev/null"):
        pytest.skip("file systems can't be mounted here")
    try:
        person.ui.exportFolderEdit.setCurrentPath(str(disk))
        person.click("exportButton")
        failed(person, "space")
        assert all(path.stat().st_size for path in disk.rglob("*") if path.is_file())
        assert not [path for path in disk.rglob("*") if path.name.startswith(".")]
    finally:
        os.system(f"umount {disk}")


@pytest.mark.parametrize("content", [b"", b"not a clip at all", "half"], ids=["empty", "text", "truncated"])
def test_a_file_that_cannot_be_read(
    content: bytes | str, person: Any, worked_on: Any, work: Any, tmp_path: Path, a4c_cine: Path, monkeypatch: Any
) -> None:
    path = tmp_path / "clip.dcm"
    whole = a4c_cine.read_bytes()
    path.write_bytes(whole[: len(whole) // 3] if isinstance(content, str) else content)
    monkeypatch.setattr("qt.QFileDialog.getOpenFileName", lambda *_: str(path))
    person.click("loadClipButton")
    failed(person, "clip.dcm")
    assert person.study == worked_on


# Odd clips


def test_a_clip_of_one_frame(person: Any) -> None:
    clip = simulated().sequence
    study = add(person, EchoSequence(clip.frames[:1], clip.times[:1], clip.spacing, View.A4C))
    start(person, "segment")
    person.until_done()
    one_sentence(person.told)
    assert study.masks() is not None
    alive(person)
    if person.ui.propagateButton.isEnabled():
        start(person, "propagate")
        failed(person, "frame")


def test_an_uncalibrated_clip(person: Any) -> None:
    clip = simulated().sequence
    study = add(person, EchoSequence(clip.frames, clip.times, None, View.A4C), simulated().masks)
    assert "uncalibrated" in person.ui.clipInfoLabel.text
    start(person, "propagate")
    person.until_done()
    assert study.motion() is not None
    units = {one.unit for one in person.logic.measure(study).per_frame.values()}
    assert not any("mm" in unit or "mL" in unit for unit in units)
    alive(person)


def test_colour_doppler(person: Any) -> None:
    clip = simulated().sequence
    source = ClipSource(name="flow", format="DICOM", colour_doppler=True)
    add(person, EchoSequence(clip.frames, clip.times, clip.spacing, View.A4C, source))
    person.click("segmentButton")
    failed(person, "colour Doppler", "B-mode")


def test_frames_of_unequal_size(person: Any, bare: Any) -> None:
    sequence = bare.clipSequenceNode
    image = vtk.vtkImageData()
    image.SetDimensions(40, 30, 1)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    sequence.GetNthDataNode(3).SetAndObserveImageData(image)
    sequence.Modified()
    person.rest()
    person.click("segmentButton")
    failed(person, "size")


@pytest.mark.parametrize("spacing", [float("nan"), 0.0, -1.0])
def test_a_pixel_size_that_cannot_be(spacing: float, person: Any, worked_on: Any, work: Any) -> None:
    before = worked_on.sequence().spacing
    person.panel.context.attempt(lambda: worked_on.setCalibration((spacing, spacing)))
    failed(person, "pixel")
    assert worked_on.sequence().spacing == before
    assert person.logic.measure(worked_on).beats


@pytest.mark.parametrize("spacing", [float("nan"), 0.0])
def test_a_volume_without_a_size(spacing: float, person: Any) -> None:
    study = add(person, simulated().sequence)
    for number in range(study.frameCount):
        node = study.clipSequenceNode.GetNthDataNode(number)
        node.DisableModifiedEventOn()
        node.SetSpacing(spacing, spacing, 1.0)
    study.clipSequenceNode.Modified()
    person.rest()
    person.click("segmentButton")
    person.until_done()
    one_sentence(person.told)
    alive(person)


def test_a_blank_clip(person: Any) -> None:
    clip = simulated().sequence
    study = add(person, EchoSequence(np.zeros_like(clip.frames), clip.times, clip.spacing, View.A4C))
    person.click("segmentButton")
    failed(person, "blank")
    assert study.masks() is None
