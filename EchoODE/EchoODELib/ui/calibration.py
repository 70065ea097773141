"""Calibrating by a line that is drawn over a known length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import slicer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from .context import Context
from .section import setUsable

if TYPE_CHECKING:
    from ..scene.study import Study

POINTS = 2
LINE_COLOR = (1.0, 0.85, 0.2)


class LineCalibration(VTKObservationMixin):
    """The button "By a line…" and the frame that opens below it."""

    def __init__(self, context: Context, ui: Any) -> None:
        VTKObservationMixin.__init__(self)
        self._context, self._ui = context, ui
        self._line: Any = None
        ui.calibrationFrame.hide()
        ui.calibrateButton.connect("toggled(bool)", self._onToggled)
        ui.applyCalibrationButton.connect("clicked()", self._onApply)

    def refresh(self, study: Study | None) -> None:
        """The clip changed."""
        if self._line is not None and (study is None or self._line.GetScene() is None):
            self.stop()
        self._showState()

    def stop(self) -> None:
        """End the calibration and take the line away."""
        self._ui.calibrateButton.checked = False

    def _onToggled(self, on: bool) -> None:
        self._ui.calibrationFrame.setVisible(on)
        if on:
            self._start()
        else:
            self._remove()

    def _start(self) -> None:
        if self._context.study is None:
            return
        self._context.study.browserNode.SetPlaybackActive(False)
        line = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", _("Known length"))
        line.SetSaveWithScene(False)
        line.CreateDefaultDisplayNodes()
        line.GetDisplayNode().SetSelectedColor(*LINE_COLOR)
        line.GetDisplayNode().SetPropertiesLabelVisibility(False)
        self._line = line
        for event in (line.PointPositionDefinedEvent, line.PointModifiedEvent, line.PointPositionUndefinedEvent):
            self.addObserver(line, event, self._showState)
        selection = slicer.app.applicationLogic().GetSelectionNode()
        interaction = slicer.app.applicationLogic().GetInteractionNode()
        selection.SetReferenceActivePlaceNodeClassName("vtkMRMLMarkupsLineNode")
        selection.SetActivePlaceNodeID(line.GetID())
        interaction.SetPlaceModePersistence(0)
        interaction.SetCurrentInteractionMode(interaction.Place)
        self._showState()

    def _remove(self) -> None:
        line, self._line = self._line, None
        self.removeObservers()
        if line is None:
            return
        interaction = slicer.app.applicationLogic().GetInteractionNode()
        if interaction is not None and interaction.GetCurrentInteractionMode() == interaction.Place:
            interaction.SetCurrentInteractionMode(interaction.ViewTransform)
        if line.GetScene() is not None:
            slicer.mrmlScene.RemoveNode(line)

    def _pixels(self) -> float:
        """Length of the line in px along columns' size, 0 before both ends are placed."""
        study = self._context.study
        if self._line is None or study is None or self._line.GetNumberOfDefinedControlPoints() < POINTS:
            return 0.0
        return float(self._line.GetLineLengthWorld()) / float(study.clipNode.GetSpacing()[0])

    def _showState(self, caller: Any = None, event: Any = None) -> None:
        pixels = self._pixels()
        self._ui.calibrationHint.text = (
            _("The line is {pixels} px long. Type its real length; its ends can still be dragged.").format(
                pixels=f"{pixels:.0f}"
            )
            if pixels > 0
            else _("Click both ends of a known length in the echo, then type how long it is.")
        )
        setUsable(
            self._ui.applyCalibrationButton,
            _("Set the pixel size so that the line has this length."),
            "" if pixels > 0 else _("Place both ends of the line first."),
        )

    def _onApply(self) -> None:
        from .clip_section import calibrate

        study, pixels = self._context.study, self._pixels()
        if study is None or pixels <= 0:
            return
        column, row = study.clipNode.GetSpacing()[:2]
        size = float(self._ui.knownLengthSpinBox.value) / pixels
        self.stop()
        self._context.attempt(lambda: calibrate(self._context, study, (size * row / column, size)))
