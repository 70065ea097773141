"""Which frames are reached from where.

Over a long composition errors add up, so a cycle is not followed from its start to its end. Every
end-diastole is tied to the reference by a registration of its own (*direct* leg of one interval, a small
motion), and from both ends of a beat a leg runs inwards until the two meet at end-systole, where the
difference is shared out (see ``assemble.py``). A guide within a leg pulls on the leg.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

_SHORTEST_BEAT = 0.4  # s; 150 beats a minute
_PROMINENCE = 0.35  # share of the curve's range that a dip towards ED must have


@dataclass(frozen=True)
class Leg:
    """Frames followed one after another, away from a source.

    Attributes
    ----------
    source: the frame that it starts from.
    frames: the frames that it reaches, in order.
    direct: whether the source is the reference and the one frame is another end-diastole.
    """

    source: int
    frames: tuple[int, ...]
    direct: bool = False


@dataclass(frozen=True)
class Plan:
    """All legs over a range of frames.

    Attributes
    ----------
    reference: the frame with the mask.
    anchors: the reference and the other end-diastoles, in order of time.
    direct: one leg per anchor that is not the reference.
    legs: legs from the anchors; every other frame of the range lies on one, a meeting frame on two.
    meetings: pairs of numbers of legs that end in the same frame.
    """

    reference: int
    anchors: tuple[int, ...]
    direct: tuple[Leg, ...]
    legs: tuple[Leg, ...]
    meetings: tuple[tuple[int, int], ...] = field(default=())


def unlikeness(images: NDArray[np.float32], heart: NDArray[np.float32], reference: int) -> NDArray[np.float64]:
    """Mean squared difference of each image (T, h, w) to the reference, weighted by ``heart`` (h, w): (T,)."""
    squared = np.square(images - images[reference])
    return np.asarray((squared * heart).sum((1, 2)) / heart.sum(), np.float64)


def find_end_diastoles(curve: NDArray[np.float64], times: NDArray[np.float64], reference: int) -> tuple[int, ...]:
    """Frames that look like the reference, one a beat, from the unlikeness curve (T,); the reference excluded.

    The reference's own neighbours are alike by their speckle alone, so its dip is ignored within the
    shortest beat.
    """
    if len(curve) < 3:
        return ()
    interval = float(np.median(np.diff(times)))
    smooth = gaussian_filter1d(curve, max(0.6, 0.03 / interval), mode="nearest")
    distance = max(1, round(_SHORTEST_BEAT / interval))
    # A clip that ends in end-diastole has its dip on the border: let the curve rise again beyond.
    padded = np.concatenate([[smooth.max()], smooth, [smooth.max()]])
    height = float(np.percentile(smooth, 90) - smooth.min())
    dips, _ = find_peaks(-padded, distance=distance, prominence=_PROMINENCE * max(height, 1e-12))
    found = [int(d) - 1 for d in dips if abs(int(d) - 1 - reference) >= distance]
    return tuple(found)


def plan_legs(
    frames: range,
    reference: int,
    end_diastoles: Iterable[int] = (),
    end_systoles: Sequence[int] = (),
    guides: Iterable[int] = (),
    curve: NDArray[np.float64] | None = None,
) -> Plan:
    """Lay legs over ``frames`` (step 1) from the reference and the other end-diastoles.

    Two legs meet at the beat's end-systole: the one given, else the guide that is least like the
    reference by ``curve`` (T,), else the frame that is, else the middle.
    """
    anchors = sorted({reference, *(f for f in end_diastoles if f in frames)})
    legs: list[Leg] = []
    meetings: list[tuple[int, int]] = []

    def add(source: int, until: int) -> int:
        step = 1 if until > source else -1
        legs.append(Leg(source, tuple(range(source + step, until + step, step))))
        return len(legs) - 1

    if anchors[0] > frames.start:
        add(anchors[0], frames.start)
    for begin, end in pairwise(anchors):
        if end - begin < 2:
            continue
        between = range(begin + 1, end)
        meet = _meeting(between, end_systoles, tuple(guides), curve)
        meetings.append((add(begin, meet), add(end, meet)))
    if anchors[-1] < frames.stop - 1:
        add(anchors[-1], frames.stop - 1)
    direct = tuple(Leg(reference, (a,), direct=True) for a in anchors if a != reference)
    return Plan(reference, tuple(anchors), direct, tuple(legs), tuple(meetings))


def _meeting(
    between: range, end_systoles: Sequence[int], guides: Sequence[int], curve: NDArray[np.float64] | None
) -> int:
    for candidates in ([f for f in end_systoles if f in between], [f for f in guides if f in between], list(between)):
        if candidates and curve is not None:
            return max(candidates, key=lambda f: float(curve[f]))
        if candidates:
            return candidates[len(candidates) // 2]
    raise AssertionError("a beat of two frames or more has a frame between its ends")
