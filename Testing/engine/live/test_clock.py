"""Keeping time, with a clock of our own: never behind, frames that are let go are counted."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest
from EchoODELib.engine.live.clock import FrameSkipper, LiveClock


class Now:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def play(times, cost, *, speed=1.0, rounds=1):
    """Take every frame that is due, each costing ``cost(k)`` seconds, until the clip is over."""
    now = Now()
    clock = LiveClock(times, speed=speed, rounds=rounds, now=now)
    taken, k = [], 0
    while not clock.over:
        due = clock.due()
        assert due is not None
        taken.append((now.time - 100.0, due))
        now.time += cost(k)
        k += 1
        if not clock.over:
            now.time += clock.wait
    return clock, taken


def test_who_is_quick_enough_gets_every_frame_at_its_time():
    times = np.arange(60) / 30
    clock, taken = play(times, lambda _: 0.02)
    assert [due.frame for _, due in taken] == list(range(60))
    np.testing.assert_allclose([at for at, _ in taken], times, atol=1e-6)
    assert (clock.shown, clock.dropped) == (60, 0)


@pytest.mark.parametrize("cost", [0.05, 0.21, 1.7])
def test_who_is_slow_never_falls_behind(cost):
    times = np.arange(90) / 30
    clock, taken = play(times, lambda _: cost)
    for at, due in taken:
        newest = min(math.floor(at * 30 + 1e-6), 89)
        assert due.frame == newest
    assert clock.shown + clock.dropped == 90
    assert clock.dropped > 0
    assert sum(due.skipped for _, due in taken) == clock.dropped
    assert taken[-1][1].frame == 89


def test_one_slow_frame_costs_the_frames_of_its_time_and_no_more():
    _, taken = play(np.arange(30) / 30, lambda k: 0.11 if k == 5 else 0.01)
    assert [due.skipped for _, due in taken if due.skipped] == [2]
    assert [due.frame for _, due in taken if due.skipped] == [8]


def test_uneven_times_other_speeds_and_rounds():
    times = [3.0, 3.1, 3.5, 3.6]
    clock, taken = play(times, lambda _: 0.0, speed=0.5, rounds=2)
    assert [due.frame for _, due in taken] == [0, 1, 2, 3] * 2
    # The last frame stands as long as frames usually do, 0.1 s; the second round's times rise on.
    np.testing.assert_allclose([due.time for _, due in taken], [0, 0.1, 0.5, 0.6, 0.7, 0.8, 1.2, 1.3], atol=1e-9)
    np.testing.assert_allclose([at for at, _ in taken], [2 * due.time for _, due in taken], atol=1e-6)
    assert clock.wait == math.inf


def test_nothing_is_due_twice_and_a_clip_may_play_for_ever():
    now = Now()
    clock = LiveClock([0.0, 0.1], rounds=math.inf, now=now)
    assert clock.due().frame == 0
    assert clock.due() is None
    assert clock.wait == pytest.approx(0.1)
    now.time += 1000.0
    assert clock.due() is not None
    assert not clock.over
    clock.start()
    assert clock.due().frame == 0


@pytest.mark.parametrize("wrong", [{"times": []}, {"times": [0.0], "speed": 0.0}, {"times": [0.0], "rounds": 0}])
def test_what_can_not_play_is_refused(wrong):
    with pytest.raises(ValueError, match="can't play"):
        LiveClock(**wrong)


def test_the_newest_frame_wins_and_the_others_are_counted():
    place = FrameSkipper()
    assert place.take() is None
    for frame in range(5):
        place.offer(frame)
    assert place.take() == 4
    assert place.take() is None
    assert (place.shown, place.dropped) == (1, 4)
    place.offer(9)
    place.close()
    assert not place.closed
    assert place.take(None) == 9
    assert place.closed
    assert place.take(None) is None


def test_who_waits_gets_the_frame_that_comes():
    place = FrameSkipper()
    found = []
    waiting = threading.Thread(target=lambda: found.append(place.take(5.0)))
    waiting.start()
    place.offer("frame")
    waiting.join(5.0)
    assert found == ["frame"]
