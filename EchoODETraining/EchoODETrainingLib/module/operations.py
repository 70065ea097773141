"""The module's verbs: look into data, plan, train, steer, evaluate, install.

Everything long runs in processes of its own; :meth:`TrainingOperations.poll` hears of them. It is called by a timer of
the module and, while a script waits, by :meth:`TrainingOperations.wait`.
"""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import slicer
from EchoODELib.engine.errors import EchoODEError, UnsuitableClip

from ..run_files import RECIPE
from . import commands, models
from .corrected import write_corrected
from .data import DataChoice, Found, Options, key_of, look_into
from .dependencies import ensure_training, training_is_there
from .evaluation import Evaluation
from .plan import Plan
from .process import Errand, start_detached
from .recipes import Setup, write_asked
from .run_folder import OUTPUT, Launch, Run, State, Status, fresh_folder, runs_in

CORRECTED = "corrected clips"  # a folder beside the runs
SETTLE_S = 0.02  # between two looks of a script that waits
_STATES_S = 2.0  # between two looks at all runs


class Event(Enum):
    """What listeners are told of."""

    DATA = "data"  # something was found, or not
    PLAN = "plan"
    RUNS = "runs"  # the list, or a run's state
    PROGRESS = "progress"  # the followed run has come further
    EVALUATION = "evaluation"
    MODELS = "models"


Listener = Callable[[Event, EchoODEError | None], None]


class TrainingOperations:
    """What panel and scripts call.

    Attributes
    ----------
    listeners: called as ``listener(event, error)`` after each change; ``error`` is why something failed, or None.
    found: what was found in data sets, by :func:`~.data.key_of`.
    plan, plannedFor: the last plan, and the setup it is for.
    evaluation: the last one.
    message: the last outcome, one sentence for people.
    """

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.found: dict[str, Found] = {}
        self.plan: Plan | None = None
        self.plannedFor: Setup | None = None
        self.evaluation: Evaluation | None = None
        self.message = ""
        self._refused: set[str] = set()
        self.runsFolder = Path()
        self.run: Run | None = None
        self._status: Status | None = None
        self._states: dict[Run, State] = {}
        self._statesAt = 0.0
        self._metricsAt = 0.0
        self._errands: dict[Event, tuple[Errand, Any]] = {}
        self._errors: dict[Event, EchoODEError] = {}

    # Data

    def lookInto(self, choice: DataChoice, options: Options | None = None, waitForCompletion: bool = False) -> None:
        """Find out what a data set holds; :attr:`found` then has it.

        Parameters
        ----------
        options: what it is opened with, as ``recipes.options_of`` finds it in a recipe.

        Raises
        ------
        MissingPackages: what reading needs is not installed.
        Any error of the data set, if waited for; otherwise listeners are told.
        """
        ensure_training()
        self._lookInto(choice, options or {}, waitForCompletion)

    def lookAgain(self, wanted: Sequence[tuple[DataChoice, Options]]) -> None:
        """Find out what is not known yet of data sets, one after the other, where nothing needs to be installed."""
        unknown = [one for one in wanted if key_of(*one) not in self.found.keys() | self._refused]
        if unknown and Event.DATA not in self._errands and training_is_there():
            self._lookInto(*unknown[0], False)

    def _lookInto(self, choice: DataChoice, options: Options, waitForCompletion: bool) -> None:
        key = key_of(choice, options)
        self._refused.add(key)  # until it has answered
        self._send(Event.DATA, look_into(choice, options), key, waitForCompletion)

    def writeCorrected(self) -> DataChoice:
        """Write the scene's corrected clips into a folder, as a data set to train on.

        Raises
        ------
        UnsuitableMask: no clip has a corrected frame.
        OutputError: the folder can't be written.
        """
        ensure_training()
        return write_corrected(self.runsFolder / CORRECTED)

    # Plan

    def makePlan(self, setup: Setup, waitForCompletion: bool = False) -> None:
        """Reckon what will be trained and how long it takes; :attr:`plan` then has it.

        Raises
        ------
        UnusableRecipe, MissingPackages, and any error of the trainer if waited for.
        """
        ensure_training()
        self.plan = self.plannedFor = None
        self._send(Event.PLAN, commands.plan(setup), setup, waitForCompletion)

    # Runs

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

    def waitForRun(self) -> Status:
        """Return when the followed run has ended, with how."""
        while True:
            self.poll()
            status = self._status
            if status is None or not status.state.active:
                return status or Status(State.INTERRUPTED)
            slicer.app.processEvents()
            time.sleep(SETTLE_S)

    # Evaluation

    def evaluate(
        self,
        model: str,
        data: list[DataChoice],
        split: str = "valid",
        device: str = "auto",
        options: Mapping[str, Mapping[str, Any]] | None = None,
        waitForCompletion: bool = False,
    ) -> None:
        """Evaluate a model on data sets; :attr:`evaluation` then has the figures and the report.

        Parameters
        ----------
        model: name of an installed one, or path of a card.
        split: "valid" or "test".
        options: kind of a data set -> what it is opened with, as ``recipes.options_of`` finds them in a recipe.

        Raises
        ------
        MissingPackages, and any error of the evaluation if waited for.
        """
        if not data:
            raise UnsuitableClip("Add a data set first: a model is evaluated on it.")
        ensure_training()
        self.evaluation = None
        parent = self.run.folder if self.run is not None and model.startswith(str(self.run.folder)) else self.runsFolder
        folder = commands.report_folder(parent, Path(model).stem, split)
        errand = commands.evaluate(model, data, split, device, folder, options or {})
        self._send(Event.EVALUATION, errand, folder, waitForCompletion)

    # Models

    def install(self, run: Run | None = None) -> str:
        """Offer a run's model in Segment sequence; its name there.

        Raises
        ------
        WeightsError: the run has made no model, or it is damaged.
        OutputError: the models' folder can't be written.
        """
        run = run or self.run
        card = None if run is None else run.model()
        name = models.install(card)
        self.message = f"{name} is installed: the module EchoODE offers it."
        self._tell(Event.MODELS)
        return name

    def importModels(self, folder: Path) -> list[str]:
        """Install all models of a folder; their names.

        Raises
        ------
        WeightsError: there is none, or one is damaged.
        OutputError: the models' folder can't be written.
        """
        names = models.import_folder(folder)
        listed = ", ".join(names)
        self.message = f"{listed} {'is' if len(names) == 1 else 'are'} installed: the module EchoODE offers them."
        self._tell(Event.MODELS)
        return names

    def deleteModel(self, name: str) -> None:
        """Delete a model of one's own.

        Raises
        ------
        WeightsError: a shipped one, or none of this name.
        OutputError: it can't be deleted.
        """
        models.delete(name)
        self.message = f"{name} was deleted."
        self._tell(Event.MODELS)

    # Hearing of processes

    def busy(self, event: Event) -> bool:
        """Whether an errand of this kind is under way."""
        return event in self._errands

    def progressOf(self, event: Event) -> str:
        """The last line that an errand has said."""
        errand = self._errands.get(event)
        return errand[0].progress() if errand is not None else ""

    def cancel(self, event: Event) -> None:
        """End an errand; what was there before it is unchanged."""
        if event in self._errands:
            self._errands[event][0].cancel()

    def poll(self) -> None:
        """Hear of what has ended and how far the followed run is; to be called often, from the application's thread."""
        for event, (errand, about) in list(self._errands.items()):
            if not errand.running:
                del self._errands[event]
                self._ended(event, errand, about)
        if self._status is not None and self._status.state.active:
            self._look()
        if time.monotonic() - self._statesAt > _STATES_S:
            self._look()
            self._lookAtAll()

    def wait(self, event: Event) -> None:
        """Return when no errand of this kind is under way; raise why it failed, if it did."""
        while event in self._errands:
            self.poll()
            slicer.app.processEvents()
            time.sleep(SETTLE_S)
        if (error := self._errors.pop(event, None)) is not None:
            raise error

    def close(self) -> None:
        """End errands; training runs go on."""
        for event in list(self._errands):
            self._drop(event)

    def _send(self, event: Event, errand: Errand, about: Any, waitForCompletion: bool) -> None:
        self._drop(event)
        self._errors.pop(event, None)
        self._errands[event] = (errand, about)
        self._tell(event)
        if waitForCompletion:
            self.wait(event)

    def _drop(self, event: Event) -> None:
        """End an errand that nobody waits for any more, and take its files away."""
        if event in self._errands:
            errand, _about = self._errands.pop(event)
            errand.cancel()
            errand.answer()

    def _ended(self, event: Event, errand: Errand, about: Any) -> None:
        error: EchoODEError | None = None
        try:
            answer = errand.answer()
            if answer is not None:
                self._take(event, answer, about)
        except EchoODEError as failure:
            error = self._errors[event] = failure
        self._tell(event, error)

    def _take(self, event: Event, answer: dict[str, Any], about: Any) -> None:
        if event is Event.DATA:
            self.found[about] = Found.of(answer)
            self._refused.discard(about)
        elif event is Event.PLAN:
            self.plan, self.plannedFor = Plan.of(answer), about
        elif event is Event.EVALUATION:
            self.evaluation = Evaluation.of(answer, about)

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
