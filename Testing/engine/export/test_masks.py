"""Masks written are read again as they were, by us and by the libraries that others use."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel
import nrrd
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from EchoODELib.engine.errors import OutputError
from EchoODELib.engine.export.masks import write_masks
from EchoODELib.engine.io import read_mask
from EchoODELib.engine.sequence import SegmentedSequence
from PIL import Image
from pydicom.sr.codedict import codes


@pytest.mark.parametrize("name", ["m.nii.gz", "m.nii", "m.seq.nrrd", "m.nrrd", "folder"])
def test_our_reader_gives_back_what_was_written(a_segmented_clip: SegmentedSequence, tmp_path: Path, name: str) -> None:
    path = write_masks(tmp_path / name, a_segmented_clip)
    again = read_mask(path, shape=a_segmented_clip.masks.shape)
    np.testing.assert_array_equal(again, a_segmented_clip.masks)


@pytest.mark.parametrize("name", ["m.nii.gz", "m.seq.nrrd", "m.seg.nrrd", "folder"])
@pytest.mark.parametrize("frame", [0, 6, 11])
def test_one_frame(a_segmented_clip: SegmentedSequence, tmp_path: Path, name: str, frame: int) -> None:
    path = write_masks(tmp_path / name, a_segmented_clip, frame=frame)
    again = read_mask(path, shape=a_segmented_clip.sequence.shape)
    np.testing.assert_array_equal(again, a_segmented_clip.masks[frame])


def test_simpleitk_reads_nifti_identically(a_segmented_clip: SegmentedSequence, tmp_path: Path) -> None:
    image = sitk.ReadImage(str(write_masks(tmp_path / "m.nii.gz", a_segmented_clip)))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), a_segmented_clip.masks)
    assert image.GetSpacing() == pytest.approx((0.4, 0.6, 0.04))  # column, row, seconds
    assert image.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)


def test_nibabel_reads_nifti_as_camus_is_laid_out(a_segmented_clip: SegmentedSequence, tmp_path: Path) -> None:
    image = nibabel.load(write_masks(tmp_path / "m.nii.gz", a_segmented_clip))
    np.testing.assert_array_equal(np.asarray(image.dataobj).T, a_segmented_clip.masks)
    assert image.get_data_dtype() == np.uint8
    assert image.header.get_xyzt_units() == ("mm", "sec")


def test_the_sequence_header_is_slicers(a_segmented_clip: SegmentedSequence, tmp_path: Path) -> None:
    values, header = nrrd.read(str(write_masks(tmp_path / "m.seq.nrrd", a_segmented_clip)), index_order="C")
    np.testing.assert_array_equal(values[:, 0], a_segmented_clip.masks)
    assert header["kinds"] == ["domain", "domain", "domain", "list"]
    assert header["labels"] == ["", "", "", "time"]
    assert header["units"] == ["", "", "", "s"]
    assert header["space"] == "left-posterior-superior"
    assert header["DataNodeClassName"] == "vtkMRMLLabelMapVolumeNode"
    assert header["axis 3 index type"] == "numeric"
    times = [float(value) for value in header["axis 3 index values"].split()]
    np.testing.assert_allclose(times, a_segmented_clip.sequence.times, atol=1e-6)
    np.testing.assert_allclose(header["space directions"][:3], np.diag([0.4, 0.6, 1.0]))
    assert np.isnan(header["space directions"][3]).all()


def test_the_segmentation_header_is_slicers(a_segmented_clip: SegmentedSequence, tmp_path: Path) -> None:
    values, header = nrrd.read(str(write_masks(tmp_path / "m.seg.nrrd", a_segmented_clip, frame=2)), index_order="C")
    mask = a_segmented_clip.masks[2]
    np.testing.assert_array_equal(values[0], mask)
    assert header["Segmentation_ContainedRepresentationNames"] == "Binary labelmap|"
    expected = {
        0: ("Left ventricle", codes.SCT.LeftVentricle),
        1: ("Myocardium", codes.SCT.LeftVentricleMyocardium),
        2: ("Left atrium", codes.SCT.LeftAtrium),
    }
    for number, (name, code) in expected.items():
        segment = {key.split("_", 1)[1]: text for key, text in header.items() if key.startswith(f"Segment{number}_")}
        assert segment["Name"] == name
        assert int(segment["LabelValue"]) == number + 1
        assert f"~SCT^123037004^Anatomical Structure~SCT^{code.value}^{code.meaning}~" in segment["Tags"]
        assert all(0 <= float(part) <= 1 for part in segment["Color"].split())
        rows, columns = np.nonzero(mask == number + 1)
        extent = [int(part) for part in segment["Extent"].split()]
        assert extent == [columns.min(), columns.max(), rows.min(), rows.max(), 0, 0]
    assert "Segment3_ID" not in header


def test_absent_structures_are_no_segments(a_segmented_clip: SegmentedSequence, tmp_path: Path) -> None:
    masks = a_segmented_clip.masks.copy()
    masks[masks == 3] = 0
    path = write_masks(tmp_path / "m.seg.nrrd", replace(a_segmented_clip, masks=masks), frame=0)
    header = nrrd.read_header(str(path))
    assert "Segment1_ID" in header
    assert "Segment2_ID" not in header


def test_png_files_show_in_colour_and_hold_labels(a_segmented_clip: SegmentedSequence, tmp_path: Path) -> None:
    folder = write_masks(tmp_path / "pngs", a_segmented_clip)
    files = sorted(folder.iterdir())
    assert [file.name for file in files][:2] == ["mask_0000.png", "mask_0001.png"]
    assert len(files) == len(a_segmented_clip.masks)
    image = Image.open(files[3])
    assert image.mode == "P"
    np.testing.assert_array_equal(np.asarray(image), a_segmented_clip.masks[3])
    assert len(image.convert("RGB").getcolors()) == 4


@pytest.mark.parametrize("name", ["m.nii.gz", "m.seq.nrrd"])
def test_uncalibrated_stays_uncalibrated(a_segmented_clip: SegmentedSequence, tmp_path: Path, name: str) -> None:
    clip = a_segmented_clip.sequence.with_spacing(None)
    path = write_masks(tmp_path / name, replace(a_segmented_clip, sequence=clip))
    assert sitk.ReadImage(str(path)).GetSpacing()[:2] == (1.0, 1.0)


@pytest.mark.parametrize(
    ("name", "frame", "says"),
    [
        ("m.docx", None, "ending"),
        ("m.seg.nrrd", None, "name the frame"),
        ("m.nii.gz", 12, "frames 0 to 11"),
        ("m.nii.gz", -1, "frames 0 to 11"),
    ],
)
def test_what_cannot_be_written(
    a_segmented_clip: SegmentedSequence, tmp_path: Path, name: str, frame: int | None, says: str
) -> None:
    with pytest.raises(OutputError, match=says):
        write_masks(tmp_path / name, a_segmented_clip, frame=frame)
    assert not list(tmp_path.iterdir())
