"""Which overlapping windows of a clip a clip network sees, and how their results are blended along time.

A network that was trained on windows of a few frames sees a long clip through such windows. A window covers the
same part of a beat as in training, whatever the frame rate: its length is a time, and its frames are those that
fall into it. Where two windows overlap, the weight of one falls from 1 to 0 while the other's rises, linearly in
time and not in frames, so that the blend is continuous at any moment, also between frames and at irregular times.

Frames that a film's motion doesn't connect are looked at one by one, as a window that stands still: single frames,
clips of fewer than five frames (an end-diastole and an end-systole, say), and neighbours further apart than a
window is long.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import WeightsError

#: Fewer frames than this are phases of a beat rather than a film: they are neither windowed nor mixed.
ENOUGH_FRAMES = 5
# Where in a window that stands still its result is taken: as far from its first input as from its last.
_MIDDLE = 0.5


@dataclass(frozen=True)
class WindowUse:
    """How a clip network's windows were in training, and how far apart they are put.

    Attributes
    ----------
    frames: frames of a training window, 2 or more.
    inputs: how many of them, evenly spread from the first to the last, the network sees; 2 to ``frames``.
    stride: frames of a training window from one window's start to the next; 1 to ``frames - 1``, so that neighbours
        share a frame. Both see the time between their first and last shared frames.
    seconds: mean duration of a training window, first to last frame; None takes the clip's own ``frames``.
    """

    frames: int = 7
    inputs: int = 4
    stride: int = 4
    seconds: float | None = None

    @classmethod
    def of_card(cls, use: Mapping[str, Any]) -> WindowUse:
        """What a model card's ``use`` says: ``window_frames``, ``inputs``, ``stride`` and ``window_seconds``.

        Raises
        ------
        WeightsError: values that make no windows.
        """
        frames, inputs = use.get("window_frames", cls.frames), use.get("inputs", cls.inputs)
        stride, seconds = use.get("stride", cls.stride), use.get("window_seconds", cls.seconds)
        whole = all(type(value) is int for value in (frames, inputs, stride))
        timed = seconds is None or (type(seconds) in (int, float) and 0 < seconds < 60)
        if not whole or not timed or not 2 <= inputs <= frames or not 1 <= stride < frames:
            raise WeightsError(
                "The model card's use makes no windows; it needs window_frames of 2 or more, inputs up to that, a "
                "stride below it, and window_seconds, if any, above 0."
            )
        return cls(frames, inputs, stride, None if seconds is None else float(seconds))


@dataclass(frozen=True)
class Window:
    """A window of a clip.

    Attributes
    ----------
    inputs: frames that the network sees, in order; a window that stands still repeats its one frame.
    input_times: their times, 0 at the window's start and 1 at its end, as in training.
    start, end: seconds, of its first and last frame; equal where the window stands still.
    rise: seconds after ``start`` at which its weight is full; 0 where no window overlaps its start.
    fall: seconds before ``end`` from which its weight falls.
    """

    inputs: tuple[int, ...]
    input_times: tuple[float, ...]
    start: float
    end: float
    rise: float = 0.0
    fall: float = 0.0

    def at(self, time: float) -> float:
        """A time of the clip, seconds, as the network's own."""
        return (time - self.start) / (self.end - self.start) if self.end > self.start else _MIDDLE

    def weight(self, time: float) -> float:
        """How much the window counts at a time of the clip, 0 to 1, before all that count are made to sum to 1."""
        up = (time - self.start) / self.rise if self.rise else 1.0
        down = (self.end - time) / self.fall if self.fall else 1.0
        return min(1.0, up, down)


@dataclass(frozen=True)
class Share:
    """What one window contributes at a time: its index, the network's time to be asked, and its weight."""

    window: int
    at: float
    weight: float


class WindowPlan:
    """The windows over a clip.

    Parameters
    ----------
    times: (T,) seconds of the clip's frames, increasing.
    use: how the windows are.
    """

    def __init__(self, times: NDArray[np.float64], use: WindowUse) -> None:
        self.windows: list[Window] = []
        if len(times) > 1:
            step = float(np.median(np.diff(times)))
            self._seconds = use.seconds or step * (use.frames - 1)
            # To the nearest frame: a window at 30 Hz is as good a tenth too long as a tenth too short.
            self._reach = self._seconds + step / 2
        for first, last in self._films(times):
            self.windows += self._over_film(times, first, last, use)
        self._starts = [window.start for window in self.windows]
        self._ends = [window.end for window in self.windows]

    def shares(self, time: float) -> list[Share]:
        """The windows that count at a time within the clip, seconds, with weights that sum to 1.

        Between two windows that don't touch, the nearest ends of both count, linearly.
        """
        time = min(max(time, self._starts[0]), self._ends[-1])
        low, high = bisect_left(self._ends, time), bisect_right(self._starts, time)
        weights = [(index, self.windows[index].weight(time)) for index in range(low, high)]
        total = sum(weight for _, weight in weights)
        if total > 0:
            return [Share(i, self.windows[i].at(time), weight / total) for i, weight in weights if weight > 0]
        before, after = self.windows[low - 1], self.windows[low]
        share = (time - before.end) / (after.start - before.end)
        ends = [Share(low - 1, before.at(before.end), 1 - share), Share(low, after.at(after.start), share)]
        return [end for end in ends if end.weight > 0]

    def _films(self, times: NDArray[np.float64]) -> list[tuple[int, int]]:
        """First and last frames of the parts that motion connects."""
        count = len(times)
        if count < ENOUGH_FRAMES:
            return [(frame, frame) for frame in range(count)]
        cuts = np.flatnonzero(np.diff(times) > self._reach)
        return list(zip([0, *(cuts + 1).tolist()], [*cuts.tolist(), count - 1], strict=True))

    def _over_film(self, times: NDArray[np.float64], first: int, last: int, use: WindowUse) -> list[Window]:
        if first == last:
            still = tuple(np.linspace(0.0, 1.0, use.inputs).tolist())
            return [Window((first,) * use.inputs, still, float(times[first]), float(times[first]))]
        spans: list[tuple[int, int]] = []
        hop = self._seconds * use.stride / (use.frames - 1)
        start = first
        while True:
            end = int(np.searchsorted(times, times[start] + self._reach, side="right")) - 1
            if end >= last:
                # The last window ends with the film and is as long as the others.
                start = int(np.searchsorted(times, times[last] - self._reach, side="left"))
                spans.append((max(start, first), last))
                break
            spans.append((start, end))
            following = _nearest(times, float(times[start]) + hop)
            start = max(start + 1, min(following, end - 1))
        windows = []
        for index, (begin, end) in enumerate(spans):
            earlier = times[spans[index - 1][1]] if index else times[begin]
            later = times[spans[index + 1][0]] if index + 1 < len(spans) else times[end]
            even = np.linspace(times[begin], times[end], use.inputs)
            chosen = np.array([_nearest(times, time) for time in even])
            # Fewer frames than inputs are shown more than once and spread over the window, as in training.
            shown = even if len(np.unique(chosen)) < use.inputs else times[chosen]
            seconds = float(times[end] - times[begin])
            windows.append(
                Window(
                    inputs=tuple(chosen.tolist()),
                    input_times=tuple(((shown - times[begin]) / seconds).tolist()),
                    start=float(times[begin]),
                    end=float(times[end]),
                    rise=max(0.0, float(earlier - times[begin])),
                    fall=max(0.0, float(times[end] - later)),
                )
            )
        return windows


def frame_shares(times: NDArray[np.float64], time: float) -> list[Share]:
    """The frame at a time, or the two around it, linearly; the first before ``times`` (T,), the last after them."""
    before, after = _around(times, time)
    if after == before:
        return [Share(after, 0.0, 1.0)]
    share = float(np.clip((time - times[before]) / (times[after] - times[before]), 0, 1))
    both = [Share(before, 0.0, 1 - share), Share(after, 0.0, share)]
    return [one for one in both if one.weight > 0]


def _nearest(times: NDArray[np.float64], time: float) -> int:
    """The frame nearest to a time."""
    before, after = _around(times, time)
    return before if time - times[before] <= times[after] - time else after


def _around(times: NDArray[np.float64], time: float) -> tuple[int, int]:
    """The frames before and after a time, one frame twice at the first."""
    after = min(int(np.searchsorted(times, time)), len(times) - 1)
    return max(after - 1, 0), after
