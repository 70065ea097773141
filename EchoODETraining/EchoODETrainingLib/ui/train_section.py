"""Train: start, pause, resume, stop; how far the run is, its curves and pictures."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import ctk
import qt
from EchoODELib.ui.context import SharedContext
from EchoODELib.ui.messages import Kind, breakable
from EchoODELib.ui.section import setUsable
from slicer.i18n import tr as _

from ..module.run_folder import Run, State, Status
from .recipe_section import RecipeSection
from .run_views import RunViews
from .run_words import spokenProgress, summary
from .section import Section, narrow

RUNS_FOLDER, LAST_RUN = "EchoODETraining/RunsFolder", "EchoODETraining/LastRun"  # in the user's settings
_OUTCOMES = {
    State.DONE: (Kind.DONE, "The training “{name}” is done."),
    State.STOPPED: (Kind.INFO, "The training “{name}” was stopped; its best weights are kept."),
    State.FAILED: (Kind.ERROR, "The training “{name}” failed."),
    State.INTERRUPTED: (
        Kind.WARNING,
        "The training “{name}” was interrupted: Resume continues from its last checkpoint.",
    ),
}
_TYPING_MS = 600
_PATIENCE_S = 20.0  # a run that was asked to stop and has not done so may be ended then


def defaultFolder() -> Path:
    """Where runs go unless a person chooses: a folder in the documents."""
    documents = qt.QStandardPaths.writableLocation(qt.QStandardPaths.DocumentsLocation)
    return Path(documents) / "EchoODE" / "Training"


class TrainSection(Section):
    """The third section.

    Parameters
    ----------
    recipe: the section above it, which knows what is to be trained.
    """

    file = "TrainingTrain"

    def __init__(self, context: SharedContext, recipe: RecipeSection) -> None:
        super().__init__(context)
        ui = self.ui
        self._recipe = recipe
        self._runs: list[Run] = []
        self._listed: list[str] = []
        self._told: tuple[Run, State] | None = None  # of what the message line told, or found when it came into view
        self._asked: tuple[Run, str, float] | None = None  # run, word and time of what it was asked
        self.views = RunViews(self.operations, ui)
        ui.runsFolderEdit.filters = ctk.ctkPathLineEdit.Dirs
        narrow(ui.runsFolderEdit, ui.trainInfoLabel)
        ui.startButton.setIcon(context.icons("Train"))
        ui.stopButton.setIcon(context.icons("Stop"))
        ui.openRunButton.setIcon(context.icons("Folder"))
        # A path comes letter by letter; what is on the way to it is no folder of runs.
        self._typed = qt.QTimer()
        self._typed.setSingleShot(True)
        self._typed.setInterval(_TYPING_MS)
        self._typed.connect("timeout()", self._onFolder)
        ui.runsFolderEdit.connect("currentPathChanged(QString)", lambda path: self._typed.start())
        ui.runComboBox.connect("activated(int)", self._onRun)
        ui.openRunButton.connect("clicked()", self._onOpen)
        ui.startButton.connect("clicked()", self._onStart)
        ui.pauseButton.connect("clicked()", self._onPause)
        ui.stopButton.connect("clicked()", self._onStop)
        stored = str(qt.QSettings().value(RUNS_FOLDER) or "")
        self.setFolder(stored or str(defaultFolder()))

    # Runs

    def setFolder(self, folder: str) -> None:
        """Choose where runs are, and follow the one that was followed before."""
        ui = self.ui
        blocked = ui.runsFolderEdit.blockSignals(True)
        ui.runsFolderEdit.currentPath = folder
        ui.runsFolderEdit.blockSignals(blocked)
        self.operations.runsFolder = Path(folder)
        runs = self.operations.runs()
        last = str(qt.QSettings().value(LAST_RUN) or "")
        known = next((run for run in runs if str(run.folder) == last), None)
        going = next((run for run in runs if self.operations.stateOf(run).active), None)
        self.follow(going or known or (runs[0] if runs else None))

    def follow(self, run: Run | None) -> None:
        """Bring a run into view."""
        if run is not None:
            qt.QSettings().setValue(LAST_RUN, str(run.folder))
        self._told = None
        self.operations.follow(run)

    @property
    def status(self) -> Status | None:
        """Of the run in view."""
        status: Status | None = self.operations.status
        return status

    def refresh(self) -> None:
        """See Section."""
        self._fillRuns()
        self._announce()
        self.refreshProgress()

    def refreshProgress(self) -> None:
        """See Section."""
        self._showButtons()
        self.views.refresh()
        ui, status = self.ui, self.status
        ui.trainProgressFrame.setVisible(status is not None and status.state.active)
        ui.trainInfoLabel.setVisible(status is not None)
        if status is None:
            return
        known = status.steps > 0 and status.state in (State.RUNNING, State.PAUSED)
        ui.trainProgressBar.maximum = 1000 if known else 0
        ui.trainProgressBar.value = round(1000 * status.fraction) if known else 0
        ui.trainProgressLabel.text = breakable(spokenProgress(status))
        ui.trainInfoLabel.text = summary(status)

    # Filling

    def _showButtons(self) -> None:
        ui, status = self.ui, self.status
        state = None if status is None else status.state
        setUsable(
            ui.startButton,
            _("Start a new run with the recipe above. It goes on when Slicer is closed."),
            self._whyNoStart(),
        )
        asked = self._pending()
        goesOn = state in (State.PAUSED, State.INTERRUPTED, State.STOPPED, State.FAILED)
        ui.pauseButton.text = _("Resume") if goesOn else _("Pause")
        ui.pauseButton.setIcon(self.context.icons("Resume" if goesOn else "Pause"))
        reason = ""
        if status is None:
            reason = _("There is no run in view.")
        elif state is State.DONE:
            reason = _("The run is done.")
        elif state is State.STARTING:
            reason = _("The run has not begun yet.")
        elif asked:
            reason = _("The run was asked to {word}; it does so after its next step.").format(word=asked)
        resumeTip = _("Go on with the run: from where it rests, or from its last checkpoint.")
        setUsable(ui.pauseButton, resumeTip if goesOn else _("Let the run rest after its next step."), reason)
        killing = asked == "stop" and self._asked is not None and time.monotonic() - self._asked[2] > _PATIENCE_S
        ui.stopButton.text = _("End now") if killing else _("Stop")
        stopReason = "" if status is not None and state is not None and state.active else _("No run is under way.")
        if asked == "stop" and not killing:
            stopReason = _("The run was asked to stop; it does so after its next step.")
        setUsable(
            ui.stopButton,
            _("The run does not answer: end its process. It can be resumed from its last checkpoint.")
            if killing
            else _("End the run after its next step; its best weights are kept, and it can be resumed."),
            stopReason,
        )
        setUsable(
            ui.openRunButton, _("Show the run's folder in the file browser."), "" if status is not None else reason
        )

    def _fillRuns(self) -> None:
        runs = self.operations.runs()
        run = self.operations.run
        listed = [f"{_(self.operations.stateOf(one).value)}: {one.name}" for one in runs]
        combo = self.ui.runComboBox
        if (runs, listed) != (self._runs, self._listed):
            self._runs, self._listed = runs, listed
            combo.clear()
            for text in listed:
                combo.addItem(text)
        if run in runs:
            combo.setCurrentIndex(runs.index(run))
        combo.enabled = bool(runs)
        if run is not None and run not in runs and not run.folder.is_dir():
            self.follow(runs[0] if runs else None)

    def _announce(self) -> None:
        """Say in the message line how the run in view ended, once."""
        run, status = self.operations.run, self.status
        if run is None or status is None:
            return
        before, self._told = self._told, (run, status.state)
        # Of a run that has just come into view, what is long over is no news, what was cut off is.
        seen = before is not None and before[0] == run and before != self._told
        if not seen and not (before is None and status.state is State.INTERRUPTED):
            return
        if status.state not in _OUTCOMES:
            return
        kind, text = _OUTCOMES[status.state]
        said = _(text).format(name=status.name)
        if status.message and status.state is State.FAILED:
            said = f"{said.removesuffix('.')}: {status.message}"
        self.context.messages.show(kind, said)

    def _whyNoStart(self) -> str:
        if self.context.parameters is None:
            return _("The scene is closing.")
        if not self._recipe.planned:
            return _("Let the plan be shown first: it says what will be trained, and how long it takes.")
        return ""

    def _pending(self) -> str:
        """The word that the run in view was asked and has not obeyed yet, or ""."""
        status = self.status
        if self._asked is None or status is None or self._asked[0] != self.operations.run:
            return ""
        word = self._asked[1]
        obeyed = {"pause": State.PAUSED, "resume": State.RUNNING}.get(word)
        if not status.state.active or status.state is obeyed:
            self._asked = None
            return ""
        return word

    # What a person does

    def _onFolder(self) -> None:
        folder = self.ui.runsFolderEdit.currentPath.strip()
        if folder and folder != str(self.operations.runsFolder):
            qt.QSettings().setValue(RUNS_FOLDER, folder)
            self.setFolder(folder)

    def _onRun(self, index: int) -> None:
        self.context.messages.clear()
        self.follow(self._runs[index])
        self._told = None if self.status is None else (self._runs[index], self.status.state)

    def _onOpen(self) -> None:
        run = self.operations.run
        if run is not None:
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(run.folder)))

    def _onStart(self) -> None:
        self.context.messages.clear()
        run = self.context.attempt(lambda: self.operations.start(self._recipe.setup()))
        if run is not None:
            qt.QSettings().setValue(LAST_RUN, str(run.folder))
            self._told = (run, State.STARTING)
            self.refresh()  # it may have ended already

    def _onPause(self) -> None:
        status = self.status
        if status is None:
            return
        self.context.messages.clear()
        pausing = status.state in (State.RUNNING, State.PREPARING)
        self._ask("pause" if pausing else "resume", self.operations.pause if pausing else self.operations.resume)

    def _onStop(self) -> None:
        self.context.messages.clear()
        if self._pending() == "stop":
            self.context.attempt(self.operations.kill)
        else:
            self._ask("stop", self.operations.stop)

    def _ask(self, word: str, action: Any) -> None:
        if self.operations.run is not None:
            self._asked = (self.operations.run, word, time.monotonic())
        self.context.attempt(action)
        if self.context.messages.kind is Kind.ERROR:
            self._asked = None
        self.refresh()
