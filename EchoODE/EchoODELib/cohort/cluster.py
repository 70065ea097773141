"""Workers of a Dask cluster: each clip is a task, and files go through storage that all machines share."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ..engine.errors import DeviceError, OutputError, RunCancelled
from ..engine.progress import Monitor, Progress
from ..jobs.errors import WorkerEnded, rebuilt
from ..jobs.failure import failure_of
from .carry_out import Workbench
from .errors import ClusterError
from .orders import ClipOrder
from .outcome import TRIES, Outcome, Stopped, next_done

if TYPE_CHECKING:
    from distributed import Client

Answer = dict[str, Any]

_CONNECT_SECONDS = 10
_DIED = (
    "The worker ended while it was on this clip, and so did the next one, most likely because memory ran out; run "
    "fewer workers on a machine, or give them more memory."
)
# A worker with several threads does one clip at a time: they would share the network and the memory.
_ONE_AT_A_TIME = threading.Lock()
_bench = Workbench()


@dataclass(frozen=True)
class ClusterWorkers:
    """The workers behind a Dask scheduler, those that join later included.

    Attributes
    ----------
    address: of the scheduler, "HOST:8786" or "tcp://HOST:8786", or the file that it was told to write it to.
    say: told what a person should know meanwhile.
    """

    address: str
    say: Callable[[str], None]

    def outcomes(self, orders: Sequence[ClipOrder], stopped: Stopped) -> Generator[Outcome, None, None]:
        """See :class:`~.outcome.Workers`.

        Raises
        ------
        ClusterError: Dask is not installed, no scheduler answers, it was lost, or its workers can't run EchoODE.
        """
        token = uuid4().hex[:12]
        done: SimpleQueue[Any] = SimpleQueue()
        with _client(self.address) as client:
            if not client.nthreads():
                self.say(f"The scheduler has no worker yet; start some with: dask worker {self.address}")
            keys = [("echoode-" + token, number) for number in range(len(orders))]
            futures = client.map(carry_out_here, orders, key=keys, token=token, pure=False)
            waited_for = dict(zip(keys, futures, strict=True))
            try:
                for future in futures:
                    future.add_done_callback(done.put)
                while waited_for:
                    future = next_done(done, stopped)
                    del waited_for[future.key]
                    yield self._outcome(orders[future.key[1]], future)
            finally:
                # Workers notice that nobody waits for what they have begun, and leave it.
                client.cancel(list(waited_for.values()))

    def _outcome(self, order: ClipOrder, future: Any) -> Outcome:
        if future.status == "finished":
            answer: Answer = future.result()
            future.release()
            if "unable" in answer:
                raise ClusterError(answer["unable"])
            if "error" in answer:
                return Outcome(order, error=rebuilt(**answer["error"]))
            return Outcome(order, answer["record"])
        if future.status == "error":
            error = future.exception()
            if type(error).__name__ == "KilledWorker":
                return Outcome(order, error=WorkerEnded(_DIED))
            raise ClusterError(
                f"The workers can't run EchoODE ({type(error).__name__}); install the same version of EchoODE, Python "
                "and Dask on all machines."
            )
        raise ClusterError(f"The scheduler at {self.address} was lost; start it again, then run the same command.")


def carry_out_here(order: ClipOrder, token: str) -> Answer:
    """Carry out an order on a worker of the cluster: its record, or its error in plain values."""
    # Dask gives each worker its share of the cores by this name, which OpenCV doesn't know.
    if (threads := os.environ.get("OMP_NUM_THREADS", "")).isdigit():
        os.environ.setdefault("OPENCV_FOR_THREADS_NUM", threads)
    monitor = _monitor()
    with _ONE_AT_A_TIME:
        try:
            _see_folder(order)
            _bench.prepare(order)
        except Exception as error:  # noqa: BLE001 - told to the owner, whatever it is
            return {"unable": str(failure_of(error, order).error)}
        for tries_left in reversed(range(TRIES)):
            try:
                with _begun(order, token):
                    return {"record": _bench.carry_out(order, monitor)}
            except RunCancelled:
                raise
            except Exception as error:  # noqa: BLE001 - told to the owner, whatever it is
                failure = failure_of(error, order)
            if failure.leaving:
                # The GPU answers no further call of this process: Dask starts the next one, which tries again.
                os._exit(1)
            if not isinstance(failure.error, DeviceError) or not tries_left:
                break
            _bench.recover()
        return {"error": failure.content}


def _see_folder(order: ClipOrder) -> None:
    cohort = order.folder.parent.parent
    if not cohort.is_dir():
        raise OutputError(
            f"The worker on {socket.gethostname()} does not see {cohort}; clips and results must lie where all "
            "machines find them by the same path."
        )


@contextmanager
def _begun(order: ClipOrder, token: str) -> Iterator[None]:
    """Notes in the clip's folder that a worker is on it, so that one that dies is known of by the next.

    Raises
    ------
    WorkerEnded: too many have died on it in this run.
    OutputError: the clip's folder can't be written.
    """
    mark = order.folder / f".try-{token}-{uuid4().hex[:8]}"
    marks = list(order.folder.glob(".try-*"))
    earlier = [one for one in marks if one.name.startswith(f".try-{token}-")]
    if len(earlier) >= TRIES:
        _remove(marks)
        raise WorkerEnded(_DIED)
    try:
        order.folder.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except OSError as error:
        raise OutputError(f"{order.folder} can't be written to; check its rights and the disk's free space.") from error
    _remove([one for one in marks if one not in earlier])
    try:
        yield
    finally:
        _remove([*earlier, mark])


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _monitor() -> Monitor:
    """A monitor that is cancelled once nobody waits for the task any more: its run was stopped, or has died."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def look(_progress: Progress) -> None:
        state = worker.state.tasks.get(key)
        if state is None or state.state == "cancelled":
            monitor.cancel()

    monitor = Monitor(look)
    return monitor


@contextmanager
def _client(address: str) -> Iterator[Client]:
    try:
        from distributed import Client
    except ImportError as error:
        raise ClusterError(
            "A cluster needs Dask: install requirements/cluster.txt or echoode[cluster], or use --workers."
        ) from error
    # What is wrong with the connection is said by us, in a sentence.
    handlers = logging.getLogger("distributed").handlers
    levels = [handler.level for handler in handlers]
    for handler in handlers:
        handler.setLevel(logging.CRITICAL)
    try:
        place = {"scheduler_file": address} if Path(address).is_file() else {"address": address}
        client = Client(**place, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"No Dask scheduler answers at {address}; start one with: dask scheduler, and workers with: dask worker "
            f"{address}"
        ) from error
    try:
        yield client
    finally:
        client.close(timeout=5)
        for handler, level in zip(handlers, levels, strict=True):
            handler.setLevel(level)
