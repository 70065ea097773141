"""Sections of the panel."""

from __future__ import annotations

from typing import Any

import ctk
import qt
from EchoODELib.ui.section import UiSection


class Section(UiSection):
    """Fills a part of the training panel."""

    @property
    def operations(self) -> Any:
        """What the buttons call."""
        return self.context.operations

    def refresh(self) -> None:
        """Show everything as it is now."""
        raise NotImplementedError

    def refreshProgress(self) -> None:
        """A run or an errand has come further."""


def narrow(*widgets: Any) -> None:
    """Let long texts and paths in labels and path edits not widen the panel."""
    for widget in widgets:
        path = isinstance(widget, ctk.ctkPathLineEdit)
        widget.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Fixed if path else qt.QSizePolicy.Preferred)
