"""Simulated clips, the cache that keeps them, and our own exports."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from EchoODELib.engine.errors import OutputError, UnreadableClip, UnsuitableClip, UnsuitableMask
from EchoODELib.engine.export.clip import write_clip
from EchoODELib.engine.export.folder import write_result
from EchoODELib.engine.phantom import PhantomClip, PhantomSettings, simulate
from EchoODELib.engine.sequence import Provenance, SegmentedSequence, View
from EchoODETrainingLib.datasets.base import SPLITS, open_data_set
from EchoODETrainingLib.datasets.cache import read_clip_file, write_clip_file
from EchoODETrainingLib.datasets.exports import write_export
from EchoODETrainingLib.datasets.phantom import Hearts, draw_settings

SMALL = {"clips": {"train": 3, "valid": 2}, "views": ["A4C", "PLAX"], "frames": 8, "size": 64}


def test_phantoms_are_kept_and_come_back_the_same(tmp_path: Path) -> None:
    made = open_data_set("phantom", tmp_path, **SMALL)
    clips = [made.load(entry) for entry in made.entries("valid")]
    files = sorted(tmp_path.glob("*.npz"))
    assert len(files) == 2
    stamps = [file.stat().st_mtime_ns for file in files]
    again = open_data_set("phantom", tmp_path, **SMALL)
    for entry, clip in zip(again.entries("valid"), clips, strict=True):
        kept = again.load(entry)
        for name in ("frames", "masks", "times", "labelled", "sector"):
            np.testing.assert_array_equal(getattr(kept, name), getattr(clip, name))
        assert (kept.view, kept.spacing, kept.ed_frame, kept.es_frame) == (
            clip.view,
            clip.spacing,
            clip.ed_frame,
            clip.es_frame,
        )
        assert kept.landmarks.keys() == clip.landmarks.keys()
    assert [file.stat().st_mtime_ns for file in files] == stamps
    assert [clip.view for clip in clips] == [View.A4C, View.PLAX]
    assert clips[0].kind == "simulated"
    assert clips[0].labelled.all()


def test_phantoms_can_be_labelled_at_their_phases_alone() -> None:
    whole, phases = (open_data_set("phantom", None, **SMALL, phases=alone) for alone in (False, True))
    clip, all_of_it = (data.load(data.entries("train")[1]) for data in (phases, whole))
    wanted = sorted({clip.ed_frame, clip.es_frame} - {None})
    assert np.flatnonzero(clip.marked).tolist() == wanted
    np.testing.assert_array_equal(clip.masks[wanted], all_of_it.masks[wanted])
    np.testing.assert_array_equal(clip.frames, all_of_it.frames)


def test_no_heart_is_in_two_splits_and_seeds_differ(tmp_path: Path) -> None:
    names = [
        {entry.patient for entry in open_data_set("phantom", None, seed=seed, **SMALL).entries(split)}
        for seed in (0, 1)
        for split in SPLITS
    ]
    assert sum(map(len, names)) == len(set().union(*names)) == 10


def test_plax_phantoms_have_their_lines_where_the_walls_are() -> None:
    data = open_data_set("phantom", None, clips={"train": 1}, views=["PLAX"], frames=8, size=96)
    clip = data.load(data.entries("train")[0])
    assert set(clip.landmarks) == {"ivs", "lvid", "lvpw"}
    for line, label in (("ivs", 2), ("lvid", 1), ("lvpw", 2)):
        middle = clip.landmarks[line].mean(1).round().astype(int)
        assert all(clip.masks[frame][tuple(place)] == label for frame, place in enumerate(middle))
    np.testing.assert_allclose(clip.landmarks["ivs"][:, 1], clip.landmarks["lvid"][:, 0])


def test_a_damaged_cache_file_is_made_again(tmp_path: Path) -> None:
    data = open_data_set("phantom", tmp_path, **SMALL)
    clip = data.load(data.entries("train")[0])
    (file,) = tmp_path.glob("*.npz")
    file.write_bytes(file.read_bytes()[:500])
    np.testing.assert_array_equal(data.load(data.entries("train")[0]).frames, clip.frames)
    np.testing.assert_array_equal(read_clip_file(file).frames, clip.frames)


def test_a_cache_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    data = open_data_set("phantom", None, **SMALL)
    clip = data.load(data.entries("train")[0])
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="choose another folder"):
        write_clip_file(tmp_path / "file" / "clip.npz", clip)


def test_unknown_splits_are_refused() -> None:
    with pytest.raises(UnsuitableClip, match="train, valid, test"):
        open_data_set("phantom", None, clips={"dev": 3})


@pytest.fixture(scope="module")
def simulated() -> PhantomClip:
    return simulate(PhantomSettings(frames=20, frame_rate=25, size=96, seed=4))


@pytest.fixture
def corrected(simulated: PhantomClip) -> SegmentedSequence:
    return SegmentedSequence(simulated.sequence, simulated.masks, Provenance("manual"), guides=(3, 8))


def test_corrected_frames_are_what_is_learned_from(tmp_path: Path, corrected: SegmentedSequence) -> None:
    write_export(tmp_path / "one", corrected, ed_frames=[0, 19], es_frames=[8])
    data = open_data_set("exports", tmp_path, split="train")
    (entry,) = data.entries("train")
    clip = data.load(entry)
    assert np.flatnonzero(clip.labelled).tolist() == [3, 8]
    np.testing.assert_array_equal(clip.frames, corrected.sequence.frames)
    np.testing.assert_array_equal(clip.masks[[3, 8]], corrected.masks[[3, 8]])
    assert not clip.masks[5].any()
    assert (clip.ed_frame, clip.es_frame, clip.view) == (0, 8, View.A4C)
    assert clip.spacing == pytest.approx(corrected.sequence.spacing)
    np.testing.assert_allclose(clip.times, corrected.sequence.times)
    everything = open_data_set("exports", tmp_path, take="all", split="train")
    assert everything.load(entry).labelled.all()


def test_a_few_clips_are_all_trained_on_and_of_many_some_are_kept_back(tmp_path: Path) -> None:
    for number, count in ((3, 0), (60, 1)):
        for index in range(number):
            (tmp_path / f"{index}" / "masks").mkdir(parents=True, exist_ok=True)
        data = open_data_set("exports", tmp_path)
        kept = [len(data.entries(split)) for split in SPLITS]
        assert sum(kept) == number
        assert (kept[0] < number, kept[1] > 0) == (bool(count), bool(count))
    again = open_data_set("exports", tmp_path)
    assert [again.entries(split) for split in SPLITS] == [data.entries(split) for split in SPLITS]


def test_what_the_command_line_exports_is_read(tmp_path: Path, corrected: SegmentedSequence) -> None:
    write_result(tmp_path / "p1", corrected, ed_frames=[0], es_frames=[8], kinds=["json", "masks"])
    data = open_data_set("exports", tmp_path, split="valid")
    (entry,) = data.entries("valid")
    with pytest.raises(UnreadableClip, match=r"does not lie beside its masks"):
        data.load(entry)
    other = simulate(PhantomSettings(frames=20, frame_rate=25, size=96, seed=5)).sequence
    write_clip(tmp_path / "aaa.seq.nrrd", other)  # told apart by the checksum of its pixels
    write_clip(tmp_path / "loaded.seq.nrrd", corrected.sequence)
    clip = data.load(entry)
    np.testing.assert_array_equal(clip.frames, corrected.sequence.frames)
    assert np.flatnonzero(clip.labelled).tolist() == [3, 8]
    assert (clip.ed_frame, clip.es_frame) == (0, 8)


def test_an_export_without_corrections_is_skipped_by_name(tmp_path: Path, simulated: PhantomClip) -> None:
    write_export(tmp_path / "one", SegmentedSequence(simulated.sequence, simulated.masks, Provenance("segment")))
    data = open_data_set("exports", tmp_path, split="train")
    assert not list(data.clips("train"))
    assert "one has no corrected frame" in data.skipped_summary()


def test_masks_of_another_clip_are_refused(
    tmp_path: Path, simulated: PhantomClip, corrected: SegmentedSequence
) -> None:
    write_export(tmp_path / "one", corrected)
    other = simulate(PhantomSettings(frames=20, frame_rate=25, size=80)).sequence
    write_clip(tmp_path / "one" / "clip.seq.nrrd", other)
    data = open_data_set("exports", tmp_path, split="train")
    with pytest.raises(UnsuitableMask):
        data.load(data.entries("train")[0])


def test_a_damaged_facts_file_or_scene_is_named(tmp_path: Path, corrected: SegmentedSequence) -> None:
    write_export(tmp_path / "one", corrected)
    (tmp_path / "one" / "training.json").write_text("{")
    (tmp_path / "broken.mrb").write_bytes(b"no archive")
    data = open_data_set("exports", tmp_path, split="train")
    assert not list(data.clips("train"))
    assert [name for name, _ in data.skipped] == ["broken.mrb", "one"]


_PHASES = "{&quot;byHand&quot;: true, &quot;ed&quot;: [0], &quot;es&quot;: [8]}"
_SCENE = f"""<MRML>
<SequenceBrowser id="b" references="EchoODE.Clip:c;EchoODE.Masks:m;"
  attributes="EchoODE.CorrectedFrames:[8];EchoODE.Phases:{_PHASES};EchoODE.View:&quot;A4C&quot;"/>
<Sequence id="c" references="storage:sc;"/>
<Sequence id="m" references="storage:sm;"/>
<VolumeSequenceStorage id="sc" fileName="Data/the%20clip.seq.nrrd"/>
<SequenceStorage id="sm" fileName="Data/the%20masks.seq.mrb"/>
</MRML>"""


def test_a_saved_scene_is_read_without_slicer(tmp_path: Path, corrected: SegmentedSequence) -> None:
    from EchoODELib.engine.export.masks import write_masks

    parts = tmp_path / "parts"
    parts.mkdir()
    write_clip(parts / "clip.seq.nrrd", corrected.sequence)
    indices, nodes, stores = [], [], []
    with zipfile.ZipFile(parts / "masks.seq.mrb", "w") as bundle:
        for frame in (8, 2):  # as drawn: only some frames, in any order
            file = write_masks(parts / f"m_{frame}.seg.nrrd", corrected, frame=frame)
            bundle.write(file, f"masks/Data/{file.name}")
            indices.append(f"n{frame}:{corrected.sequence.times[frame]:.9f}")
            nodes.append(f'<Segmentation id="n{frame}" references="storage:s{frame};"/>')
            stores.append(f'<SegmentationStorage id="s{frame}" fileName="Data/{file.name}"/>')
        inner = f'<MRML><Sequence id="q" indexValues="{";".join(indices)}"/>{"".join(nodes + stores)}</MRML>'
        bundle.writestr("masks/masks.mrml", inner)
    folder = tmp_path / "scenes"
    folder.mkdir()
    with zipfile.ZipFile(folder / "scene.mrb", "w") as bundle:
        bundle.writestr("scene/scene.mrml", _SCENE)
        bundle.write(parts / "clip.seq.nrrd", "scene/Data/the clip.seq.nrrd")
        bundle.write(parts / "masks.seq.mrb", "scene/Data/the masks.seq.mrb")
    data = open_data_set("exports", folder, split="train")
    (entry,) = data.entries("train")
    clip = data.load(entry)
    assert np.flatnonzero(clip.labelled).tolist() == [8]
    np.testing.assert_array_equal(clip.masks[8], corrected.masks[8])
    np.testing.assert_array_equal(clip.frames, corrected.sequence.frames)
    assert (clip.ed_frame, clip.es_frame, clip.view) == (0, 8, View.A4C)
    everything = open_data_set("exports", folder, take="all", split="train").load(entry)
    assert np.flatnonzero(everything.labelled).tolist() == [2, 8]


def test_hearts_can_be_asked_for_and_the_usual_ones_stay_the_same() -> None:
    asked = Hearts(beats=(1.2, 2.2), ejection_fraction=(10, 80), arrhythmia=(0, 0.3))
    drawn = [draw_settings(View.A4C, seed, 40, 96, asked) for seed in range(200)]
    assert {round(one.ejection_fraction / 10) for one in drawn} == set(range(1, 9))
    assert all(1.2 <= one.beats <= 2.2 and 0 <= one.arrhythmia <= 0.3 for one in drawn)
    assert max(one.arrhythmia for one in drawn) > 0.25
    usual = draw_settings(View.A4C, 5, 24, 160)
    assert (usual.arrhythmia, usual.seed) == (0.0, 5)
    assert 15 <= usual.ejection_fraction <= 75
