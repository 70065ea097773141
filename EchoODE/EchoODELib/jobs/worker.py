"""The worker: runs the engine in a process of its own and brings back what comes of it."""

from __future__ import annotations

import atexit
import re
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from ..engine.errors import EchoODEError, RunCancelled
from ..engine.progress import Progress
from .errand import Errand, OnCancelled, OnDone, OnFailed, OnProgress, SentClips, pack_task, unpack_result
from .errors import WorkerBusy, WorkerEnded, rebuilt
from .failure import missing, named
from .job import Job, JobState, WorkerState
from .process import Message, WorkerProcess, default_command, default_environment
from .shared_folder import SharedFolder
from .tasks import Export, Segment, Task, WarmUp
from .trouble import private_texts, write_log

# A cancel is answered within this time, or the process is killed.
CANCEL_SECONDS = 0.35
# A process younger than this that does not answer is loading packages; an older one hangs.
LOADING_SECONDS = 20.0

Event = tuple[Errand, str, Any]


class Worker:
    """Runs one task at a time in a process that starts by itself, stays warm, and is replaced when it dies.

    All methods are for one thread, the user interface's; none of them waits, save :meth:`wait` and :meth:`close`.

    Parameters
    ----------
    command: what to start; Slicer's Python, or else this one, with the worker's module by default.
    environment: of the process; this one's by default, with the library on PYTHONPATH.
    temporary: where to make the private folder that arrays pass through; the system's by default.
    """

    def __init__(
        self,
        command: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        temporary: Path | None = None,
    ) -> None:
        self._command, self._environment, self._temporary = command, environment, temporary
        self._lock = threading.RLock()
        self._starting = threading.Lock()
        self._process: WorkerProcess | None = None
        self._folder: SharedFolder | None = None
        self._clips = SentClips()
        self._errands: dict[int, Errand] = {}
        self._numbers = count(1)
        self._events: deque[Event] = deque()
        self._arrived = threading.Event()
        self._warm: WarmUp | None = None
        self._round = 0  # grows with every close

    @property
    def state(self) -> WorkerState:
        """See :class:`WorkerState`."""
        with self._lock:
            if any(not errand.warms for errand in self._errands.values()):
                return WorkerState.BUSY
            if any(not errand.over for errand in self._errands.values()):
                return WorkerState.STARTING
            if self._process is None or not self._process.alive:
                return WorkerState.STOPPED
            return WorkerState.IDLE if self._process.idle else WorkerState.STARTING

    @property
    def job(self) -> Job | None:
        """The job that keeps the worker busy."""
        with self._lock:
            return next((errand.job for errand in self._errands.values() if not errand.warms), None)

    def submit(
        self,
        task: Task,
        *,
        on_progress: OnProgress | None = None,
        on_done: OnDone | None = None,
        on_failed: OnFailed | None = None,
        on_cancelled: OnCancelled | None = None,
    ) -> Job:
        """Send a task; returns at once. While a :class:`WarmUp` runs, another task may follow it.

        Parameters
        ----------
        on_progress, on_done, on_failed, on_cancelled: called by :meth:`poll` with the progress, the result, the
            error, nothing.

        Raises
        ------
        WorkerBusy: another task runs.
        """
        with self._lock:
            if self.state is WorkerState.BUSY:
                raise WorkerBusy("A run is under way; wait for it or cancel it first.")
            callbacks = (on_progress, on_done, on_failed, on_cancelled)
            errand = self._entered(Errand(Job(task), next(self._numbers), *callbacks))
            if isinstance(task, WarmUp | Segment):
                self._warm = WarmUp(task.model, task.device)
        self._launch(errand)
        return errand.job

    def poll(self) -> None:
        """Call back for all that has come, in this thread; what a callback raises comes through."""
        with self._lock:
            waiting = [errand for errand in self._errands.values() if errand.deadline is not None]
            busy = bool(self._errands)
        if busy:
            # An application that embeds Python may let its threads run only while Python code rests.
            time.sleep(0.001)
        for errand in waiting:
            self._expire(errand)
        self._arrived.clear()
        while (event := self._next_event()) is not None:
            self._deliver(*event)

    def cancel(self) -> None:
        """Ask the running job to stop; within half a second it is CANCELLED, whatever the process does."""
        with self._lock:
            errands = [errand for errand in self._errands.values() if not errand.warms]
            errands = errands or [errand for errand in self._errands.values() if not errand.silent]
            for errand in errands:
                self._cancel(errand)

    def wait(self, job: Job, idle: Callable[[], object] | None = None) -> Any:
        """Wait for a job, calling back meanwhile.

        Parameters
        ----------
        idle: called again and again; an application handles its events there.

        Returns
        -------
        the result.

        Raises
        ------
        EchoODEError: the job's error; :class:`RunCancelled` if it was cancelled.
        """
        try:
            while not job.finished:
                self._arrived.wait(0.02)
                self.poll()
                if idle is not None:
                    idle()
        except KeyboardInterrupt:
            self.cancel()
            raise
        if job.error is not None:
            raise job.error
        if job.state is JobState.CANCELLED:
            raise RunCancelled("The run was cancelled; results made before it are unchanged.")
        return job.result

    def close(self) -> None:
        """End the process, cancel what runs, and remove the temporary folder; a later task starts anew."""
        with self._lock:
            self._round += 1
            for errand in list(self._errands.values()):
                errand.job.state = JobState.CANCELLING
                self._end(errand, "cancelled", None)
            process, self._process = self._process, None
            folder, self._folder = self._folder, None
        if process is not None:
            process.kill()
            process.wait(2.0)
            process.tidy()
        if folder is not None:
            folder.remove()

    # What comes from the process, in its own thread.

    def received(self, process: WorkerProcess, message: Message) -> None:
        """Take a message of the process."""
        with self._lock:
            errand = self._errands.get(message.get("job", 0))
            if errand is None or errand.process is not process or errand.over:
                return
            folder = self._folder
        match message["event"]:
            case "started":
                errand.started = True
            case "begun":
                errand.begun = True
            case "progress":
                self._tell(errand, "progress", Progress(*message["progress"]))
            case "cancelled":
                self._end(errand, "cancelled", None)
            case "failed":
                self._end(errand, "failed", rebuilt(**message["error"]))
            case "done" if folder is not None:
                errand.answered = True
                try:
                    result = unpack_result(errand, message["result"], folder.path)
                except (OSError, ValueError, MemoryError):
                    problem = "The result could not be read back; free memory and disk space, then try again."
                    self._end(errand, "failed", WorkerEnded(problem))
                else:
                    self._end(errand, "done", result)

    def ended(self, process: WorkerProcess, code: int) -> None:
        """Take note that the process is gone: its jobs fail, those that it had not begun get another process."""
        with self._lock:
            if self._process is process:
                self._process = None
            mine = [errand for errand in self._errands.values() if errand.process is process and not errand.over]
            lost = [errand for errand in mine if errand.started or errand.resent]
            again = [errand for errand in mine if errand not in lost]
            for errand in again:
                errand.process, errand.resent = None, True
        if lost:
            error = _epitaph(process, code, lost)
            for errand in lost:
                self._end(errand, "failed", error)
        for errand in again:
            self._launch(errand)
        process.tidy()
        with self._lock:
            if self._folder is not None:
                self._folder.discard(process.log.name)
                self._folder.sweep(self._errands)

    # Sending.

    def _entered(self, errand: Errand) -> Errand:
        self._errands[errand.number] = errand
        return errand

    def _launch(self, errand: Errand) -> None:
        threading.Thread(target=self._send, args=(errand,), name="EchoODE task", daemon=True).start()

    def _send(self, errand: Errand) -> None:
        """Bring a task to a process, one that is started now if there is none."""
        try:
            folder, process = self._ready()
            plain = pack_task(errand, folder, self._clips)
        except RunCancelled:
            self._end(errand, "cancelled", None)
            return
        except EchoODEError as error:
            self._end(errand, "failed", error)
            return
        with self._lock:
            if errand.over or errand.stop.is_set():
                self._end(errand, "cancelled", None)
                return
            errand.process = process
            if isinstance(errand.task, Export):
                process.exports.append(errand.task.folder)
            process.send({"do": "run", "job": errand.number, "folder": str(folder.path), "task": plain})
            gone = not process.alive
        if gone:  # it ended before this errand was its own: nobody else will notice
            self.ended(process, 0)

    def _ready(self) -> tuple[SharedFolder, WorkerProcess]:
        """A folder and a process, made where there is none."""
        with self._starting:
            with self._lock:
                folder, process, current = self._folder, self._process, self._round
            if folder is not None and not folder.exists:
                folder.remove()
                folder = None
            if folder is None:
                folder = SharedFolder(self._temporary)
            if process is None or not process.alive:
                command = default_command() if self._command is None else self._command
                environment = default_environment() if self._environment is None else self._environment
                log = folder.path / f"printed-{next(self._numbers)}.txt"
                process = WorkerProcess(command, environment, log, self)
            with self._lock:
                if current != self._round:
                    process.kill()
                    folder.remove()
                    raise RunCancelled("The worker was closed.")
                if self._folder is None:
                    atexit.register(_close_at_exit, weakref.ref(self))
                self._folder, self._process = folder, process
            return folder, process

    # Ending.

    def _cancel(self, errand: Errand) -> None:
        if errand.deadline is not None:
            return
        errand.job.state = JobState.CANCELLING
        errand.deadline = time.monotonic() + CANCEL_SECONDS
        errand.stop.set()
        if errand.process is not None:
            errand.process.send({"do": "cancel", "job": errand.number})
        timer = threading.Timer(CANCEL_SECONDS, self._expire, (errand,))
        timer.daemon = True
        timer.start()

    def _expire(self, errand: Errand) -> None:
        """Kill the process of an errand whose cancel was not answered in time, and start the next one."""
        with self._lock:
            if errand.over or errand.deadline is None or time.monotonic() < errand.deadline - 0.005:
                return
            self._end(errand, "cancelled", None)
            process = errand.process
            if process is None or errand.answered:
                return
            if not errand.begun and time.monotonic() - process.born < LOADING_SECONDS:
                return  # it loads what the next task needs, too, and has been told to leave this one
            if self._process is process:
                self._process = None
            process.kill()
            others = [one for one in self._errands.values() if one.process is process and not one.over]
            for one in others:
                one.process, one.started = None, False
            if not others and self._warm is not None:
                others = [self._entered(Errand(Job(self._warm), next(self._numbers), silent=True))]
        for one in others:
            self._launch(one)

    def _end(self, errand: Errand, kind: str, content: object) -> None:
        with self._lock:
            if errand.over:
                return
            errand.over = True
            errand.stop.set()
            if self._folder is not None:
                self._folder.sweep(one.number for one in self._errands.values() if not one.over)
            if errand.silent:
                del self._errands[errand.number]
            else:
                self._tell(errand, kind, content)

    def _tell(self, errand: Errand, kind: str, content: object) -> None:
        with self._lock:
            self._events.append((errand, kind, content))
        self._arrived.set()

    def _next_event(self) -> Event | None:
        """The next thing to call back for; of reports of progress only the latest."""
        with self._lock:
            while self._events:
                event = self._events.popleft()
                if event[1] != "progress" or all(other[0] is not event[0] for other in self._events):
                    return event
            return None

    def _deliver(self, errand: Errand, kind: str, content: Any) -> None:
        job = errand.job
        if kind == "progress":
            job.progress = content
            if job.state is JobState.QUEUED:
                job.state = JobState.RUNNING
            if errand.on_progress is not None and job.state is JobState.RUNNING:
                errand.on_progress(content)
            return
        if job.state is JobState.CANCELLING:  # asked for before its end was known here
            kind = "cancelled"
        with self._lock:
            self._errands.pop(errand.number, None)
        if kind == "done":
            job.state, job.result = JobState.DONE, content
            if errand.on_done is not None:
                errand.on_done(content)
        elif kind == "failed":
            job.state, job.error = JobState.FAILED, content
            if errand.on_failed is not None:
                errand.on_failed(content)
        else:
            job.state = JobState.CANCELLED
            if errand.on_cancelled is not None:
                errand.on_cancelled()


def _close_at_exit(worker: weakref.ref[Worker]) -> None:
    known = worker()
    if known is not None:
        known.close()


def _epitaph(process: WorkerProcess, code: int, lost: Sequence[Errand]) -> EchoODEError:
    """Why a process that had work ended, as far as can be told."""
    words = process.last_words()
    if not process.ready and (match := re.search(r"ModuleNotFoundError: No module named '([\w.]+)'", words)):
        return missing(match[1])
    if code in (-9, 137):
        return WorkerEnded(
            "The run was ended from outside, most likely because the computer's memory ran out; close other programs "
            "and try again."
        )
    private = set().union(*(private_texts(errand.task) for errand in lost))
    log = write_log(f"The worker process ended with code {code}.", words, private)
    return WorkerEnded(f"The engine's process crashed (code {code}); try again{named(log).replace('; try again', '')}.")
