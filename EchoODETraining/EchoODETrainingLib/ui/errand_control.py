"""A button that sends an errand and becomes Cancel, with what the errand says below it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from EchoODELib.ui.context import SharedContext
from EchoODELib.ui.messages import breakable
from EchoODELib.ui.section import setUsable
from slicer.i18n import tr as _

from ..module.events import Event


class ErrandControl:
    """Button, progress bar and label of one kind of errand.

    Parameters
    ----------
    event: the kind.
    button: it starts and cancels.
    step: the ui holds ``<step>ProgressFrame``, ``<step>ProgressBar`` and ``<step>ProgressLabel``.
    text, icon, tip: of the button while nothing runs.
    doing: what is said while nothing else is.
    start: called by a click then.
    """

    def __init__(
        self,
        context: SharedContext,
        event: Event,
        button: Any,
        ui: Any,
        step: str,
        text: str,
        icon: str,
        tip: str,
        doing: str,
        start: Callable[[], object],
    ) -> None:
        self._context, self._event, self._text, self._icon, self._tip = context, event, text, icon, tip
        self._doing, self._start = doing, start
        self.button = button
        self._frame, self._label = getattr(ui, f"{step}ProgressFrame"), getattr(ui, f"{step}ProgressLabel")
        getattr(ui, f"{step}ProgressBar").maximum = 0  # it swings to and fro
        button.connect("clicked()", self._onClicked)

    @property
    def running(self) -> bool:
        """Whether such an errand is under way."""
        return bool(self._context.operations.busy(self._event))

    def refresh(self, reason: str) -> None:
        """Show what a click would do; ``reason`` says why it can't, "" if it can."""
        if self.running:
            self.button.text = _("Cancel")
            self.button.setIcon(self._context.icons("Cancel"))
            setUsable(self.button, _("Stop this. What was there before it stays unchanged."))
        else:
            self.button.text = self._text
            self.button.setIcon(self._context.icons(self._icon))
            setUsable(self.button, self._tip, reason)
        self._frame.setVisible(self.running)
        self.refreshProgress()

    def refreshProgress(self) -> None:
        """Show what it has said last."""
        if self.running:
            self._label.text = breakable(self._context.operations.progressOf(self._event)) or self._doing

    def _onClicked(self) -> None:
        if self.running:
            self._context.operations.cancel(self._event)
        else:
            self._context.messages.clear()
            self._context.attempt(self._start)
