"""The names of the clips, and workers that can be watched."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from EchoODELib.cohort.carry_out import Workbench
from EchoODELib.cohort.orders import ClipOrder, CohortSettings
from EchoODELib.cohort.outcome import Outcome, Stopped
from EchoODELib.engine.errors import EchoODEError, RunCancelled
from EchoODELib.engine.progress import Monitor

ODD = CohortSettings(steps=("odd",))
"""One step, that of the odd worker."""
ODD_SERVE = Path(__file__).with_name("odd_serve.py")
CLIPS = ("a/anna.seq.nrrd", "a/bert.seq.nrrd", "b/carl.seq.nrrd", "dora.seq.nrrd")


@dataclass
class Here:
    """Workers that are this process, one clip after another.

    Attributes
    ----------
    begun: names of the clips, in order.
    stop_after: end as if the run had been killed, after so many.
    trouble: raised instead of doing a clip, by its name.
    """

    begun: list[str] = field(default_factory=list)
    stop_after: int | None = None
    trouble: dict[str, EchoODEError] = field(default_factory=dict)
    bench: Workbench = field(default_factory=Workbench)

    def outcomes(self, orders: Sequence[ClipOrder], stopped: Stopped) -> Generator[Outcome, None, None]:
        for number, order in enumerate(orders):
            if stopped():
                raise RunCancelled("Stopped.")
            if number == self.stop_after:
                raise KeyboardInterrupt
            self.begun.append(order.name)
            try:
                if order.name in self.trouble:
                    raise self.trouble[order.name]
                self.bench.prepare(order)
                yield Outcome(order, self.bench.carry_out(order, Monitor()))
            except EchoODEError as error:
                yield Outcome(order, error=error)


def lives(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
