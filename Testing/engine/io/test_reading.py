"""The front door: content before ending, and one sentence for whatever can't be read."""

from __future__ import annotations

import gzip
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from EchoODELib.engine.errors import UnreadableClip, UnsuitableClip
from EchoODELib.engine.io import read_clip
from EchoODELib.engine.io.calibration import spacing_from_line
from EchoODELib.engine.sequence import View


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("empty.dcm", b"", "is empty"),
        ("text.dcm", b"Dear colleague, please find the clip attached.\n" * 20, "no known kind"),
        ("zeros.mp4", bytes(4096), "no known kind"),
        ("noise.nii", bytes(range(256)) * 8, "no known kind"),
        ("cut.nii.gz", gzip.compress(bytes(2000), mtime=0)[:10], "truncated"),
        ("text.nii.gz", gzip.compress(b"no image" * 90, mtime=0), "no known kind"),
        ("header.dcm", bytes(128) + b"DICM", "damaged"),
        ("header.nrrd", b"NRRD0004\ntype: float\n", "damaged"),
        ("huge.nrrd", b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 99999 99999 99999\nencoding: raw\n\n", "damaged"),
        ("header.mha", b"ObjectType = Image\nNDims = 3\n", "damaged"),
        ("moov.mp4", b"\x00\x00\x00\x18ftypmp42" + bytes(64), "damaged"),
        ("head.png", b"\x89PNG\r\n\x1a\n" + bytes(64), "damaged"),
    ],
)
def test_files_that_hold_no_clip(tmp_path, name, content, word):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadableClip) as caught:
        read_clip(path)
    sentence = str(caught.value)
    assert word in sentence and name in sentence and sentence.endswith(".") and "\n" not in sentence
    assert caught.value.exit_code != 0


def test_missing_and_unreadable(tmp_path):
    with pytest.raises(UnreadableClip, match="does not exist"):
        read_clip(tmp_path / "nothing.dcm")
    with pytest.raises(UnreadableClip, match="no images"):
        read_clip(tmp_path)
    locked = tmp_path / "locked.dcm"
    locked.write_bytes(b"x")
    locked.chmod(0)
    if os.access(locked, os.R_OK):
        pytest.skip("this account may read everything")
    with pytest.raises(UnreadableClip, match="may read"):
        read_clip(locked)


def test_endings_lie(speckled_fan, write_dicom, write_video, tmp_path):
    dicom = tmp_path / "clip.mp4"
    shutil.copy(write_dicom(speckled_fan), dicom)
    assert np.array_equal(read_clip(dicom).frames, speckled_fan)
    video = tmp_path / "clip.dcm"
    shutil.copy(write_video(speckled_fan, "c.avi", "mjpeg", "yuvj420p"), video)
    assert read_clip(video).source.format == "AVI"


def test_a_folder_around_one_clip(speckled_fan, write_dicom, tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    path = write_dicom(speckled_fan)
    shutil.copy(path, folder / "a.dcm")
    (folder / "readme.txt").write_text("text")
    assert np.array_equal(read_clip(folder).frames, speckled_fan)
    shutil.copy(path, folder / "b.dcm")
    with pytest.raises(UnreadableClip, match="2 clips"):
        read_clip(folder)


@pytest.mark.parametrize("kind", [str, Path])
def test_paths_of_any_type(speckled_fan, write_dicom, kind):
    assert len(read_clip(kind(write_dicom(speckled_fan)))) == 8


@pytest.mark.parametrize(("given", "spacing"), [(0.3, (0.3, 0.3)), ((0.4, 0.2), (0.4, 0.2)), ([0.5], (0.5, 0.5))])
def test_spacing_by_hand_goes_first(speckled_fan, write_dicom, make_region, given, spacing):
    path = write_dicom(speckled_fan, SequenceOfUltrasoundRegions=[make_region()])
    assert read_clip(path, spacing=given).spacing == spacing


@pytest.mark.parametrize("given", [0, -1, float("nan"), float("inf"), (0.3, float("nan")), (1, 2, 3), (), "wide"])
def test_spacing_that_cannot_be(speckled_fan, write_dicom, given):
    with pytest.raises(UnsuitableClip, match="pixel size"):
        read_clip(write_dicom(speckled_fan), spacing=given)


@pytest.mark.parametrize("rate", [0, -5, float("nan"), float("inf")])
def test_rates_that_cannot_be(speckled_fan, write_dicom, rate):
    with pytest.raises(UnsuitableClip, match="frame rate"):
        read_clip(write_dicom(speckled_fan), frame_rate=rate)


@pytest.mark.parametrize(
    ("name", "view"), [("a4c", View.A4C), ("4CH", View.A4C), ("PLAX", View.PLAX), (View.A2C, View.A2C)]
)
def test_views_by_name(speckled_fan, write_dicom, name, view):
    assert read_clip(write_dicom(speckled_fan), view=name).view is view


def test_a_view_that_is_none(speckled_fan, write_dicom):
    with pytest.raises(UnsuitableClip, match="A4C"):
        read_clip(write_dicom(speckled_fan), view="sideways")


def test_calibration_by_a_line():
    assert spacing_from_line((10, 20), (110, 20), 50) == pytest.approx((0.5, 0.5))
    assert spacing_from_line((0, 0), (30, 40), 100) == pytest.approx((2.0, 2.0))
    row, column = spacing_from_line((0, 0), (30, 40), 100, aspect=1.5)
    assert row / column == pytest.approx(1.5)
    assert np.hypot(30 * row, 40 * column) == pytest.approx(100)


@pytest.mark.parametrize(
    ("p", "q", "length"),
    [
        ((0, 0), (0, 0), 10),
        ((0, 0), (0, 9), 0),
        ((0, 0), (0, 9), -1),
        ((0, 0), (0, 9), np.nan),
        ((0, np.nan), (0, 9), 9),
    ],
)
def test_lines_that_calibrate_nothing(p, q, length):
    with pytest.raises(UnsuitableClip):
        spacing_from_line(p, q, length)
