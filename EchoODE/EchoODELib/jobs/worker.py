"""The worker: runs the engine in a process of its own and calls back with what comes of it."""

from __future__ import annotations

import atexit
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..engine.errors import RunCancelled
from .dispatch import Dispatch
from .errand import Errand, OnAnswer, OnCancelled, OnDone, OnFailed, OnProgress
from .errors import WorkerBusy
from .job import Job, JobState, WorkerState
from .tasks import Segment, Task, WarmUp


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
        self._dispatch = Dispatch(command, environment, temporary)
        atexit.register(_close_at_exit, weakref.ref(self))

    @property
    def state(self) -> WorkerState:
        """See :class:`WorkerState`."""
        return self._dispatch.state

    @property
    def job(self) -> Job | None:
        """The job that keeps the worker busy."""
        return next((errand.job for errand in self._dispatch.active() if not errand.warms), None)

    def submit(
        self,
        task: Task,
        *,
        on_progress: OnProgress | None = None,
        on_done: OnDone | None = None,
        on_failed: OnFailed | None = None,
        on_cancelled: OnCancelled | None = None,
        on_answer: OnAnswer | None = None,
    ) -> Job:
        """Send a task; returns at once. While a task that nobody waits for runs, another may follow it.

        Parameters
        ----------
        on_progress, on_done, on_failed, on_cancelled: called by :meth:`poll` with the progress, the result, the
            error, nothing.
        on_answer: called with each answer of a conversation, see :meth:`say`.

        Raises
        ------
        WorkerBusy: another task runs.
        """
        if self.state is WorkerState.BUSY:
            raise WorkerBusy("A run is under way; wait for it or cancel it first.")
        if isinstance(task, WarmUp | Segment):
            self._dispatch.warm = WarmUp(task.model, task.device)
        errand = Errand(Job(task), on_progress, on_done, on_failed, on_cancelled, on_answer)
        self._dispatch.enter(errand)
        return errand.job

    def hears(self, job: Job) -> bool:
        """Whether a conversation can be told something now: it has begun, and fewer than two messages wait."""
        return any(one.job is job and self._dispatch.hears(one) for one in self._dispatch.active())

    def say(self, job: Job, message: object) -> None:
        """Tell a conversation that :meth:`hears` something; the answer comes by ``on_answer``. Never waits."""
        for errand in self._dispatch.active():
            if errand.job is job:
                self._dispatch.say(errand, message)

    def poll(self) -> None:
        """Call back for all that has come, in this thread; what a callback raises comes through."""
        active = self._dispatch.active()
        if active:
            # An application that embeds Python may let its threads run only while Python code rests.
            time.sleep(0.001)
        for errand in active:
            self._dispatch.expire(errand)
        self._dispatch.arrived.clear()
        while (event := self._dispatch.next_event()) is not None:
            self._deliver(*event)

    def cancel(self) -> None:
        """Ask the running job to stop; within half a second it is CANCELLED, whatever the process does."""
        active = [errand for errand in self._dispatch.active() if not errand.silent]
        for errand in [errand for errand in active if not errand.warms] or active:
            if errand.deadline is None:
                errand.job.state = JobState.CANCELLING
                self._dispatch.cancel(errand)

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
                self._dispatch.arrived.wait(0.02)
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
        for errand in self._dispatch.active():
            errand.job.state = JobState.CANCELLING
        self._dispatch.close()

    def _deliver(self, errand: Errand, kind: str, content: Any) -> None:
        job = errand.job
        if kind == "progress":
            job.progress = content
            if job.state is JobState.QUEUED:
                job.state = JobState.RUNNING
            if errand.on_progress is not None and job.state is JobState.RUNNING:
                errand.on_progress(content)
            return
        if kind == "answer":
            if errand.on_answer is not None and job.state is not JobState.CANCELLING:
                errand.on_answer(content)
            return
        if job.state is JobState.CANCELLING:  # asked for before its end was known here
            kind = "cancelled"
        self._dispatch.leave(errand)
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
