"""Where the endocardium ends at the mitral annulus, along a closed contour of the cavity."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def hinge_positions(contour: Array, lead: Array | None, base: Array) -> tuple[float, float, bool]:
    """Find where the base begins and ends along the closed contour.

    Parameters
    ----------
    contour: (N, 2) closed contour (x, y).
    lead: (N,) how far the wall outweighs the rest behind each point, negative where it does not; None
        without myocardium.
    base: (2,) unit vector from the cavity to its base.

    Returns
    -------
    Begin and end as fractional indices, and whether the myocardium decided both.

    Each hinge must lie on the basal half of the whitened cavity, on its own side; where the wall is
    missing too far up (drop-out, sector edge) the corner of the cavity takes its place.
    """
    points = len(contour)
    centred = contour - contour.mean(axis=0)
    across = np.array([-base[1], base[0]])
    along_axis, off_axis = centred @ base, centred @ across
    along_axis = along_axis / along_axis.std()
    off_axis = off_axis / off_axis.std()
    corners = [int(np.argmax(along_axis + side * off_axis)) for side in (-1.0, 1.0)]
    # The base is passed from the first to the last when walking in contour order.
    first, last = corners if _base_between(along_axis, corners[0], corners[1]) else corners[::-1]
    start, end, decided = float(first), float(last), False
    if lead is not None:
        angle_of = np.degrees(np.arctan2(np.abs(off_axis), along_axis))
        run = _basal_run(_without_slivers(lead, angle_of), along_axis)
        if run is not None:
            found = [_plausible(position, angle_of) for position in run]
            start = run[0] if found[0] else start
            end = run[1] if found[1] else end
            decided = all(found)
    if (end - start) % points < 2:
        start, end, decided = float(first), float(last), False
    return start, end, decided


def _plausible(position: float, angle_of: Array) -> bool:
    """Whether a hinge lies within 80 degrees of the base's direction in the whitened cavity."""
    return bool(angle_of[round(position) % len(angle_of)] < 80.0)


def _base_between(along_axis: Array, first: int, last: int) -> bool:
    """Whether the way from ``first`` on to ``last`` in contour order is the basal one."""
    forward = np.arange(first, first + (last - first) % len(along_axis) + 1) % len(along_axis)
    backward = np.arange(last, last + (first - last) % len(along_axis) + 1) % len(along_axis)
    return bool(along_axis[forward].mean() >= along_axis[backward].mean())


def _without_slivers(lead: Array, angle_of: Array) -> Array:
    """Take wall that lies wholly across the base (a thin seam between cavity and atrium) for rest."""
    wall = lead >= 0
    starts = np.flatnonzero(wall & ~np.roll(wall, 1))
    ends = np.flatnonzero(wall & ~np.roll(wall, -1))
    if not len(starts):
        return lead
    if ends[0] < starts[0]:
        ends = np.roll(ends, -1)
    cleaned = lead.copy()
    for first, last in zip(starts.tolist(), ends.tolist(), strict=True):
        members = np.arange(first, first + (last - first) % len(lead) + 1) % len(lead)
        if angle_of[members].max() < 60.0:
            cleaned[members] = -np.abs(lead[members]) - 1e-6
    return cleaned


def _basal_run(lead: Array, along_axis: Array) -> tuple[float, float] | None:
    """The stretch without wall behind it that faces the base most, as fractional indices."""
    points = len(lead)
    bare = lead < 0
    if bare.all() or not bare.any():
        return None
    starts = np.flatnonzero(bare & ~np.roll(bare, 1))
    ends = np.flatnonzero(bare & ~np.roll(bare, -1))
    if ends[0] < starts[0]:
        ends = np.roll(ends, -1)
    best: tuple[int, int] | None = None
    best_score = 0.0
    for first, last in zip(starts.tolist(), ends.tolist(), strict=True):
        members = np.arange(first, first + (last - first) % points + 1) % points
        score = float(np.maximum(along_axis[members], 0).sum())
        if score > best_score:
            best, best_score = (first, last), score
    if best is None:
        return None
    start, end = best
    before, after = lead[start - 1], lead[(end + 1) % points]
    return start - before / (before - lead[start]), end + lead[end] / (lead[end] - after)
