"""A task on its way, and the states of tasks and workers."""

from __future__ import annotations

from enum import Enum

from ..engine.errors import EchoODEError
from ..engine.progress import Progress
from .tasks import Task


class JobState(Enum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class WorkerState(Enum):
    """What the worker does.

    STOPPED: there is no process, or it ended; the next task starts one. STARTING: it starts, or loads packages and
    models; tasks are taken and run right after. IDLE: it waits, warm. BUSY: it runs a task.
    """

    STOPPED = "stopped"
    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"


class Job:
    """A submitted task; it changes only while :meth:`Worker.poll` runs (and, to CANCELLING, in ``cancel``).

    Attributes
    ----------
    task: what was submitted.
    state: see :class:`JobState`.
    progress: the latest report, or None before the first.
    result: what the task gives, once DONE.
    error: why it FAILED.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.state = JobState.QUEUED
        self.progress: Progress | None = None
        self.result: object = None
        self.error: EchoODEError | None = None

    @property
    def finished(self) -> bool:
        """Whether it is DONE, FAILED or CANCELLED."""
        return self.state in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)

    def __repr__(self) -> str:
        return f"<Job {type(self.task).__name__} {self.state.value}>"
