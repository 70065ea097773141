"""qMRMLSegmentEditorWidget."""

from __future__ import annotations

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from ..pythonqt.emulation import emulated, private, stored
from ..pythonqt.scene_widget import scene_widget
from ..widgets.observing import Observer
from ..widgets.qmrml_base import qMRMLWidget
from .filters import Islands, Smoothing
from .interaction import ViewObservations
from .outlines import Draw, Threshold
from .painting import qSlicerSegmentEditorEraseEffect, qSlicerSegmentEditorPaintEffect
from .panel import build_panel

EFFECTS = (qSlicerSegmentEditorPaintEffect, Draw, qSlicerSegmentEditorEraseEffect, Threshold, Smoothing, Islands)
COLUMNS = 4


def _visible(part):
    return lambda widget, shown: getattr(widget._d, part).setVisible(shown)


@emulated
@scene_widget
class qMRMLSegmentEditorWidget(qMRMLWidget):
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

    # Nodes

    def _scene_set(self):
        state = self._d
        state.logic.SetMRMLScene(state.scene)
        for selector in (state.segmentations, state.volumes):
            selector.setMRMLScene(state.scene)

    def setMRMLSegmentEditorNode(self, node, /):
        """The node that keeps the editor's state."""
        state = self._d
        state.node = node
        state.logic.SetSegmentEditorNode(node)
        state.observer.clear()
        state.observer.watch(node, self.updateWidgetFromMRML)
        state.masking._set_node(node)
        self.updateWidgetFromMRML()

    def mrmlSegmentEditorNode(self, /):
        """The node that keeps the editor's state."""
        return self._d.node

    def setSegmentationNode(self, node, /):
        """The segmentation to edit."""
        if self._d.node is None:
            return  # as in Slicer: without its node the editor keeps nothing
        changed = node is not self._d.node.GetSegmentationNode()
        self._d.logic.SetSegmentationNode(node)
        if changed:
            segment_ids = list(self._d.logic.GetSegmentIDs()) if node is not None else []
            if segment_ids and self.currentSegmentID() not in segment_ids:
                self._d.logic.SetCurrentSegmentID(segment_ids[0])
            self.updateWidgetFromMRML()
            self.segmentationNodeChanged.emit(node)

    def setSegmentationNodeID(self, node_id, /):
        """The segmentation to edit, by id."""
        self.setSegmentationNode(self._d.scene.GetNodeByID(node_id) if node_id else None)

    def segmentationNode(self, /):
        """The segmentation that is edited."""
        return self._d.node.GetSegmentationNode() if self._d.node is not None else None

    def segmentationNodeID(self, /):
        """Id of the segmentation that is edited."""
        return self.segmentationNode().GetID() if self.segmentationNode() is not None else ""

    def setSourceVolumeNode(self, node, /):
        """The volume whose grey values effects use."""
        if self._d.node is None:
            return
        changed = node is not self._d.node.GetSourceVolumeNode()
        self._d.logic.SetSourceVolumeNode(node)
        if changed:
            if node is not None and self.autoShowSourceVolumeNode:
                self.showSourceVolumeInSliceViewers()
            self.updateWidgetFromMRML()
            self.sourceVolumeNodeChanged.emit(node)

    def setSourceVolumeNodeID(self, node_id, /):
        """The volume whose grey values effects use, by id."""
        self.setSourceVolumeNode(self._d.scene.GetNodeByID(node_id) if node_id else None)

    def sourceVolumeNode(self, /):
        """The volume whose grey values effects use."""
        return self._d.node.GetSourceVolumeNode() if self._d.node is not None else None

    def sourceVolumeNodeID(self, /):
        """Id of the source volume."""
        return self.sourceVolumeNode().GetID() if self.sourceVolumeNode() is not None else ""

    def setCurrentSegmentID(self, segment_id, /):
        """Choose the segment that effects change."""
        self._d.logic.SetCurrentSegmentID(segment_id)

    def currentSegmentID(self, /):
        """The segment that effects change."""
        return (self._d.node.GetSelectedSegmentID() or "") if self._d.node is not None else ""

    def showSourceVolumeInSliceViewers(self, force=False, fit=False, /):
        """Show the source volume behind the segments."""
        volume = self.sourceVolumeNode()
        for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode") if volume is not None else []:
            if force or volume.GetID() not in (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID()):
                composite.SetBackgroundVolumeID(volume.GetID())
        if fit and slicer.app.layoutManager() is not None:
            slicer.app.layoutManager().resetSliceViews()

    def _segmentation_chosen(self, node):
        if not self._d.updating:
            self.setSegmentationNode(node)

    def _volume_chosen(self, node):
        if not self._d.updating:
            self.setSourceVolumeNode(node)

    def _segment_chosen(self, *_):
        selected = self._d.table.selectedSegmentIDs()
        if not self._d.updating and selected and selected[0] != self.currentSegmentID():
            self.setCurrentSegmentID(selected[0])

    def updateWidgetFromMRML(self, /):
        """Show the state of the editor's node."""
        state, node = self._d, self._d.node
        if state.updating or "masking" not in vars(state):
            return
        state.updating = True
        segmentation = self.segmentationNode()
        state.segmentations.setCurrentNode(segmentation)
        state.volumes.setCurrentNode(self.sourceVolumeNode())
        if state.table.segmentationNode() is not segmentation:
            state.table.setSegmentationNode(segmentation)
        current = self.currentSegmentID()
        changed = [current] != state.table.selectedSegmentIDs() and bool(current)
        state.table.setSelectedSegmentIDs([current] if current else [])
        editable = node is not None and segmentation is not None and not self.readOnly
        ready = editable and self.sourceVolumeNode() is not None and bool(current)
        state.add.setEnabled(editable)
        state.remove.setEnabled(editable and bool(current))
        state.effect_box.setEnabled(ready)
        state.options.setEnabled(ready)
        name = (node.GetActiveEffectName() or "") if node is not None else ""
        self._show_effect(state.effects.get(name) if ready else None)
        state.updating = False
        self._show_history()
        if changed:
            self.currentSegmentIDChanged.emit(current)

    # Effects

    def _show_effect(self, effect):
        state = self._d
        if effect is not state.effect:
            if state.effect is not None:
                state.effect.deactivate()
            state.effect = effect
            if effect is not None:
                effect.activate()
        elif effect is not None:
            effect.updateGUIFromMRML()
        state.options.setCurrentIndex(0 if effect is None else 1 + list(state.effects.values()).index(effect))
        state.options.setVisible(effect is not None)
        for button in state.group.buttons():
            button.setChecked(button.property("effect") == (effect.name if effect is not None else ""))

    def activeEffect(self, /):
        """The active effect or None."""
        return self._d.effect

    def setActiveEffect(self, effect, /):
        """Make an effect active; None for none."""
        self.setActiveEffectByName(effect.name if effect is not None else "")

    def setActiveEffectByName(self, name, /):
        """Make an effect active by its name; an empty one for none."""
        if self._d.node is not None:
            self._d.node.SetActiveEffectName(name or "")
            self.updateWidgetFromMRML()

    def effectByName(self, name, /):
        """An effect by name, None where there is none."""
        return self._d.effects.get(name)

    def availableEffectNames(self, /):
        """Names of the effects."""
        return list(self._d.effects)

    def effectCount(self, /):
        """Number of effects shown."""
        return len(self._shown_effects())

    def effectByIndex(self, index, /):
        """The n-th effect shown."""
        shown = self._shown_effects()
        return self._d.effects[shown[index]] if 0 <= index < len(shown) else None

    def setEffectNameOrder(self, names, /):
        """Show effects in this order; the others after them, or not at all (unorderedEffectsVisible)."""
        self._d.order = list(names)
        self.updateEffectList()

    def effectNameOrder(self, /):
        """The order that was asked for."""
        return list(self._d.order)

    def _shown_effects(self):
        ordered = [name for name in self._d.order if name in self._d.effects]
        return ordered + [name for name in self._d.effects if name not in ordered and self.unorderedEffectsVisible]

    def updateEffectList(self, /):
        """Make the effects' buttons anew."""
        state = self._d
        if "effect_grid" not in vars(state):
            return
        for button in state.group.buttons():
            state.group.removeButton(button)
            button.deleteLater()
        state.group.setExclusive(False)  # a second click ends an effect
        for place, name in enumerate(["", *self._shown_effects()]):
            button = QtWidgets.QToolButton()
            button.setText(name or "None")
            button.setObjectName(name or "NoEffect")
            button.setCheckable(True)
            button.setProperty("effect", name)
            button.setToolTip(state.effects[name].helpText() if name else "No effect: look around")
            button.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Fixed)
            button.clicked.connect(lambda checked, name=name: self.setActiveEffectByName(name if checked else ""))
            state.group.addButton(button)
            state.effect_grid.addWidget(button, place // self.effectColumnCount, place % self.effectColumnCount)

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
