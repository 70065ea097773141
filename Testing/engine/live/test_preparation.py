"""Sector and brightness of a stream: found on its first frames, followed when gain and depth are turned."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from EchoODELib.engine.combination import FittedClip
from EchoODELib.engine.live.preparation import LivePreparation
from EchoODELib.engine.phantom import PhantomSettings, simulate
from EchoODELib.engine.sector import find_sector
from EchoODELib.engine.sequence import ClipSource

SIZE = (64, 72)


@pytest.fixture(scope="module")
def a_clip():
    return simulate(PhantomSettings(frames=30, size=96, frame_rate=30, beats=1.0, overlays=True, seed=4)).sequence


def overlap(first, second):
    return (first & second).sum() / (first | second).sum()


def led(preparation, frames, start=0.0, rate=30.0):
    """Frames go through; the numbers of those at which the sector changed."""
    changes = []
    for number, frame in enumerate(frames):
        if preparation.follow(frame, start + number / rate):
            changes.append(number)
        preparation.input(frame, 1 / rate)
    return changes


def test_on_all_frames_of_a_clip_it_is_the_clips_own_preparation(a_clip):
    preparation = LivePreparation(SIZE, a_clip.spacing, adapt=False)
    preparation.begin(a_clip.frames)
    whole = FittedClip(a_clip, find_sector(a_clip), SIZE)
    assert preparation.fit == whole.fit
    np.testing.assert_allclose(preparation.input(a_clip.frames[7], 0.03), whole([7])[0], atol=1e-5)
    assert led(preparation, a_clip.frames) == []


def test_from_a_single_frame_it_finds_the_sector_and_betters_it(a_clip):
    whole = find_sector(a_clip).mask
    preparation = LivePreparation(SIZE, None, adapt=True)
    # Graphics that are joined to the tissue on a still are told from it once they are seen to stand still.
    first = a_clip.frames[0].copy()
    stuck = np.zeros(a_clip.shape, np.uint8)
    stuck[60:90, 60:94] = np.random.default_rng(0).integers(80, 200, (30, 34))
    preparation.begin(np.maximum(first, stuck)[None])
    before = overlap(preparation.sector.mask, whole)
    led(preparation, [np.maximum(frame, stuck) for frame in np.concatenate([a_clip.frames] * 3)])
    assert overlap(preparation.sector.mask, whole) > max(0.93, before)


def test_brightness_follows_the_gain(a_clip):
    preparation = LivePreparation(SIZE, None, adapt=True)
    preparation.begin(a_clip.frames)
    before = preparation.statistics
    darker = (a_clip.frames * 0.5).astype(np.uint8)
    led(preparation, np.concatenate([darker] * 8))
    assert preparation.statistics[0] == pytest.approx(0.5 * before[0], rel=0.15)
    assert preparation.statistics[1] == pytest.approx(0.5 * before[1], rel=0.15)
    # So a network sees much the same.
    fixed = LivePreparation(SIZE, None, adapt=False)
    fixed.begin(a_clip.frames)
    brighter, same = fixed.input(a_clip.frames[0], 0.03), preparation.input(darker[0], 0.03)
    assert np.abs(brighter - same).mean() < 0.1


def test_another_depth_is_taken_up_once_two_looks_agree(a_clip):
    preparation = LivePreparation(SIZE, None, adapt=True)
    preparation.begin(a_clip.frames)
    assert led(preparation, np.concatenate([a_clip.frames] * 5)) == []
    small = np.zeros_like(a_clip.frames)
    for frame, onto in zip(a_clip.frames, small, strict=True):
        onto[8:68, 20:80] = cv2.resize(frame, (60, 60), interpolation=cv2.INTER_AREA)
    changes = led(preparation, np.concatenate([small] * 6), start=5.0)
    assert len(changes) == 1
    assert changes[0] < 180
    box = preparation.sector.box
    assert box[1] - box[0] < 64


def test_a_frozen_picture_changes_nothing(a_clip):
    preparation = LivePreparation(SIZE, None, adapt=True)
    preparation.begin(a_clip.frames)
    known = preparation.sector
    assert led(preparation, np.repeat(a_clip.frames[:1], 160, 0)) == []
    assert preparation.sector is known


def test_boxes_that_a_file_names_are_kept_to(a_clip):
    preparation = LivePreparation(SIZE, None, adapt=True)
    preparation.begin(a_clip.frames, ClipSource(region=(0, 96, 30, 96), overlays=((0, 20, 0, 96),)))
    assert not preparation.sector.mask[:, :30].any()
    led(preparation, np.concatenate([a_clip.frames] * 3))
    assert not preparation.sector.mask[:20].any()
