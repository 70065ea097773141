"""Trouble on simulated hearts: it comes and goes, is the same each time, and leaves the truth alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from EchoODELib.engine.sequence import Label
from EchoODETrainingLib.datasets.base import open_data_set
from EchoODETrainingLib.datasets.clips import LabelledClip
from EchoODETrainingLib.datasets.hard_phantom import made_hard
from EchoODETrainingLib.datasets.phantom import Phantom


@pytest.fixture(scope="module")
def a_clip() -> LabelledClip:
    (clip,) = Phantom(None, {"valid": 1}, ["A4C"], frames=14, size=96, seed=7).clips("valid")
    return clip


def brightness(clip: LabelledClip) -> np.ndarray:
    """(T,) mean gray in the sector."""
    return clip.frames[:, clip.sector].mean(1)


def test_the_truth_stays_and_chance_is_the_names(a_clip: LabelledClip) -> None:
    hard, again = made_hard(a_clip), made_hard(a_clip)
    assert np.array_equal(hard.frames, again.frames)
    assert not np.array_equal(hard.frames, made_hard(replace(a_clip, name="another")).frames)
    assert np.array_equal(hard.masks, a_clip.masks)
    assert (hard.ed_frame, hard.es_frame, hard.patient) == (a_clip.ed_frame, a_clip.es_frame, a_clip.patient)
    assert not hard.frames[:, ~a_clip.sector].any()


@pytest.mark.parametrize("lost", [2, 5])
def test_signal_is_lost_on_some_frames_in_a_row_and_comes_back(a_clip: LabelledClip, lost: int) -> None:
    steady, hard = brightness(made_hard(a_clip, 0)), brightness(made_hard(a_clip, lost))
    dark = np.flatnonzero(hard < 0.75 * steady)
    assert len(dark) == lost
    assert np.ptp(dark) == lost - 1
    assert hard[np.setdiff1d(np.arange(14), dark)] == pytest.approx(np.delete(steady, dark), rel=0.02)


def test_walls_drop_out_and_shadows_wander(a_clip: LabelledClip) -> None:
    gone = a_clip.frames.astype(int) - made_hard(a_clip, 0).frames
    darkest = [np.argwhere((one > 0.8 * one.max()) & a_clip.sector).mean(0) for one in gone]
    assert np.ptp(np.array(darkest), axis=0).max() > 3
    wall = a_clip.masks == Label.MYOCARDIUM
    assert max(one[mask].max() for one, mask in zip(gone, wall, strict=True)) > 60


def test_it_is_a_data_set_of_its_own_that_keeps_its_clips(tmp_path) -> None:
    data = open_data_set("hard_phantom", tmp_path, clips={"valid": 1}, frames=8, size=64)
    (clip,) = data.clips("valid")
    assert (len(clip), clip.kind) == (8, "simulated")
    kept = sorted(path.name for path in tmp_path.glob("*.npz"))
    assert sum(name.startswith("hard-") for name in kept) == 1
    (again,) = data.clips("valid")
    assert np.array_equal(again.frames, clip.frames)
