"""Clips are found by what they are, wherever they lie; what is none is passed over."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from cohort.standins import CLIPS
from EchoODELib.cohort.find import find_clips
from EchoODELib.cohort.register import MasksFolder, write_register
from EchoODELib.engine.errors import UnreadableClip
from EchoODELib.engine.sequence import View
from PIL import Image


def names(folder: Path, **how: object) -> list[str]:
    return [clip.name for clip in find_clips(folder, **how).clips]


def images(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        Image.fromarray(np.full((8, 8), number, np.uint8)).save(folder / f"{number}.png")


def a_patient(folder: Path, *views: str) -> None:
    folder.mkdir(parents=True)
    for view in views:
        for part in ("ED", "ES", "ED_gt"):
            image = sitk.GetImageFromArray(np.ones((1, 8, 8), np.uint8))
            sitk.WriteImage(image, str(folder / f"{folder.name}_{view}_{part}.nii.gz"))


def test_files_in_folders_of_folders(some_clips: Path) -> None:
    found = find_clips(some_clips).clips
    assert sorted(clip.name for clip in found) == sorted(CLIPS)
    assert all(clip.path == some_clips / clip.name and clip.source[0] == clip.path.stat().st_size for clip in found)


def test_a_clip_without_an_ending_is_known_by_its_content(some_clips: Path, tmp_path: Path) -> None:
    shutil.copy(some_clips / CLIPS[0], tmp_path / "IM_0001")
    assert names(tmp_path) == ["IM_0001"]


def test_damaged_clips_are_not_passed_over_in_silence(tmp_path: Path) -> None:
    (tmp_path / "empty.avi").touch()
    (tmp_path / "torn.dcm").write_bytes(b"torn")
    (tmp_path / "report.pdf").write_bytes(b"%PDF")
    (tmp_path / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    assert names(tmp_path) == ["empty.avi", "torn.dcm"]


def test_images_are_frames_unless_clips_lie_beside_them(some_clips: Path, tmp_path: Path) -> None:
    images(tmp_path / "frames", 3)
    images(tmp_path / "study", 1)
    shutil.copy(some_clips / CLIPS[0], tmp_path / "study" / "clip.seq.nrrd")
    assert names(tmp_path) == ["frames", "study/clip.seq.nrrd"]
    assert names(tmp_path / "frames") == ["frames"]


def test_a_patient_of_camus_has_a_clip_a_view(tmp_path: Path) -> None:
    a_patient(tmp_path / "patient0001", "2CH", "4CH")
    found = find_clips(tmp_path).clips
    assert [(clip.name, clip.view) for clip in found] == [("patient0001", View.A4C), ("patient0001", View.A2C)]
    assert [clip.view for clip in find_clips(tmp_path, view=View.A2C).clips] == [View.A2C]


def test_what_is_hidden_or_left_out_or_results_is_not_searched(some_clips: Path, tmp_path: Path) -> None:
    for name in (".cache", "out", "earlier"):
        shutil.copytree(some_clips, tmp_path / name)
    shutil.copy(some_clips / CLIPS[0], tmp_path / "clip.seq.nrrd")
    write_register(tmp_path / "earlier", {})
    assert names(tmp_path, leave_out=tmp_path / "out") == ["clip.seq.nrrd"]


def test_a_pattern_chooses(some_clips: Path) -> None:
    assert names(some_clips, match="a/*") == ["a/anna.seq.nrrd", "a/bert.seq.nrrd"]
    assert names(some_clips, match="d*.nrrd") == ["dora.seq.nrrd"]
    with pytest.raises(UnreadableClip, match=r"There is no clip like \*\.dcm"):
        find_clips(some_clips, match="*.dcm")


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_are_followed_once(some_clips: Path, tmp_path: Path) -> None:
    (tmp_path / "data").symlink_to(some_clips)
    (tmp_path / "again").symlink_to(tmp_path)
    assert len(names(tmp_path)) == len(CLIPS)


def test_a_closed_folder_is_told_of_and_the_rest_is_found(some_clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.iterdir

    def iterdir(folder: Path) -> object:
        if folder.name == "a" or folder == closed:
            raise PermissionError(13, "Permission denied")
        return opened(folder)

    closed = None
    monkeypatch.setattr(Path, "iterdir", iterdir)
    found = find_clips(some_clips)
    assert [path.name for path in found.closed] == ["a"]
    assert [clip.name for clip in found.clips] == ["dora.seq.nrrd", "b/carl.seq.nrrd"]
    closed = some_clips
    with pytest.raises(UnreadableClip, match="can't be opened"):
        find_clips(some_clips)


def test_nothing_to_do_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    for folder, words in (
        (tmp_path, "There is no clip in"),
        (tmp_path / "file", "is a file"),
        (tmp_path / "x", "exist"),
    ):
        with pytest.raises(UnreadableClip, match=words):
            find_clips(folder)


def test_masks_lie_as_the_clips_do(some_clips: Path, tmp_path: Path) -> None:
    for name in ("a/anna.nii.gz", "dora.png", "b/other.nii.gz"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    masks = MasksFolder(tmp_path)
    found = {clip.name: masks.of(clip) for clip in find_clips(some_clips).clips}
    assert found == {
        "a/anna.seq.nrrd": tmp_path / "a/anna.nii.gz",
        "a/bert.seq.nrrd": None,
        "b/carl.seq.nrrd": None,
        "dora.seq.nrrd": tmp_path / "dora.png",
    }
    with pytest.raises(UnreadableClip, match="does not exist"):
        MasksFolder(tmp_path / "nowhere")
