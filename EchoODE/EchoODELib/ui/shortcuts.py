"""Keys of the module, there while it is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

KEYS: dict[str, str] = {
    "previousFrame": "Left",
    "nextFrame": "Right",
    "goToED": "D",
    "goToES": "S",
    "play": "P",
    "segment": "Ctrl+Shift+S",
    "live": "Ctrl+Shift+L",
    "edit": "E",
    "propagate": "Ctrl+Return",
    "undo": "Ctrl+Alt+Z",
}
"""Action -> keys. The segment editor's own (1 to 9, Q, W, Ctrl+Z, Ctrl+Y) are left free."""


def keysHelp() -> str:
    """All keys with what they do, as rich text for the module's help."""
    names = {
        "previousFrame": _("previous frame"),
        "nextFrame": _("next frame"),
        "goToED": _("next end-diastole"),
        "goToES": _("next end-systole"),
        "play": _("play or pause"),
        "segment": _("segment the sequence"),
        "live": _("turn Live on or off"),
        "edit": _("edit the mask"),
        "propagate": _("propagate"),
        "undo": _("undo the last step"),
    }
    return "<br>".join(f"<b>{KEYS[action]}</b> {name}" for action, name in names.items())


def withKeys(tip: str, action: str) -> str:
    """A tooltip with the keys at its end."""
    return f"{tip} ({KEYS[action]})"


class Shortcuts:
    """The keys, bound to functions.

    Parameters
    ----------
    actions: what each action of :data:`KEYS` does; actions that are left out have no key.
    """

    def __init__(self, actions: Mapping[str, Callable[[], Any]]) -> None:
        self._actions = dict(actions)
        self._shortcuts: list[Any] = []

    @property
    def installed(self) -> bool:
        """Whether the keys work."""
        return bool(self._shortcuts)

    def install(self) -> None:
        """Let the keys work in the main window."""
        if self.installed:
            return
        for action, function in self._actions.items():
            shortcut = qt.QShortcut(slicer.util.mainWindow())
            shortcut.setKey(qt.QKeySequence(KEYS[action]))
            shortcut.connect("activated()", function)
            self._shortcuts.append(shortcut)

    def remove(self) -> None:
        """Take the keys away."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.setParent(None)
            shortcut.deleteLater()
        self._shortcuts = []
