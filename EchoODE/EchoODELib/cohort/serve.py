"""The worker process of a cohort: ``python -m EchoODELib.cohort.serve``, spoken to as :mod:`..jobs.serve` says."""

from __future__ import annotations

from ..engine.progress import Monitor
from ..jobs import serve
from .carry_out import Record, Workbench
from .orders import ClipOrder


class CarriesOut:
    """Handles orders."""

    def __init__(self) -> None:
        self._bench = Workbench()

    def prepare(self, task: ClipOrder) -> None:
        """Load what the steps need."""
        self._bench.prepare(task)

    def run(self, task: ClipOrder, monitor: Monitor) -> Record:
        """Do the clip."""
        return self._bench.carry_out(task, monitor)

    def recover(self) -> None:
        """Let go of memory."""
        self._bench.recover()


if __name__ == "__main__":
    serve.main({ClipOrder: CarriesOut()})
