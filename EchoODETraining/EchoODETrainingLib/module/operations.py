"""The module's verbs: look into data, plan, evaluate, install, and those of :mod:`.run_operations`.

Everything long runs in processes of its own; :meth:`TrainingOperations.poll` hears of them. It is called by a timer of
the module and, while a script waits, by :meth:`TrainingOperations.wait`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import slicer
from EchoODELib.engine.errors import EchoODEError, UnsuitableClip

from . import commands, models
from .corrected import write_corrected
from .data import DataChoice, Found, Options, key_of, look_into
from .dependencies import ensure_training, training_is_there
from .evaluation import Evaluation
from .events import Event
from .plan import Plan
from .process import Errand
from .recipes import Setup
from .run_folder import Run
from .run_operations import SETTLE_S, RunOperations

CORRECTED = "corrected clips"  # a folder beside the runs


class TrainingOperations(RunOperations):
    """What panel and scripts call.

    Attributes
    ----------
    found: what was found in data sets, by :func:`~.data.key_of`.
    plan, plannedFor: the last plan, and the setup it is for.
    evaluation: the last one.
    message: the last outcome, one sentence for people.
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, Found] = {}
        self.plan: Plan | None = None
        self.plannedFor: Setup | None = None
        self.evaluation: Evaluation | None = None
        self.message = ""
        self._refused: set[str] = set()
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
        super().poll()

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
