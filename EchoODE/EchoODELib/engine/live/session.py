"""A live session: frames from a source, masks, beats, and how well it keeps up."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..progress import Monitor
from ..sequence import Summary
from .beats import BeatByBeat, LiveBeat
from .segmenter import LiveFrame, StreamingSegmenter
from .sources import LiveSource

_TIMED_FRAMES = 3000


@dataclass(frozen=True)
class LiveUpdate:
    """What there is to show after a frame.

    Attributes
    ----------
    frame: (H, W) uint8.
    found: its mask and area.
    beats: those that ended with this frame.
    shown, dropped: frames so far.
    rate: frames a second over the last second.
    seconds: from taking the frame to now.
    """

    frame: NDArray[np.uint8]
    found: LiveFrame
    beats: tuple[LiveBeat, ...]
    shown: int
    dropped: int
    rate: float
    seconds: float


@dataclass(frozen=True)
class SessionSummary:
    """A session in numbers.

    Attributes
    ----------
    shown, dropped: frames.
    seconds: that it lasted.
    median, slowest_hundredth: seconds that a frame took, over the last three thousand.
    beats: that ended.
    quantities: of the last hundred beats.
    """

    shown: int
    dropped: int
    seconds: float
    median: float
    slowest_hundredth: float
    beats: int
    quantities: Mapping[str, Summary]


class LiveSession:
    """Runs until the source is over or the monitor is cancelled.

    Parameters
    ----------
    source: of the frames.
    segmenter: for the source's pixel size and view.
    monitor: cancelling it ends the session in good order.
    now: the clock.

    Attributes
    ----------
    beats: what was found of the heart.
    """

    def __init__(
        self,
        source: LiveSource,
        segmenter: StreamingSegmenter,
        *,
        monitor: Monitor | None = None,
        now: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._source, self._segmenter, self._now = source, segmenter, now
        self._monitor = monitor or Monitor()
        self.beats = BeatByBeat(segmenter.spacing, segmenter.view)
        self._times: deque[float] = deque(maxlen=_TIMED_FRAMES)
        self._shown = 0
        self._began = self._ended = now()
        self._before = 0

    def run(self) -> Iterator[LiveUpdate]:
        """One update a frame; the source is closed at the end.

        Raises
        ------
        UnsuitableClip: frames that change their size.
        DeviceError: the device's memory does not hold one frame, or the source fell silent.
        """
        try:
            self._segmenter.start(self._source.first(), self._source.source)
            self._began = self._ended = self._now()
            self._before = self._source.dropped
            recent: deque[float] = deque()
            while not self._source.over and not self._monitor.cancelled:
                arrived = self._source.take()
                if arrived is None:
                    continue
                begun = self._now()
                found = self._segmenter.push(arrived.frame, arrived.time)
                beats = self.beats.feed(found.time, found.lv_area, found.mask)
                ended = self._ended = self._now()
                self._times.append(ended - begun)
                self._shown += 1
                recent.append(ended)
                while ended - recent[0] > 1.0:
                    recent.popleft()
                rate = (len(recent) - 1) / (recent[-1] - recent[0]) if len(recent) > 1 else 0.0
                yield LiveUpdate(arrived.frame, found, beats, self._shown, self.dropped, rate, ended - begun)
        finally:
            self._source.close()

    @property
    def dropped(self) -> int:
        """Frames that were let go since the session began; those of a camera that came before don't count."""
        return self._source.dropped - self._before

    @property
    def seconds(self) -> float:
        """Seconds from the first frame to the newest."""
        return self._ended - self._began

    @property
    def summary(self) -> SessionSummary:
        """The session so far."""
        times = np.array(self._times) if self._times else np.full(1, np.nan)
        return SessionSummary(
            shown=self._shown,
            dropped=self.dropped,
            seconds=self.seconds,
            median=float(np.median(times)),
            slowest_hundredth=float(np.percentile(times, 99)),
            beats=self.beats.count,
            quantities=self.beats.summary,
        )
