"""EchoNet-Dynamic, EchoNet-LVH and HMC-QU, each as a small made-up copy of its public layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.io
from EchoODELib.engine.errors import UnreadableClip, UnsuitableClip, UnsuitableMask
from EchoODELib.engine.metrics import dice
from EchoODELib.engine.sequence import View
from EchoODETrainingLib.datasets.base import SPLITS, DataSet, Entry, open_data_set


def every_entry(data: DataSet) -> list[Entry]:
    return [entry for split in SPLITS for entry in data.entries(split)]


def chords(mask: np.ndarray, name: str, frame: int) -> list[dict[str, object]]:
    """A trace of a mask as EchoNet-Dynamic has it: the long axis, then 20 chords from top to bottom."""
    rows = np.flatnonzero((mask == 1).any(1))
    middle = np.flatnonzero((mask == 1)[rows].any(0)).mean()
    lines = [(middle, rows[0], middle, rows[-1])]
    for row in np.linspace(rows[0], rows[-1], 20).round().astype(int):
        columns = np.flatnonzero(mask[row] == 1)
        lines.append((columns[0], row, columns[-1], row))
    keys = ("X1", "Y1", "X2", "Y2")
    return [{"FileName": f"{name}.avi", **dict(zip(keys, line, strict=True)), "Frame": frame} for line in lines]


@pytest.fixture
def dynamic_folder(tmp_path: Path, heart: Callable, write_video: Callable) -> Path:
    frames, masks = heart(9)
    traces, rows = [], []
    for name, split in (("0XA", "TRAIN"), ("0XB", "VAL"), ("0XC", "TEST"), ("0XD", "TRAIN")):
        write_video(tmp_path / "Videos" / f"{name}.avi", frames)
        rows.append(
            {"FileName": name, "EF": 61.5, "ESV": 20, "EDV": 50, "FPS": 50, "NumberOfFrames": 9, "Split": split}
        )
        if name != "0XD":
            traces += chords(masks[4], name, 4) + chords(masks[0], name, 0)
    pd.DataFrame(rows).to_csv(tmp_path / "FileList.csv", index=False)
    pd.DataFrame(traces).to_csv(tmp_path / "VolumeTracings.csv", index=False)
    return tmp_path


def test_echonet_dynamic(dynamic_folder: Path, heart: Callable) -> None:
    masks = heart(9)[1]
    data = open_data_set("echonet_dynamic", dynamic_folder)
    assert [(entry.name, entry.split) for entry in every_entry(data)] == [
        ("0XA", "train"),
        ("0XB", "valid"),
        ("0XC", "test"),
    ]
    assert data.skipped == [("0XD", "it has no traces in VolumeTracings.csv.")]
    clip = data.load(data.entries("valid")[0])
    assert np.flatnonzero(clip.labelled).tolist() == [0, 4]
    for frame in (0, 4):
        assert dice(clip.masks[frame], masks[frame], label=1) > 0.95
    assert (clip.ed_frame, clip.es_frame, clip.ejection_fraction, clip.view) == (0, 4, 61.5, View.A4C)
    assert set(clip.drawn) == {1}
    np.testing.assert_allclose(np.diff(clip.times), 0.02, rtol=1e-6)
    assert clip.frames.shape == (9, 72, 80)


def test_echonet_dynamic_names_what_it_can_not_read(dynamic_folder: Path) -> None:
    (dynamic_folder / "Videos" / "0XA.avi").unlink()
    data = open_data_set("echonet_dynamic", dynamic_folder)
    assert not list(data.clips("train"))
    assert [name for name, _ in data.skipped] == ["0XD", "0XA"]
    assert data.skipped_summary().startswith("2 clips were skipped (0XD, 0XA)")


def test_a_table_without_a_column_is_named(dynamic_folder: Path) -> None:
    table = pd.read_csv(dynamic_folder / "FileList.csv").drop(columns="Split")
    table.to_csv(dynamic_folder / "FileList.csv", index=False)
    with pytest.raises(UnreadableClip, match=r"FileList.csv has no column 'Split'"):
        open_data_set("echonet_dynamic", dynamic_folder)


@pytest.fixture
def lvh_rows() -> list[dict[str, object]]:
    common = {"Frames": 9, "FPS": 50, "Width": 80, "Height": 72}
    ends = {"IVSd": (40, 10, 40, 20), "LVIDd": (40, 50, 40, 20), "LVPWd": (40, 50, 40, 58), "LVIDs": (40, 24, 40, 46)}
    rows = []
    for name, split in (("0XA", "train"), ("0XB", "val")):
        for calc, (x1, y1, x2, y2) in ends.items():
            frame = 6 if calc.endswith("s") else 2
            place = {"X1": x1, "Y1": y1, "X2": x2, "Y2": y2, "CalcValue": abs(y2 - y1) * 0.12}
            rows.append({"HashedFileName": name, "Calc": calc, "Frame": frame, "split": split, **place, **common})
    return rows


def write_lvh(folder: Path, rows: list[dict[str, object]]) -> None:
    pd.DataFrame(rows).to_csv(folder / "MeasurementsList.csv")


def test_echonet_lvh(tmp_path: Path, heart: Callable, write_video: Callable, lvh_rows: list) -> None:
    write_lvh(tmp_path, lvh_rows)
    for batch, name in (("Batch1", "0XA"), ("Batch3", "0XB")):
        write_video(tmp_path / batch / f"{name}.avi", heart(9)[0])
    data = open_data_set("echonet_lvh", tmp_path)
    assert [(entry.name, entry.split) for entry in every_entry(data)] == [("0XA", "train"), ("0XB", "valid")]
    clip = data.load(data.entries("train")[0])
    assert not clip.labelled.any()
    assert (clip.view, clip.ed_frame, clip.es_frame) == (View.PLAX, 2, 6)
    assert clip.spacing == pytest.approx((1.2, 1.2))
    np.testing.assert_array_equal(clip.landmarks["ivs"][2], [[10, 40], [20, 40]])
    np.testing.assert_array_equal(clip.landmarks["lvid"][2], [[20, 40], [50, 40]])  # sorted, whichever way it was drawn
    np.testing.assert_array_equal(clip.landmarks["lvid"][6], [[24, 40], [46, 40]])
    known = {line: np.flatnonzero(np.isfinite(ends).all((1, 2))).tolist() for line, ends in clip.landmarks.items()}
    assert known == {"ivs": [2], "lvid": [2, 6], "lvpw": [2]}


def test_echonet_lvh_refuses_a_video_in_two_splits_and_frames_beyond(
    tmp_path: Path, heart: Callable, write_video: Callable, lvh_rows: list
) -> None:
    write_video(tmp_path / "Batch1" / "0XA.avi", heart(9)[0])
    write_lvh(tmp_path, [{**lvh_rows[0], "Frame": 40}])
    data = open_data_set("echonet_lvh", tmp_path)
    with pytest.raises(UnreadableClip, match="measured on frame 40, but its video has 9 frames"):
        data.load(data.entries("train")[0])
    write_lvh(tmp_path, [lvh_rows[0], {**lvh_rows[1], "split": "test"}])
    with pytest.raises(UnsuitableClip, match="0XA is in the splits"):
        open_data_set("echonet_lvh", tmp_path)


@pytest.mark.parametrize("ending", ["mat", "npy"])
def test_hmc_qu(tmp_path: Path, heart: Callable, write_video: Callable, ending: str) -> None:
    frames, masks = heart(12)
    write_video(tmp_path / "HMC-QU" / "A4C" / "ES0001 _4CH_1.avi", frames, 25)
    folder = tmp_path / "LV Ground-truth Segmentation Masks"
    folder.mkdir()
    walls = (masks[2:9] == 2).astype(np.uint8).repeat(2, 1).repeat(2, 2)
    if ending == "mat":
        scipy.io.savemat(folder / "Mask_ES0001 _4CH_1.mat", {"predicted": walls})
        scipy.io.savemat(folder / "Mask_ES0002_4CH_1.mat", {"predicted": walls})
    else:
        np.save(folder / "Mask_ES0001 _4CH_1.npy", walls)
    row = {"ECHO": "ES0001 _4CH_1", "SEG1": 1, "Reference Frame": 3, "End of Cycle": 9, f"{folder.name}": "ü"}
    pd.DataFrame([row]).to_excel(tmp_path / "A4C.xlsx", index=False)
    data = open_data_set("hmc_qu", tmp_path)
    (entry,) = every_entry(data)
    assert entry.patient == "ES0001"
    assert len(data.skipped) == (ending == "mat")
    clip = data.load(entry)
    np.testing.assert_array_equal(clip.frames, frames[2:9])
    for frame in range(7):
        assert dice(clip.masks[frame], np.where(masks[2 + frame] == 2, 2, 0), label=2) > 0.95
    assert clip.labelled.all()
    assert set(clip.drawn) == {2}


def test_hmc_qu_refuses_masks_of_another_beat_or_of_other_values(
    tmp_path: Path, heart: Callable, write_video: Callable
) -> None:
    write_video(tmp_path / "HMC-QU" / "A4C" / "ES0001_4CH_1.avi", heart(12)[0], 25)
    folder = tmp_path / "LV Ground-truth Segmentation Masks"
    folder.mkdir()
    row = {"ECHO": "ES0001_4CH_1", "Reference Frame": 1, "End of Cycle": 9, folder.name: "ü"}
    pd.DataFrame([row]).to_excel(tmp_path / "A4C.xlsx", index=False)
    cases = {
        "4 masks for its frames 1 to 9": np.zeros((4, 36, 40), np.uint8),
        "other values": np.full((9, 36, 40), 4, np.uint8),
    }
    for message, masks in cases.items():
        scipy.io.savemat(folder / "Mask_ES0001_4CH_1.mat", {"predicted": masks})
        data = open_data_set("hmc_qu", tmp_path)
        with pytest.raises(UnsuitableMask, match=message):
            data.load(every_entry(data)[0])


def an_hmc_qu(folder: Path, patients: dict[str, dict[str, object]]) -> None:
    """An archive whose videos and masks are not there to be read: patient to the columns of its row."""
    masks = folder / "LV Ground-truth Segmentation Masks"
    masks.mkdir(parents=True)
    (folder / "HMC-QU" / "A4C").mkdir(parents=True)
    rows = []
    for patient, columns in patients.items():
        name = f"{patient}_4CH_1"
        (folder / "HMC-QU" / "A4C" / f"{name}.avi").touch()
        (masks / f"Mask_{name}.mat").touch()
        rows.append({"ECHO": name, "Reference Frame": 1, "End of Cycle": 9, **columns})
    pd.DataFrame(rows).to_excel(folder / "A4C.xlsx", index=False)


def test_hmc_qu_in_five_folds_with_equal_shares(tmp_path: Path) -> None:
    ill = [f"ES{k:04d}" for k in range(72)]
    well = [f"ES{k:04d}" for k in range(72, 109)]
    an_hmc_qu(tmp_path, {name: {"SEG1": 1, "SEG7": 2 if name in ill else 1} for name in [*ill, *well]})
    judged: list[str] = []
    for fold in range(5):
        data = open_data_set("hmc_qu", tmp_path, fold=fold)
        patients = [entry.patient for entry in data.entries("valid")]
        assert len(patients) in (21, 22)
        assert sum(patient in ill for patient in patients) in (14, 15)
        assert len(data.entries("train")) == 109 - len(patients)
        judged += patients
    assert sorted(judged) == sorted([*ill, *well])
    with pytest.raises(UnsuitableClip, match="no fold 5 of 5"):
        open_data_set("hmc_qu", tmp_path, fold=5)


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([{"SEG1": 1, "SEG2": 1}, {"SEG1": 1, "SEG2": 3}, {"SEG1": None, "SEG2": None}], [False, True, None]),
        ([{"SEG1": 0, "SEG2": 0}, {"SEG1": 0, "SEG2": 1}, {"SEG1": 1, "SEG2": None}], [False, True, True]),
        ([{"SEG1": "non-MI", "SEG2": "non-MI"}, {"SEG1": "MI ", "SEG2": "non-MI"}, {"SEG1": "?"}], [False, True, None]),
    ],
)
def test_an_infarction_is_one_of_any_segment(
    tmp_path: Path, segments: list[dict[str, object]], expected: list[bool | None]
) -> None:
    an_hmc_qu(tmp_path, {f"ES{k:04d}": one for k, one in enumerate(segments)})
    data = open_data_set("hmc_qu", tmp_path)
    assert [data._infarcted.get(f"ES{k:04d}_4CH_1") for k in range(3)] == expected


def test_patients_of_whom_nothing_is_said_are_in_no_fold(tmp_path: Path) -> None:
    an_hmc_qu(tmp_path, {f"ES{k:04d}": {"SEG1": k % 2 if k else None} for k in range(8)})
    data = open_data_set("hmc_qu", tmp_path, fold=0)
    assert "ES0000" not in {entry.patient for entry in every_entry(data)}
    assert "does not say whether there is an infarction" in data.skipped[0][1]
