"""Widgets for the grey values of a volume: window and level, threshold."""

from __future__ import annotations

from PySide6 import QtCore, QtWidgets

from ..pythonqt.emulation import emulated, private
from .ctk_ranges import ctkRangeWidget
from .observing import Observer

Property = QtCore.Property


@emulated
class qMRMLVolumeWidget(QtWidgets.QWidget):
    """A widget about the display of one volume."""

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.node, state.observer, state.updating = None, Observer(self), False
        state.range = ctkRangeWidget()
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(state.range)
        state.range.connect(
            "valuesChanged(double,double)", lambda low, high: None if state.updating else self._chosen(low, high)
        )

    def setMRMLVolumeNode(self, node, /):
        """The volume whose display is shown and changed."""
        state = self._d
        state.node = node
        state.observer.clear()
        display = self._display()
        if display is not None:
            ends = node.GetImageData().GetScalarRange() if node.GetImageData() is not None else (0.0, 255.0)
            state.updating = True
            state.range.setRange(min(0.0, ends[0]), max(ends))
            state.updating = False
            state.observer.watch(display, self._show)
        self._show()

    def mrmlVolumeNode(self, /):
        """The volume."""
        return self._d.node

    def _display(self):
        return self._d.node.GetDisplayNode() if self._d.node is not None else None

    def _show(self):
        display = self._display()
        self.setEnabled(display is not None)
        if display is not None:
            self._d.updating = True
            self._d.range.setValues(*self._shown(display))
            self._d.updating = False


@emulated
class qMRMLWindowLevelWidget(qMRMLVolumeWidget):
    """Window and level as the darkest and the brightest value."""

    windowLevelValuesChanged = QtCore.Signal(float, float)
    Auto, Manual, ManualMinMax = 0, 1, 2

    @staticmethod
    def _shown(display):
        half = display.GetWindow() / 2
        return display.GetLevel() - half, display.GetLevel() + half

    def _chosen(self, low, high):
        self.setWindowLevel(high - low, (low + high) / 2)

    def setWindowLevel(self, window, level, /):
        """Set width and centre of the grey window."""
        display = self._display()
        if display is not None:
            display.SetAutoWindowLevel(False)
            display.SetWindowLevel(window, level)
            self.windowLevelValuesChanged.emit(window, level)

    def setAutoWindowLevel(self, mode, /):
        """Auto fits the window to the volume."""
        if self._display() is not None:
            self._display().SetAutoWindowLevel(mode == self.Auto)

    window = Property(float, lambda self: self._display().GetWindow() if self._display() else 0.0)
    level = Property(float, lambda self: self._display().GetLevel() if self._display() else 0.0)


@emulated
class qMRMLVolumeThresholdWidget(qMRMLVolumeWidget):
    """Values that are shown."""

    thresholdValuesChanged = QtCore.Signal(float, float)
    Off, Auto, Manual = 0, 1, 2

    @staticmethod
    def _shown(display):
        return display.GetLowerThreshold(), display.GetUpperThreshold()

    def _chosen(self, low, high):
        self.setThreshold(low, high)

    def setThreshold(self, low, high, /):
        """Show values between two."""
        display = self._display()
        if display is not None:
            display.SetThreshold(low, high)
            display.ApplyThresholdOn()
            self.thresholdValuesChanged.emit(low, high)

    lowerThreshold = Property(float, lambda self: self._display().GetLowerThreshold() if self._display() else 0.0)
    upperThreshold = Property(float, lambda self: self._display().GetUpperThreshold() if self._display() else 0.0)
