"""Editing the mask of the frame in view, in Slicer's own segment editor inside the panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
from slicer.i18n import tr as _

from ..scene.corrections import CorrectionWatcher
from .context import Context
from .section import setUsable
from .shortcuts import withKeys

if TYPE_CHECKING:
    from ..scene.study import Study

NODE_TAG, STEP = "EchoODE", "editing masks"
EFFECTS = ("Paint", "Draw", "Erase", "Level tracing", "Threshold", "Smoothing", "Islands", "Scissors")


class MaskEditor:
    """The button "Edit mask" and the frame that opens below it."""

    def __init__(self, context: Context, ui: Any) -> None:
        self._context, self._ui = context, ui
        self._editor = ui.segmentEditor
        self._watcher: CorrectionWatcher | None = None
        self._before: Any = None  # masks, to see whether there is anything to undo
        ui.editorFrame.hide()
        self._arranged = False
        ui.editButton.setIcon(context.icons("Edit"))
        ui.editButton.connect("toggled(bool)", self._onToggled)

    @property
    def active(self) -> bool:
        """Whether masks are being edited."""
        return self._watcher is not None

    def stop(self) -> None:
        """End editing; what was drawn stays."""
        self._ui.editButton.checked = False

    def refresh(self, study: Study | None) -> None:
        """The clip, its masks, or a run changed."""
        busy = study is not None and self._context.operations.runningStudy == study
        if self.active and (study is None or busy or (self._watcher is not None and study != self._watcher.study)):
            self.stop()
        reason = ""
        if study is None:
            reason = _("Load or choose a clip first.")
        elif busy:
            reason = self._context.underWay(study)
        setUsable(
            self._ui.editButton,
            withKeys(
                _("Paint, erase or draw on the mask of the frame in view. The frame is locked and guides."), "edit"
            ),
            reason,
        )
        if self.active and study is not None:
            self._point(study)
            self.refreshFrame(study)

    def refreshFrame(self, study: Study) -> None:
        """Another frame is in view."""
        if not self.active:
            return
        if study.browserNode.GetPlaybackActive():  # edits would not be kept on their frame
            self.stop()
            return
        text = _("Frame {frame}: what you change is kept, and guides the propagation.")
        if study.frame in study.correctedFrames:
            text = _("Frame {frame}: corrected, locked against overwriting.")
        self._ui.editorHint.text = text.format(frame=study.frame)

    def _onToggled(self, on: bool) -> None:
        study = self._context.study
        if on and study is None:
            self.stop()
            return
        self._ui.editButton.text = _("Finish editing") if on else _("Edit mask")
        if on:
            self._start(study)
        else:
            self._end()
        self._ui.editorFrame.setVisible(on)

    def _start(self, study: Any) -> None:
        self._context.operations.remember(study, STEP)
        self._before = study.masks()
        self._watcher = CorrectionWatcher(study, self._onCorrected)
        self._watcher.begin()
        # The node goes first: the editor asks it for what the scene change brings.
        self._editor.setMRMLSegmentEditorNode(self._node())
        self._editor.setMRMLScene(slicer.mrmlScene)
        self._arrange()
        self._point(study)
        self._editor.setupViewObservations()
        self._editor.installKeyboardShortcuts()
        self._context.messages.clear()
        self.refreshFrame(study)

    def _end(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is None:
            return
        self._editor.setActiveEffect(None)
        self._editor.uninstallKeyboardShortcuts()
        self._editor.removeViewObservations()
        self._editor.setSegmentationNode(None)
        self._editor.setSourceVolumeNode(None)
        watcher.end()
        before, self._before = self._before, None
        if watcher.study.exists and _same(before, watcher.study.masks()):
            self._context.operations.forget(watcher.study, STEP)

    def _point(self, study: Study) -> None:
        """Let the editor work on the clip's masks, which an undo may have made anew."""
        if self._editor.segmentationNode() is not study.segmentationNode:
            self._editor.setSegmentationNode(study.segmentationNode)
        if self._editor.sourceVolumeNode() is not study.clipNode:
            self._editor.setSourceVolumeNode(study.clipNode)

    def _onCorrected(self, frame: int) -> None:
        if self._watcher is not None:
            study = self._watcher.study
            self._context.attempt(lambda: self._context.operations.corrected(study, frame))

    def _arrange(self) -> None:
        """Show what a mask of one frame needs."""
        if self._arranged:
            return
        self._arranged = True
        editor = self._editor
        editor.segmentationNodeSelectorVisible = False
        editor.sourceVolumeNodeSelectorVisible = False
        editor.switchToSegmentationsButtonVisible = False
        editor.addRemoveSegmentButtonsVisible = False
        editor.show3DButtonVisible = False
        editor.specifyGeometryButtonVisible = False
        editor.autoShowSourceVolumeNode = False
        editor.maskingSectionVisible = False
        editor.setEffectNameOrder(EFFECTS)
        editor.unorderedEffectsVisible = False

    @staticmethod
    def _node() -> Any:
        node = slicer.mrmlScene.GetSingletonNode(NODE_TAG, "vtkMRMLSegmentEditorNode")
        if node is None:
            node = slicer.vtkMRMLSegmentEditorNode()
            node.SetSingletonTag(NODE_TAG)
            node = slicer.mrmlScene.AddNode(node)
        return node


def _same(before: Any, after: Any) -> bool:
    """Whether nothing was drawn; empty masks are as good as none."""
    if before is None or after is None:
        return not any(masks is not None and masks.any() for masks in (before, after))
    return np.array_equal(before, after)
