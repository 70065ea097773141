"""A worker whose one step does what a clip's name says: quick to start, and not to be trusted.

Dask's workers learn the step by ``--preload`` of this file.
"""

from __future__ import annotations

import os
import signal
import time

from EchoODELib.cohort.orders import ClipOrder
from EchoODELib.cohort.serve import CarriesOut
from EchoODELib.cohort.steps import STEPS, ClipInWork
from EchoODELib.engine.errors import DeviceError, OutputError
from EchoODELib.engine.progress import Monitor
from EchoODELib.jobs import serve


class Odd:
    """Dies, fails, waits, or tells which process it is in."""

    def prepare(self, order: ClipOrder) -> None:
        """Nothing to load."""

    def run(self, work: ClipInWork, monitor: Monitor) -> None:
        """Do as the name says."""
        name, tries = work.order.path.name, work.order.folder.parent.parent / f"tries-{work.order.clip}"
        with tries.open("a") as file:
            file.write(f"{os.getpid()}\n")
        again = len(tries.read_text().split()) > 1
        if name.startswith("deadly") or (name.startswith("once") and not again):
            os.kill(os.getpid(), signal.SIGKILL)
        if name.startswith("memory") and not again:
            raise DeviceError("The memory of the device ran out.")
        if name.startswith("full"):
            raise OutputError("The disk is full; free some space.")
        if name.startswith("fault"):
            raise ZeroDivisionError(f"in {work.order.path}")
        if name.startswith("slow"):
            steps = round(100 * float(os.environ.get("ODD_SECONDS", "10")))
            stage = monitor.stage("Waiting", steps)
            for _ in range(steps):
                time.sleep(0.01)
                stage.advance()
        work.row["process"] = os.getpid()
        work.row["threads"] = int(os.environ.get("OMP_NUM_THREADS", "0"))


def dask_setup(_worker: object) -> None:
    """Called by Dask in each of its workers."""
    STEPS["odd"] = Odd


if __name__ == "__main__":
    STEPS["odd"] = Odd
    serve.main({ClipOrder: CarriesOut()})
