"""A run whose result is shown and hidden by the same button, once it is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .context import Context
from .run_control import RunControl


class ShownRun(RunControl):
    """A checkable button: down while the result is in view.

    Parameters
    ----------
    context, step, ui, text, icon, tip, start: as for :class:`RunControl`.
    there: whether there is a result to show.
    shown: whether it is to be shown, once it is there.
    show: shows it, or hides it.
    """

    def __init__(
        self,
        context: Context,
        step: str,
        ui: Any,
        text: str,
        icon: str,
        tip: str,
        start: Callable[[], None],
        *,
        there: Callable[[], bool],
        shown: Callable[[], bool],
        show: Callable[[bool], None],
    ) -> None:
        self._there, self._shown, self._show, self._find = there, shown, show, start
        super().__init__(context, step, ui, text, icon, tip, self._onWanted)

    def refresh(self, reason: str) -> None:
        """See RunControl; what is there can be shown and hidden while other runs are under way."""
        super().refresh(reason)
        there = self._there()
        if there and not self.running:
            self.button.enabled = True
            self.button.toolTip = self._tip
        self.button.setChecked(there and self._shown())

    def _onWanted(self) -> None:
        if self._there():
            self._show(not self._shown())
        else:
            self._show(True)
            self._find()
