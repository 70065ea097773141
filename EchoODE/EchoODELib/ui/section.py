"""Sections of a panel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import slicer

from .context import Context, SharedContext

if TYPE_CHECKING:
    from ..scene.study import Study


class UiSection:
    """A ctkCollapsibleButton read from ``Resources/UI``.

    Attributes
    ----------
    file: name of the .ui file without its ending.
    widget: the section's qMRMLWidget.
    ui: its widgets by name.
    """

    file: ClassVar[str]

    def __init__(self, context: SharedContext) -> None:
        self.context = context
        self.widget = slicer.util.loadUI(context.resourcePath(f"UI/{self.file}.ui"))
        self.ui: Any = slicer.util.childWidgetVariables(self.widget)
        self.widget.setMRMLScene(slicer.mrmlScene)


class Section(UiSection):
    """Fills a part of the panel that reads clips."""

    context: Context

    def refresh(self, study: Study | None) -> None:
        """Show a clip as it is now; None for no clip."""
        raise NotImplementedError

    def refreshFrame(self, study: Study) -> None:
        """Another frame of the same clip is in view; called for each frame that is played."""

    def refreshRun(self) -> None:
        """A run has come further."""

    def leave(self, study: Study) -> None:
        """Another clip is chosen, or the module is left: take away what shows only for the one in view."""

    def release(self) -> None:
        """The scene is about to close: let go of its nodes."""


def setUsable(widget: Any, tip: str, reason: str = "") -> None:
    """Enable a widget, or disable it and say in its tooltip why.

    Parameters
    ----------
    tip: what it does.
    reason: why it can't be used now; "" if it can.
    """
    widget.enabled = not reason
    widget.toolTip = f"{tip}\n\n{reason}" if reason else tip
