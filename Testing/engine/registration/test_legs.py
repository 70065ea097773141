"""Which frames are reached from where."""

from __future__ import annotations

import numpy as np
import pytest
from EchoODELib.engine.registration.legs import find_end_diastoles, plan_legs, unlikeness


def covered(plan) -> list[int]:
    return sorted({plan.reference, *plan.anchors, *(f for leg in plan.legs for f in leg.frames)})


@pytest.mark.parametrize(
    ("frames", "reference", "eds", "ess"),
    [
        (range(30), 0, (), ()),
        (range(30), 29, (), ()),
        (range(30), 12, (), (20,)),
        (range(60), 3, (28, 55), (14, 41)),
        (range(60), 28, (3, 55), (14, 41)),
        (range(5, 20), 7, (2, 18), (12,)),
        (range(10), 4, (5,), ()),
        (range(2), 0, (1,), ()),
    ],
)
def test_every_frame_is_reached(frames: range, reference: int, eds: tuple, ess: tuple) -> None:
    plan = plan_legs(frames, reference, eds, ess)
    assert covered(plan) == list(frames)
    for leg in plan.legs:
        assert leg.source in plan.anchors
        steps = set(np.diff((leg.source, *leg.frames)).tolist())
        assert steps in ({1}, {-1})
    for first, second in plan.meetings:
        assert plan.legs[first].frames[-1] == plan.legs[second].frames[-1]
        assert plan.legs[first].source < plan.legs[second].source
    assert {leg.frames[0] for leg in plan.direct} == set(plan.anchors) - {reference}


def test_legs_meet_at_end_systole_else_at_a_guide_else_where_unlike() -> None:
    curve = np.abs(np.sin(np.linspace(0, np.pi, 21)))
    curve[15] = 2.0
    assert plan_legs(range(21), 0, (20,), (8,), (5,), curve).legs[0].frames[-1] == 8
    assert plan_legs(range(21), 0, (20,), (), (5,), curve).legs[0].frames[-1] == 5
    assert plan_legs(range(21), 0, (20,), (), (), curve).legs[0].frames[-1] == 15
    assert plan_legs(range(21), 0, (20,)).legs[0].frames[-1] == 10


def test_end_diastoles_are_found_once_a_beat() -> None:
    times = np.arange(90) / 30.0
    curve = 1 - np.cos(2 * np.pi * times / 0.9)
    assert find_end_diastoles(curve, times, 0) == (27, 54, 81)
    assert 0 in find_end_diastoles(curve, times, 27)
    assert find_end_diastoles(curve[:20], times[:20], 0) == ()
    assert find_end_diastoles(curve[:2], times[:2], 0) == ()
    ends_there = find_end_diastoles(curve[:55], times[:55], 0)
    assert ends_there[-1] == 54


def test_unlikeness_is_weighted_by_the_heart() -> None:
    images = np.zeros((3, 4, 4), np.float32)
    images[1, 0, 0], images[2, 3, 3] = 1, 1
    heart = np.zeros((4, 4), np.float32)
    heart[3, 3] = 2
    np.testing.assert_allclose(unlikeness(images, heart, 0), [0, 0, 1])
