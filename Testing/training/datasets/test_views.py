"""Folders of clips by view, and clips that are made to show no view."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from EchoODELib.engine.errors import UnreadableClip, UnsuitableClip
from EchoODELib.engine.sequence import View
from EchoODETrainingLib.datasets import other_views
from EchoODETrainingLib.datasets.base import SPLITS, open_data_set
from EchoODETrainingLib.datasets.clips import LabelledClip


@pytest.fixture
def views_folder(tmp_path: Path, heart: Callable, write_video: Callable, write_nifti: Callable) -> Path:
    """Two clips of A2C, one with masks, one of A3C, one of another view, and a folder that names no view."""
    frames, masks = heart(6)
    for place in ("A2C/p1_rest.avi", "A2C/p2_rest.avi", "3CH/p1_long.avi", "other/p3.avi", "notes/p4.avi"):
        write_video(tmp_path / "views" / place, frames)
    write_nifti(
        tmp_path / "views" / "A2C" / "p2_rest_masks.nii.gz", np.where(np.arange(6)[:, None, None] == 2, masks, 0)
    )
    return tmp_path / "views"


def test_folders_name_the_views(views_folder: Path) -> None:
    data = open_data_set("view_folder", views_folder)
    clips = {entry.name: data.load(entry) for entry in data.entries("train")}  # few patients: all are trained on
    views = {name: clip.view for name, clip in clips.items()}
    assert views == {
        "A2C/p1_rest.avi": View.A2C,
        "A2C/p2_rest.avi": View.A2C,
        "3CH/p1_long.avi": View.A3C,
        "other/p3.avi": View.OTHER,
    }
    assert {clip.patient for clip in clips.values()} == {"p1", "p2", "p3"}
    masked = clips["A2C/p2_rest.avi"]
    assert np.flatnonzero(masked.labelled).tolist() == [2]
    assert masked.drawn == {1, 2, 3}
    assert not clips["A2C/p1_rest.avi"].labelled.any()


def test_folders_by_split_are_kept_and_shared_patients_refused(views_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "split").mkdir()
    shutil.copytree(views_folder, tmp_path / "split" / "train")
    (tmp_path / "split" / "valid" / "A4C").mkdir(parents=True)
    shutil.copy(views_folder / "other" / "p3.avi", tmp_path / "split" / "valid" / "A4C" / "p9_rest.avi")
    data = open_data_set("view_folder", tmp_path / "split")
    assert [len(data.entries(split)) for split in SPLITS] == [4, 1, 0]
    shutil.copy(views_folder / "other" / "p3.avi", tmp_path / "split" / "valid" / "A4C" / "p1_rest.avi")
    with pytest.raises(UnsuitableClip, match="p1"):
        open_data_set("view_folder", tmp_path / "split")


def test_another_folder_gets_the_layout(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UnreadableClip, match="A2C/"):
            open_data_set("view_folder", folder)


@pytest.fixture(scope="module")
def a_heart() -> LabelledClip:
    data = open_data_set("phantom", None, clips={"train": 1}, frames=12, size=96)
    return data.load(data.entries("train")[0])


@pytest.mark.parametrize("way", other_views._WAYS[:-1], ids=lambda way: way.__name__)
def test_what_shows_no_view_is_unlike_its_heart_and_stays_in_its_sector(
    a_heart: LabelledClip, way: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other_views, "_WAYS", (way,))
    made = other_views.made_other(a_heart)
    assert made.view is View.OTHER
    assert not made.labelled.any()
    assert not made.masks.any()
    assert made.frames.dtype == np.uint8
    assert not made.frames[:, ~made.sector].any()
    assert (made.frames[:, made.sector] > 0).mean() > 0.5
    assert np.ptp(made.frames[0].astype(float)) > 60
    again = other_views.made_other(a_heart)
    np.testing.assert_array_equal(again.frames, made.frames)
    if made.sector.shape == a_heart.sector.shape and (made.sector == a_heart.sector).all():
        inside = a_heart.sector
        alike = np.corrcoef(made.frames[0][inside].astype(float), a_heart.frames[0][inside].astype(float))[0, 1]
        assert alike < 0.6


def test_other_phantoms_are_kept_and_split_like_their_hearts(tmp_path: Path) -> None:
    wanted = {"clips": {"train": 2, "valid": 1}, "frames": 12, "size": 64}
    data = open_data_set("other_phantom", tmp_path, **wanted)
    clips = [data.load(entry) for entry in data.entries("train")]
    assert all(clip.view is View.OTHER for clip in clips)
    stamps = {file: file.stat().st_mtime_ns for file in tmp_path.glob("other-*.npz")}
    assert len(stamps) == 2
    again = open_data_set("other_phantom", tmp_path, **wanted)
    np.testing.assert_array_equal(again.load(again.entries("train")[1]).frames, clips[1].frames)
    assert stamps == {file: file.stat().st_mtime_ns for file in tmp_path.glob("other-*.npz")}


def test_other_camus_takes_some_patients_of_each_split(camus_folder: Path, tmp_path: Path) -> None:
    data = open_data_set("other_camus", camus_folder, cache=tmp_path, every=1)
    assert [[entry.patient for entry in data.entries(split)] for split in SPLITS] == [
        ["patient0001"],
        ["patient0002"],
        ["patient0003"],
    ]
    with pytest.raises(UnsuitableClip, match="1 or more"):
        open_data_set("other_camus", camus_folder, every=0)


def test_a_restyled_heart_keeps_its_shape_and_takes_the_others_gray_values(a_heart: LabelledClip) -> None:
    rows, columns = np.indices((80, 90))
    stripes = np.where((rows + columns) % 4 < 2, 220, 30).astype(np.uint8)
    style = LabelledClip(
        name="style",
        patient="p",
        kind="real",
        frames=np.stack([stripes] * 3),
        times=np.arange(3) / 25,
        masks=np.zeros((3, 80, 90), np.uint8),
        labelled=np.zeros(3, bool),
        sector=np.ones((80, 90), bool),
    )
    made = other_views.restyled(a_heart, style)
    np.testing.assert_array_equal(made.masks, a_heart.masks)
    assert set(np.unique(made.frames[0][made.sector])) <= {30, 220}
    assert not made.frames[:, ~made.sector].any()
    wall, cavity = (made.frames[0][a_heart.masks[0] == label].mean() for label in (2, 1))
    assert wall > cavity + 20


def test_restyled_hearts_belong_to_the_patient_whose_texture_they_have(camus_folder: Path, tmp_path: Path) -> None:
    wanted = {"clips": {"train": 2, "valid": 1}, "views": ["A3C", "PLAX"]}
    data = open_data_set("restyled_phantom", camus_folder, cache=tmp_path, **wanted)
    assert {entry.patient for entry in data.entries("train")} == {"patient0001"}
    assert {entry.patient for entry in data.entries("valid")} == {"patient0002"}
    assert [entry.name.split("-")[2] for entry in data.entries("train")] == ["A3C", "PLAX"]
