"""Masks as segments on every frame, edited and mistreated by people, and read back."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
import slicer
from EchoODELib.engine.errors import UnsuitableClip, UnsuitableMask
from EchoODELib.engine.export.anatomy import STRUCTURES
from EchoODELib.engine.sequence import EchoSequence, Label, Provenance
from EchoODELib.scene.clip import createClip
from SlicerHost.mouse import place_of


def segment(study: Any, name: str) -> Any:
    return study.segmentationNode.GetSegmentation().GetSegment(name)


def test_masks_come_back_as_they_were(a_segmented_study: Any, some_masks: np.ndarray, how: Provenance) -> None:
    assert np.array_equal(a_segmented_study.masks(), some_masks)
    assert np.array_equal(a_segmented_study.mask(7), some_masks[7])
    assert not a_segmented_study.masks().flags.writeable
    assert a_segmented_study.provenance() == how


def test_without_masks_there_are_none(a_study: Any) -> None:
    assert a_study.masks() is a_study.mask(0) is a_study.segmentationNode is a_study.maskSequenceNode is None
    assert a_study.result() is a_study.provenance() is a_study.segmented() is None


def test_the_view_s_segmentation_shows_the_frame_s_mask(a_segmented_study: Any, some_masks: np.ndarray) -> None:
    for frame in (0, 5, 11):
        a_segmented_study.setFrame(frame)
        node = a_segmented_study.segmentationNode
        for name, label in (("LV", 1), ("Myocardium", 2), ("LA", 3)):
            shown = slicer.util.arrayFromSegmentBinaryLabelmap(node, name, a_segmented_study.clipNode)
            assert np.array_equal(shown[0] != 0, some_masks[frame] == label)


def test_segments_have_names_colours_and_codes(a_segmented_study: Any) -> None:
    assert a_segmented_study.segmentationNode.GetName() == "patient 7; rest: 100% masks"
    assert a_segmented_study.segmentationNode.GetSegmentation().GetSegmentIDs() == ("LV", "Myocardium", "LA")
    codes = {"LV": "87878005", "Myocardium": "49848007", "LA": "82471001"}
    for name, label in (("LV", Label.LV), ("Myocardium", Label.MYOCARDIUM), ("LA", Label.LA)):
        found = segment(a_segmented_study, name)
        assert found.GetName() == name
        assert found.GetColor() == pytest.approx(tuple(channel / 255 for channel in STRUCTURES[label].color))
        entry = slicer.vtkSlicerTerminologyEntry()
        slicer.modules.terminologies.logic().DeserializeTerminologyEntry(found.GetTerminology(), entry)
        assert entry.GetTypeObject().GetCodingSchemeDesignator() == "SCT"
        assert entry.GetTypeObject().GetCodeValue() == codes[name]


def test_only_what_people_know_is_in_the_data_tree(a_segmented_study: Any, how: Provenance) -> None:
    a_segmented_study.setSegmented(a_segmented_study.masks(), how)
    scene = slicer.mrmlScene
    volumes = slicer.util.getNodesByClass("vtkMRMLVolumeNode")
    assert [node.GetName() for node in volumes] == ["patient 7; rest: 100%"]
    assert scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1


def test_an_empty_mask_is_a_mask(a_study: Any, some_masks: np.ndarray, how: Provenance) -> None:
    some_masks[4] = 0
    some_masks[5][some_masks[5] != 3] = 0
    a_study.setMasks(some_masks, how)
    assert np.array_equal(a_study.masks(), some_masks)


def test_masks_that_fill_the_frame_and_single_pixels_are_exact(a_study: Any, how: Provenance) -> None:
    masks = np.random.default_rng(0).integers(0, 4, (12, 48, 64), dtype=np.uint8)
    masks[3] = 0
    masks[3, 47, 63] = 2
    a_study.setMasks(masks, how)
    assert np.array_equal(a_study.masks(), masks)


def test_empty_masks_to_draw_in(a_study: Any, draw: Callable[..., None]) -> None:
    node = a_study.ensureMasks()
    assert node is a_study.segmentationNode
    assert not a_study.masks().any()
    square = np.zeros((48, 64), bool)
    square[10:20, 30:50] = True
    a_study.setFrame(6)
    draw(a_study, "LV", square)
    assert np.array_equal(a_study.mask(6), square.astype(np.uint8))
    assert not np.delete(a_study.masks(), 6, axis=0).any()


def test_an_edit_stays_on_its_frame(a_segmented_study: Any, some_masks: np.ndarray, draw: Callable[..., None]) -> None:
    a_segmented_study.setFrame(4)
    drawn = some_masks[4] == 1
    drawn[2:6, 50:60] = True
    draw(a_segmented_study, "LV", drawn)
    expected = some_masks.copy()
    expected[4][drawn] = 1
    assert np.array_equal(a_segmented_study.masks(), expected)
    for frame in (5, 4, 3):
        a_segmented_study.setFrame(frame)
        assert np.array_equal(a_segmented_study.masks(), expected)
        shown = slicer.util.arrayFromSegmentBinaryLabelmap(
            a_segmented_study.segmentationNode, "LV", a_segmented_study.clipNode
        )
        assert np.array_equal(shown[0] != 0, expected[frame] == 1)


def test_corrected_masks_are_locked(a_segmented_study: Any, some_masks: np.ndarray, how: Provenance) -> None:
    a_segmented_study.markCorrected(3)
    a_segmented_study.markCorrected(8)
    a_segmented_study.setMasks(np.zeros_like(some_masks), how)
    for frame in range(12):
        assert a_segmented_study.mask(frame).any() == (frame in (3, 8))
    assert np.array_equal(a_segmented_study.mask(3), some_masks[3])
    with pytest.raises(UnsuitableMask, match="frame 3 was corrected by hand and is locked"):
        a_segmented_study.setMask(3, some_masks[4])
    a_segmented_study.releaseCorrected(3)
    a_segmented_study.setMask(3, some_masks[4])
    assert np.array_equal(a_segmented_study.mask(3), some_masks[4])
    assert a_segmented_study.correctedFrames == (8,)


@pytest.mark.parametrize(
    ("mask", "frame", "error"),
    [
        (np.zeros((48, 63), np.uint8), 0, UnsuitableMask),
        (np.full((48, 64), 4, np.uint8), 0, UnsuitableMask),
        (np.zeros((48, 64), np.uint8), 12, UnsuitableClip),
    ],
)
def test_unsuitable_masks_are_refused_and_change_nothing(
    a_segmented_study: Any, some_masks: np.ndarray, mask: np.ndarray, frame: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        a_segmented_study.setMask(frame, mask)
    assert np.array_equal(a_segmented_study.masks(), some_masks)


def test_masks_of_another_clip_are_refused(a_study: Any, how: Provenance) -> None:
    with pytest.raises(UnsuitableMask, match="must be drawn on this clip"):
        a_study.setMasks(np.zeros((11, 48, 64), np.uint8), how)
    with pytest.raises(UnsuitableMask):
        a_study.setSegmented(np.zeros((11, 48, 64), np.uint8), how)
    assert a_study.masks() is None


def test_renamed_recoloured_and_added_segments_do_not_matter(a_segmented_study: Any, some_masks: np.ndarray) -> None:
    segmentation = a_segmented_study.segmentationNode.GetSegmentation()
    segment(a_segmented_study, "LV").SetName("Ventricle, left")
    segment(a_segmented_study, "LA").SetColor(1, 1, 1)
    segmentation.AddEmptySegment("Thrombus", "Thrombus")
    array = np.zeros((1, 48, 64), np.uint8)
    array[0, 40:, 50:] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(
        array, a_segmented_study.segmentationNode, "Thrombus", a_segmented_study.clipNode
    )
    segmentation.SetSegmentIndex("Thrombus", 0)
    assert np.array_equal(a_segmented_study.masks(), some_masks)


def test_writing_keeps_what_a_person_added(a_segmented_study: Any, some_masks: np.ndarray, how: Provenance) -> None:
    segmentation = a_segmented_study.segmentationNode.GetSegmentation()
    segmentation.AddEmptySegment("Thrombus", "Thrombus")
    array = np.zeros((1, 48, 64), np.uint8)
    array[0, 40:, 50:] = 1
    args = (a_segmented_study.segmentationNode, "Thrombus", a_segmented_study.clipNode)
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, *args)
    a_segmented_study.setMasks(some_masks[::-1].copy(), how)
    assert np.array_equal(a_segmented_study.masks(), some_masks[::-1])
    assert np.array_equal(slicer.util.arrayFromSegmentBinaryLabelmap(*args), array)


def test_a_removed_segment_is_background_and_comes_back_when_written(
    a_segmented_study: Any, some_masks: np.ndarray
) -> None:
    a_segmented_study.setFrame(2)
    a_segmented_study.segmentationNode.GetSegmentation().RemoveSegment("LA")
    expected = some_masks.copy()
    expected[2][expected[2] == 3] = 0
    assert np.array_equal(a_segmented_study.masks(), expected)
    a_segmented_study.setMask(2, some_masks[2])
    assert np.array_equal(a_segmented_study.masks(), some_masks)
    assert segment(a_segmented_study, "LA") is not None


def test_a_segment_drawn_anew_counts_by_its_code(a_segmented_study: Any, some_masks: np.ndarray) -> None:
    a_segmented_study.setFrame(2)
    node = a_segmented_study.segmentationNode
    node.GetSegmentation().RemoveSegment("LV")
    name = node.GetSegmentation().AddEmptySegment("Segment_1", "mine")
    node.GetSegmentation().GetSegment(name).SetTerminology(STRUCTURES[Label.LV].terminology)
    array = (some_masks[2] == 1).astype(np.uint8)[np.newaxis]
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, node, name, a_segmented_study.clipNode)
    assert np.array_equal(a_segmented_study.masks(), some_masks)


def test_overlapping_segments_read_as_cavity(a_segmented_study: Any, draw: Callable[..., None]) -> None:
    everything = np.ones((48, 64), bool)
    segmentation = a_segmented_study.segmentationNode.GetSegmentation()
    segmentation.SeparateSegmentLabelmap("Myocardium")
    before = a_segmented_study.mask(0)
    draw(a_segmented_study, "Myocardium", everything)
    after = a_segmented_study.mask(0)
    assert np.array_equal(after == 1, before == 1)
    assert np.array_equal(after == 3, before == 3)
    assert (after != 0).all()


def test_segments_shrunk_to_what_they_hold_are_read_in_place(a_segmented_study: Any, some_masks: np.ndarray) -> None:
    segmentation = a_segmented_study.segmentationNode.GetSegmentation()
    segmentation.SeparateSegmentLabelmap("LA")
    image = segment(a_segmented_study, "LA").GetRepresentation("Binary labelmap")
    extent = [0] * 6
    slicer.vtkOrientedImageDataResample.CalculateEffectiveExtent(image, extent)
    slicer.vtkOrientedImageDataResample.CopyImage(image, image, extent)
    assert image.GetExtent() == tuple(extent)
    assert np.array_equal(a_segmented_study.masks(), some_masks)


def test_a_segment_on_another_grid_is_resampled(a_segmented_study: Any, some_masks: np.ndarray) -> None:
    found = segment(a_segmented_study, "LA")
    image = found.GetRepresentation("Binary labelmap")
    finer = slicer.vtkOrientedImageData()
    finer.DeepCopy(image)
    finer.SetSpacing(0.4, 0.25, 1)
    origin = np.array(image.GetOrigin())
    finer.SetOrigin(*(origin + np.array([0.2, 0.125, 0])))
    finer.SetExtent(0, 127, 0, 95, 0, 0)
    finer.AllocateScalars(3, 1)
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(image, finer, finer)
    found.AddRepresentation("Binary labelmap", finer)
    again = a_segmented_study.mask(0)
    assert np.count_nonzero((again == 3) != (some_masks[0] == 3)) < 0.15 * np.count_nonzero(some_masks[0] == 3)


def test_a_deleted_segmentation_node_comes_back_with_its_masks(a_segmented_study: Any, some_masks: np.ndarray) -> None:
    slicer.mrmlScene.RemoveNode(a_segmented_study.segmentationNode)
    assert np.array_equal(a_segmented_study.masks(), some_masks)
    assert a_segmented_study.segmentationNode.GetName() == "patient 7; rest: 100% masks"


def test_a_deleted_mask_sequence_leaves_a_usable_study(
    a_segmented_study: Any, some_masks: np.ndarray, how: Provenance
) -> None:
    a_segmented_study.markCorrected(1)
    slicer.mrmlScene.RemoveNode(a_segmented_study.maskSequenceNode)
    assert a_segmented_study.masks() is a_segmented_study.segmentationNode is a_segmented_study.result() is None
    assert a_segmented_study.correctedFrames == ()
    a_segmented_study.setFrame(3)
    a_segmented_study.setMasks(some_masks, how)
    assert np.array_equal(a_segmented_study.masks(), some_masks)
    assert a_segmented_study.correctedFrames == ()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1


def test_frames_that_a_sequence_lacks_are_filled(
    a_segmented_study: Any, some_masks: np.ndarray, how: Provenance
) -> None:
    sequence = a_segmented_study.maskSequenceNode
    sequence.RemoveDataNodeAtValue(sequence.GetNthIndexValue(5))
    expected = some_masks.copy()
    expected[5] = 0
    assert np.array_equal(a_segmented_study.masks(), expected)
    a_segmented_study.setMask(5, some_masks[5])
    assert np.array_equal(a_segmented_study.masks(), some_masks)
    assert sequence.GetNumberOfDataNodes() == 12


def test_the_index_is_the_clip_s_to_the_letter(a_segmented_study: Any) -> None:
    clip, masks = a_segmented_study.clipSequenceNode, a_segmented_study.maskSequenceNode
    assert [masks.GetNthIndexValue(n) for n in range(12)] == [clip.GetNthIndexValue(n) for n in range(12)]
    assert (masks.GetIndexName(), masks.GetIndexUnit()) == ("time", "s")


def test_the_network_s_masks_are_kept_apart(a_segmented_study: Any, some_masks: np.ndarray, how: Provenance) -> None:
    own = some_masks[::-1].copy()
    a_segmented_study.setSegmented(own, Provenance("segment", "another"))
    kept = a_segmented_study.segmented()
    assert np.array_equal(kept.masks, own)
    assert kept.provenance == Provenance("segment", "another")
    assert np.array_equal(a_segmented_study.masks(), some_masks)


def test_the_result_holds_all(a_segmented_study: Any, some_masks: np.ndarray, how: Provenance) -> None:
    a_segmented_study.markCorrected(4)
    result = a_segmented_study.result()
    assert np.array_equal(result.masks, some_masks)
    assert (result.guides, result.provenance, result.reference_frame) == ((4,), how, None)
    assert result.sequence is a_segmented_study.sequence()


def test_phases_are_kept(a_study: Any) -> None:
    assert (a_study.edFrames, a_study.esFrames, a_study.phasesByHand) == ((), (), False)
    a_study.setPhases(np.array([9, 1]), [5], byHand=True)
    assert (a_study.edFrames, a_study.esFrames, a_study.phasesByHand) == ((1, 9), (5,), True)


def test_a_surface_made_from_old_masks_is_thrown_away(a_segmented_study: Any, some_masks: np.ndarray) -> None:
    node = a_segmented_study.segmentationNode
    assert node.CreateClosedSurfaceRepresentation()
    a_segmented_study.setMask(0, some_masks[5])
    assert not node.GetSegmentation().ContainsRepresentation("Closed surface")


def test_the_echo_shines_through_the_masks_in_their_colours(
    a_study: Any, how: Provenance, settle: Callable[..., None], picture: Callable[..., Path]
) -> None:
    masks = np.zeros((12, 48, 64), np.uint8)
    masks[:, 10:20, 10:50], masks[:, 20:30, 10:50], masks[:, 30:40, 10:50] = 1, 2, 3
    a_study.setMasks(masks, how)
    slicer.util.setSliceViewerLayers(background=a_study.clipNode, fit=True)
    settle()
    view = slicer.app.layoutManager().sliceWidget("Red").sliceView()
    shown = matplotlib.image.imread(picture("masks", view.VTKWidget()))[..., :3]
    for label, row in ((Label.LV, 15), (Label.MYOCARDIUM, 25), (Label.LA, 35)):
        place = [place_of(view, (-column * 0.8, -row * 0.5, 0.0)) for column in range(14, 46)]
        tint = np.mean([shown[p.y(), p.x()] for p in place], axis=0)
        echo = a_study.sequence().frames[0, row, 14:46].mean() / 255
        expected = 0.2 * np.array(STRUCTURES[label].color) / 255 + 0.8 * echo
        assert tint == pytest.approx(expected, abs=0.05)


def test_masks_are_written_and_read_without_a_wait(empty_scene: Any, how: Provenance) -> None:
    masks = np.zeros((80, 256, 256), np.uint8)
    masks[:, 40:200, 60:160] = 2
    masks[:, 50:180, 70:150] = 1
    study = createClip(EchoSequence(masks * 50, np.arange(80) / 40))
    study.sequence()

    def seconds(work: Callable[[], object]) -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    first = seconds(lambda: study.setMasks(masks, how))
    later = seconds(lambda: study.setMasks(masks[::-1], how))
    read = seconds(study.masks)
    again = seconds(study.masks)
    print(f"80 masks of 256x256: written {first:.3f} s, again {later:.3f} s, read {read:.3f} s, again {again:.4f} s")
    assert max(first, later) < 0.3
    assert read < 0.15
    assert again < 0.03
