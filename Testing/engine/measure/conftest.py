"""Hearts drawn by formula, so that volumes, lengths and phases are known without a phantom."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from EchoODELib.engine.sequence import ClipSource, EchoSequence, Provenance, SegmentedSequence, View
from scipy.interpolate import PchipInterpolator


@dataclass(frozen=True)
class DrawnHeart:
    """A mask of a truncated ellipsoid of revolution with wall and atrium, and what is true of it (mm, mL)."""

    mask: np.ndarray
    volume: float
    length: float
    width: float
    area: float


def draw_heart(
    *,
    shape: tuple[int, int] = (256, 256),
    spacing: tuple[float, float] = (0.7, 0.7),
    centre: tuple[float, float] = (90.0, 95.0),
    semi_length: float = 70.0,
    semi_width: float = 24.0,
    cut: float = 0.35,
    wall: float = 9.0,
    angle: float = 0.0,
    atrium: bool = True,
) -> DrawnHeart:
    """The apex points up at angle 0; ``cut`` is where the mitral plane cuts the long axis."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(float)
    x, y = columns * spacing[1] - centre[0], rows * spacing[0] - centre[1]
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    across, along = c * x + s * y, -s * x + c * y
    plane = cut * semi_length
    cavity = ((across / semi_width) ** 2 + (along / semi_length) ** 2 <= 1) & (along <= plane)
    outer = ((across / (semi_width + wall)) ** 2 + (along / (semi_length + wall)) ** 2 <= 1) & (along <= plane)
    mask = np.zeros(shape, np.uint8)
    mask[outer], mask[cavity] = 2 if wall else 0, 1
    if atrium:
        mask[((across / 20.0) ** 2 + ((along - plane - 18) / 18.0) ** 2 <= 1) & (along > plane)] = 3
    volume = np.pi * semi_width**2 * semi_length * (cut - cut**3 / 3 + 2 / 3) / 1000
    area = semi_width * semi_length * (cut * np.sqrt(1 - cut**2) + np.arcsin(cut) + np.pi / 2)
    width = 2 * semi_width * np.sqrt(1 - cut**2)
    return DrawnHeart(mask, float(volume), semi_length * (1 + cut), float(width), float(area))


def segmented_of(
    masks: Any,
    *,
    rate: float = 50.0,
    spacing: tuple[float, float] | None = (0.7, 0.7),
    view: View = View.A4C,
    **rest: Any,
) -> SegmentedSequence:
    """A clip without an image around masks; further names go to the source or the segmented sequence."""
    masks = np.asarray(masks, np.uint8)
    of_source = {k: rest.pop(k) for k in ("heart_rate", "ed_frame", "es_frame") if k in rest}
    sequence = EchoSequence(
        np.zeros(masks.shape, np.uint8), np.arange(len(masks)) / rate, spacing, view, ClipSource(**of_source)
    )
    return SegmentedSequence(sequence, masks, Provenance("manual"), **rest)


def cycle_state(times: np.ndarray, onsets: np.ndarray) -> np.ndarray:
    """Contraction from 0 (ED) to 1 (ES): ejection in 0.3 s or less, early filling, rest, atrial kick."""
    state = np.zeros_like(times)
    for begin, end in pairwise(onsets):
        inside = (times >= begin) & (times < end)
        cycle = end - begin
        es = min(0.42 * cycle, 0.33 + 0.03 * cycle)
        knots = [0, 0.12 * es, 0.5 * es, es, es + 0.12 * (cycle - es), es + 0.45 * (cycle - es)]
        levels = [0, 0.02, 0.6, 1, 0.97, 0.28]
        knots += [es + 0.75 * (cycle - es), cycle]
        levels += [0.22, 0]
        state[inside] = PchipInterpolator(knots, levels)(times[inside] - begin)
    return state


@pytest.fixture(scope="session")
def a_heart() -> Callable[..., DrawnHeart]:
    return draw_heart


@pytest.fixture(scope="session")
def segmented() -> Callable[..., SegmentedSequence]:
    return segmented_of


@pytest.fixture(scope="session")
def contraction() -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    return cycle_state


@pytest.fixture(scope="session")
def two_beats() -> tuple[np.ndarray, np.ndarray]:
    """(T, H, W) masks of two beats of 0.8 s at 50 Hz, ED at 0, 40 and 80, and their true volumes (mL)."""
    times = np.arange(81) / 50
    state = cycle_state(times, np.array([0.0, 0.8, 1.6, 2.4]))
    hearts = [draw_heart(semi_length=70 - 8 * q, semi_width=24 - 6 * q) for q in state]
    return np.stack([h.mask for h in hearts]), np.array([h.volume for h in hearts])
