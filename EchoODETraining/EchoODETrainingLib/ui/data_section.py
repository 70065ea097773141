"""Data: kind and folder, the corrected clips of the scene, what was found."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from pathlib import Path

import ctk
import slicer
from EchoODELib.ui.context import SharedContext
from EchoODELib.ui.messages import Kind, breakable
from EchoODELib.ui.section import setUsable
from slicer.i18n import tr as _

from ..module.data import SIMULATED, DataChoice, Found, Options, key_of
from ..module.events import Event
from .errand_control import ErrandControl
from .section import Section, narrow
from .table import Table

UNKNOWN = "…"


class DataSection(Section):
    """The first section."""

    file = "TrainingData"

    def __init__(self, context: SharedContext) -> None:
        super().__init__(context)
        ui = self.ui
        ui.dataFolderEdit.filters = ctk.ctkPathLineEdit.Dirs
        narrow(ui.dataFolderEdit, ui.dataInfoLabel)
        self._table = Table(ui.dataTable, (_("Data set"), _("Train"), _("Valid"), _("Test"), _("Frames")))
        ui.dataTable.connect("itemSelectionChanged()", self._showChosen)
        ui.dataKindComboBox.connect("activated(int)", self._onKind)
        ui.dataFolderEdit.connect("currentPathChanged(QString)", self._onFolder)
        ui.addSceneButton.setIcon(context.icons("Scene"))
        ui.removeDataButton.setIcon(context.icons("Remove"))
        ui.addSceneButton.connect("clicked()", self._onAddScene)
        ui.removeDataButton.connect("clicked()", self._onRemove)
        self._adding: DataChoice | None = None
        self.options: Callable[[], Mapping[str, Options]] = dict  # kind -> what the recipe opens it with
        self.errand = ErrandControl(
            context,
            Event.DATA,
            ui.addDataButton,
            ui,
            "data",
            _("Add data set"),
            "Add",
            _("Look what the folder holds, and train on it."),
            _("Looking into the data…"),
            self._add,
        )

    @property
    def choices(self) -> list[DataChoice]:
        """The data sets that were added."""
        parameters = self.context.parameters
        return [] if parameters is None else [DataChoice.parse(text) for text in parameters.dataSets]

    def chosenFolder(self) -> DataChoice:
        """What kind and folder say."""
        parameters = self.context.parameters
        folder = parameters.dataFolder.strip()
        return DataChoice(parameters.dataKind.value, Path(folder) if folder else None)

    @property
    def wanted(self) -> list[tuple[DataChoice, Options]]:
        """The data sets that were added, with what the recipe opens them with."""
        return [(choice, self._options(choice)) for choice in self.choices]

    def found(self, choice: DataChoice) -> Found | None:
        """What is known of a data set."""
        found: Found | None = self.operations.found.get(key_of(choice, self._options(choice)))
        return found

    def add(self, choice: DataChoice) -> None:
        """Look into a data set and add it if it is one.

        Raises
        ------
        MissingPackages: what reading needs is not installed.
        """
        self._adding = choice
        self.operations.lookInto(choice, self._options(choice))

    def taken(self, failed: bool) -> None:
        """A look has ended: add what was looked at."""
        choice, self._adding = self._adding, None
        parameters = self.context.parameters
        if parameters is None:
            return
        found = None if choice is None or failed else self.found(choice)
        if found is not None:
            if str(choice) not in parameters.dataSets:
                parameters.dataSets = [*parameters.dataSets, str(choice)]
            self._tell(found)

    def refresh(self) -> None:
        """See Section."""
        ui, parameters = self.ui, self.context.parameters
        reason = tip = ""
        if parameters is not None:
            if ui.dataFolderEdit.currentPath != parameters.dataFolder:
                blocked = ui.dataFolderEdit.blockSignals(True)
                ui.dataFolderEdit.currentPath = parameters.dataFolder
                ui.dataFolderEdit.blockSignals(blocked)
            choice = self.chosenFolder()
            if choice.folder is None and choice.kind != SIMULATED:
                reason = _("Choose the folder of the data first.")
            elif str(choice) in parameters.dataSets:
                reason = _("This data set is in the list.")
            simulated = choice.kind == SIMULATED
            tip = _("Simulated clips are kept here for the next run; empty, they are made anew.") if simulated else ""
        ui.dataFolderEdit.toolTip = tip or _("Where the data set lies.")
        self.errand.refresh(reason)
        self._showAddScene()
        rows, tips = [], []
        for choice in self.choices:
            found = self.found(choice)
            counts = [UNKNOWN] * 4
            if found is not None:
                counts = [str(found.clips.get(split, 0)) for split in ("train", "valid", "test")]
                counts.append(f"{'' if found.exact else '≈ '}{found.labelled_frames}")
            rows.append([choice.title, *counts])
            tips.append(_spoken(choice, found))
        self._table.show(rows, tips)
        self._showChosen()

    def refreshProgress(self) -> None:
        """See Section."""
        self.errand.refreshProgress()

    def _options(self, choice: DataChoice) -> Options:
        return self.options().get(choice.kind, {})

    def _showAddScene(self) -> None:
        corrected = _correctedClips()
        tip = _("Train on the clips whose masks were corrected in the module EchoODE.")
        reason = ""
        if corrected:
            tip = _("Write the scene's corrected clips into a folder, and train on them: %s") % ", ".join(corrected)
            if self.errand.running:
                reason = _("Wait until the data set was looked into.")
        else:
            reason = _("No clip of this scene has a corrected frame yet: correct one in the module EchoODE.")
        setUsable(self.ui.addSceneButton, tip, reason)

    def _showChosen(self) -> None:
        ui, choices, row = self.ui, self.choices, self._table.row
        chosen = choices[row] if 0 <= row < len(choices) else None
        if chosen is not None:
            ui.dataInfoLabel.text = html.escape(breakable(_spoken(chosen, self.found(chosen))))
        elif choices:
            ui.dataInfoLabel.text = _("Numbers of clips, and of frames with a mask.")
        else:
            ui.dataInfoLabel.text = _("None is chosen: the recipe's own data are used, where it has some.")
        ui.removeDataButton.setVisible(bool(choices))
        setUsable(
            ui.removeDataButton,
            _("Take the data set out of the list; its files stay."),
            "" if chosen is not None else _("Choose a data set in the list."),
        )

    def _onKind(self, index: int) -> None:
        if self.context.parameters.dataKind.value == SIMULATED:
            self.context.parameters.dataFolder = ""  # simulated clips must not be kept among others by mistake

    def _onFolder(self, folder: str) -> None:
        if self.context.parameters is not None:
            self.context.parameters.dataFolder = folder

    def _add(self) -> None:
        self.add(self.chosenFolder())
        self.context.messages.clear()

    def _onAddScene(self) -> None:
        self.context.messages.clear()
        self.context.attempt(self._addScene)

    def _addScene(self) -> None:
        with slicer.util.WaitCursor():
            choice = self.operations.writeCorrected()
        self.add(choice)

    def _onRemove(self) -> None:
        parameters, row = self.context.parameters, self._table.row
        if 0 <= row < len(parameters.dataSets):
            sets = list(parameters.dataSets)
            del sets[row]
            parameters.dataSets = sets

    def _tell(self, found: Found) -> None:
        clips, frames = sum(found.clips.values()), found.labelled_frames
        text = _("{clips} of {patients} with {frames} were found.").format(
            clips=_counted(clips, _("clip"), _("clips")),
            patients=_counted(sum(found.patients.values()), _("patient"), _("patients")),
            frames=("" if found.exact else _("about ")) + _counted(frames, _("labelled frame"), _("labelled frames")),
        )
        kind = Kind.DONE
        if found.notes or not found.trains:
            kind = Kind.WARNING
            text = " ".join([text, *found.notes])
        if not found.trains:
            text += " " + _("None of them is to train on.")
        self.context.messages.show(kind, text)


def _correctedClips() -> list[str]:
    from ..module.corrected import corrected_clips

    return [study.name for study in corrected_clips()]


def _spoken(choice: DataChoice, found: Found | None) -> str:
    """A data set in words."""
    text = choice.title if choice.folder is None else f"{choice.title}: {choice.folder}"
    if found is None:
        return text
    return f"{text} ({_counted(sum(found.patients.values()), _('patient'), _('patients'))})"


def _counted(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"
