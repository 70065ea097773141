"""Heart beats as they pass: end-diastole, end-systole, EF and volumes of each, a moment after it has ended.

The same rules as for a whole clip (:mod:`..measure.phases`, :mod:`..measure.volume`) look at the last seconds again and
again. A beat has ended when the LV has begun to contract once more: an end-diastole is known by what follows it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import UnsuitableClip, UnsuitableMask
from ..measure.area import fractional_area_change
from ..measure.beats import Span, add, pair_beats, summarise
from ..measure.contour import trace_lv
from ..measure.phases import Phases, PhaseSettings, find_phases
from ..measure.quantities import add_rhythm, add_volumes
from ..measure.volume import simpson_single_plane
from ..sequence import Beat, Quantity, Summary, View

Array = NDArray[np.float64]

# Long enough for two beats of a slow heart; the curve is read anew so often.
_WINDOW_SECONDS, _EVERY_SECONDS, _MOST_FRAMES = 6.0, 0.1, 1200
# A longer pause than this, or a step back in time, begins a new curve.
_PAUSE_SECONDS = 1.0
# An end-diastole may move by so much while the curve goes on.
_SHIFT_SECONDS = 0.15
_BEATS_KEPT = 100
# Of a beat: where a slow machine drops more, ED and ES lie beside what was seen, and EF comes out too small.
_FEWEST_FRAMES = 8


@dataclass(frozen=True)
class LiveBeat:
    """One heart beat that has ended.

    Attributes
    ----------
    number: counted from 1.
    ed_time, es_time, next_ed_time: seconds, as the frames' times were given.
    quantities: keyed as in :func:`~..measure.measure`: end_diastolic_area, end_systolic_area, fractional_area_change,
        cycle_length, heart_rate; in apical views ejection_fraction (Simpson's discs in this one plane), and where the
        pixel size is known end_diastolic_volume, end_systolic_volume, stroke_volume, cardiac_output.
    """

    number: int
    ed_time: float
    es_time: float
    next_ed_time: float
    quantities: Mapping[str, Quantity]


@dataclass
class _Seen:
    """A frame: its time, the LV's area, and what of its mask (rows, columns) is not empty, with its first row and
    column; None once no beat can need it."""

    time: float
    area: float
    mask: tuple[int, int, NDArray[np.uint8]] | None


class BeatByBeat:
    """Finds beats in a stream of areas and masks, in memory that doesn't grow with it.

    Parameters
    ----------
    spacing: (row, column) mm per pixel of the masks; None when uncalibrated: then there are no volumes.
    view: EF and volumes are left out in views that are not apical.
    settings: how ED and ES are found.

    Attributes
    ----------
    count: beats that have ended since the beginning.
    """

    def __init__(
        self,
        spacing: tuple[float, float] | None = None,
        view: View = View.UNKNOWN,
        settings: PhaseSettings | None = None,
    ) -> None:
        self._spacing, self._settings = spacing, settings or PhaseSettings()
        self._apical = view not in (View.PLAX, View.OTHER)
        self._unit = "px²" if spacing is None else "mm²"
        self._seen: deque[_Seen] = deque(maxlen=_MOST_FRAMES)
        self._beats: deque[LiveBeat] = deque(maxlen=_BEATS_KEPT)
        self.count = 0
        self._read_at = self._ended_at = -math.inf

    def feed(self, time: float, area: float, mask: NDArray[np.uint8] | None = None) -> tuple[LiveBeat, ...]:
        """Take the next frame; the beats that have ended by it, usually none.

        Parameters
        ----------
        time: seconds; a step back or a pause of more than a second begins a new curve.
        area: of the LV, in mm², or px² when uncalibrated; NaN where there is none.
        mask: (H, W) of :class:`~..sequence.Label` values; without masks there are no volumes and no EF.
        """
        if self._seen and not 0 < time - self._seen[-1].time <= _PAUSE_SECONDS:
            self._begin_curve()
        self._seen.append(_Seen(time, area, None if mask is None else _cut(mask)))
        while time - self._seen[0].time > _WINDOW_SECONDS:
            self._seen.popleft()
        if time - self._read_at < _EVERY_SECONDS:
            return ()
        self._read_at = time
        return self._ended()

    @property
    def curve(self) -> tuple[Array, Array]:
        """(n,) seconds and (n,) areas of the last seconds."""
        return np.array([one.time for one in self._seen]), np.array([one.area for one in self._seen])

    @property
    def beats(self) -> tuple[LiveBeat, ...]:
        """The last hundred beats at most, the newest last."""
        return tuple(self._beats)

    @property
    def summary(self) -> Mapping[str, Summary]:
        """Mean and SD of each quantity over :attr:`beats`."""
        return summarise([Beat(0, 0, None, beat.quantities) for beat in self._beats])

    def reset(self) -> None:
        """Forget all: curve, beats and their number."""
        self._begin_curve()
        self._beats.clear()
        self.count = 0

    def _begin_curve(self) -> None:
        self._seen.clear()
        self._read_at = self._ended_at = -math.inf

    def _ended(self) -> tuple[LiveBeat, ...]:
        """Beats that the last look did not know of yet."""
        times, areas = self.curve
        try:
            phases = find_phases(areas, times, settings=self._settings)
        except (UnsuitableClip, UnsuitableMask):
            return ()
        found = []
        for span in pair_beats(phases.ed_frames, phases.es_frames, phases.smoothed):
            if self._is_new(span, times) and _contracts_after(span.next_ed_frame, phases, self._settings.swing):
                found.append(self._beat(span, times, areas))
        for one in self._seen:
            if one.time >= self._ended_at - _SHIFT_SECONDS:
                break
            one.mask = None
        return tuple(found)

    def _is_new(self, span: Span, times: Array) -> bool:
        end = -math.inf if span.next_ed_frame is None else float(times[span.next_ed_frame])
        return bool(
            (span.next_ed_frame or 0) - span.ed_frame >= _FEWEST_FRAMES
            and times[span.ed_frame] >= self._ended_at - _SHIFT_SECONDS
            and end >= self._ended_at + self._settings.shortest_cycle
        )

    def _beat(self, span: Span, times: Array, areas: Array) -> LiveBeat:
        known = np.flatnonzero(np.isfinite(areas))
        ed, es = (int(known[np.argmin(np.abs(known - frame))]) for frame in (span.ed_frame, span.es_frame))
        quantities: dict[str, Quantity] = {}
        add(quantities, "end_diastolic_area", float(areas[ed]), self._unit)
        add(quantities, "end_systolic_area", float(areas[es]), self._unit)
        add(quantities, "fractional_area_change", fractional_area_change(float(areas[ed]), float(areas[es])), "%")
        masks = [self._seen[frame].mask for frame in (ed, es)]
        if self._apical and masks[0] is not None and masks[1] is not None:
            cubes = simpson_single_plane(trace_lv(_stacked(masks[0], masks[1]), self._spacing))
            add_volumes(quantities, Span(0, 1, None), cubes, calibrated=self._spacing is not None)
        next_ed = -1 if span.next_ed_frame is None else span.next_ed_frame
        cycle = float(times[next_ed] - times[span.ed_frame])
        add_rhythm(quantities, span, times, 60.0 / cycle)
        self._ended_at = float(times[next_ed])
        self.count += 1
        beat = LiveBeat(self.count, float(times[span.ed_frame]), float(times[es]), self._ended_at, quantities)
        self._beats.append(beat)
        return beat


def _contracts_after(ed_frame: int | None, phases: Phases, swing: float) -> bool:
    """Whether the LV has clearly begun to shrink after an end-diastole."""
    if ed_frame is None:
        return False
    curve = phases.smoothed
    low, high = np.percentile(curve, (2, 98))
    return bool(curve[ed_frame] - curve[ed_frame:].min() >= swing * (high - low))


def _cut(mask: NDArray[np.uint8]) -> tuple[int, int, NDArray[np.uint8]] | None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    row, column = int(rows[0]), int(columns[0])
    return row, column, mask[row : int(rows[-1]) + 1, column : int(columns[-1]) + 1].copy()


def _stacked(*cuts: tuple[int, int, NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """What was cut out of frames, on frames just large enough for all."""
    row0, column0 = min(row for row, _, _ in cuts), min(column for _, column, _ in cuts)
    rows = max(row + len(part) for row, _, part in cuts) - row0
    columns = max(column + part.shape[1] for _, column, part in cuts) - column0
    stack = np.zeros((len(cuts), rows, columns), np.uint8)
    for whole, (row, column, part) in zip(stack, cuts, strict=True):
        whole[row - row0 : row - row0 + len(part), column - column0 : column - column0 + part.shape[1]] = part
    return stack
