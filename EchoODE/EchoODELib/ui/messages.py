"""The one line where the panel says what happened."""

from __future__ import annotations

import re
from enum import Enum
from typing import Any

import qt
from slicer.i18n import tr as _

from .icons import Icons

ICON_PX = 18


class Kind(Enum):
    """What a message is; the value names its icon."""

    INFO = "Info"
    DONE = "Done"
    WARNING = "Warning"
    ERROR = "Error"


_COLORS = {
    Kind.INFO: "47, 126, 216",
    Kind.DONE: "23, 163, 152",
    Kind.WARNING: "224, 142, 11",
    Kind.ERROR: "214, 69, 93",
}


def breakable(text: str) -> str:
    """The same text with places where long names and paths may go on in the next line."""
    return re.sub(r"([_/\\.\-])(?=\w)", "\\1\u200b", text)


class MessageLine:
    """Icon, wrapped text and a button that puts it away; hidden while there is nothing to say.

    Attributes
    ----------
    widget: what goes into the panel.
    kind: of the message that is shown, or None.
    """

    def __init__(self, icons: Icons) -> None:
        self._icons = icons
        self.kind: Kind | None = None
        self._said = ""
        self.widget = qt.QFrame()
        self.widget.objectName = "messageLine"
        layout = qt.QHBoxLayout(self.widget)
        layout.setContentsMargins(8, 6, 4, 6)
        layout.setSpacing(8)
        self._icon, self._text, self._close = qt.QLabel(), qt.QLabel(), qt.QToolButton()
        self._text.objectName = "messageLabel"
        self._text.wordWrap = True
        self._text.textFormat = qt.Qt.PlainText
        self._text.textInteractionFlags = qt.Qt.TextSelectableByMouse
        # Long words, such as paths, must not widen the panel.
        self._text.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Preferred)
        self._close.autoRaise = True
        self._close.setIcon(icons("Cancel"))
        self._close.setIconSize(qt.QSize(12, 12))
        self._close.toolTip = _("Put this message away.")
        self._close.connect("clicked()", self.clear)
        layout.addWidget(self._icon)
        layout.addWidget(self._text, 1)
        layout.addWidget(self._close)
        self.widget.hide()

    @property
    def text(self) -> str:
        """What is said, or ""."""
        return self._said

    def show(self, kind: Kind, text: str) -> None:
        """Say something; an error is scrolled into sight."""
        self.kind = kind
        self._icon.setPixmap(self._icons(kind.value).pixmap(qt.QSize(ICON_PX, ICON_PX)))
        self._said = text
        self._text.text = breakable(text)
        self.widget.setStyleSheet(
            f"QFrame#messageLine {{ background: rgba({_COLORS[kind]}, 32); border-radius: 4px; "
            f"border: 1px solid rgba({_COLORS[kind]}, 110); }}"
        )
        self.widget.show()
        if kind is Kind.ERROR:
            area = self._scrollArea()
            if area is not None:
                area.ensureWidgetVisible(self.widget)

    def clear(self) -> None:
        """Say nothing."""
        self.kind = None
        self._said = self._text.text = ""
        self.widget.hide()

    def _scrollArea(self) -> Any:
        parent = self.widget.parentWidget()
        while parent is not None and not isinstance(parent, qt.QScrollArea):
            parent = parent.parentWidget()
        return parent
