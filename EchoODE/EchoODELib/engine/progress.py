"""Progress with time left, and cancelling, for every step that takes longer than a moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .errors import RunCancelled


@dataclass(frozen=True)
class Progress:
    """One report of a running stage.

    Attributes
    ----------
    stage: what runs, as a person would say it ("Segmenting", "Registering").
    done, total: steps finished and steps in all (``total`` >= 1).
    seconds_left: estimate from the stage's own pace, None before its first step.
    """

    stage: str
    done: int
    total: int
    seconds_left: float | None

    @property
    def fraction(self) -> float:
        """Share of the stage that is done, 0 to 1."""
        return min(1.0, self.done / self.total)


@dataclass
class Monitor:
    """Carries progress out of, and a cancel into, a long computation.

    One monitor serves a whole run; each stage is opened with :meth:`stage`. ``cancel`` may be called
    from any thread: the computation raises :class:`RunCancelled` at its next step.
    """

    report: Callable[[Progress], None] | None = None
    _cancelled: threading.Event = field(default_factory=threading.Event, repr=False)

    def cancel(self) -> None:
        """Ask the computation to stop at its next step."""
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        """Whether a cancel was asked for."""
        return self._cancelled.is_set()

    def raise_if_cancelled(self) -> None:
        """Raise :class:`RunCancelled` once :meth:`cancel` was called."""
        if self.cancelled:
            raise RunCancelled("The run was cancelled; results made before it are unchanged.")

    def stage(self, name: str, total: int) -> Stage:
        """Open a stage of ``total`` steps and report its start."""
        return Stage(self, name, max(1, total))


class Stage:
    """A running stage; call :meth:`advance` after each step."""

    def __init__(self, monitor: Monitor, name: str, total: int) -> None:
        self._monitor, self._name, self._total = monitor, name, total
        self._done, self._start = 0, time.perf_counter()
        self._send()

    def advance(self, steps: int = 1) -> None:
        """Count ``steps`` as done, report, and raise :class:`RunCancelled` if a cancel was asked for."""
        self._monitor.raise_if_cancelled()
        self._done = min(self._total, self._done + steps)
        self._send()

    def finish(self) -> None:
        """Report the stage as done, however many steps it took (an early convergence, say)."""
        self.advance(self._total - self._done)

    def _send(self) -> None:
        if self._monitor.report is None:
            return
        left = None
        if self._done:
            left = (time.perf_counter() - self._start) / self._done * (self._total - self._done)
        self._monitor.report(Progress(self._name, self._done, self._total, left))
