"""Clips in the scene: made, adopted, calibrated, and read back as the engine's type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from EchoODELib.engine.errors import UnsuitableClip
from EchoODELib.engine.sequence import ClipSource, EchoSequence, View
from EchoODELib.scene.clip import adoptClip, createClip
from EchoODELib.scene.study import Study
from vtk.util.numpy_support import numpy_to_vtk


def volume_of(frame: np.ndarray, kind: str = "vtkMRMLScalarVolumeNode") -> Any:
    """A volume node of (H, W), (H, W, 3) or (K, H, W), laid as Slicer's readers of ultrasound do."""
    frame = frame if frame.ndim == 3 and kind != "vtkMRMLVectorVolumeNode" else frame[np.newaxis]
    node = getattr(slicer, kind)()
    image = vtk.vtkImageData()
    image.SetDimensions(frame.shape[2], frame.shape[1], frame.shape[0])
    flat = frame.reshape(-1, *frame.shape[3:])
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(flat), deep=True))
    node.SetAndObserveImageData(image)
    node.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
    return node


def browser_of(
    frames: list[Any], rate: float = 30.0, index: tuple[str, str] = ("time", "s"), spacing: tuple[float, float] = (1, 1)
) -> Any:
    """A browser as Slicer's DICOM reader makes it, with milliseconds in the index; ``spacing`` is (x, y)."""
    scene = slicer.mrmlScene
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", "Cine")
    sequence.SetIndexName(index[0])
    sequence.SetIndexUnit(index[1])
    for n, node in enumerate(frames):
        node.SetSpacing(*spacing, 1)
        node.SetAttribute("DICOM.instanceUIDs", "1.2.3")
        sequence.SetDataNodeAtValue(node, f"{n / rate:.3f}" if index[1] else str(n))
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "Cine browser")
    browser.SetPlaybackRateFps(rate)
    browser.AddSynchronizedSequenceNode(sequence)
    return browser


@pytest.fixture
def colour_frames(an_echo: EchoSequence) -> np.ndarray:
    """(12, 48, 64, 3): the echo in sepia."""
    return np.stack([an_echo.frames, an_echo.frames * 0.9, an_echo.frames * 0.7], -1).astype(np.uint8)


def test_a_clip_comes_back_as_it_was(a_study: Any, an_echo: EchoSequence) -> None:
    again = a_study.sequence()
    assert np.array_equal(again.frames, an_echo.frames)
    assert again.times == pytest.approx(an_echo.times, abs=1e-12)
    assert (again.spacing, again.view, again.source) == (an_echo.spacing, View.A4C, an_echo.source)
    assert (a_study.frameCount, a_study.frame, a_study.view) == (12, 0, View.A4C)
    assert a_study.sequence() is again
    assert not again.frames.flags.writeable


def test_uneven_and_close_frame_times_are_kept(empty_scene: Any, an_echo: EchoSequence) -> None:
    times = np.cumsum([0, 0.0004, 0.03, 0.0311, 0.02, 0.0003, 0.04, 0.03, 0.03, 0.03, 0.03, 0.0021])
    study = createClip(replace(an_echo, times=times))
    assert study.frameCount == 12
    assert study.times == pytest.approx(times, abs=1e-8)


def test_people_see_the_clip_under_its_name(a_study: Any) -> None:
    assert a_study.name == a_study.browserNode.GetName() == a_study.clipNode.GetName() == "patient 7; rest: 100%"
    assert createClip(a_study.sequence(), "Rest").clipNode.GetName() == "Rest"
    assert len({createClip(a_study.sequence(), "Rest").name for _ in range(3)} | {"Rest"}) == 4


def test_the_clip_plays_at_its_frame_rate(a_study: Any, an_echo: EchoSequence) -> None:
    assert a_study.browserNode.GetPlaybackRateFps() == pytest.approx(40)
    sequence = a_study.clipSequenceNode
    assert (sequence.GetIndexName(), sequence.GetIndexUnit()) == ("time", "s")
    a_study.setFrame(7)
    assert np.array_equal(slicer.util.arrayFromVolume(a_study.clipNode)[0], an_echo.frames[7])
    a_study.setFrame(99)
    assert a_study.frame == 11
    a_study.setFrame(-3)
    assert a_study.frame == 0


def test_the_upper_left_corner_of_the_file_is_upper_left_in_the_axial_view(
    a_study: Any, settle: Callable[..., None], picture: Callable[..., Path]
) -> None:
    slicer.util.setSliceViewerLayers(background=a_study.clipNode, fit=True)
    widget = slicer.app.layoutManager().sliceWidget("Red")
    assert widget.mrmlSliceNode().GetOrientation() == "Axial"
    settle()
    canvas = widget.sliceView().VTKWidget()
    import matplotlib.image

    shown = matplotlib.image.imread(picture("corner", canvas))[..., :3].min(axis=-1)
    rows, columns = np.nonzero(shown > 0.99)
    lit_rows, lit_columns = np.nonzero(shown > 0.05)
    height, width = np.ptp(lit_rows), np.ptp(lit_columns)
    assert width / height == pytest.approx(64 * 0.8 / (48 * 0.5), rel=0.03)  # pixels are wider than high
    inside = (rows < lit_rows.min() + height / 6) & (columns < lit_columns.min() + width / 6)
    assert inside.mean() > 0.95


def test_lengths_are_in_mm(a_study: Any) -> None:
    line = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode")
    matrix = vtk.vtkMatrix4x4()
    a_study.clipNode.GetIJKToRASMatrix(matrix)
    for pixel in ((10, 5), (40, 45)):  # column, row
        line.AddControlPoint(vtk.vtkVector3d(*matrix.MultiplyPoint([*pixel, 0, 1])[:3]))
    assert line.GetLineLengthWorld() == pytest.approx(np.hypot(30 * 0.8, 40 * 0.5))


def test_an_uncalibrated_clip_says_so(empty_scene: Any, an_echo: EchoSequence) -> None:
    study = createClip(an_echo.with_spacing(None))
    assert study.sequence().spacing is None
    assert study.clipNode.GetSpacing() == (1, 1, 1)
    assert "uncalibrated" in study.browserNode.GetAttribute("EchoODE.Calibration")


def test_a_pixel_of_one_millimetre_is_calibrated(empty_scene: Any, an_echo: EchoSequence) -> None:
    assert createClip(an_echo.with_spacing((1.0, 1.0))).sequence().spacing == (1.0, 1.0)


def test_calibrating_keeps_masks_and_lines_on_their_pixels(
    empty_scene: Any, an_echo: EchoSequence, some_masks: np.ndarray, how: Any
) -> None:
    study = createClip(an_echo.with_spacing(None))
    study.setMasks(some_masks, how)
    study.setSegmented(some_masks, how)
    lines = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", "Lines")
    line = slicer.vtkMRMLMarkupsLineNode()
    line.AddControlPoint(vtk.vtkVector3d(-10, -5, 0))
    line.AddControlPoint(vtk.vtkVector3d(-40, -45, 0))
    lines.SetDataNodeAtValue(line, study.clipSequenceNode.GetNthIndexValue(0))
    study.browserNode.AddSynchronizedSequenceNode(lines)
    study.setFrame(0)
    study.setCalibration((0.25, 0.4))
    assert study.sequence().spacing == (0.25, 0.4)
    assert study.clipNode.GetSpacing() == (0.4, 0.25, 1)
    assert np.array_equal(study.masks(), some_masks)
    assert np.array_equal(study.segmented().masks, some_masks)
    shown = slicer.util.arrayFromSegmentBinaryLabelmap(study.segmentationNode, "LV", study.clipNode)
    assert np.array_equal(shown[0] != 0, some_masks[0] == 1)
    assert lines.GetNthDataNode(0).GetLineLengthWorld() == pytest.approx(np.hypot(30 * 0.4, 40 * 0.25))
    study.setCalibration(None)
    assert study.sequence().spacing is None
    assert np.array_equal(study.masks(), some_masks)
    with pytest.raises(UnsuitableClip, match="pixel size"):
        study.setCalibration((0.0, 1.0))


def test_a_single_frame_is_a_clip(empty_scene: Any, an_echo: EchoSequence, some_masks: np.ndarray, how: Any) -> None:
    study = createClip(EchoSequence(an_echo.frames[:1], np.zeros(1), an_echo.spacing))
    assert (study.frameCount, study.sequence().frame_rate) == (1, 0)
    assert study.browserNode.GetPlaybackRateFps() > 0
    study.setMasks(some_masks[:1], how)
    assert np.array_equal(study.masks(), some_masks[:1])


def test_clips_live_side_by_side(
    a_segmented_study: Any, an_echo: EchoSequence, some_masks: np.ndarray, how: Any
) -> None:
    other = createClip(EchoSequence(255 - an_echo.frames[:5], np.arange(5) / 20, None, View.A2C))
    other.setMasks(some_masks[5:10], how)
    other.markCorrected(3)
    assert Study.all() == [a_segmented_study, other]
    assert len({*Study.all(), Study(other.browserNode)}) == 2
    assert np.array_equal(a_segmented_study.masks(), some_masks)
    assert np.array_equal(other.masks(), some_masks[5:10])
    assert (a_segmented_study.correctedFrames, other.correctedFrames) == ((), (3,))
    a_segmented_study.setFrame(9)
    assert other.frame == 0


def test_a_colour_clip_of_the_dicom_reader_is_adopted(empty_scene: Any, colour_frames: np.ndarray) -> None:
    browser = browser_of([volume_of(f, "vtkMRMLVectorVolumeNode") for f in colour_frames], spacing=(0.4, 0.3))
    study = adoptClip(browser)
    clip = study.sequence()
    assert clip.frames.dtype == np.uint8
    red, green, blue = np.moveaxis(colour_frames.astype(float), -1, 0)
    assert np.abs(clip.frames - (0.299 * red + 0.587 * green + 0.114 * blue)).max() <= 1
    assert clip.spacing == (0.3, 0.4)
    assert clip.frame_rate == pytest.approx(30)  # not 1 / 0.033
    assert clip.source.format == "DICOM"
    assert not clip.source.colour_doppler
    assert (study.name, study.frame) == ("Cine", 0)
    assert study.clipNode.IsA("vtkMRMLVectorVolumeNode")
    assert slicer.util.arrayFromVolume(study.clipNode).shape == (1, 48, 64, 3)


def test_gray_is_the_engine_s_gray(empty_scene: Any) -> None:
    import cv2

    colours = np.random.default_rng(1).integers(0, 256, (2, 40, 50, 3), dtype=np.uint8)
    study = adoptClip(browser_of([volume_of(f, "vtkMRMLVectorVolumeNode") for f in colours]))
    for gray, frame in zip(study.sequence().frames, colours, strict=True):
        assert np.array_equal(gray, cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))


def test_colour_flow_is_noticed(empty_scene: Any) -> None:
    rng = np.random.default_rng(5)
    frames = np.repeat(rng.integers(20, 120, (6, 120, 160, 1), dtype=np.uint8), 3, axis=-1)
    for n, frame in enumerate(frames):
        frame[40 + 3 * n : 80 + 3 * n, 50:100] = (200, 20, 10)
    study = adoptClip(browser_of([volume_of(f, "vtkMRMLVectorVolumeNode") for f in frames]))
    assert study.sequence().source.colour_doppler


def test_a_clip_without_pixel_size_is_adopted_as_uncalibrated(empty_scene: Any, an_echo: EchoSequence) -> None:
    study = adoptClip(browser_of([volume_of(f) for f in an_echo.frames]))
    assert study.sequence().spacing is None
    assert np.array_equal(study.sequence().frames, an_echo.frames)


def test_a_pixel_size_of_negative_sign_does_not_mirror_the_image(empty_scene: Any, an_echo: EchoSequence) -> None:
    study = adoptClip(browser_of([volume_of(f) for f in an_echo.frames], spacing=(0.4, -0.3)))
    assert study.sequence().spacing == (0.3, 0.4)
    assert study.clipNode.GetSpacing() == (0.4, 0.3, 1)


def test_frames_without_times_get_the_playback_rate_and_a_note(empty_scene: Any, an_echo: EchoSequence) -> None:
    clip = adoptClip(browser_of([volume_of(f) for f in an_echo.frames], 10, ("frame", ""))).sequence()
    assert clip.frame_rate == pytest.approx(10)
    assert any("no frame times" in note for note in clip.source.notes)


def test_frames_of_sixteen_bits_become_gray(empty_scene: Any) -> None:
    frames = [volume_of((np.arange(12, dtype=np.uint16) * 300 + n).reshape(3, 4)) for n in range(2)]
    clip = adoptClip(browser_of(frames)).sequence()
    assert (clip.frames.min(), clip.frames.max()) == (0, 255)


def test_a_clip_works_before_it_is_adopted(empty_scene: Any, an_echo: EchoSequence) -> None:
    browser = browser_of([volume_of(f) for f in an_echo.frames], spacing=(0.4, 0.3))
    assert Study.of(browser).sequence().spacing == (0.3, 0.4)


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        ([np.zeros((4, 5), np.uint8), np.zeros((4, 6), np.uint8)], "from 4x5 to 4x6 pixels"),
        ([np.zeros((3, 4, 5), np.uint8)] * 2, "several slices"),
    ],
)
def test_what_is_no_clip_is_refused_in_one_sentence(empty_scene: Any, frames: list[Any], sentence: str) -> None:
    with pytest.raises(UnsuitableClip, match=sentence):
        adoptClip(browser_of([volume_of(frame) for frame in frames]))


def test_a_frame_without_image_is_refused(empty_scene: Any, an_echo: EchoSequence) -> None:
    with pytest.raises(UnsuitableClip, match="Frame 1 of the clip has no image"):
        adoptClip(browser_of([volume_of(an_echo.frames[0]), slicer.vtkMRMLScalarVolumeNode()]))


def test_browsers_of_other_things_are_no_studies(empty_scene: Any) -> None:
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
    masks = browser_of([volume_of(np.zeros((4, 5), np.uint8), "vtkMRMLLabelMapVolumeNode")])
    volumes = browser_of([volume_of(np.zeros((3, 4, 5), np.uint8))])
    assert [Study.of(browser) for browser in (None, empty, masks, volumes)] == [None] * 4
    assert Study.all() == []
    with pytest.raises(UnsuitableClip, match="holds no images"):
        adoptClip(masks)


def test_a_clip_that_is_gone_is_no_study(a_study: Any) -> None:
    slicer.mrmlScene.RemoveNode(a_study.clipSequenceNode)
    assert not a_study.exists
    assert Study.all() == []


def test_the_clip_s_image_node_comes_back_when_deleted(a_study: Any, an_echo: EchoSequence) -> None:
    slicer.mrmlScene.RemoveNode(a_study.clipNode)
    a_study.setFrame(2)
    assert np.array_equal(slicer.util.arrayFromVolume(a_study.clipNode)[0], an_echo.frames[2])


def test_a_changed_view_is_seen_at_once(a_study: Any) -> None:
    a_study.setView(View.PLAX)
    assert a_study.sequence().view == a_study.view == View.PLAX


@pytest.mark.parametrize("nonsense", ['{"nonsense', "[[1]]", "17", '"words"'])
def test_nonsense_in_the_attributes_counts_as_absent(a_study: Any, nonsense: str) -> None:
    for key in ("Source", "View", "Phases", "CorrectedFrames", "Provenance"):
        a_study.browserNode.SetAttribute(f"EchoODE.{key}", nonsense)
    assert a_study.sequence().source == ClipSource()
    assert (a_study.view, a_study.edFrames, a_study.correctedFrames) == (View.UNKNOWN, (), ())
    assert a_study.provenance() is None
