"""A Qt widget that shows a VTK render window, on every Qt platform.

VTK draws offscreen and the picture is painted by Qt. So the same code runs under X, Wayland's X and
`QT_QPA_PLATFORM=offscreen`, and `QWidget.grab()` sees the picture. Mouse, wheel and keys go to VTK's interactor.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shiboken6
import vtk
from PySide6 import QtCore, QtGui, QtWidgets
from vtk.util.numpy_support import vtk_to_numpy

from ..pythonqt.emulation import private

Qt = QtCore.Qt

KEY_NAMES = {
    Qt.Key_Left: "Left",
    Qt.Key_Right: "Right",
    Qt.Key_Up: "Up",
    Qt.Key_Down: "Down",
    Qt.Key_Escape: "Escape",
    Qt.Key_Return: "Return",
    Qt.Key_Enter: "Return",
    Qt.Key_Delete: "Delete",
    Qt.Key_Backspace: "BackSpace",
    Qt.Key_Space: "space",
    Qt.Key_Shift: "Shift_L",
    Qt.Key_Control: "Control_L",
    Qt.Key_Home: "Home",
    Qt.Key_End: "End",
    Qt.Key_PageUp: "Prior",
    Qt.Key_PageDown: "Next",
}
WHEEL_STEP = 120  # eighths of a degree that one notch of a wheel turns


class VtkCanvas(QtWidgets.QWidget):
    """Hosts a render window and its interactor. Its public names are Qt's only, so that emulated views may derive."""

    def __init__(self, parent: QtWidgets.QWidget | None = None, window: Any = None) -> None:
        super().__init__(parent)
        state = private(self)
        state.window = window or vtk.vtkRenderWindow()
        state.window.SetOffScreenRendering(1)
        state.window.ShowWindowOff()
        state.window.SetMultiSamples(0)  # a slice's image has no edges to smooth; 55 ms a frame with, 30 without
        state.interactor = vtk.vtkGenericRenderWindowInteractor()
        state.interactor.SetRenderWindow(state.window)
        state.interactor.SetEnableRender(False)  # VTK widgets ask for a render at once; ours are coalesced
        state.image = state.pixels = None
        state.painting = state.pending = False
        state.paused = 0
        state.cursor_position = QtCore.QPoint()
        state.renders = 0
        state.window.AddObserver("EndEvent", lambda *_: self._rendered())
        state.interactor.AddObserver("RenderEvent", lambda *_: self._render_asked())
        state.timers = {}
        state.interactor.AddObserver("CreateTimerEvent", lambda *_: self._start_timer())
        state.interactor.AddObserver("DestroyTimerEvent", lambda *_: self._stop_timer())
        self.setFocusPolicy(Qt.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WA_OpaquePaintEvent)
        self.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Expanding)

    def _render_asked(self) -> None:
        """VTK wants a render."""
        self._schedule_render()

    def _schedule_render(self) -> None:
        """Render once when the event loop is next idle, however often this is called before."""
        state = self._d
        if state.pending or state.paused:
            state.wanted_in_pause = bool(state.paused)
            return
        state.pending = True
        QtCore.QTimer.singleShot(0, self._render_pending)

    def _render_pending(self) -> None:
        if shiboken6.isValid(self):
            self._d.pending = False
            if self.isVisible():
                self._d.window.Render()

    def _pause(self, paused: bool) -> None:
        """Count pauses up and down; the last resume renders what was asked for meanwhile."""
        state = self._d
        state.paused = max(0, state.paused + (1 if paused else -1))
        if not state.paused and getattr(state, "wanted_in_pause", False):
            state.wanted_in_pause = False
            self._schedule_render()

    def _rendered(self) -> None:
        self._d.renders += 1
        if not self._d.painting and shiboken6.isValid(self):
            self._d.image = None
            self.update()

    def _start_timer(self) -> None:
        """VTK wants a timer, of the kind that its interactor says."""
        interactor = self._d.interactor
        identifier = interactor.GetTimerEventId()
        timer = self._d.timers[identifier] = QtCore.QTimer(self)
        timer.setSingleShot(interactor.GetTimerEventType() == interactor.OneShotTimer)
        timer.timeout.connect(lambda: self._timer_ended(identifier))
        timer.start(max(1, interactor.GetTimerEventDuration()))

    def _stop_timer(self) -> None:
        timer = self._d.timers.pop(self._d.interactor.GetTimerEventPlatformId(), None)
        if timer is not None:
            timer.stop()
            timer.deleteLater()

    def _timer_ended(self, identifier: int) -> None:
        self._d.interactor.SetTimerEventId(identifier)
        self._d.interactor.TimerEvent()
        if self._d.interactor.IsOneShotTimer(identifier):
            self._d.interactor.DestroyTimer(identifier)

    def minimumSizeHint(self) -> QtCore.QSize:
        """Small, so that a view never forces the window to grow."""
        return QtCore.QSize(60, 60)

    def sizeHint(self) -> QtCore.QSize:
        """A size for a window of its own."""
        return QtCore.QSize(400, 400)

    def resizeEvent(self, event: QtGui.QResizeEvent) -> None:
        """Give VTK the new size at once, so that views fit before they draw."""
        width, height = max(1, event.size().width()), max(1, event.size().height())
        self._d.window.SetSize(width, height)
        self._d.interactor.SetSize(width, height)
        self._d.window.InvokeEvent("WindowResizeEvent")
        self._d.interactor.ConfigureEvent()
        self._d.image, self._d.stale = None, True
        self.update()

    def paintEvent(self, event: QtGui.QPaintEvent) -> None:
        """Paint the last picture; draw one first if there is none."""
        if self._d.image is None:
            self._d.painting = True
            try:
                self._fetch_image()
            finally:
                self._d.painting = False
        painter = QtGui.QPainter(self)
        painter.drawImage(0, 0, self._d.image)

    def _fetch_image(self) -> None:
        state = self._d
        if getattr(state, "stale", True) or state.renders == 0:
            state.window.Render()
            state.stale = False
        width, height = state.window.GetSize()
        buffer = vtk.vtkUnsignedCharArray()
        state.window.GetRGBACharPixelData(0, 0, width - 1, height - 1, 0, buffer)
        pixels = vtk_to_numpy(buffer).reshape(height, width, 4)[::-1]
        state.pixels = np.ascontiguousarray(pixels)  # QImage doesn't own its data
        state.image = QtGui.QImage(state.pixels.data, width, height, 4 * width, QtGui.QImage.Format_RGBX8888)

    def _tell_interactor(
        self, position: Any, modifiers: Any, *, key: str = "\0", name: str | None = None, repeat: int = 0
    ) -> None:
        self._d.cursor_position = position
        control, shift = bool(modifiers & Qt.ControlModifier), bool(modifiers & Qt.ShiftModifier)
        interactor = self._d.interactor
        interactor.SetEventInformationFlipY(position.x(), position.y(), int(control), int(shift), key, repeat, name)
        interactor.SetAltKey(int(bool(modifiers & Qt.AltModifier)))

    def _button(self, event: QtGui.QMouseEvent, what: str, repeat: int = 0) -> None:
        self._tell_interactor(event.pos(), event.modifiers(), repeat=repeat)
        name = {Qt.LeftButton: "Left", Qt.RightButton: "Right", Qt.MiddleButton: "Middle"}.get(event.button())
        if name is not None:
            self._d.interactor.InvokeEvent(f"{name}Button{what}Event")

    def mousePressEvent(self, event: QtGui.QMouseEvent) -> None:
        """Pass on to VTK."""
        self.setFocus()
        self._button(event, "Press")

    def mouseReleaseEvent(self, event: QtGui.QMouseEvent) -> None:
        """Pass on to VTK."""
        self._button(event, "Release")

    def mouseDoubleClickEvent(self, event: QtGui.QMouseEvent) -> None:
        """Pass on to VTK as a press with repeat count and a double click, as its own Qt widgets do."""
        self._button(event, "Press", repeat=1)
        self._button(event, "DoubleClick", repeat=1)

    def mouseMoveEvent(self, event: QtGui.QMouseEvent) -> None:
        """Pass on to VTK."""
        self._tell_interactor(event.pos(), event.modifiers())
        self._d.interactor.MouseMoveEvent()

    def wheelEvent(self, event: QtGui.QWheelEvent) -> None:
        """Pass on to VTK, a notch at a time, unless the view has a use of its own for the wheel."""
        self._tell_interactor(event.position().toPoint(), event.modifiers())
        turned = event.angleDelta().y()
        for _ in range(max(1, abs(turned) // WHEEL_STEP) if turned else 0):
            if self._wheel_turned(1 if turned > 0 else -1, event.modifiers()):
                continue
            (self._d.interactor.MouseWheelForwardEvent if turned > 0 else self._d.interactor.MouseWheelBackwardEvent)()

    def _wheel_turned(self, direction: int, modifiers: Any) -> bool:
        """For views: handle a notch and return True."""
        return False

    def enterEvent(self, event: Any) -> None:
        """Pass on to VTK."""
        self._d.interactor.EnterEvent()

    def leaveEvent(self, event: Any) -> None:
        """Pass on to VTK."""
        self._d.interactor.LeaveEvent()

    def keyPressEvent(self, event: QtGui.QKeyEvent) -> None:
        """Pass on to VTK and to Qt, so that shortcuts of the window still work."""
        self._key(event)
        self._d.interactor.KeyPressEvent()
        self._d.interactor.CharEvent()
        event.ignore()

    def keyReleaseEvent(self, event: QtGui.QKeyEvent) -> None:
        """Pass on to VTK."""
        self._key(event)
        self._d.interactor.KeyReleaseEvent()
        event.ignore()

    def _key(self, event: QtGui.QKeyEvent) -> None:
        text = event.text()[:1]
        text = text if text and text.isascii() else "\0"
        name = KEY_NAMES.get(event.key(), text if text.isprintable() else None)
        self._tell_interactor(self._d.cursor_position, event.modifiers(), key=text, name=name)
