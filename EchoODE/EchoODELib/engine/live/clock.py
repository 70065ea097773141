"""Keeping time: which frame is due, and what is let go so that nothing falls behind. Needs nothing but the clock."""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

_Frame = TypeVar("_Frame")


@dataclass(frozen=True)
class Due:
    """The frame that is due.

    Attributes
    ----------
    frame: its index in the clip.
    time: seconds in the clip's own time since playing began, rising on from round to round.
    skipped: frames that were let go since the last one that was due.
    """

    frame: int
    time: float
    skipped: int


class LiveClock:
    """Says which frame of a clip that plays is due now: the newest whose time has come, never one behind it.

    Parameters
    ----------
    times: (T,) seconds of the clip's frames, rising.
    speed: how fast it plays, 1 for its own speed.
    rounds: how often; math.inf for ever.
    now: the clock, in seconds.

    Attributes
    ----------
    shown, dropped: frames that were due and taken, and that were let go.
    """

    def __init__(
        self,
        times: Sequence[float],
        *,
        speed: float = 1.0,
        rounds: float = 1,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        if not len(times) or not speed > 0 or not rounds > 0:
            raise ValueError(f"A clip of {len(times)} frames can't play {rounds} times at {speed} times its speed.")
        self._times = [float(one) - float(times[0]) for one in times]
        steps = sorted(after - before for before, after in zip(self._times, self._times[1:], strict=False))
        # The last frame stands as long as frames usually do.
        self._length = self._times[-1] + (steps[len(steps) // 2] if steps else 1.0)
        self._speed, self._rounds, self._now = speed, rounds, now
        self._began: float | None = None
        self._last = -1
        self.shown = self.dropped = 0

    def start(self) -> None:
        """Begin to play now; :meth:`due` does so where it is asked first."""
        self._began, self._last = self._now(), -1

    def due(self) -> Due | None:
        """The frame to take now, or None while the last one is still the newest."""
        number = self._newest()
        if number == self._last:
            return None
        skipped = number - self._last - 1
        self._last = number
        self.shown += 1
        self.dropped += skipped
        round_, frame = divmod(number, len(self._times))
        return Due(frame, round_ * self._length + self._times[frame], skipped)

    @property
    def wait(self) -> float:
        """Seconds until the next frame is due, 0 where it is already; infinite after the last."""
        following = self._last + 1
        if following >= self._rounds * len(self._times):
            return math.inf
        if self._began is None:
            return 0.0
        round_, frame = divmod(following, len(self._times))
        at = self._began + (round_ * self._length + self._times[frame]) / self._speed
        return max(0.0, at - self._now())

    @property
    def over(self) -> bool:
        """Whether the last frame was taken."""
        return self.wait == math.inf

    def _newest(self) -> int:
        """The number of the newest frame whose time has come, counted through all rounds."""
        if self._began is None:
            self.start()
        passed = (self._now() - (self._began or 0.0)) * self._speed
        # A frame is due from its own time on, which rounding must not put a hair later.
        round_, within = divmod(max(passed, 0.0) + 1e-9, self._length)
        number = int(round_) * len(self._times) + bisect_right(self._times, within) - 1
        last = self._rounds * len(self._times) - 1
        return max(self._last, int(min(number, last)))


class FrameSkipper(Generic[_Frame]):
    """A place for one frame: who brings frames never waits, who takes them gets the newest, the rest are counted.

    Attributes
    ----------
    shown, dropped: frames that were taken, and that a newer one replaced before.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: _Frame | None = None
        self._closed = False
        self.shown = self.dropped = 0

    def offer(self, frame: _Frame) -> None:
        """Put the newest frame there."""
        with self._changed:
            self.dropped += self._held is not None
            self._held = frame
            self._changed.notify_all()

    def take(self, timeout: float | None = 0.0) -> _Frame | None:
        """The newest frame, waited for up to ``timeout`` seconds (None: for ever); None where there is none."""
        with self._changed:
            self._changed.wait_for(lambda: self._held is not None or self._closed, timeout)
            frame, self._held = self._held, None
            self.shown += frame is not None
            return frame

    def close(self) -> None:
        """No more frames will come; who waits is let go."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether no more frames will come and the last was taken."""
        with self._changed:
            return self._closed and self._held is None
