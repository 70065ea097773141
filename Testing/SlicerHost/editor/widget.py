"""qMRMLSegmentEditorWidget."""

from __future__ import annotations

import slicer
from PySide6 import QtCore, QtGui

from ..pythonqt.emulation import emulated, private, stored
from ..pythonqt.scene_widget import scene_widget
from ..widgets.observing import Observer
from ..widgets.qmrml_base import qMRMLWidget
from .effect_choice import EditorEffects
from .filters import Islands, Smoothing
from .interaction import ViewObservations
from .nodes import EditorNodes
from .outlines import Draw, Threshold
from .painting import qSlicerSegmentEditorEraseEffect, qSlicerSegmentEditorPaintEffect
from .panel import build_panel

EFFECTS = (qSlicerSegmentEditorPaintEffect, Draw, qSlicerSegmentEditorEraseEffect, Threshold, Smoothing, Islands)
COLUMNS = 4


def _visible(part):
    return lambda widget, shown: getattr(widget._d, part).setVisible(shown)


@emulated
@scene_widget
class qMRMLSegmentEditorWidget(EditorNodes, EditorEffects, qMRMLWidget):
    """Edits the segments of a segmentation with effects."""

    currentSegmentIDChanged = QtCore.Signal(str)
    segmentationNodeChanged = QtCore.Signal(object)
    sourceVolumeNodeChanged = QtCore.Signal(object)

    segmentationNodeSelectorVisible = stored(bool, True, _visible("segmentation_row"))
    sourceVolumeNodeSelectorVisible = stored(bool, True, _visible("volume_row"))
    maskingSectionVisible = stored(bool, True, _visible("masking"))
    addRemoveSegmentButtonsVisible = stored(bool, True, _visible("segment_buttons"))
    switchToSegmentationsButtonVisible = stored(bool, False)
    show3DButtonVisible = stored(bool, False)
    specifyGeometryButtonVisible = stored(bool, False)
    autoShowSourceVolumeNode = stored(bool, True)
    undoEnabled = stored(bool, True, _visible("history"))
    maximumNumberOfUndoStates = stored(int, 10, lambda w, count: w._d.logic.SetMaximumNumberOfUndoStates(count))
    readOnly = stored(bool, False, lambda widget, readonly: widget.updateWidgetFromMRML())
    unorderedEffectsVisible = stored(bool, True, lambda widget, shown: widget.updateEffectList())
    effectColumnCount = stored(int, COLUMNS, lambda widget, count: widget.updateEffectList())
    jumpToSelectedSegmentEnabled = stored(bool, False)

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.scene = state.node = state.effect = None
        state.order, state.shortcuts, state.updating = [], [], False
        state.logic = slicer.vtkSlicerSegmentEditorLogic()
        state.logic.SetMRMLApplicationLogic(slicer.app.applicationLogic())
        state.observer, state.history_observer = Observer(self), Observer(self)
        state.views = ViewObservations(lambda: None if self.readOnly else state.effect)
        state.effects = {}
        for effect_class in EFFECTS:
            effect = effect_class()
            effect._attach(state.logic, self.setActiveEffectByName)
            state.effects[effect.name] = effect
        build_panel(self)
        state.history_observer.watch(state.logic, self._show_history, (state.logic.SegmentationHistoryChangedEvent,))
        self.updateEffectList()
        self.updateWidgetFromMRML()

    # History, views and keys

    def saveStateForUndo(self, /):
        """Remember the segmentation as it is."""
        self._d.logic.SaveStateForUndo()

    def undo(self, /):
        """Back to the state before the last change."""
        self._d.logic.Undo()

    def redo(self, /):
        """Undo the last undo."""
        self._d.logic.Redo()

    def _show_history(self):
        self._d.undo.setEnabled(bool(self._d.logic.CanUndo()) and not self.readOnly)
        self._d.redo.setEnabled(bool(self._d.logic.CanRedo()) and not self.readOnly)

    def setupViewObservations(self, /):
        """Let the active effect see the mouse in slice views; call it when the module is entered."""
        self._d.views.start()

    def removeViewObservations(self, /):
        """End that; call it when the module is left."""
        self._d.views.stop()

    def selectNextSegment(self, /):
        """Choose the next segment."""
        self._d.logic.SelectNextSegment(False)

    def selectPreviousSegment(self, /):
        """Choose the previous segment."""
        self._d.logic.SelectPreviousSegment(False)

    def installKeyboardShortcuts(self, parent=None, /):
        """Keys for effects (1 to 9), undo, redo, and segments (q, w)."""
        self.uninstallKeyboardShortcuts()
        parent = parent or slicer.util.mainWindow() or self
        keys = {"Ctrl+Z": self.undo, "Ctrl+Y": self.redo, "W": self.selectNextSegment, "Q": self.selectPreviousSegment}
        keys |= {"Escape": lambda: self.setActiveEffect(None)}
        for place, name in enumerate(self._shown_effects()[:9], start=1):
            keys[str(place)] = lambda name=name: self.setActiveEffectByName(name)
        for text, function in keys.items():
            shortcut = QtGui.QShortcut(QtGui.QKeySequence(text), parent)
            shortcut.activated.connect(lambda function=function: function())
            self._d.shortcuts.append(shortcut)

    def uninstallKeyboardShortcuts(self, /):
        """Take the keys away."""
        for shortcut in self._d.shortcuts:
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._d.shortcuts = []

    def setReadOnly(self, readonly, /):
        """Let nobody edit."""
        self.readOnly = readonly

    def setMaskingSectionVisible(self, shown, /):
        """Show or hide the masks."""
        self.maskingSectionVisible = shown

    def setSegmentationNodeSelectorVisible(self, shown, /):
        """Show or hide the choice of the segmentation."""
        self.segmentationNodeSelectorVisible = shown

    def setSourceVolumeNodeSelectorVisible(self, shown, /):
        """Show or hide the choice of the volume."""
        self.sourceVolumeNodeSelectorVisible = shown

    def setAddRemoveSegmentButtonsVisible(self, shown, /):
        """Show or hide Add and Remove."""
        self.addRemoveSegmentButtonsVisible = shown

    def setMaximumNumberOfUndoStates(self, count, /):
        """How many changes can be undone."""
        self.maximumNumberOfUndoStates = count

    def setUndoEnabled(self, enabled, /):
        """Show or hide undo and redo."""
        self.undoEnabled = enabled

    def toggleSourceVolumeIntensityMaskEnabled(self, /):
        """Allow editing of voxels of some grey values only, or of all."""
        self._d.logic.ToggleSourceVolumeIntensityMask()
