"""Data as a person chooses them: folders of every kind, wrong ones, and the corrected clips of the scene."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
import slicer
from EchoODELib.engine.phantom import PhantomSettings, simulate
from EchoODELib.engine.sequence import Label, Provenance, SegmentedSequence
from EchoODETrainingLib.datasets.base import KINDS, open_data_set
from EchoODETrainingLib.datasets.exports import write_export
from EchoODETrainingLib.module.data import KIND_NAMES, DataChoice
from SlicerHost.mouse import Qt, QTest

CORRECTED = (2, 5)


@functools.cache
def a_clip(seed: int = 0) -> SegmentedSequence:
    phantom = simulate(PhantomSettings(frames=8, frame_rate=20.0, size=64, beats=1.0, seed=seed))
    return SegmentedSequence(phantom.sequence, phantom.masks, Provenance("manual"), guides=CORRECTED)


@pytest.fixture
def folder_of_exports(tmp_path: Path) -> Path:
    for seed in range(3):
        write_export(tmp_path / "mine" / f"clip-{seed}", a_clip(seed))
    return tmp_path / "mine"


def choose(person: Any, kind: str, folder: Path | None) -> None:
    person.select("dataKindComboBox", KIND_NAMES[kind])
    if folder is not None:
        person.type_into(person.ui.dataFolderEdit.findChild("QLineEdit"), str(folder))


def cells(person: Any, row: int = 0) -> list[str]:
    table = person.ui.dataTable
    return [table.item(row, column).text() for column in range(table.columnCount)]


def test_every_kind_can_be_chosen(training_module: Any) -> None:
    from EchoODETrainingLib.module.parameters import DataKind

    assert set(KIND_NAMES) == set(KINDS)
    # What recipes alone make of others is not to be chosen.
    made = {"hard_phantom", "other_phantom", "other_camus", "restyled_phantom"}
    assert {kind.value for kind in DataKind} == set(KINDS) - made


def test_a_folder_is_looked_into_and_added(person: Any, folder_of_exports: Path, picture: Any) -> None:
    assert not person.ui.addDataButton.enabled
    assert "Choose the folder" in person.ui.addDataButton.toolTip
    choose(person, "exports", folder_of_exports)
    person.click("addDataButton")
    person.until_no_errand()
    assert "3 clips of 3 patients with 6 labelled frames" in person.told
    own = open_data_set("exports", folder_of_exports)
    counts = [str(len(own.entries(split))) for split in ("train", "valid", "test")]
    assert cells(person) == [KIND_NAMES["exports"], *counts, "6"]
    assert not person.ui.addDataButton.enabled
    assert "is in the list" in person.ui.addDataButton.toolTip
    picture("training-data")
    QTest.mouseClick(person.ui.dataTable.viewport(), Qt.LeftButton, Qt.NoModifier, row_place(person))
    person.rest()
    assert str(folder_of_exports.name) in person.ui.dataInfoLabel.text.replace("\u200b", "")
    person.click("removeDataButton")
    assert person.ui.dataTable.rowCount == 0


def row_place(person: Any) -> Any:
    table = person.ui.dataTable
    return table.visualItemRect(table.item(0, 0)).center()


def test_several_data_sets_come_back_with_the_scene(person: Any, folder_of_exports: Path, tmp_path: Path) -> None:
    choose(person, "exports", folder_of_exports)
    person.click("addDataButton")
    person.until_no_errand()
    choose(person, "phantom", None)
    person.click("addDataButton")
    person.until_no_errand()
    assert [choice.kind for choice in person.panel.data.choices] == ["exports", "phantom"]
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    person.rest()
    assert person.panel.data.choices == []
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    person.rest()
    assert person.panel.data.choices == [DataChoice("exports", folder_of_exports), DataChoice("phantom")]
    assert "3 clips" not in person.told


@pytest.mark.parametrize("wrong", ["missing", "other"])
def test_a_wrong_folder_is_told_with_the_layout_expected(person: Any, tmp_path: Path, wrong: str, picture: Any) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("Dear colleague")
    choose(person, "camus", tmp_path / wrong)
    person.click("addDataButton")
    person.until_no_errand()
    assert "camus" in person.told
    assert "layout" in person.told
    assert len(person.told.splitlines()) > 2
    picture("training-wrong-folder")
    assert person.ui.dataTable.rowCount == 0


def test_a_clip_that_cannot_be_read_is_named(person: Any, folder_of_exports: Path) -> None:
    (folder_of_exports / "clip-1" / "clip.seq.nrrd").write_bytes(b"NRRD0004")
    choose(person, "exports", folder_of_exports)
    person.click("addDataButton")
    person.until_no_errand()
    assert "1 clip was skipped (clip-1)" in person.told


def test_corrected_clips_of_the_scene_become_data(person: Any, runs_folder: Path, picture: Any) -> None:
    from EchoODELib.scene.clip import createClip

    assert not person.ui.addSceneButton.enabled
    assert "correct one" in person.ui.addSceneButton.toolTip
    drawn = a_clip(7)
    study = createClip(drawn.sequence, "DOE JANE")
    study.setMasks(drawn.masks, Provenance("segment"))
    study.setPhases([0], [3], byHand=True)
    for frame in CORRECTED:
        study.markCorrected(frame)
    createClip(a_clip(8).sequence, "not corrected")
    person.panel.refresh()
    person.click("addSceneButton")
    person.until_no_errand()
    assert "1 clip " in person.told
    folder = runs_folder / "corrected clips"
    assert "JANE" not in " ".join(str(path) for path in folder.rglob("*"))
    assert "JANE" not in "".join(path.read_text(errors="replace") for path in folder.rglob("*.json"))
    own = open_data_set("exports", folder)
    entry = next(entry for split in ("train", "valid", "test") for entry in own.entries(split))
    clip = own.load(entry)
    assert tuple(clip.labelled.nonzero()[0]) == CORRECTED
    assert (clip.masks[2] == drawn.masks[2]).all()
    assert (clip.masks[2] == Label.LV).any()
    assert (clip.ed_frame, clip.es_frame) == (0, 3)
    facts = json.loads(next(folder.rglob("training.json")).read_text())
    assert facts["corrected_frames"] == list(CORRECTED)


def test_more_corrections_replace_what_was_written(person: Any, runs_folder: Path) -> None:
    from EchoODELib.scene.clip import createClip

    drawn = a_clip(9)
    study = createClip(drawn.sequence, "clip")
    study.setMasks(drawn.masks, Provenance("segment"))
    study.markCorrected(1)
    person.logic.writeCorrected()
    study.markCorrected(4)
    choice = person.logic.writeCorrected()
    clips = list(open_data_set(choice.kind, choice.folder, split="train").clips("train"))
    assert [clip.labelled.sum() for clip in clips] == [2]
