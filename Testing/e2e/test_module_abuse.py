"""What people, disks and processes do to the module: each time one clear sentence, a living window, no lost work."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from EchoODELib.engine.phantom import PhantomClip, PhantomSettings, simulate
from EchoODELib.engine.sequence import ClipSource, EchoSequence, Label, Provenance, View
from EchoODELib.engine.weights import DEFAULT_MODEL
from EchoODELib.logic.dependencies import MissingPackages
from EchoODELib.scene.clip import createClip
from SlicerHost.mouse import Qt, QTest

CANCEL_S = 0.5
LOADED_S = 1.0  # what a machine that others load may take longer


@functools.cache
def simulated() -> PhantomClip:
    return simulate(PhantomSettings(frames=24, frame_rate=24.0, size=96, beats=1.0, seed=2))


def add(person: Any, sequence: EchoSequence, masks: np.ndarray | None = None, name: str = "A clip") -> Any:
    study = createClip(sequence, name)
    if masks is not None:
        study.setSegmented(masks, Provenance("segment", model="truth"))
        study.setMasks(masks, Provenance("segment", model="truth"))
        person.logic.findPhases(study)
    person.panel.setStudy(study)
    person.rest()
    return study


@pytest.fixture
def bare(person: Any) -> Any:
    """A clip without masks."""
    return add(person, simulated().sequence)


@pytest.fixture
def worked_on(person: Any) -> Any:
    """A clip with masks, one of them corrected by hand."""
    study = add(person, simulated().sequence, simulated().masks)
    mask = simulated().masks[0].copy()
    mask[40:46, 44:48] = Label.MYOCARDIUM
    study.setMask(0, mask)
    person.logic.corrected(study, 0)
    person.rest()
    return study


@pytest.fixture
def work(worked_on: Any) -> Iterator[np.ndarray]:
    """The corrected mask, which must be there still and locked when the test is over, where its clip is."""
    mask = worked_on.mask(0).copy()
    yield mask
    if worked_on.exists and worked_on.maskSequenceNode is not None:
        assert worked_on.correctedFrames == (0,)
        np.testing.assert_array_equal(worked_on.mask(0), mask)


@pytest.fixture
def another_worker(person: Any, monkeypatch: Any) -> Iterator[Any]:
    """`another_worker(NAME=value)`: the next run starts a process with this in its environment."""

    def start(**environment: str) -> None:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        person.logic.close()

    yield start
    person.logic.cancel()
    person.until_done()
    person.logic.close()


def one_sentence(text: str) -> None:
    """It says one thing, to its end, in words for people."""
    assert text.endswith("."), text
    assert len(text) < 260, text
    assert "\n" not in text
    for word in ("Traceback", "Error:", "Exception", "NoneType", " object at "):
        assert word not in text


def alive(person: Any) -> None:
    """The window does what is asked of it."""
    person.rest()
    assert not person.logic.busy
    assert person.ui.segmentButton.text == "Segment sequence"
    if person.study is not None:
        start = person.study.frame
        person.press(Qt.Key_Right)
        assert person.study.frame == (start + 1) % person.study.frameCount
        person.study.setFrame(start)


def failed(person: Any, *words: str) -> None:
    """The panel says what went wrong, and lives on."""
    person.until_done()
    one_sentence(person.told)
    for word in words:
        assert word.lower() in person.told.lower(), person.told
    alive(person)


def start(person: Any, step: str) -> None:
    """Click a step's button and wait until the worker tells of it."""
    person.click(f"{step}Button")
    person.until(lambda: person.logic.progress is not None or not person.logic.busy)


def process(person: Any) -> int:
    """Number of the worker's process."""
    return int(person.logic._worker._dispatch._process.pid)


# The worker


@pytest.mark.parametrize("step", ["segment", "propagate"])
def test_a_killed_worker(step: str, person: Any, worked_on: Any, work: Any) -> None:
    before = worked_on.masks()
    start(person, step)
    assert person.logic.busy
    os.kill(process(person), signal.SIGKILL)
    failed(person, "again")
    np.testing.assert_array_equal(worked_on.masks(), before)


@pytest.mark.parametrize("step", ["segment", "propagate", "export"])
@pytest.mark.parametrize("when", ["at once", "under way"])
def test_cancelling(step: str, when: str, person: Any, worked_on: Any, work: Any, tmp_path: Path) -> None:
    before, phases, folder = worked_on.masks(), worked_on.edFrames, tmp_path / "results"
    person.ui.exportFolderEdit.setCurrentPath(str(folder))
    person.click(f"{step}Button")
    if when == "under way":
        person.until(lambda: person.logic.progress is not None or not person.logic.busy)
    button = getattr(person.ui, f"{step}Button")
    begun = time.perf_counter()
    QTest.mouseClick(button, Qt.LeftButton)
    person.until(lambda: not person.logic.busy)
    assert time.perf_counter() - begun < CANCEL_S + LOADED_S
    if "ancel" in person.told:  # it may have been done just before
        np.testing.assert_array_equal(worked_on.masks(), before)
        assert worked_on.edFrames == phases
        assert not list(tmp_path.rglob("*.part*"))
    one_sentence(person.told)
    alive(person)


def test_two_runs_at_once(person: Any, worked_on: Any, work: Any) -> None:
    start(person, "propagate")
    assert not person.ui.segmentButton.isEnabled()
    assert "wait" in person.ui.segmentButton.toolTip
    assert person.panel.context.attempt(lambda: person.logic.segmentSequence(worked_on)) is None
    one_sentence(person.told)
    assert "another run" in person.told.lower()
    person.until_done()
    assert worked_on.motion() is not None
    alive(person)


def test_a_damaged_model(person: Any, bare: Any, another_worker: Any, tmp_path: Path) -> None:
    shipped = Path(sys.modules["EchoODELib"].__file__).resolve().parents[2] / "Resources" / "Models"
    copy = shutil.copytree(shipped, tmp_path / "Models")
    for path in copy.rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    another_worker(ECHOODE_MODELS=str(copy))
    start(person, "segment")
    failed(person, DEFAULT_MODEL)
    assert bare.masks() is None


def test_a_missing_model(person: Any, bare: Any) -> None:
    person.panel.context.parameters.model = "my-own-model"
    person.rest()
    start(person, "segment")
    failed(person, "my-own-model")


def test_torch_is_missing_in_the_worker(person: Any, bare: Any, another_worker: Any, tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(
        'raise ModuleNotFoundError("No module named torch", name="torch")\n'
    )
    another_worker(PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    start(person, "segment")
    failed(person, "PyTorch", "install")


def test_packages_are_missing_and_there_is_no_network(person: Any, bare: Any, monkeypatch: Any) -> None:
    def refuse() -> None:
        raise MissingPackages("Python packages that EchoODE needs could not be installed: check the network.")

    monkeypatch.setattr("EchoODELib.logic.dependencies.ensureComputing", refuse)
    person.click("segmentButton")
    failed(person, "network")


# Nodes that go during a run


@pytest.mark.parametrize("which", ["browser", "masks", "clip", "segmentation"])
@pytest.mark.parametrize("step", ["segment", "propagate"])
def test_a_node_is_deleted_during_a_run(which: str, step: str, person: Any, worked_on: Any) -> None:
    start(person, step)
    node = {
        "browser": worked_on.browserNode,
        "masks": worked_on.maskSequenceNode,
        "clip": worked_on.clipSequenceNode,
        "segmentation": worked_on.segmentationNode,
    }[which]
    slicer.mrmlScene.RemoveNode(node)
    person.until_done()
    one_sentence(person.told)
    alive(person)
    if which in ("browser", "clip"):
        assert person.study is None
        assert "removed" in person.told
    else:
        assert worked_on.masks() is not None
        assert worked_on.segmentationNode is not None


def test_the_scene_is_closed_during_a_run(person: Any, worked_on: Any) -> None:
    start(person, "propagate")
    person.press(Qt.Key_W, Qt.ControlModifier)
    failed(person, "closed")
    assert person.study is None
    study = add(person, simulated().sequence)
    start(person, "segment")
    person.until_done()
    assert study.masks() is not None


def test_the_module_is_left_during_a_run(person: Any, worked_on: Any, work: Any) -> None:
    start(person, "propagate")
    slicer.util.moduleSelector().selectModule("")
    person.until_done()
    assert worked_on.motion() is not None
    slicer.util.selectModule("EchoODE")
    person.rest()
    alive(person)


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
    import vtk

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


# Odd masks


def test_empty_masks_have_nothing_to_carry(person: Any, bare: Any) -> None:
    bare.ensureMasks()
    person.rest()
    person.click("propagateButton")
    failed(person, "no LV")


def test_a_blank_clip(person: Any) -> None:
    clip = simulated().sequence
    study = add(person, EchoSequence(np.zeros_like(clip.frames), clip.times, clip.spacing, View.A4C))
    person.click("segmentButton")
    failed(person, "blank")
    assert study.masks() is None


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
