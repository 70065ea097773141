"""The base of the effects that are scripted in Slicer: Draw, Threshold, Smoothing, Islands."""

from __future__ import annotations

from PySide6 import QtWidgets

from ..pythonqt.emulation import emulated, private
from .effect import qSlicerSegmentEditorAbstractEffect
from .geometry import voxels


@emulated
class qSlicerSegmentEditorScriptedEffect(qSlicerSegmentEditorAbstractEffect):
    """An effect written in Python; `self()` is the part with `onApply`."""

    def self(self, /):
        """The Python part: `onApply` and its like."""
        return ScriptedPart(self)

    def _apply(self):
        """Do what the effect does."""

    def _apply_button(self, form):
        button = private(self).apply = QtWidgets.QPushButton("Apply")
        button.setObjectName(f"{self._effect_name}ApplyButton")
        button.clicked.connect(lambda *_: self._apply())
        form.addRow(button)

    def _combo(self, form, label, name, items):
        """A combo box bound to a parameter whose values are the keys of `items`."""
        combo = QtWidgets.QComboBox()
        combo.setObjectName(f"{self._effect_name}{name}")
        for key, text in items.items():
            combo.addItem(text, key)
        combo.activated.connect(lambda index: self.setParameter(name, combo.itemData(index)))
        form.addRow(label, combo)
        return combo

    def _set_labelmap(self, image):
        """Make the selected segment what an image says, within the masks, and undoable."""
        self.saveStateForUndo()
        labelmap = self.defaultModifierLabelmap()
        voxels(labelmap)[:] = voxels(image) != 0
        labelmap.Modified()
        self.modifySelectedSegmentByLabelmap(labelmap, self.ModificationModeSet)


class ScriptedPart:
    """What `effect.self()` gives: the methods that scripts call."""

    def __init__(self, effect: qSlicerSegmentEditorScriptedEffect) -> None:
        self.scriptedEffect = effect

    def onApply(self) -> None:
        """Press Apply."""
        self.scriptedEffect._apply()
