"""Judging: frames are seen as at use, Dice is counted at the file's own pixels, lines in millimetres."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from EchoODELib.engine.following import FIRST_LOOKS
from EchoODELib.engine.models.clip_output import ClipOutput
from EchoODELib.engine.sequence import View
from EchoODELib.engine.windows_over_time import WindowUse
from EchoODETrainingLib import gather
from EchoODETrainingLib.preview import write_preview
from EchoODETrainingLib.stream import Part
from EchoODETrainingLib.validate import DiceJudge, Shown, windows_of
from torch import Tensor, nn

from training.standins import Discs, a_clip, a_recipe

LABELS = ("background", "lv", "myocardium", "la")
SIZE = (64, 64)


class ByBrightness(nn.Module):
    """Knows the shades of the discs' structures; its gray values are standardised over the clip."""

    def __init__(self, shades: np.ndarray) -> None:
        super().__init__()
        self.shades = torch.from_numpy(shades.astype(np.float32))

    def forward(self, frames: Tensor) -> Tensor:
        return -50 * (frames - self.shades[None, :, None, None]).abs()


class Marks(nn.Module):
    """A clip network that draws heat maps at given places."""

    takes_clips = True

    def __init__(self, places: list[tuple[int, int]]) -> None:
        super().__init__()
        self.places = places

    def forward(self, frames: Tensor, input_times: Tensor, output_times: Tensor) -> ClipOutput:
        batch, size = len(frames), frames.shape[-2:]
        maps = torch.zeros(batch, 1, len(self.places), *size)
        for index, (row, column) in enumerate(self.places):
            maps[:, :, index, row, column] = 1
        return ClipOutput(torch.zeros(batch, 1, 4, *size), None, maps)


def a_judge(shown: list[Shown]) -> DiceJudge:
    return DiceJudge(shown, LABELS, device=torch.device("cpu"))


def shades_of(clip) -> np.ndarray:
    shades = np.array([40, 220, 130, 80], float)
    return (shades - clip.frames.mean()) / clip.frames.std()


def test_a_network_that_knows_is_near_one_and_one_that_does_not_is_not() -> None:
    clip = a_clip()
    shown = windows_of(clip, SIZE, frames=3)
    assert [one.name for one in shown] == ["disc0 0", "disc0 2", "disc0 3"]
    judge = a_judge(shown)
    good, bad = judge(ByBrightness(shades_of(clip))), judge(ByBrightness(shades_of(clip)[::-1].copy()))
    assert set(good) == {"lv", "myocardium", "la"}
    assert good["lv"] > 0.95
    assert judge.figure(good) > 0.8 > 0.4 > judge.figure(bad)


def test_masks_come_back_at_the_files_pixels() -> None:
    clip = a_clip()
    masks, points, _ = a_judge(windows_of(clip, SIZE, frames=2)).look(ByBrightness(shades_of(clip)), 1)
    assert [mask.shape for mask in masks] == [(40, 44)]
    assert points == [None]


def test_what_a_data_set_does_not_draw_is_not_judged() -> None:
    clip = a_clip()
    only = replace(clip, masks=np.where(clip.masks == 1, 1, 0).astype(np.uint8), drawn=frozenset({1}))
    assert set(a_judge(windows_of(only, SIZE))(ByBrightness(shades_of(clip)))) == {"lv"}


def test_classes_are_in_the_recipes_order() -> None:
    shown = windows_of(a_clip(), SIZE, frames=1, labels=(3, 1))[0]
    assert set(np.unique(shown.mask)) == {0, 1, 2}
    assert (shown.mask == 2).sum() == (a_clip().masks[0] == 1).sum()


@pytest.mark.parametrize("frame", [0, 5, 11])
def test_a_film_is_seen_through_the_windows_of_use(frame: int) -> None:
    clip = a_clip(frames=12)
    clip = replace(clip, labelled=np.arange(12) == frame, ed_frame=None, es_frame=None)
    (shown,) = windows_of(clip, SIZE, use=WindowUse(frames=7, inputs=4, seconds=6 / 30))
    assert shown.frames.shape == (4, *SIZE)
    assert (shown.input_times[0], shown.input_times[-1]) == (0, pytest.approx(1))
    assert 0 <= shown.output_time <= 1
    place = {0: 0.0, 11: 1.0}.get(frame)
    assert place is None or shown.output_time == pytest.approx(place, abs=1e-5)


def test_two_phases_are_shown_by_themselves() -> None:
    clip = a_clip(frames=2)
    for shown in windows_of(clip, SIZE, use=WindowUse(frames=7, inputs=4)):
        assert np.ptp(shown.frames, axis=0).max() == 0


def test_lines_are_judged_in_millimetres() -> None:
    clip = a_clip()
    ends = np.full((6, 2, 2), np.nan, np.float32)
    ends[2] = [[10, 12], [30, 12]]
    clip = replace(clip, landmarks={"lvid": ends}, labelled=np.zeros(6, bool), spacing=(0.5, 0.5))
    (shown,) = windows_of(clip, (80, 88), use=WindowUse(frames=3, inputs=2), lines=("lvid",))  # twice the clip's size
    exact = [(round(row), round(column)) for row, column in shown.points]
    np.testing.assert_allclose(shown.points, [[20.5, 24.5], [60.5, 24.5]])
    off = a_judge([shown])(Marks([(exact[0][0] + 8, exact[0][1]), exact[1]]))
    assert set(off) == {"lines_mm"}
    assert off["lines_mm"] == pytest.approx(np.hypot(8, 0) / 2 * 0.5 / 2, abs=0.2)
    assert a_judge([shown]).figure(off) == pytest.approx(-0.02 * off["lines_mm"])


class AlwaysNames(nn.Module):
    """Names one view whatever it sees, and draws nothing."""

    takes_clips = True

    def __init__(self, channel: int) -> None:
        super().__init__()
        self.channel = channel

    def forward(self, frames: torch.Tensor, given: torch.Tensor, asked: torch.Tensor) -> ClipOutput:
        views = torch.zeros(*asked.shape, 5)
        views[..., self.channel] = 1
        return ClipOutput(torch.zeros(*asked.shape, 4, *frames.shape[-2:]), views=views)


def test_views_are_judged_where_they_are_known_even_without_masks() -> None:
    clip = a_clip()
    bare = replace(clip, masks=np.zeros_like(clip.masks), labelled=np.zeros(len(clip), bool))
    clips = [(clip, View.A4C), (bare, View.OTHER), (clip, View.UNKNOWN), (bare, View.UNKNOWN)]
    judge = a_judge([one for c, view in clips for one in windows_of(replace(c, view=view), SIZE, frames=2)])
    assert len(judge.shown) == 6
    assert judge(AlwaysNames(2))["view"] == judge(AlwaysNames(4))["view"] == 0.5
    assert judge(AlwaysNames(0))["view"] == 0
    assert judge.figure({"lv": 0.9, "view": 0.8}) == pytest.approx(0.9 - 0.5 * 0.2)


def test_a_preview_shows_found_and_true(tmp_path) -> None:
    clip = a_clip()
    images = [clip.frames[0], clip.frames[1], clip.frames[2][:, :30]]
    masks = [clip.masks[0], clip.masks[1], clip.masks[2][:, :30]]
    blank = [np.zeros_like(mask) for mask in masks]
    shown = cv2.imread(str(write_preview(tmp_path / "a.png", images, masks, masks)))
    plain = cv2.imread(str(write_preview(tmp_path / "b.png", images, blank, blank)))
    assert shown.shape == plain.shape
    changed = (shown != plain).any(-1).mean()
    assert 0.2 < changed < 0.6
    assert np.ptp(plain.astype(int), axis=-1).max() == 0


def test_what_can_not_be_used_is_said_once() -> None:
    discs = Discs(broken=["disc7"])
    discs.skip("disc9", "it has no mask.")
    gathered = gather.Gathered([Part(discs, discs.entries("train"), 1.0)], [(discs, discs.entries("valid"))])
    gather.make_ready(gathered)
    assert {one.name.split()[0] for one in gather.shown(a_recipe(), gathered, {})} == {"disc6"}
    assert gathered.skipped() == ["2 clips were skipped (disc9, disc7): it has no mask."]


class LongAxis(nn.Module):
    """A network that follows clips and keeps what it is shown."""

    takes_clips = causal = True

    def forward(self, frames: Tensor, input_times: Tensor, output_times: Tensor, long_axis: Tensor) -> ClipOutput:
        self.frames, self.told, self.asked = frames, long_axis.tolist(), output_times.tolist()
        return ClipOutput(torch.zeros(len(frames), 1, 4, *frames.shape[-2:]))


def test_a_network_that_follows_is_shown_the_frames_before_and_told_the_long_axis() -> None:
    clip = a_clip(frames=14)
    shown = windows_of(replace(clip, view=View.A3C), SIZE, follows=True, frames=4)
    every = windows_of(clip, SIZE, frames=14)
    by_frame = [one.frames[0] for one in every]
    late = next(one for one in shown if one.name.endswith(" 9"))
    np.testing.assert_array_equal(late.frames, by_frame[2:10])
    first = next(one for one in shown if one.name.endswith(" 0"))
    np.testing.assert_array_equal(first.frames, by_frame[:1] * FIRST_LOOKS)
    network = LongAxis()
    a_judge([first]).look(network)
    assert network.told == [True] and network.asked == [[1.0]]
    a_judge(windows_of(replace(clip, view=View.A4C), SIZE, follows=True, frames=1)[:1]).look(network)
    assert network.told == [False]


def test_recipes_of_networks_that_follow_have_no_windows() -> None:
    recipe = a_recipe(
        architecture="multi_view_conv_lstm", configuration={"widths": [4, 8]}, window={"inputs": 6, "outputs": 6}
    )
    discs = Discs()
    gathered = gather.Gathered([Part(discs, discs.entries("train"), 1.0)], [(discs, discs.entries("valid"))])
    assert gather.window_use(recipe, gathered) == {}
    assert {len(one.frames) for one in gather.shown(recipe, gathered, {})} > {FIRST_LOOKS}
