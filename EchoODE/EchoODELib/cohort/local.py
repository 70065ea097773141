"""Worker processes of this machine: warm from clip to clip, replaced when they die, sharing the cores."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Event

from ..engine.errors import DeviceError, EchoODEError, RunCancelled
from ..jobs import Worker, WorkerEnded
from ..jobs.process import default_environment
from .orders import ClipOrder
from .outcome import TRIES, Outcome, Stopped, next_done

COMMAND = (sys.executable, "-m", "EchoODELib.cohort.serve")
# Read by PyTorch, the libraries of linear algebra, OpenCV and ITK when they are loaded.
_THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)


@dataclass(frozen=True)
class LocalWorkers:
    """Processes of this machine.

    Attributes
    ----------
    count: how many.
    gpus: numbers of the GPUs that they are spread over, as CUDA_VISIBLE_DEVICES names them; () for none.
    command: what a worker is.
    """

    count: int = 1
    gpus: tuple[str, ...] = ()
    command: Sequence[str] = COMMAND

    def outcomes(self, orders: Sequence[ClipOrder], stopped: Stopped) -> Generator[Outcome, None, None]:
        """See :class:`~.outcome.Workers`."""
        with _hands(self) as hands:
            done: SimpleQueue[Future[Outcome]] = SimpleQueue()
            for order in orders:
                future = hands.pool.submit(hands.carry_out, order)
                future.add_done_callback(done.put)
            for _ in orders:
                yield next_done(done, stopped).result()

    def environment(self, number: int) -> Mapping[str, str]:
        """What a worker is started with: its share of the cores, unless the environment says another, and a GPU."""
        shared = dict.fromkeys(_THREADS, str(threads_each(self.count)))
        gpu = {"CUDA_VISIBLE_DEVICES": self.gpus[number % len(self.gpus)]} if self.gpus else {}
        return {**shared, **default_environment(), **gpu}


def threads_each(workers: int) -> int:
    """Threads for each of several workers, so that all together have the cores that this process may use."""
    return max(1, usable_cores() // workers)


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def visible_gpus() -> tuple[str, ...]:
    """The GPUs of this machine, as CUDA_VISIBLE_DEVICES names them."""
    import torch

    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(part.strip() for part in named.split(",") if part.strip())[: torch.cuda.device_count()]
    return tuple(str(number) for number in range(torch.cuda.device_count()))


@dataclass
class _Hands:
    """Threads that each hand an order to a free worker and wait for it."""

    pool: ThreadPoolExecutor
    workers: Sequence[Worker]
    free: SimpleQueue[Worker] = field(default_factory=SimpleQueue)
    stopping: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        for worker in self.workers:
            self.free.put(worker)

    def carry_out(self, order: ClipOrder) -> Outcome:
        worker = self.free.get()
        try:
            return self._tried(worker, order)
        finally:
            self.free.put(worker)

    def _tried(self, worker: Worker, order: ClipOrder) -> Outcome:
        error: EchoODEError | None = None
        for _ in range(TRIES):
            try:
                return Outcome(order, worker.wait(worker.submit(order), idle=self._leave(worker)))
            except RunCancelled:
                raise
            except (WorkerEnded, DeviceError) as problem:
                error = problem
            except EchoODEError as problem:
                return Outcome(order, error=problem)
        return Outcome(order, error=error)

    def _leave(self, worker: Worker) -> Callable[[], None]:
        def look() -> None:
            if self.stopping.is_set():
                worker.cancel()

        return look


@contextmanager
def _hands(local: LocalWorkers) -> Iterator[_Hands]:
    workers = [Worker(local.command, local.environment(number)) for number in range(local.count)]
    hands = _Hands(ThreadPoolExecutor(local.count, thread_name_prefix="EchoODE cohort"), workers)
    try:
        yield hands
    finally:
        hands.stopping.set()
        hands.pool.shutdown(wait=True, cancel_futures=True)
        for worker in workers:
            worker.close()
