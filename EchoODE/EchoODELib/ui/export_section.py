"""Export: folder, what, the run, what was written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import ctk
import qt
from slicer.i18n import tr as _

from ..logic.options import ExportOptions
from ..scene.motion import TRACKING
from .context import Context
from .run_control import RunControl
from .section import Section, setUsable

if TYPE_CHECKING:
    from ..scene.study import Study

KINDS = {
    "exportJson": "json",
    "exportTables": "csv",
    "exportXlsx": "xlsx",
    "exportMasks": "masks",
    "exportMotion": "motion",
    "exportPictures": "pictures",
    "exportVideo": "video",
}
"""Field of the parameter node -> kind of :class:`ExportOptions`."""

MOST_FILES = 8  # more scroll


def defaultFolder() -> Path:
    """Where exports go unless a person chooses: a folder in the documents."""
    return Path(qt.QStandardPaths.writableLocation(qt.QStandardPaths.DocumentsLocation)) / "EchoODE"


class ExportSection(Section):
    """The seventh section."""

    file = "Export"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        ui = self.ui
        self._files: list[Path] = []
        ui.exportFolderEdit.filters = ctk.ctkPathLineEdit.Dirs
        # A long path must not widen the panel.
        ui.exportFolderEdit.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Fixed)
        ui.openFolderButton.setIcon(context.icons("LoadFolder"))
        ui.openFolderButton.connect("clicked()", self._onOpenFolder)
        ui.writtenList.hide()
        ui.writtenList.connect("itemDoubleClicked(QListWidgetItem*)", self._onOpenFile)
        self.run = RunControl(
            context,
            "export",
            ui,
            _("Export"),
            "Export",
            _("Write the chosen files into the folder. Files of the same name are replaced."),
            self.start,
        )

    def options(self) -> ExportOptions:
        """What the person chose."""
        parameters = self.context.parameters
        return ExportOptions(
            kinds=tuple(kind for field, kind in KINDS.items() if getattr(parameters, field)),
            scene=parameters.exportScene,
            names=parameters.includeNames,
        )

    def start(self) -> None:
        """Export the clip in view."""
        self._list([])
        self.context.operations.export(self.context.study, self.context.parameters.exportFolder, self.options())

    def showWritten(self) -> None:
        """List what the last export wrote."""
        self._list(sorted({Path(path) for path in self.context.operations.written.values()}))

    def refresh(self, study: Study | None) -> None:
        """See Section."""
        ui, parameters = self.ui, self.context.parameters
        reason = ""
        if study is None:
            reason = _("Load or choose a clip first.")
        elif study.masks() is None:
            reason = _("There is nothing to export yet: segment the sequence first.")
        elif parameters is not None and not self.options().kinds and not parameters.exportScene:
            reason = _("Choose at least one kind of file.")
        self.run.refresh(reason)
        motion = study is not None and study.browserNode.GetNodeReference(TRACKING) is not None
        setUsable(
            ui.exportMotionCheckBox,
            _("The displacement fields; large.")
            if motion
            else _("The displacement fields; there are none before a propagation."),
        )
        there = parameters is not None and Path(parameters.exportFolder).is_dir()
        setUsable(
            ui.openFolderButton,
            _("Show the folder in the file browser."),
            "" if there else _("The folder is made by the first export."),
        )

    def refreshRun(self) -> None:
        """See Section."""
        self.run.refreshProgress()

    def _list(self, files: list[Path]) -> None:
        listed = self.ui.writtenList
        self._files = files
        listed.clear()
        for path in files:
            listed.addItem(path.name)
            listed.item(listed.count - 1).setToolTip(str(path))
        listed.setVisible(bool(files))
        if files:
            rows = min(len(files), MOST_FILES)
            listed.setFixedHeight(rows * listed.sizeHintForRow(0) + 2 * listed.frameWidth + 2)

    def _onOpenFolder(self) -> None:
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self.context.parameters.exportFolder)))

    def _onOpenFile(self, item: object) -> None:
        row = self.ui.writtenList.currentRow
        if 0 <= row < len(self._files):
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._files[row])))
