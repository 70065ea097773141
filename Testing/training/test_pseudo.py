"""Pseudo-sequences: the experts' masks at ED and ES, real texture and smooth motion between."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from EchoODELib.engine.errors import UnsuitableClip
from EchoODELib.engine.metrics import dice
from EchoODELib.engine.phantom import PhantomSettings, simulate
from EchoODETrainingLib.datasets.base import SPLITS, open_data_set
from EchoODETrainingLib.datasets.clips import LabelledClip
from EchoODETrainingLib.pseudo import PseudoSettings, make_pseudo_sequence, single_plane_fraction

SETTINGS = PseudoSettings(frames=16)


@pytest.fixture(scope="module")
def pair() -> LabelledClip:
    """ED and ES of a simulated heart."""
    clip = simulate(PhantomSettings(frames=20, frame_rate=25, size=128, seed=2, ejection_fraction=55))
    picked = [clip.ed_frames[0], clip.es_frames[0]]
    return LabelledClip(
        name="a_pair",
        patient="a",
        kind="real",
        frames=clip.sequence.frames[picked],
        times=np.array([0, 0.33]),
        masks=clip.masks[picked],
        labelled=np.ones(2, bool),
        sector=clip.sector,
        spacing=clip.sequence.spacing,
        view=clip.sequence.view,
        ed_frame=0,
        es_frame=1,
    )


@pytest.fixture(scope="module")
def made(pair: LabelledClip) -> LabelledClip:
    return make_pseudo_sequence(pair, SETTINGS, seed=3)


def test_masks_at_ed_and_es_are_the_experts(pair: LabelledClip, made: LabelledClip) -> None:
    for frame, expert in ((made.ed_frame, pair.masks[0]), (made.es_frame, pair.masks[1])):
        assert min(dice(made.masks[frame], expert, label=label) for label in (1, 2, 3)) > 0.97


def test_the_ejection_fraction_is_the_pairs(pair: LabelledClip, made: LabelledClip) -> None:
    given = single_plane_fraction(pair.masks, pair.spacing, pair.view)
    now = single_plane_fraction(made.masks[[made.ed_frame, made.es_frame]], made.spacing, made.view)
    assert given == pytest.approx(55, abs=6)
    assert now == pytest.approx(given, abs=2)
    assert made.ejection_fraction == pytest.approx(given, abs=2)


def test_a_heart_that_contracts_less_ejects_less(pair: LabelledClip, made: LabelledClip) -> None:
    weak = make_pseudo_sequence(pair, replace(SETTINGS, contraction=(0.5, 0.5)), seed=3)
    assert weak.ejection_fraction < 0.7 * made.ejection_fraction
    es = weak.masks[[weak.ed_frame, weak.es_frame]]
    assert single_plane_fraction(es, weak.spacing, weak.view) == pytest.approx(weak.ejection_fraction)
    np.testing.assert_array_equal(weak.times, made.times)
    np.testing.assert_array_equal(weak.masks[0], made.masks[0])
    with pytest.raises(UnsuitableClip, match="contracts"):
        PseudoSettings(contraction=(0.5, 1.2))


def test_the_ventricle_empties_to_es_and_fills_to_the_next_ed(made: LabelledClip) -> None:
    area = (made.masks == 1).sum((1, 2)).astype(float)
    es = made.es_frame
    assert (np.diff(area[: es + 1]) <= 0).all()
    assert area[es] == area.min()
    assert area[es:].max() > 0.97 * area[0]
    share = made.times[es] / made.times[-1]
    assert 0.2 < share < 0.6  # systole takes a third to a half of a beat
    # Filling is quick at first: most of it happens in the first half of diastole.
    middle = area[(es + len(area)) // 2]
    assert middle - area[es] > 0.5 * (area[0] - area[es])


def test_nothing_jumps(made: LabelledClip) -> None:
    for before, after in zip(made.masks, made.masks[1:], strict=False):
        assert dice(before, after, label=1) > 0.85
        assert cv2.connectedComponents((after == 1).astype(np.uint8))[0] == 2
    steps = np.abs(np.diff(made.frames.astype(float), axis=0))[:, made.sector].mean(1)
    assert steps.max() < 3 * np.median(steps)


def test_masks_lie_on_the_walls_and_texture_stays(made: LabelledClip) -> None:
    for frame, mask in zip(made.frames.astype(np.float32), made.masks, strict=True):
        inner = cv2.erode((mask == 1).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
        assert frame[inner].mean() < 0.7 * frame[mask == 2].mean()
    fine = [frame - cv2.GaussianBlur(frame, (0, 0), 2.2) for frame in made.frames.astype(np.float32)]
    grain = [texture[mask == 2].std() for texture, mask in zip(fine, made.masks, strict=True)]
    assert min(grain) > 0.75 * np.mean([grain[made.ed_frame], grain[made.es_frame]])
    assert not made.frames[:, ~made.sector].any()


def test_equal_seeds_give_equal_bytes_and_others_another_recording(pair: LabelledClip, made: LabelledClip) -> None:
    again, other = (make_pseudo_sequence(pair, SETTINGS, seed=seed) for seed in (3, 4))
    np.testing.assert_array_equal(again.frames, made.frames)
    np.testing.assert_array_equal(again.masks, made.masks)
    assert other.times[-1] != made.times[-1]
    assert (other.frames[0] != made.frames[0]).mean() > 0.1


def test_a_pair_without_a_ventricle_is_refused(pair: LabelledClip) -> None:
    empty = replace(pair, masks=np.zeros_like(pair.masks))
    with pytest.raises(UnsuitableClip, match="a_pair has no masks at ED and ES"):
        make_pseudo_sequence(empty, SETTINGS, seed=0)
    with pytest.raises(UnsuitableClip, match="4 frames"):
        PseudoSettings(frames=3)


def test_fine_pairs_are_brought_to_a_coarser_pixel(pair: LabelledClip) -> None:
    fine = replace(pair, spacing=(0.35, 0.35))
    clip = make_pseudo_sequence(fine, SETTINGS, seed=0)
    assert clip.frames.shape[1:] == (64, 64)
    assert clip.spacing == pytest.approx((0.7, 0.7))
    assert min(dice(clip.masks[0], pair.masks[0, ::2, ::2], label=label) for label in (1, 2)) > 0.9


def test_real_pairs_are_kept_on_disk_and_split_as_the_patients(shared_data: Path, tmp_path: Path) -> None:
    data = open_data_set("pseudo_camus", shared_data / "camus_4ch", cache=tmp_path, frames=8, variants=2)
    patients = [{entry.patient for entry in data.entries(split)} for split in SPLITS]
    assert [len(some) for some in patients] == [399, 50, 0]
    assert not patients[0] & patients[1]
    entry = data.entries("valid")[2]
    clip = data.load(entry)
    (file,) = tmp_path.glob("*.npz")
    assert file.stat().st_size < clip.frames.nbytes + clip.masks.nbytes
    stamp = file.stat().st_mtime_ns
    np.testing.assert_array_equal(data.load(entry).frames, clip.frames)
    assert file.stat().st_mtime_ns == stamp
    expert = data.pairs.load(data.pairs.entries("valid")[1])
    assert clip.patient == expert.patient
    for frame, mask in ((0, expert.masks[0]), (clip.es_frame, expert.masks[1])):
        assert min(dice(clip.masks[frame], mask, label=label) for label in (1, 2, 3)) > 0.97
