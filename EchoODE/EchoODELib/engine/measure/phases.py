"""End-diastole and end-systole from the LV area (or volume) over time.

End-diastole is the frame with the largest LV before it contracts, end-systole the one with the smallest
(Lang et al., J Am Soc Echocardiogr 2015;28:1-39). The curve is smoothed by a Savitzky-Golay filter and
read by its swings: a turning point counts when the curve leaves it by a share of the clip's amplitude.
The latent Echo-ODE paper fixes the filter at 13 frames and order 3 and names that as a weakness; here the
width is a share of the heart cycle, found from the curve itself in a first pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.signal import savgol_filter

from ..errors import UnsuitableClip, UnsuitableMask

Array = NDArray[np.float64]

# Seconds: while both valves are closed the volume stands still, and what remains is noise.
_PLATEAU = 0.035


@dataclass(frozen=True)
class PhaseSettings:
    """How ED and ES are found.

    Attributes
    ----------
    smoothing: "adaptive" (width from frame rate and heart rate), "paper" (13 frames, order 3) or "none".
    order: polynomial order of the filter.
    cycle_share: adaptive width as a share of the heart cycle.
    swing: a turning point counts when the curve leaves it by this share of the clip's amplitude.
    edge_level: a turning point at the clip's first or last frame counts when it goes this far (1 = as
        far) as the clip's other ones; else the clip is taken to begin or end between phases. Where the
        curve has already slowed down, 0.1 less is enough.
    shortest_cycle: seconds; two EDs are never closer.
    """

    smoothing: Literal["adaptive", "paper", "none"] = "adaptive"
    order: int = 3
    cycle_share: float = 0.22
    swing: float = 0.2
    edge_level: float = 0.95
    shortest_cycle: float = 0.28


@dataclass(frozen=True)
class Phases:
    """What :func:`find_phases` found.

    Attributes
    ----------
    ed_frames, es_frames: 0-based, increasing.
    smoothed: (T,) the filtered curve.
    width: frames of the filter, 1 without one.
    cycle: seconds from beat to beat (median), None with less than a beat.
    """

    ed_frames: tuple[int, ...]
    es_frames: tuple[int, ...]
    smoothed: Array
    width: int
    cycle: float | None


def find_phases(
    values: Array,
    times: Array,
    *,
    settings: PhaseSettings = PhaseSettings(),
    heart_rate: float | None = None,
) -> Phases:
    """Find every ED and ES in a curve of LV size.

    Clips shorter than a beat give the largest and the smallest frame; a clip that begins or ends between
    phases does not turn its first or last frame into one.

    Parameters
    ----------
    values: (T,) LV area or volume; NaN where unknown, bridged in a straight line.
    times: (T,) seconds, increasing.
    settings: see :class:`PhaseSettings`.
    heart_rate: beats per minute if known, used for the filter's width where the clip is too short to tell.

    Raises
    ------
    UnsuitableClip: fewer than two frames, or lengths that differ.
    UnsuitableMask: no value in any frame, or a size that never changes.
    """
    values, times = np.asarray(values, float), np.asarray(times, float)
    if values.ndim != 1 or values.shape != times.shape or len(values) < 2:
        raise UnsuitableClip("ED and ES can't be told from a single frame; load a clip of at least two frames.")
    known = np.isfinite(values)
    if not known.any():
        raise UnsuitableMask("The LV is empty on every frame; segment the clip first.")
    step = float(np.median(np.diff(times)))
    grid = np.arange(int(np.floor((times[-1] - times[0]) / step + 0.5)) + 1) * step + times[0]
    even = len(grid) == len(times) and np.allclose(grid, times, atol=0.1 * step)
    curve = np.interp(times if even else grid, times[known], values[known])
    grid = times if even else grid
    curve = _without_spikes(curve)
    if np.ptp(curve) <= 1e-3 * np.abs(curve).max():
        raise UnsuitableMask("The LV's size never changes, so ED and ES can't be found; give them by hand.")

    cycle = 60.0 / heart_rate if heart_rate else None
    width = _filter_width(settings, step, cycle, len(curve))
    turns = _turning_points(_smooth(curve, width, settings.order), step, settings)
    if settings.smoothing == "adaptive":
        found = _cycle(turns, step)
        if found is not None:
            width = _filter_width(settings, step, found, len(curve))
            turns = _turning_points(_smooth(curve, width, settings.order), step, settings)
    smooth = _smooth(curve, width, settings.order)
    peaks = _refine(turns, curve, width, settings.order)
    peaks = _onto_plateau_start(peaks, _smooth(curve, min(width, 5), settings.order), round(_PLATEAU / step))

    def frames(kind: int) -> tuple[int, ...]:
        return tuple(sorted({int(np.argmin(np.abs(times - grid[i]))) for i, k in peaks if k == kind}))

    smoothed = smooth if even else np.interp(times, grid, smooth)
    return Phases(frames(1), frames(-1), smoothed, width, _cycle(turns, step))


def _without_spikes(curve: Array) -> Array:
    """Replace single frames that leap far out of their neighbourhood (a mask that collapsed)."""
    if len(curve) < 7:
        return curve
    local = ndimage.median_filter(curve, 5, mode="nearest")
    off = np.abs(curve - local)
    low, high = np.percentile(curve, (5, 95))
    spike = off > max(0.3 * (high - low), 6.0 * float(np.median(off)))
    return np.where(spike, local, curve)


def _filter_width(settings: PhaseSettings, step: float, cycle: float | None, length: int) -> int:
    """Odd number of frames, at most the clip's length; 1 means no filter."""
    if settings.smoothing == "none":
        return 1
    # Before anything is known: the paper's 13 frames at its clips' 50 Hz, as a time.
    frames = 13.0 if settings.smoothing == "paper" else settings.cycle_share * (cycle or 1.0) / step
    width = max(int(np.ceil(settings.order + 2)), round(frames)) | 1
    longest = length if length % 2 else length - 1
    width = min(width, longest)
    return width if width > settings.order else 1


def _smooth(curve: Array, width: int, order: int) -> Array:
    if width <= order:
        return curve
    smooth: Array = savgol_filter(curve, width, order, mode="interp")
    return smooth


def _turning_points(curve: Array, step: float, settings: PhaseSettings) -> list[tuple[int, int]]:
    """(index, +1 for ED or -1 for ES) of the curve's swings, alternating."""
    low, high = np.percentile(curve, (2, 98))
    turns = _zigzag(curve, settings.swing * float(high - low))
    turns = _merge_close(turns, curve, settings.shortest_cycle / step)
    return _drop_partial_ends(turns, curve, settings.edge_level)


def _zigzag(curve: Array, swing: float) -> list[tuple[int, int]]:
    """Alternating extremes that the curve leaves by at least ``swing``, both ends included."""
    top = bottom = 0
    direction = 0
    turns: list[tuple[int, int]] = []
    for i, value in enumerate(curve):
        if value >= curve[top]:  # the last of equals: ED is the onset of contraction
            top = i
        if value < curve[bottom]:
            bottom = i
        if direction >= 0 and curve[top] - value >= swing and top < i:
            turns.append((top, 1))
            direction, bottom, top = -1, i, i
        elif direction <= 0 and value - curve[bottom] >= swing and bottom < i:
            turns.append((bottom, -1))
            direction, bottom, top = 1, i, i
    if turns:
        turns.append((top, 1) if direction > 0 else (bottom, -1))
    return turns


def _merge_close(turns: list[tuple[int, int]], curve: Array, shortest: float) -> list[tuple[int, int]]:
    """Undo the smallest swing while two turns of one kind are closer than a heart can beat."""
    turns = list(turns)
    while len(turns) > 3:
        gaps = [turns[k + 2][0] - turns[k][0] for k in range(len(turns) - 2)]
        close = [k for k, gap in enumerate(gaps) if gap < shortest]
        if not close:
            break
        swings = {k: abs(curve[turns[k + 1][0]] - curve[turns[k][0]]) for c in close for k in (c, c + 1)}
        weakest = min(swings, key=lambda k: swings[k])
        # At the ends one turn goes, inside both ends of the swing go, so that the kinds still alternate.
        if weakest == 0:
            del turns[0]
        elif weakest == len(turns) - 2:
            del turns[-1]
        else:
            del turns[weakest : weakest + 2]
    return turns


def _drop_partial_ends(turns: list[tuple[int, int]], curve: Array, edge_level: float) -> list[tuple[int, int]]:
    """Drop the first and last turn where the clip merely begins or ends between phases."""
    kept = list(turns)
    for end in (0, -1):
        if len(kept) < 3:
            break
        index, kind = kept[end]
        peers = [curve[i] for i, k in turns if k == kind and i != index]
        others = [curve[i] for i, k in turns if k == -kind]
        if not peers or not others:
            continue
        reference, base = float(np.median(peers)), float(np.median(others))
        reached = (curve[index] - base) / (reference - base) if reference != base else 1.0
        at_edge = index <= 1 or index >= len(curve) - 2
        slope = np.abs(np.diff(curve))
        slowed = slope[end] < 0.35 * slope.max()
        # A turn that the clip shows from both sides may belong to a weaker beat.
        needed = edge_level - 0.1 * slowed if at_edge else 0.5 * edge_level
        if reached < needed:
            del kept[end]
    return kept


def _cycle(turns: list[tuple[int, int]], step: float) -> float | None:
    """Median time between turns of one kind, in seconds; ES to ES is sharper than ED to ED."""
    for kind in (-1, 1):
        at = [i for i, k in turns if k == kind]
        if len(at) >= 2:
            return float(np.median(np.diff(at))) * step
    return None


def _refine(turns: list[tuple[int, int]], curve: Array, width: int, order: int) -> list[tuple[int, int]]:
    """Move each turn to the extreme of less and less smoothed curves.

    The wide filter tells which turns are real, but pulls them towards the flatter side. Its half, and
    the half of that, place them better, as long as the noise that they let through stays below 0.5 % of
    the amplitude.
    """
    noise = 0.0
    if len(curve) > 4:
        # Third differences see no smooth curve; white noise comes out of them sqrt(20) times as large.
        noise = float(np.median(np.abs(np.diff(curve, 3)))) / 0.6745 / np.sqrt(20.0)
    amplitude = float(np.ptp(curve))
    while width > order + 2:
        reach = max(1, width // 4)
        width = max(order + 2, width // 2) | 1
        # The middle of a quadratic or cubic Savitzky-Golay filter passes noise by about 1.5 / sqrt(width).
        if noise * 1.5 / np.sqrt(width) > 0.005 * amplitude and width < 7:
            break
        narrow = _smooth(curve, width, order)
        turns = [(_extreme_near(index, kind, narrow, reach), kind) for index, kind in turns]
        if noise * 1.5 / np.sqrt(width) > 0.005 * amplitude:
            break
    return turns


def _onto_plateau_start(turns: list[tuple[int, int]], curve: Array, reach: int) -> list[tuple[int, int]]:
    """Move ED to the onset of contraction: the first frame of the isovolumic plateau, where the curve is within
    1 % of its amplitude of the peak. Relaxation has a clearer low, so ES stays."""
    slack = 0.01 * float(np.ptp(curve))
    moved = []
    for index, kind in turns:
        first = max(0, index - reach) if kind > 0 else index
        near = curve[first : index + 1] >= curve[index] - slack
        moved.append((first + int(np.argmax(near)), kind))
    return moved


def _extreme_near(index: int, kind: int, curve: Array, reach: int) -> int:
    first = max(0, index - reach)
    return first + int(np.argmax(kind * curve[first : index + reach + 1]))
