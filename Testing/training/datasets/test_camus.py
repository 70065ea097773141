"""CAMUS in its public layout and in folders by split, TED beside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from EchoODELib.engine.errors import UnreadableClip, UnsuitableClip, UnsuitableMask
from EchoODELib.engine.sequence import View
from EchoODETrainingLib.datasets.base import SPLITS, open_data_set


def test_splits_are_the_archives(camus_folder: Path) -> None:
    data = open_data_set("camus", camus_folder)
    patients = [{entry.patient for entry in data.entries(split)} for split in SPLITS]
    assert patients == [{"patient0001"}, {"patient0002"}, {"patient0003"}]
    assert [entry.name for entry in data.entries("valid")] == ["patient0002_2CH", "patient0002_4CH"]


def test_a_half_sequence_is_labelled_on_every_frame(camus_folder: Path, heart: Callable) -> None:
    data = open_data_set("camus", camus_folder, views=["4CH"])
    clip = data.load(data.entries("train")[0])
    masks = heart(9)[1]
    assert clip.frames.shape == (5, 72, 80)
    np.testing.assert_array_equal(clip.masks, masks[:5])
    assert clip.labelled.all()
    assert (clip.ed_frame, clip.es_frame, clip.view, clip.kind) == (0, 4, View.A4C, "real")
    assert clip.spacing == pytest.approx((0.5, 0.5))
    np.testing.assert_allclose(np.diff(clip.times), 1 / 40, rtol=1e-6)
    assert clip.sector[36, 40]
    assert not clip.sector[2, 2]


def test_pairs_have_the_time_between_them(camus_folder: Path) -> None:
    for data in (open_data_set("camus", camus_folder), open_data_set("camus", camus_folder, pairs=True)):
        clip = data.load(data.entries("valid")[1])
        assert len(clip) == 2
        np.testing.assert_allclose(clip.times, [0, 0.1])
    pair = data.load(data.entries("train")[0])
    assert (len(pair), pair.ed_frame, pair.es_frame) == (2, 0, 1)


def test_folders_by_split_are_taken(camus_folder: Path, tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    for split, patient in (("train", "patient0001"), ("valid", "patient0002")):
        shutil.copytree(camus_folder / "database_nifti" / patient, ours / split / patient)
    header = "patient,split,ed_frame,es_frame,frames,sex,age,image_quality,ef_percent,frame_rate_hz\n"
    (ours / "info.csv").write_text(header + "patient0002,valid,1,11,11,F,56,Good,54,50\n")
    data = open_data_set("camus", ours)
    assert {entry.patient for entry in data.entries("valid")} == {"patient0002"}
    clip = data.load(data.entries("valid")[0])
    assert clip.ejection_fraction == 54
    np.testing.assert_allclose(clip.times, [0, 0.2])


def test_a_patient_in_two_splits_is_refused(camus_folder: Path, tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    for split in ("train", "valid"):
        shutil.copytree(camus_folder / "database_nifti" / "patient0001", ours / split / "patient0001")
    with pytest.raises(UnsuitableClip, match="patient0001 is in the splits train and valid"):
        open_data_set("camus", ours)


def test_an_unreadable_file_is_named_and_skipped(camus_folder: Path) -> None:
    broken = camus_folder / "database_nifti" / "patient0001" / "patient0001_4CH_half_sequence.nii.gz"
    broken.write_bytes(broken.read_bytes()[:200])
    data = open_data_set("camus", camus_folder)
    read = list(data.clips("train"))
    assert [clip.name for clip in read] == ["patient0001_2CH"]
    assert [name for name, _ in data.skipped] == ["patient0001_4CH"]
    assert data.skipped_summary().startswith("1 clip was skipped (patient0001_4CH)")
    with pytest.raises(UnreadableClip, match="truncated or damaged"):
        data.load(data.entries("train")[1])


def test_a_mask_of_other_labels_is_refused(camus_folder: Path, heart: Callable, write_nifti: Callable) -> None:
    masks = heart(9)[1]
    patient = camus_folder / "database_nifti" / "patient0002"
    write_nifti(patient / "patient0002_4CH_ED_gt.nii.gz", np.where(masks[0] == 3, 7, masks[0]).astype(np.uint8))
    data = open_data_set("camus", camus_folder)
    with pytest.raises(UnsuitableMask, match=r"patient0002_4CH holds the value 7"):
        data.load(data.entries("valid")[1])


def test_a_mask_of_another_size_is_refused(camus_folder: Path, heart: Callable, write_nifti: Callable) -> None:
    patient = camus_folder / "database_nifti" / "patient0001"
    write_nifti(patient / "patient0001_4CH_half_sequence_gt.nii.gz", heart(4)[1])
    data = open_data_set("camus", camus_folder)
    with pytest.raises(UnsuitableMask, match="patient0001_4CH"):
        data.load(data.entries("train")[1])


@pytest.mark.parametrize(
    "kind", ["camus", "pseudo_camus", "ted", "echonet_dynamic", "echonet_lvh", "hmc_qu", "exports"]
)
@pytest.mark.parametrize("there", [True, False])
def test_a_wrong_folder_gets_the_layout_expected(kind: str, there: bool, tmp_path: Path) -> None:
    folder = tmp_path if there else tmp_path / "nowhere"
    with pytest.raises(UnreadableClip, match="A folder of this layout is expected:\n") as caught:
        open_data_set(kind, folder)
    assert len(str(caught.value).splitlines()) > 3


def test_unknown_kinds_and_options_are_named(camus_folder: Path) -> None:
    with pytest.raises(UnreadableClip, match="use one of: camus, echonet_dynamic"):
        open_data_set("kamus", camus_folder)
    with pytest.raises(UnreadableClip, match="colour"):
        open_data_set("camus", camus_folder, colour=True)
    with pytest.raises(UnsuitableClip, match="train, valid, test"):
        open_data_set("camus", camus_folder).entries("validation")


def test_the_developers_data_is_read(shared_data: Path) -> None:
    data = open_data_set("camus", shared_data / "camus_4ch")
    patients = [{entry.patient for entry in data.entries(split)} for split in ("train", "valid")]
    assert [len(some) for some in patients] == [399, 50]
    assert not patients[0] & patients[1]
    clip = data.load(data.entries("valid")[0])
    assert set(np.unique(clip.masks)) == {0, 1, 2, 3}
    assert 0.1 < clip.times[1] < 0.6


@pytest.mark.parametrize("labels", [{1, 2}, {1, 2, 3}])
def test_ted_full_beats(tmp_path: Path, heart: Callable, write_nifti: Callable, labels: set[int]) -> None:
    frames, masks = heart(11)
    masks = np.where(np.isin(masks, sorted(labels)), masks, 0).astype(np.uint8)
    folder = tmp_path / "database" / "patient001"
    write_nifti(folder / "patient001_4CH_sequence.mhd", frames)
    write_nifti(folder / "patient001_4CH_sequence_gt.mhd", masks)
    (folder / "patient001_4CH_info.cfg").write_text("ED: 1\nES: 6\nNbFrame: 11\nSex: F\nEF: 52\n")
    data = open_data_set("ted", tmp_path)
    (entry,) = (entry for split in SPLITS for entry in data.entries(split))
    clip = data.load(entry)
    np.testing.assert_array_equal(clip.masks, masks)
    assert clip.labelled.all()
    assert (clip.ed_frame, clip.es_frame, clip.ejection_fraction, set(clip.drawn)) == (0, 5, 52, labels)


def test_ten_folds_in_the_order_of_the_patients(tmp_path: Path) -> None:
    for number in range(23):
        patient = f"patient{number:04d}"
        folder = tmp_path / patient
        folder.mkdir()
        for part in ("ED", "ES"):
            (folder / f"{patient}_4CH_{part}_gt.nii.gz").touch()
    judged = []
    for fold in range(10):
        data = open_data_set("camus", tmp_path, views=["4CH"], fold=fold)
        patients = [entry.patient for entry in data.entries("valid")]
        assert len(patients) in (2, 3)
        assert len(data.entries("train")) == 23 - len(patients)
        judged += patients
    assert judged == sorted(judged)
    assert len(set(judged)) == 23
    with pytest.raises(UnsuitableClip, match="no fold 0 of 24"):
        open_data_set("camus", tmp_path, views=["4CH"], fold=0, folds=24)


def test_the_info_file_tells_the_ejection_fraction(camus_folder: Path) -> None:
    data = open_data_set("camus", camus_folder)
    entry = next(entry for split in SPLITS for entry in data.entries(split))
    assert data.load(entry).ejection_fraction == 55
    folder, view = data._where[f"{entry.split}/{entry.name}"]
    (folder / f"Info_{view}.cfg").unlink()
    assert data.load(entry).ejection_fraction is None
