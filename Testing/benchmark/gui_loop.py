"""The application's event loop under watch: how long it stood still, and what it did meanwhile."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import SlicerHost.pythonqt  # noqa: F401  before PySide6: it chooses how enumerations look

from PySide6 import QtCore  # isort: skip

BEAT_MS = 5
_LOOK_S = 0.004  # between two looks at a loop that stands still
_LATE_S = 0.02
_OURS = ("EchoODELib", "SlicerHost", "EchoODE")


@dataclass(frozen=True)
class Gap:
    """A time without a beat.

    Attributes
    ----------
    seconds: from beat to beat.
    own: s of it that the application's own thread computed; the rest it waited, for the processor too.
    where: the places in our code at which it was met most often, if they were looked for.
    """

    seconds: float
    own: float
    where: tuple[str, ...] = ()


class Heartbeat:
    """A timer of 5 ms whose gaps tell how long the event loop stood still.

    Parameters
    ----------
    blame: look from another thread where the loop stands; costs a little.
    """

    def __init__(self, blame: bool = False) -> None:
        self.gaps: list[Gap] = []
        self._timer = QtCore.QTimer()
        self._timer.setTimerType(QtCore.Qt.PreciseTimer)
        self._timer.setInterval(BEAT_MS)
        self._timer.timeout.connect(self._beat)
        self._main = threading.get_ident()
        self._seen: Counter[str] = Counter()
        self._blame, self._stop = blame, threading.Event()
        self._last, self._own = time.perf_counter(), time.thread_time()

    def __enter__(self) -> Heartbeat:
        self.gaps.clear()
        self._stop.clear()
        self._last, self._own = time.perf_counter(), time.thread_time()
        self._timer.start()
        if self._blame:
            threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._beat()
        self._timer.stop()
        self._stop.set()

    def longest(self) -> Gap:
        """The longest gap."""
        return max(self.gaps, key=lambda gap: gap.seconds)

    def _beat(self) -> None:
        now, own = time.perf_counter(), time.thread_time()
        gap = Gap(now - self._last, own - self._own, tuple(where for where, _ in self._seen.most_common(4)))
        self._seen.clear()
        if not self.gaps or gap.seconds > _LATE_S:
            self.gaps.append(gap)
        self._last, self._own = now, own

    def _look(self) -> None:
        while not self._stop.wait(_LOOK_S):
            if time.perf_counter() - self._last > _LATE_S:
                self._seen[_place(sys._current_frames()[self._main])] += 1


def _place(frame: FrameType | None) -> str:
    """The innermost lines of our own code, outer one last."""
    found: list[str] = []
    while frame is not None and len(found) < 4:
        path = Path(frame.f_code.co_filename)
        if any(part in _OURS for part in path.parts):
            found.append(f"{path.name}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join(found) or "outside of our code"


def live(condition: Callable[[], bool], within: float = 600.0) -> float:
    """Run the event loop, as a person's application does, until something is so; the s that it took.

    Raises
    ------
    TimeoutError: it is not so within that many s.
    """
    begun = time.perf_counter()
    loop = QtCore.QEventLoop()
    timer = QtCore.QTimer()

    def look() -> None:
        if condition() or time.perf_counter() - begun > within:
            loop.quit()

    timer.timeout.connect(look)
    timer.start(1)
    loop.exec()
    timer.stop()
    seconds = time.perf_counter() - begun
    if seconds > within and not condition():
        raise TimeoutError(f"Nothing came of it in {within:.0f} s.")
    return seconds


def pause(seconds: float) -> None:
    """Let the application live for a while."""
    until = time.perf_counter() + seconds
    live(lambda: time.perf_counter() >= until)
