"""The part of qMRMLSegmentEditorWidget that deals with effects: their buttons and the active one."""

from __future__ import annotations

from PySide6 import QtWidgets


class EditorEffects:
    """Shows a button for each effect; one effect at most is active."""

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
            button.setParent(None)  # at once: it is deleted only when the event loop comes to it
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
