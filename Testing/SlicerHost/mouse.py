"""For tests: mouse and wheel on a widget through Qt's own events, and QTest for clicks and keys."""

from __future__ import annotations

from typing import Any

from . import pythonqt  # noqa: F401  before PySide6: it chooses how enumerations look

from PySide6 import QtCore, QtGui, QtWidgets  # isort: skip
from PySide6.QtTest import QTest  # isort: skip

__all__ = ["QTest", "Qt", "drag", "place_of", "turn_wheel"]

Qt = QtCore.Qt


def drag(widget: Any, places: list[QtCore.QPoint], button: Any = Qt.LeftButton, modifiers: Any = Qt.NoModifier) -> None:
    """Press at the first place, go to each other one, release at the last."""
    QTest.mouseMove(widget, places[0])
    QTest.mousePress(widget, button, modifiers, places[0])
    for place in places[1:]:
        event = QtGui.QMouseEvent(
            QtCore.QEvent.MouseMove,
            QtCore.QPointF(place),
            widget.mapToGlobal(QtCore.QPointF(place)),
            Qt.NoButton,
            button,
            modifiers,
        )
        QtWidgets.QApplication.sendEvent(widget, event)
    QTest.mouseRelease(widget, button, modifiers, places[-1])


def turn_wheel(widget: Any, notches: int, place: QtCore.QPoint, modifiers: Any = Qt.NoModifier) -> None:
    """Turn the wheel; positive is away from the user."""
    event = QtGui.QWheelEvent(
        QtCore.QPointF(place),
        widget.mapToGlobal(QtCore.QPointF(place)),
        QtCore.QPoint(),
        QtCore.QPoint(0, 120 * notches),
        Qt.NoButton,
        modifiers,
        Qt.NoScrollPhase,
        False,
    )
    QtWidgets.QApplication.sendEvent(widget, event)


def place_of(view: Any, ras: tuple[float, float, float]) -> QtCore.QPoint:
    """Where a point of the patient is in a slice view, px of the widget."""
    x, y, _ = view.convertRASToXYZ(ras)
    return QtCore.QPoint(round(x), view.VTKWidget().size.height() - 1 - round(y))
