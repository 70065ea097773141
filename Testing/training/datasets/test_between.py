"""Masks between annotated frames: contours go at an even pace, experts' masks stay, nothing is made beyond them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from EchoODELib.engine.metrics import dice
from EchoODETrainingLib import gather
from EchoODETrainingLib.datasets.base import DataSet
from EchoODETrainingLib.datasets.between import MasksBetween, with_masks_between
from EchoODETrainingLib.datasets.clips import LabelledClip
from training.standins import Discs, a_clip, a_recipe


def a_growing_disc(annotated: list[int], frames: int = 11) -> LabelledClip:
    """Its radius grows by a pixel each frame, from 8 on."""
    clip = a_clip(frames=frames)
    rows, columns = np.indices(clip.masks.shape[1:])
    masks = np.stack([(np.hypot(rows - 20, columns - 22) < 8 + frame).astype(np.uint8) for frame in range(frames)])
    labelled = np.isin(np.arange(frames), annotated)
    return replace(clip, masks=np.where(labelled[:, None, None], masks, 0).astype(np.uint8), labelled=labelled)


def radii(clip: LabelledClip) -> np.ndarray:
    return np.sqrt((clip.masks == 1).sum((1, 2)) / np.pi)


def test_contours_move_at_an_even_pace() -> None:
    clip = a_growing_disc([1, 7, 9])
    made = with_masks_between(clip)
    assert made.labelled.tolist() == [False] + [True] * 9 + [False]
    np.testing.assert_allclose(np.diff(radii(made)[1:10]), 1, atol=0.35)
    for frame in (1, 7, 9):
        np.testing.assert_array_equal(made.masks[frame], clip.masks[frame])
    assert not made.masks[[0, 10]].any()


def test_the_pace_is_one_of_time_and_not_of_frames() -> None:
    clip = a_growing_disc([0, 10])
    times = clip.times.copy()
    times[5] = times[0] + 0.9 * (times[10] - times[0])
    times[6:10] = np.linspace(times[5], times[10], 6)[1:5]
    made = with_masks_between(replace(clip, times=times))
    assert radii(made)[5] == pytest.approx(17, abs=0.5)


def test_all_structures_are_interpolated() -> None:
    whole = a_clip(frames=9)
    some = replace(
        whole,
        labelled=np.isin(np.arange(9), [0, 4, 8]),
        masks=whole.masks * np.isin(np.arange(9), [0, 4, 8])[:, None, None],
    )
    made = with_masks_between(some)
    for label in (1, 2, 3):
        assert dice(made.masks[2], whole.masks[2], label=label) > 0.85


@pytest.mark.parametrize("annotated", [[], [3], [3, 4]])
def test_nothing_is_made_where_nothing_lies_between(annotated: list[int]) -> None:
    made = with_masks_between(a_growing_disc(annotated))
    assert np.flatnonzero(made.labelled).tolist() == annotated


class Sparse(Discs):
    """Discs of which two frames are annotated."""

    def read(self, entry) -> LabelledClip:
        clip = super().read(entry)
        known = np.isin(np.arange(len(clip)), [0, 5])
        return replace(clip, labelled=known, masks=clip.masks * known[:, None, None])


def test_a_recipe_can_ask_for_them_on_what_is_learned_from(monkeypatch) -> None:
    monkeypatch.setattr(gather, "open_data_set", lambda *_, **__: Sparse())
    data = [{"kind": "phantom", "between": "linear"}, {"kind": "phantom", "split": "valid", "between": "linear"}]
    gathered = gather.gather(a_recipe(data=data))
    learned: DataSet = gathered.parts[0].data
    assert isinstance(learned, MasksBetween)
    assert learned.kind == "discs"
    assert learned.load(gathered.parts[0].entries[0]).labelled.all()
    judged, entries = gathered.valid[0]
    assert judged.load(entries[0]).labelled.sum() == 2
