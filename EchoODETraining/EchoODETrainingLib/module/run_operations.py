"""Training runs: started, followed, steered; each is a process of its own that outlives the application."""

from __future__ import annotations

import shutil
import socket
import time
from pathlib import Path

import slicer
from EchoODELib.engine.errors import EchoODEError

from ..run_files import RECIPE
from . import commands
from .dependencies import ensure_training
from .events import Event, Listener
from .process import start_detached
from .recipes import Setup, write_asked
from .run_folder import OUTPUT, Launch, Run, State, Status, fresh_folder, runs_in

SETTLE_S = 0.02  # between two looks of a script that waits
_STATES_S = 2.0  # between two looks at all runs


class RunOperations:
    """Starts training runs, follows one of them, and tells listeners how it goes.

    Attributes
    ----------
    listeners: called as ``listener(event, error)`` after each change; ``error`` is why something failed, or None.
    runsFolder: where runs are, a folder for each.
    run: the one that is followed, or None.
    """

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.runsFolder = Path()
        self.run: Run | None = None
        self._status: Status | None = None
        self._states: dict[Run, State] = {}
        self._statesAt = 0.0
        self._metricsAt = 0.0

    def runs(self) -> list[Run]:
        """All runs of the runs' folder, the latest first."""
        return runs_in(self.runsFolder)

    def stateOf(self, run: Run) -> State:
        """A run's state when it was last looked at."""
        if run not in self._states:
            self._states[run] = run.status().state
        return self._states[run]

    @property
    def status(self) -> Status | None:
        """Of the followed run, as it was last read."""
        return self._status

    def follow(self, run: Run | None) -> None:
        """Make a run the one that is followed."""
        self.run, self._status, self._metricsAt = run, None, 0.0
        self._look()
        self._tell(Event.RUNS)

    def start(self, setup: Setup, waitForCompletion: bool = False) -> Run:
        """Start a training run in a new folder and follow it; it goes on when the application ends.

        Raises
        ------
        UnusableRecipe: the recipe can't be read.
        OutputError: the runs' folder can't be written.
        MissingPackages, ProcessFailed: it can't be started.
        """
        ensure_training()
        folder = fresh_folder(self.runsFolder, setup.changes.name or setup.recipe.stem)
        run = Run(folder)
        try:
            asked = write_asked(folder, setup)
            self._launch(run, Launch(str(asked), (), setup.device), resume=False)
        except EchoODEError:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self.follow(run)
        if waitForCompletion:
            self.waitForRun()
        return run

    def pause(self) -> None:
        """Let the followed run rest after its next step."""
        self._steer("pause")

    def resume(self) -> None:
        """Let the followed run go on: a paused one at once, one whose process is gone from its last checkpoint.

        Raises
        ------
        OutputError, MissingPackages, ProcessFailed: as :meth:`start`.
        """
        run, status = self.run, self._status
        if run is None or status is None:
            return
        if status.state is State.PAUSED:
            self._steer("resume")
            return
        if status.state.active:
            return
        ensure_training()
        launch = run.launch() or Launch(str(run.folder / RECIPE), (), "auto")
        run.steer("resume")
        self._launch(run, launch, resume=True)
        self.follow(run)

    def stop(self) -> None:
        """End the followed run after its next step, with its best weights kept."""
        self._steer("stop")

    def kill(self) -> None:
        """End the followed run's process at once; it can be resumed from its last checkpoint."""
        if self.run is not None:
            self.run.kill()
            self._look()

    def poll(self) -> None:
        """Hear how far the followed run is; to be called often, from the application's thread."""
        if self._status is not None and self._status.state.active:
            self._look()
        if time.monotonic() - self._statesAt > _STATES_S:
            self._look()
            self._lookAtAll()

    def waitForRun(self) -> Status:
        """Return when the followed run has ended, with how."""
        while True:
            self.poll()
            status = self._status
            if status is None or not status.state.active:
                return status or Status(State.INTERRUPTED)
            slicer.app.processEvents()
            time.sleep(SETTLE_S)

    def _launch(self, run: Run, launch: Launch, resume: bool) -> None:
        started = Launch(launch.recipe, launch.data, launch.device, 0, socket.gethostname(), time.time())
        run.write_launch(started)
        pid = start_detached(commands.train(run.folder, started, resume), run.folder / OUTPUT)
        run.write_launch(Launch(**{**started.__dict__, "pid": pid}))

    def _steer(self, word: str) -> None:
        if self.run is not None:
            self.run.steer(word)
            self._tell(Event.PROGRESS)

    def _look(self) -> None:
        """Read the followed run's status; tell what has changed."""
        run = self.run
        if run is None:
            return
        before, now = self._status, run.status()
        changed = run.changed()
        if now == before and changed == self._metricsAt:
            return
        self._status, self._metricsAt = now, changed
        self._states[run] = now.state
        self._tell(Event.RUNS if before is None or before.state is not now.state else Event.PROGRESS)

    def _lookAtAll(self) -> None:
        self._statesAt = time.monotonic()
        now = {run: run.status().state for run in self.runs()}
        if now != self._states:
            self._states = now
            self._tell(Event.RUNS)

    def _tell(self, event: Event, error: EchoODEError | None = None) -> None:
        for listener in list(self.listeners):
            listener(event, error)
