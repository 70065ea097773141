"""The switch "Live", and below it how it goes."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from ..engine.export.wording import spoken
from ..logic.live_following import LiveState
from .context import Context
from .section import setUsable
from .shortcuts import withKeys


class LiveControl:
    """Button and label.

    Parameters
    ----------
    ui: holds ``liveButton`` and ``liveLabel``.
    start: turns it on for the clip in view.
    """

    def __init__(self, context: Context, ui: Any, start: Callable[[], None]) -> None:
        self._context, self._start = context, start
        self._reason = ""
        self.button, self._label = ui.liveButton, ui.liveLabel
        self.button.setIcon(context.icons("Live"))
        self.button.connect("clicked(bool)", self._onClicked)
        self.refresh("")

    def refresh(self, reason: str) -> None:
        """Show whether it is on; ``reason`` says why it can't be turned on, "" if it can."""
        self._reason = reason
        operations = self._context.operations
        on = operations.live.on
        self.button.setChecked(on)
        self.button.text = _("Live: on") if on else _("Live")
        tip = withKeys(
            _(
                "Outline frames as the clip plays, or as Slicer records it. Frames that there is no time for are "
                "left out. Turned off again, the masks stay. Corrected frames keep theirs."
            ),
            "live",
        )
        setUsable(self.button, tip, "" if on else self._context.underWay() or reason)
        self._label.setVisible(on)
        self.refreshState()

    def refreshState(self) -> None:
        """Show how it goes."""
        state = self._context.operations.live.state
        if state is not None:
            self._label.text = _spoken(state)

    def _onClicked(self, on: bool) -> None:
        self._context.messages.clear()
        if on:
            self._context.attempt(self._start)
        else:
            self._context.operations.live.stop()
        self.refresh(self._reason)


def _spoken(state: LiveState) -> str:
    """Beats, LV, pace, as rich text."""
    if not state.segmented:
        return html.escape(_("The network is being loaded; play the clip, or record."))
    mean, last = state.ejectionFraction
    first = f"<b>EF {html.escape(spoken(mean, '%'))}</b>"
    if len(state.beats) > 1:
        first += " · " + _("{count} beats, the last {value}").format(count=len(state.beats), value=spoken(last, "%"))
    elif state.beats:
        first += " · " + _("1 beat")
    else:
        first = _("No whole beat yet")
    first += f" · LV {html.escape(spoken(state.area, state.unit))}"
    pace = _("{rate} frames/s · {segmented} frames segmented, {dropped} dropped").format(
        rate=f"{state.rate:.0f}", segmented=state.segmented, dropped=state.dropped
    )
    return f"{first}<br>{pace}"
