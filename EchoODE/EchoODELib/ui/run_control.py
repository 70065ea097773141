"""A button that starts a run and becomes Cancel, with the run's progress below it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from .context import Context
from .section import setUsable
from .words import spokenTime


class RunControl:
    """Button, progress bar and label of one step.

    Parameters
    ----------
    step: as ``Operations.runningStep`` names it.
    ui: holds ``<step>Button``, ``<step>ProgressFrame``, ``<step>ProgressBar`` and ``<step>ProgressLabel``.
    text, icon, tip: of the button while nothing runs.
    start: called by a click then.
    """

    def __init__(
        self, context: Context, step: str, ui: Any, text: str, icon: str, tip: str, start: Callable[[], None]
    ) -> None:
        self._context, self._step, self._text, self._icon, self._tip = context, step, text, icon, tip
        self._start = start
        self._cancelling = False
        self._reason = ""
        self.button = getattr(ui, f"{step}Button")
        self._frame, self._bar = getattr(ui, f"{step}ProgressFrame"), getattr(ui, f"{step}ProgressBar")
        self._label = getattr(ui, f"{step}ProgressLabel")
        self.button.connect("clicked()", self._onClicked)
        self.refresh("")

    @property
    def running(self) -> bool:
        """Whether this step is under way, on whatever clip."""
        operations = self._context.operations
        return operations.busy and operations.runningStep == self._step

    def refresh(self, reason: str) -> None:
        """Show what a click would do; ``reason`` says why it can't, "" if it can."""
        self._reason = reason
        if self.running:
            self.button.text = _("Cancelling…") if self._cancelling else _("Cancel")
            self.button.setIcon(self._context.icons("Cancel"))
            setUsable(self.button, _("Stop the run. What was there before it stays unchanged."))
            self.button.enabled = not self._cancelling
        else:
            self._cancelling = False
            self.button.text = self._text
            self.button.setIcon(self._context.icons(self._icon))
            setUsable(self.button, self._tip, self._context.underWay() or reason)
        self._frame.setVisible(self.running)
        self.refreshProgress()

    def refreshProgress(self) -> None:
        """Show how far the run is."""
        if not self.running:
            return
        progress = self._context.operations.progress
        self._bar.maximum = 0 if progress is None else 1000  # 0: it swings to and fro
        self._bar.value = 0 if progress is None else round(1000 * progress.fraction)
        self._label.text = self._onClip(_("Starting…") if progress is None else self._spoken(progress))

    def _spoken(self, progress: Any) -> str:
        text = _("{stage}: {done} of {total}").format(stage=progress.stage, done=progress.done, total=progress.total)
        if progress.seconds_left is not None and progress.done < progress.total:
            text += f", {spokenTime(progress.seconds_left)}"
        return text

    def _onClip(self, text: str) -> str:
        """Name the clip if it is not the one in view."""
        study = self._context.operations.runningStudy
        if study is None or study == self._context.study or not study.exists:
            return text
        return f"{study.name}: {text}"

    def _onClicked(self) -> None:
        if self.running:
            self._cancelling = True
            self._context.operations.cancel()
        else:
            self._context.messages.clear()
            self._context.attempt(self._start)
        self.refresh(self._reason)
