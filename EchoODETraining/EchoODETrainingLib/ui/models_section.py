"""Models: install a result, list, import, delete."""

from __future__ import annotations

import html
from pathlib import Path

import qt
import slicer
from EchoODELib.ui.context import SharedContext
from EchoODELib.ui.messages import Kind, breakable
from EchoODELib.ui.section import setUsable
from slicer.i18n import tr as _

from ..module import models
from ..module.models import InstalledModel
from .section import Section, narrow
from .table import Table

LAST_FOLDER = "EchoODETraining/LastModelFolder"  # in the user's settings


class ModelsSection(Section):
    """The fifth section."""

    file = "TrainingModels"

    def __init__(self, context: SharedContext) -> None:
        super().__init__(context)
        ui = self.ui
        self._models: list[InstalledModel] = []
        self._table = Table(ui.modelsTable, (_("Model"), _("Network"), _("From")))
        narrow(ui.modelInfoLabel)
        ui.installButton.setIcon(context.icons("Install"))
        ui.importModelButton.setIcon(context.icons("Folder"))
        ui.deleteModelButton.setIcon(context.icons("Remove"))
        ui.modelsTable.connect("itemSelectionChanged()", self._showChosen)
        ui.installButton.connect("clicked()", self._onInstall)
        ui.importModelButton.connect("clicked()", self._onImport)
        ui.deleteModelButton.connect("clicked()", self._onDelete)

    @property
    def chosen(self) -> InstalledModel | None:
        """The model that is chosen in the list."""
        row = self._table.row
        return self._models[row] if 0 <= row < len(self._models) else None

    def refresh(self) -> None:
        """See Section."""
        self._models = models.known()
        rows = [(one.name, one.architecture, _("you") if one.own else _("EchoODE")) for one in self._models]
        self._table.show(rows, [breakable(one.use) for one in self._models])
        run = self.operations.run
        ready = run is not None and run.model() is not None
        setUsable(
            self.ui.installButton,
            _("Offer the model of the run above in Segment sequence of the module EchoODE."),
            "" if ready else _("The run in view has made no model yet."),
        )
        setUsable(self.ui.importModelButton, _("Install models that lie in a folder: a card and weights each."))
        self._showChosen()

    def _showChosen(self) -> None:
        model = self.chosen
        label = self.ui.modelInfoLabel
        label.text = "" if model is None else _spoken(model)
        label.setVisible(model is not None)
        reason = ""
        if model is None:
            reason = _("Choose a model in the list.")
        elif not model.own:
            reason = _("It came with EchoODE and can't be deleted.")
        setUsable(self.ui.deleteModelButton, _("Delete the chosen model's card and weights."), reason)

    def _onInstall(self) -> None:
        self.context.messages.clear()
        if self.context.attempt(self.operations.install) is not None:
            self.context.messages.show(Kind.DONE, self.operations.message)

    def _onImport(self) -> None:
        folder = qt.QFileDialog.getExistingDirectory(
            slicer.util.mainWindow(), _("Import models"), str(qt.QSettings().value(LAST_FOLDER) or "")
        )
        if not folder:
            return
        qt.QSettings().setValue(LAST_FOLDER, str(folder))
        self.context.messages.clear()
        if self.context.attempt(lambda: self.operations.importModels(Path(str(folder)))) is not None:
            self.context.messages.show(Kind.DONE, self.operations.message)

    def _onDelete(self) -> None:
        model = self.chosen
        if model is None:
            return
        question = _("Delete the model {name}? Its weights can't be brought back.").format(name=model.name)
        if not slicer.util.confirmYesNoDisplay(question):
            return
        self.context.messages.clear()
        self.context.attempt(lambda: self.operations.deleteModel(model.name))
        if self.context.messages.kind is not Kind.ERROR:
            self.context.messages.show(Kind.DONE, self.operations.message)


def _spoken(model: InstalledModel) -> str:
    """What a model's card says, as rich text."""
    text = html.escape(breakable(model.use))
    if model.licence:
        text += f" <i>{html.escape(_('Licence: %s') % model.licence)}</i>"
    return text
