"""Somebody at mouse and keyboard in front of the training module."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
from e2e.person import Person
from EchoODETrainingLib.module.events import Event
from EchoODETrainingLib.module.run_folder import State


class Trainee(Person):
    """Clicks, types and waits; reads what the panel says."""

    @property
    def widget(self) -> Any:
        return slicer.modules.echoodetraining.widgetRepresentation().self()

    @property
    def state(self) -> State | None:
        """Of the run in view, as the panel knows it."""
        status = self.logic.status
        return None if status is None else status.state

    def until_no_errand(self) -> None:
        """Wait until nothing is looked into, planned or evaluated."""
        self.until(lambda: not any(self.logic.busy(event) for event in Event))

    def choose_recipe(self, path: Path, monkeypatch: Any) -> None:
        """Open a recipe's file; only the system's own file dialog is not played."""
        monkeypatch.setattr("qt.QFileDialog.getOpenFileName", lambda *_: str(path))
        self.click("recipeFileButton")

    def plan(self) -> None:
        """Let the plan be shown."""
        self.click("planButton")
        self.until_no_errand()

    def start(self) -> None:
        """Start the run that was planned."""
        self.click("startButton")
        self.until(lambda: self.state not in (State.STARTING, State.PREPARING))

    def end_all(self) -> None:
        """Leave no process behind."""
        for event in Event:
            self.logic.cancel(event)
        self.until_no_errand()
        for run in self.logic.runs():
            run.kill()
        self.logic.poll()
