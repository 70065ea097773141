"""Clip: choose, load, what was read, view, pixel size, playback."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer
from slicer.i18n import tr as _

from ..engine.sequence import View
from ..logic.samples import CATEGORY
from ..logic.view_proposals import doubt
from .calibration import LineCalibration
from .context import Context
from .messages import Kind
from .section import Section, setUsable
from .words import clipSummary

if TYPE_CHECKING:
    from ..scene.study import Study

VIEWS = (View.A4C, View.A2C, View.A3C, View.PLAX, View.OTHER, View.UNKNOWN)
LAST_FOLDER = "EchoODE/LastFolder"  # in the user's settings


class ClipSection(Section):
    """The first section."""

    file = "Clip"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        ui = self.ui
        for view in VIEWS:
            ui.viewComboBox.addItem({View.UNKNOWN: _("Unknown"), View.OTHER: _("Other")}.get(view, view.value))
        self._menu = qt.QMenu(ui.sampleDataButton)
        self._menu.objectName = "sampleDataMenu"
        self._menu.connect("aboutToShow()", self.fillSamples)
        ui.sampleDataButton.setMenu(self._menu)
        for button, icon in (
            (ui.loadClipButton, "LoadClip"),
            (ui.loadFolderButton, "LoadFolder"),
            (ui.sampleDataButton, "SampleData"),
            (ui.calibrateButton, "Calibrate"),
        ):
            button.setIcon(context.icons(icon))
        self._calibration = LineCalibration(context, ui)
        ui.loadClipButton.connect("clicked()", self.onLoadClip)
        ui.loadFolderButton.connect("clicked()", self.onLoadFolder)
        ui.viewComboBox.connect("activated(int)", self.onView)
        ui.pixelSizeSpinBox.connect("valueChanged(double)", self.onPixelSize)

    # Loading

    def onLoadClip(self) -> None:
        """Ask for a file and load it."""
        path = qt.QFileDialog.getOpenFileName(
            slicer.util.mainWindow(),
            _("Load clip"),
            self._lastFolder(),
            _("Clips")
            + " (*.dcm *.DCM *.avi *.mp4 *.mov *.gif *.nii *.nii.gz *.mha *.mhd *.nrrd *.png *.jpg *.tif);;"
            + _("All files")
            + " (*)",
        )
        # Qt gives the filter, too, where Python asks for both.
        path = path[0] if isinstance(path, tuple) else path
        if path:
            self.load(path)

    def onLoadFolder(self) -> None:
        """Ask for a folder and load it."""
        path = qt.QFileDialog.getExistingDirectory(slicer.util.mainWindow(), _("Load folder"), self._lastFolder())
        if path:
            self.load(path)

    def load(self, path: str) -> None:
        """Load a file or folder and choose it."""
        qt.QSettings().setValue(LAST_FOLDER, str(Path(path).parent))
        self.context.messages.clear()
        with slicer.util.WaitCursor():
            study = self.context.attempt(lambda: self.context.operations.loadClip(path))
        if study is not None:
            self.context.choose(study)

    def fillSamples(self) -> None:
        """List the sample clips in the menu."""
        import SampleData

        self._menu.clear()
        for source in SampleData.SampleDataLogic.sampleDataSourcesByCategory(CATEGORY):
            action = self._menu.addAction(source.sampleDescription)
            action.connect("triggered()", lambda name=source.sampleName: self.loadSample(name))

    def loadSample(self, name: str) -> None:
        """Load a sample clip and choose it."""
        from ..logic.samples import loadSample

        self.context.messages.clear()
        with slicer.util.WaitCursor():
            study = self.context.attempt(lambda: loadSample(name))
        if study is not None:
            self.context.choose(study)
            self.context.operations.warmUp()

    @staticmethod
    def _lastFolder() -> str:
        return str(qt.QSettings().value(LAST_FOLDER) or "")

    # What the clip is

    def onView(self, index: int) -> None:
        """The person says which view it is."""
        study = self.context.study
        if study is not None:
            study.setView(VIEWS[index], byHand=True)
            self.context.operations.refreshViews(study)

    def onPixelSize(self, size: float) -> None:
        """The person says how large a pixel is."""
        study = self.context.study
        if study is not None:
            self.context.attempt(lambda: calibrate(self.context, study, (size, size) if size > 0 else None))

    def refresh(self, study: Study | None) -> None:
        """See Section."""
        ui = self.ui
        ui.clipDetails.setVisible(study is not None)
        ui.playWidget.setMRMLSequenceBrowserNode(None if study is None else study.browserNode)
        ui.seekWidget.setMRMLSequenceBrowserNode(None if study is None else study.browserNode)
        self._calibration.refresh(study)
        if study is None:
            return
        sequence = self.context.attempt(study.sequence)
        if sequence is None:
            ui.clipInfoLabel.text = _("The images can't be used.")
            return
        ui.clipInfoLabel.text = clipSummary(sequence, doubt(study))
        self._showView(study)
        blocked = ui.pixelSizeSpinBox.blockSignals(True)
        ui.pixelSizeSpinBox.value = 0.0 if sequence.spacing is None else sequence.spacing[0]
        ui.pixelSizeSpinBox.blockSignals(blocked)
        reason = self.context.underWay(study)
        setUsable(ui.pixelSizeSpinBox, _("Millimetres per pixel. 0 makes the clip uncalibrated."), reason)
        setUsable(
            ui.calibrateButton,
            _("Draw a line over a known length, such as the depth scale, and type how long it is."),
            reason,
        )

    def _showView(self, study: Study) -> None:
        ui, seen = self.ui, study.proposedView
        ui.viewComboBox.setCurrentIndex(VIEWS.index(study.view))
        ui.viewProposalLabel.setVisible(seen is not None)
        if seen is not None:
            view, probability = seen
            name = ui.viewComboBox.itemText(VIEWS.index(view))
            ui.viewProposalLabel.text = _("{view}, {probability} likely").format(
                view=name, probability=f"{probability:.2f}"
            )
            ui.viewProposalLabel.toolTip = _(
                "What a network takes the view for, from a few frames. Choose another view if that is wrong."
            )

    def stopCalibration(self) -> None:
        """Take the calibration line away, if there is one."""
        self._calibration.stop()

    def leave(self, study: Study) -> None:
        """See Section."""
        self.stopCalibration()

    def release(self) -> None:
        """See Section."""
        self._calibration.stop()
        self.ui.playWidget.setMRMLSequenceBrowserNode(None)
        self.ui.seekWidget.setMRMLSequenceBrowserNode(None)


def calibrate(context: Context, study: Any, spacing: tuple[float, float] | None) -> None:
    """Set a clip's pixel size (row, column) in mm, or None; what is measured follows.

    Raises
    ------
    UnsuitableClip: a size that can't be.
    """
    study.setCalibration(spacing)
    context.operations.refreshViews(study)
    told = _("The clip is calibrated.") if spacing is not None else _("The clip is uncalibrated.")
    context.messages.show(Kind.DONE, told)
