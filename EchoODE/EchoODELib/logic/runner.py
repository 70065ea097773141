"""One long step at a time: the worker computes it, then its result is taken into the scene piece by piece.

Taking a result in costs some tenths of a second. It is done in pieces between the application's own events, so that
nothing stands still.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import slicer

from ..engine.errors import EchoODEError, UnsuitableClip
from ..engine.progress import Progress
from ..jobs.errors import WorkerBusy
from ..jobs.job import JobState
from .options import Event

if TYPE_CHECKING:
    from ..jobs.job import Job
    from ..jobs.worker import Worker
    from ..scene.study import Study

Pieces = Iterator[None]
TakeIn = Callable[["Study", Any], Pieces]
Ending = Callable[[], Pieces]

_LISTEN_S = 0.005
_BUDGET = 0.02  # seconds of one poll that pieces may take, when none takes longer by itself


@dataclass
class Run:
    """A step under way.

    Attributes
    ----------
    step: "segment", "propagate", "export", "live", "estimate", "explain" or "map".
    study: the clip that it is for.
    takeIn: brings the result into the scene, yielding between pieces.
    ending: of a conversation, which has no result: settles what it left in the scene, however it ended.
    job: in the worker.
    pieces: what is left to take in, once the worker is done.
    error: why it failed.
    """

    step: str
    study: Study
    takeIn: TakeIn | None = None
    ending: Ending | None = None
    job: Job | None = None
    pieces: Pieces | None = None
    error: EchoODEError | None = field(default=None)


class Runner:
    """Runs one step at a time.

    Parameters
    ----------
    worker: computes.
    tell: called with the event, the study (None if it has gone) and a sentence for people, "" for none.
    """

    def __init__(self, worker: Worker, tell: Callable[[Event, Study | None, str], None]) -> None:
        self.worker, self._tell = worker, tell
        self.run: Run | None = None

    @property
    def progress(self) -> Progress | None:
        """The last report of the run."""
        return self.run.job.progress if self.run is not None and self.run.job is not None else None

    def start(
        self,
        step: str,
        study: Study,
        task: Any,
        takeIn: TakeIn | None = None,
        *,
        onAnswer: Callable[[Any], None] | None = None,
        ending: Ending | None = None,
    ) -> Run:
        """Begin a step: ``takeIn`` for one with a result, ``onAnswer`` and ``ending`` for a conversation.

        Raises
        ------
        WorkerBusy: another one is under way.
        """
        if self.run is not None:
            raise WorkerBusy("Another run is under way: wait for it, or cancel it first.")
        while (left := self.worker.job) is not None and left.state is JobState.CANCELLING:
            # One that was abandoned with its scene: it has ended within a third of a second.
            self.worker.poll()
            time.sleep(_LISTEN_S)
        run = Run(step, study, takeIn, ending)
        run.job = self.worker.submit(
            task,
            on_progress=lambda progress: self._tell(Event.PROGRESS, study, ""),
            on_done=lambda result: self._computed(run, result),
            on_failed=lambda error: self._failed(run, error),
            on_cancelled=lambda: self._cancelled(run),
            on_answer=onAnswer,
        )
        self.run = run
        self._tell(Event.STARTED, study, "")
        return run

    def poll(self) -> None:
        """Hear the worker, and take in some of a result."""
        self.worker.poll()
        if self.run is not None and self.run.pieces is not None:
            self._advance(self.run, _BUDGET)

    def cancel(self) -> None:
        """Stop the run; a result that is being taken in is taken in to its end, it is a matter of a moment."""
        if self.run is not None and self.run.pieces is None:
            self.worker.cancel()

    def abandon(self) -> None:
        """Stop the run and leave the scene alone, which is about to close."""
        if self.run is None:
            return
        self.worker.cancel()
        self._finished(self.run, Event.CANCELLED, "The scene was closed; the run was stopped.")

    def wait(self) -> EchoODEError | None:
        """Return when no run is under way, with its error if it failed; the application stays alive meanwhile."""
        run = self.run
        while self.run is not None:
            self.poll()
            slicer.app.processEvents()
            if self.run is not None and self.run.pieces is None:
                time.sleep(0.005)
        return run.error if run is not None else None

    def _computed(self, run: Run, result: Any) -> None:
        if self.run is run and run.takeIn is not None:
            run.pieces = run.takeIn(run.study, result)

    def _advance(self, run: Run, budget: float) -> None:
        assert run.pieces is not None
        until = time.perf_counter() + budget
        try:
            while time.perf_counter() < until:
                if not run.study.exists:
                    raise UnsuitableClip("The clip was removed while it was worked on; the result was let go.")
                next(run.pieces)
        except StopIteration:
            if run.error is None:
                self._finished(run, Event.FINISHED, "")
            else:  # a conversation that had gone wrong, and is settled now
                self._finished(run, Event.FAILED, str(run.error))
        except EchoODEError as error:
            run.error = run.error or error
            self._finished(run, Event.FAILED, str(run.error))

    def _cancelled(self, run: Run) -> None:
        if self.run is run and run.ending is not None:
            run.pieces = run.ending()
        else:
            self._finished(run, Event.CANCELLED, "Cancelled; nothing was changed.")

    def _failed(self, run: Run, error: EchoODEError) -> None:
        run.error = error
        if self.run is run and run.ending is not None:
            run.pieces = run.ending()
        else:
            self._finished(run, Event.FAILED, str(error))

    def _finished(self, run: Run, event: Event, message: str) -> None:
        if self.run is run:
            self.run = None
            self._tell(event, run.study if run.study.exists else None, message)
