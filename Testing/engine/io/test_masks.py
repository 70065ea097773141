"""Masks from every format, with the clip's size and known labels."""

from __future__ import annotations

import nrrd
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from EchoODELib.engine.errors import UnreadableClip, UnsuitableMask
from EchoODELib.engine.io import read_mask
from PIL import Image


@pytest.fixture
def mask():
    """One frame of 96x128 with LV, myocardium and LA, of no symmetry."""
    frame = np.zeros((96, 128), np.uint8)
    frame[15:60, 30:70] = 2
    frame[20:60, 38:62] = 1
    frame[60:80, 40:66] = 3
    return frame


@pytest.fixture
def masks(mask):
    """Five frames."""
    return np.stack([np.roll(mask, t, axis=1) for t in range(5)])


@pytest.mark.parametrize("ending", ["nii.gz", "mha", "nrrd", "png", "tiff", "bmp"])
def test_one_frame(mask, tmp_path, ending):
    path = tmp_path / f"mask.{ending}"
    if ending in ("png", "tiff", "bmp"):
        Image.fromarray(mask).save(path)
    else:
        sitk.WriteImage(sitk.GetImageFromArray(mask), str(path))
    assert np.array_equal(read_mask(path, shape=mask.shape), mask)
    assert np.array_equal(read_mask(path, shape=(5, *mask.shape)), mask)


@pytest.mark.parametrize("ending", ["nii.gz", "mha", "nrrd", "png"])
def test_all_frames(masks, tmp_path, ending):
    path = tmp_path / f"masks.{ending}"
    if ending == "png":
        path = tmp_path / "masks"
        path.mkdir()
        for t, frame in enumerate(masks):
            Image.fromarray(frame).save(path / f"{t}.png")
    else:
        sitk.WriteImage(sitk.GetImageFromArray(masks), str(path))
    assert np.array_equal(read_mask(path, shape=masks.shape), masks)
    with pytest.raises(UnsuitableMask, match="5 frames"):
        read_mask(path, shape=(7, *masks.shape[1:]))


def test_a_palette_gives_its_indices(mask, tmp_path):
    image = Image.fromarray(mask, "P") if hasattr(Image, "fromarray") else None
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.save(tmp_path / "mask.png")
    assert np.array_equal(read_mask(tmp_path / "mask.png", shape=mask.shape), mask)


@pytest.mark.parametrize("value", [1, 255])
def test_one_value_is_the_lv(mask, tmp_path, value):
    Image.fromarray(((mask == 1) * value).astype(np.uint8)).save(tmp_path / "lv.png")
    assert np.array_equal(read_mask(tmp_path / "lv.png", shape=mask.shape), mask == 1)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda mask: mask * 0, "empty"),
        (lambda mask: mask[:, :100], "96x100"),
        (lambda mask: mask.T, "exchanged"),
        (lambda mask: mask * 50, "unknown labels 50, 100, 150"),
        (lambda mask: mask + np.float32(0.5), "unknown labels"),
        (lambda mask: np.where(mask == 0, np.nan, mask).astype(np.float32), "not numbers"),
    ],
)
def test_masks_that_do_not_fit(mask, tmp_path, change, word):
    sitk.WriteImage(sitk.GetImageFromArray(change(mask)), str(tmp_path / "mask.mha"))
    with pytest.raises(UnsuitableMask, match=word):
        read_mask(tmp_path / "mask.mha", shape=mask.shape)


def test_colours_are_no_labels(mask, tmp_path):
    colour = np.zeros((*mask.shape, 3), np.uint8)
    colour[..., 0] = mask * 60
    Image.fromarray(colour).save(tmp_path / "mask.png")
    with pytest.raises(UnsuitableMask, match="in colour"):
        read_mask(tmp_path / "mask.png", shape=mask.shape)
    Image.fromarray(np.repeat(mask[..., None], 3, axis=2)).save(tmp_path / "gray.png")
    assert np.array_equal(read_mask(tmp_path / "gray.png", shape=mask.shape), mask)


def test_files_that_hold_no_mask(write_video, masks, mask, tmp_path):
    with pytest.raises(UnreadableClip, match="no mask"):
        read_mask(write_video(masks * 80, "m.avi", "mjpeg", "yuvj420p"), shape=masks.shape)
    with pytest.raises(UnreadableClip, match="does not exist"):
        read_mask(tmp_path / "nothing.png", shape=mask.shape)
    with pytest.raises(UnreadableClip, match="masks"):
        read_mask(tmp_path, shape=mask.shape)


def write_segmentation(path, labels, names, offset=(0, 0, 0), layers=None):
    """A ``.seg.nrrd``: labels (K, J, I), or layers (L, K, J, I)."""
    header = {"space": "left-posterior-superior", "encoding": "gzip"}
    for number, (name, value, layer) in enumerate(names):
        header |= {f"Segment{number}_ID": f"S{number}", f"Segment{number}_Name": name}
        header |= {f"Segment{number}_LabelValue": str(value), f"Segment{number}_Layer": str(layer)}
    header["Segmentation_ReferenceImageExtentOffset"] = " ".join(str(part) for part in offset)
    ways, kinds, data = np.eye(3), ["domain"] * 3, labels.transpose(2, 1, 0) if layers is None else None
    if layers is not None:
        data = layers.transpose(0, 3, 2, 1)
        ways, kinds = np.vstack([[np.nan] * 3, ways]), ["list", *kinds]
    nrrd.write(str(path), data, header | {"space directions": ways, "kinds": kinds}, index_order="F")
    return path


def test_segments_go_by_name_and_extent(mask, tmp_path):
    """Slicer numbers segments as they come and cuts the file to what is drawn."""
    swapped = np.array([0, 2, 3, 1], np.uint8)[mask]  # LV is 2, myocardium 3, LA 1 here
    names = [("Left atrium", 1, 0), ("LV cavity", 2, 0), ("LV myocardium", 3, 0)]
    cut = swapped[None, 10:85, 25:75]
    path = write_segmentation(tmp_path / "m.seg.nrrd", cut, names, offset=(25, 10, 0))
    assert np.array_equal(read_mask(path, shape=mask.shape), mask)


def test_overlapping_segments_lie_in_layers(mask, tmp_path):
    layers = np.stack([(mask == 1)[None], np.isin(mask, (2,))[None]]).astype(np.uint8)
    names = [("endocardium", 1, 0), ("epicardium", 1, 1)]
    path = write_segmentation(tmp_path / "m.seg.nrrd", None, names, layers=layers)
    assert np.array_equal(read_mask(path, shape=mask.shape), np.where(mask == 3, 0, mask))


def test_a_segmentation_over_all_frames(masks, tmp_path):
    names = [("LV", 1, 0), ("myocardium", 2, 0), ("LA", 3, 0)]
    path = write_segmentation(tmp_path / "m.seg.nrrd", masks[:, 10:85], names, offset=(0, 10, 0))
    assert np.array_equal(read_mask(path, shape=masks.shape), masks)


def test_unknown_segments(mask, tmp_path):
    path = write_segmentation(tmp_path / "m.seg.nrrd", mask[None] * 7, [("pericardial effusion", 7, 0)])
    with pytest.raises(UnsuitableMask, match="pericardial"):
        read_mask(path, shape=mask.shape)
