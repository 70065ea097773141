"""Correct and propagate: phases, masks, guides, the run, undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from ..logic.options import PropagateOptions
from ..scene.parameters import Preset
from .context import Context
from .mask_editor import MaskEditor
from .messages import Kind
from .phase_row import PhaseRow
from .run_control import RunControl
from .section import Section, setUsable
from .shortcuts import withKeys

if TYPE_CHECKING:
    from ..scene.study import Study


LIST_HEIGHT, IN_A_ROW = 32, 4


def presetNote(preset: Preset) -> str:
    """What a preset costs and gives."""
    return {
        Preset.FAST: _("Fast: seconds to a minute without a graphics card, and good enough for EF and curves."),
        Preset.FINE: _("Fine: a finer grid and more steps, several times as long as fast; choose it for strain."),
        Preset.PAPER: _("As in the paper: the network that was published; many minutes without a graphics card."),
    }[preset]


class CorrectSection(Section):
    """The third section."""

    file = "Correct"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        ui = self.ui
        self.ed, self.es = PhaseRow(context, "ED", ui), PhaseRow(context, "ES", ui)
        self.editor = MaskEditor(context, ui)
        self._corrected: tuple[int, ...] = ()
        self.run = RunControl(
            context,
            "propagate",
            ui,
            _("Propagate"),
            "Propagate",
            withKeys(
                _(
                    "Find the motion and carry the ED mask over the clip, tied to the guides. After a correction only "
                    "the beats that hold it are computed anew."
                ),
                "propagate",
            ),
            self.start,
        )
        ui.undoButton.setIcon(context.icons("Undo"))
        ui.findPhasesButton.setIcon(context.icons("Find"))
        ui.releaseButton.setIcon(context.icons("Release"))
        ui.correctedList.setFlow(qt.QListView.LeftToRight)
        ui.correctedList.setWrapping(True)
        ui.correctedList.setResizeMode(qt.QListView.Adjust)
        ui.correctedList.setSpacing(2)
        ui.correctedList.connect("itemClicked(QListWidgetItem*)", self._onCorrectedClicked)
        ui.releaseButton.connect("clicked()", self._onRelease)
        ui.findPhasesButton.connect("clicked()", self._onFindPhases)
        ui.undoButton.connect("clicked()", self._onUndo)

    def start(self) -> None:
        """Propagate on the clip in view."""
        self.editor.stop()
        parameters = self.context.parameters
        options = PropagateOptions(
            preset=parameters.preset.value,
            esGuide=parameters.esGuide,
            anchors=parameters.anchors,
            device=parameters.device.value,
        )
        self.context.operations.propagate(self.context.study, options)

    def refresh(self, study: Study | None) -> None:
        """See Section."""
        ui, operations = self.ui, self.context.operations
        self.ed.refresh(study)
        self.es.refresh(study)
        self.editor.refresh(study)
        noClip = "" if study is not None else _("Load or choose a clip first.")
        noMasks = noClip
        if study is not None and study.masks() is None:
            noMasks = _("There are no masks yet: segment the sequence, or draw the LV on the ED frame.")
        phases = study is not None and (study.edFrames or study.esFrames)
        state = _("set by hand") if study is not None and study.phasesByHand else _("found on the area curve")
        ui.phaseStateLabel.text = state if phases else ""
        setUsable(ui.findPhasesButton, _("Find ED and ES on the area curve, in place of those set by hand."), noMasks)
        self._showCorrected(study)
        if self.context.parameters is not None:
            ui.presetNote.text = presetNote(self.context.parameters.preset)
        self.run.refresh(noMasks)
        undo = noClip
        if study is not None and not operations.canUndo(study):
            undo = _("Nothing to undo yet.")
        elif study is not None:
            undo = self.context.underWay(study)
        setUsable(ui.undoButton, withKeys(_("Go back to before the last run, edit or release."), "undo"), undo)

    def refreshFrame(self, study: Study) -> None:
        """See Section."""
        self.ed.refreshFrame(study)
        self.es.refreshFrame(study)
        self.editor.refreshFrame(study)
        self._showChosen(study)

    def refreshRun(self) -> None:
        """See Section."""
        self.run.refreshProgress()

    def leave(self, study: Study) -> None:
        """See Section."""
        self.editor.stop()

    def release(self) -> None:
        """See Section."""
        self.editor.stop()

    def _showCorrected(self, study: Study | None) -> None:
        frames = () if study is None else study.correctedFrames
        listed = self.ui.correctedList
        if frames != self._corrected or listed.count != max(1, len(frames)):
            self._corrected = frames
            listed.clear()
            for frame in frames:
                listed.addItem(str(frame))
                listed.item(listed.count - 1).setIcon(self.context.icons("Locked"))
            if not frames:
                listed.addItem(_("none yet"))
        listed.enabled = bool(frames)
        # Two rows of frames at most; more scroll.
        listed.setFixedHeight(LIST_HEIGHT if len(frames) <= IN_A_ROW else 2 * LIST_HEIGHT - 6)
        if study is not None:
            self._showChosen(study)
        else:
            self.ui.releaseButton.enabled = False

    def _showChosen(self, study: Study) -> None:
        """Choose the frame in view in the list, if it is there."""
        listed = self.ui.correctedList
        here = study.frame in self._corrected
        listed.setCurrentRow(self._corrected.index(study.frame) if here else -1)
        setUsable(
            self.ui.releaseButton,
            _("Release the frame in view: the next run may overwrite its mask."),
            "" if here else _("Go to a corrected frame first."),
        )

    def _onCorrectedClicked(self, item: object) -> None:
        row = self.ui.correctedList.currentRow
        if 0 <= row < len(self._corrected):
            self.context.goTo(self._corrected[row])

    def _onRelease(self) -> None:
        study = self.context.study
        if study is not None and study.frame in study.correctedFrames:
            self.context.attempt(lambda: self.context.operations.release(study, study.frame))

    def _onFindPhases(self) -> None:
        study = self.context.study
        if study is not None:
            self.context.messages.clear()
            self.context.attempt(lambda: self.context.operations.findPhases(study))

    def _onUndo(self) -> None:
        study = self.context.study
        if study is None:
            return
        self.editor.stop()
        if self.context.attempt(lambda: self.context.operations.undo(study)) is not None:
            self.context.messages.show(Kind.INFO, self.context.operations.message)
