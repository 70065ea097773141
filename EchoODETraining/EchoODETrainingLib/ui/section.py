"""A section of the panel."""

from __future__ import annotations

from typing import Any, ClassVar

import ctk
import qt
import slicer
from EchoODELib.ui.context import Context


class Section:
    """A ctkCollapsibleButton read from ``Resources/UI``, and what fills it.

    Attributes
    ----------
    file: name of the .ui file without its ending.
    widget: the section's qMRMLWidget.
    ui: its widgets by name.
    """

    file: ClassVar[str]

    def __init__(self, context: Context) -> None:
        self.context = context
        self.widget = slicer.util.loadUI(context.resourcePath(f"UI/{self.file}.ui"))
        self.ui: Any = slicer.util.childWidgetVariables(self.widget)
        self.widget.setMRMLScene(slicer.mrmlScene)

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
