"""ctk's widgets for one number: spin box, slider, and both together."""

from __future__ import annotations

import math

from PySide6 import QtCore, QtWidgets

from ..pythonqt.emulation import emulated, private, stored

Signal, Property = QtCore.Signal, QtCore.Property
STEPS_AT_MOST = 1_000_000_000  # positions of a QSlider that still fit an int


def forward(inner, name, kind):
    """A property that belongs to an inner widget: `forward("spin", "suffix", str)`."""
    capital = name[0].upper() + name[1:]

    def read(self):
        return getattr(getattr(self._d, inner), name)

    def write(self, value):
        getattr(getattr(self._d, inner), f"set{capital}")(value)

    return Property(kind, read, write)


@emulated
class ctkDoubleSpinBox(QtWidgets.QWidget):
    """A QDoubleSpinBox inside a widget."""

    valueChanged = Signal((float,), (str,))
    decimalsChanged = Signal(int)
    editingFinished = Signal()

    SetAlways, SetIfDifferent = 0, 1
    FixedDecimals, DecimalsByShortcuts, DecimalsByKey, DecimalsByValue = 0, 1, 2, 4
    ReplaceDecimals, DecimalsAsMax, DecimalsAsMin, InsertDecimals = 8, 16, 32, 64
    DecimalPointAlwaysVisible = 128
    SizeHintByMinMax, SizeHintByValue = 0, 1

    def __init__(self, parent=None, /):
        super().__init__(parent)
        spin = private(self).spin = QtWidgets.QDoubleSpinBox()
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(spin)
        self.setFocusProxy(spin)
        spin.valueChanged.connect(self._changed)
        spin.editingFinished.connect(self.editingFinished)

    def _changed(self, value):
        self.valueChanged[float].emit(value)
        self.valueChanged[str].emit(self._d.spin.text)

    value = forward("spin", "value", float)
    minimum = forward("spin", "minimum", float)
    maximum = forward("spin", "maximum", float)
    singleStep = forward("spin", "singleStep", float)
    prefix = forward("spin", "prefix", str)
    suffix = forward("spin", "suffix", str)
    readOnly = forward("spin", "readOnly", bool)
    frame = forward("spin", "frame", bool)
    alignment = forward("spin", "alignment", int)
    decimals = Property(int, lambda self: self._d.spin.decimals, lambda self, count: self.setDecimals(count))
    cleanText = Property(str, lambda self: self._d.spin.cleanText)
    decimalsOption = stored(int, 0)
    setMode = stored(int, 1)
    sizeHintPolicy = stored(int, 0)

    def setValue(self, value, /):
        """Set the value, rounded to the decimals and held in the range."""
        self._d.spin.setValue(value)

    def setValueIfDifferent(self, value, /):
        """Set the value; no signal if it is the same."""
        self._d.spin.setValue(value)

    def setValueAlways(self, value, /):
        """Set the value and signal even if it is the same."""
        if self._d.spin.value == value:
            self._changed(value)
        else:
            self._d.spin.setValue(value)

    def setDecimals(self, count, /):
        """Digits after the point."""
        if count != self._d.spin.decimals:
            self._d.spin.setDecimals(count)
            self.decimalsChanged.emit(count)

    def setReadOnly(self, readonly, /):
        """Let nobody type."""
        self._d.spin.setReadOnly(readonly)

    def stepUp(self, /):
        """One step more."""
        self._d.spin.stepUp()

    def stepDown(self, /):
        """One step less."""
        self._d.spin.stepDown()


@emulated
class ctkDoubleSlider(QtWidgets.QWidget):
    """A slider for floats."""

    valueChanged = Signal(float)
    sliderMoved = Signal(float)
    sliderPressed = Signal()
    sliderReleased = Signal()
    rangeChanged = Signal(float, float)

    def __init__(self, *arguments):
        orientation = next((one for one in arguments if isinstance(one, QtCore.Qt.Orientation)), QtCore.Qt.Horizontal)
        super().__init__(next((one for one in arguments if isinstance(one, QtWidgets.QWidget)), None))
        state = private(self)
        state.minimum, state.maximum, state.value, state.step, state.updating = 0.0, 99.0, 0.0, 1.0, False
        state.slider = QtWidgets.QSlider(orientation)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(state.slider)
        self.setFocusProxy(state.slider)
        state.slider.valueChanged.connect(self._moved)
        state.slider.sliderPressed.connect(self.sliderPressed)
        state.slider.sliderReleased.connect(self.sliderReleased)
        self._place()

    def _place(self):
        """Move the handle to the value."""
        state = self._d
        state.updating = True
        span = state.maximum - state.minimum
        count = round(min(STEPS_AT_MOST, max(1.0, span / state.step))) if math.isfinite(span) else STEPS_AT_MOST
        state.slider.setRange(0, count)
        share = (state.value - state.minimum) / span if span > 0 and math.isfinite(span) else 0.0
        state.slider.setValue(round(share * count))
        state.updating = False

    def _moved(self, position):
        state = self._d
        if not state.updating:
            self._assign(min(state.maximum, state.minimum + position * state.step))
            self.sliderMoved.emit(state.value)

    def _assign(self, value):
        state = self._d
        value = min(max(float(value), state.minimum), state.maximum)
        if value != state.value:
            state.value = value
            self.valueChanged.emit(value)

    def _set_range(self, minimum, maximum):
        state = self._d
        state.minimum, state.maximum = float(minimum), max(float(minimum), float(maximum))
        self._assign(state.value)
        self._place()
        self.rangeChanged.emit(state.minimum, state.maximum)

    def _set_step(self, step):
        self._d.step = float(step) or 1.0
        self._place()

    def setValue(self, value, /):
        """Move to a value."""
        self._assign(value)
        self._place()

    def setOrientation(self, orientation, /):
        """Horizontal or vertical."""
        self._d.slider.setOrientation(orientation)

    value = Property(float, lambda self: self._d.value, setValue)
    minimum = Property(
        float, lambda self: self._d.minimum, lambda self, value: self._set_range(value, max(value, self._d.maximum))
    )
    maximum = Property(
        float, lambda self: self._d.maximum, lambda self, value: self._set_range(min(value, self._d.minimum), value)
    )
    singleStep = Property(float, lambda self: self._d.step, _set_step)
    pageStep = stored(float, 10.0)
    tickInterval = stored(float, 0.0)
    tracking = forward("slider", "tracking", bool)


@emulated
class ctkSliderWidget(QtWidgets.QWidget):
    """A slider and a spin box that show the same number."""

    valueChanged = Signal(float)
    valueIsChanging = Signal(float)
    decimalsChanged = Signal(int)
    NoSynchronize, SynchronizeWidth, SynchronizeDecimals = 0, 1, 2

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.value, state.updating, state.dragging, state.default = 0.0, False, False, 0.0
        state.slider, state.spin = ctkDoubleSlider(), QtWidgets.QDoubleSpinBox()
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(state.slider, 1)
        layout.addWidget(state.spin)
        state.spin.setMaximum(99.0)
        state.spin.setKeyboardTracking(False)
        state.slider.valueChanged.connect(self._from_slider)
        state.slider.sliderPressed.connect(lambda: self._drag(True))
        state.slider.sliderReleased.connect(lambda: self._drag(False))
        state.spin.valueChanged.connect(lambda value: None if state.updating else self._assign(value))

    def _drag(self, dragging):
        self._d.dragging = dragging
        if not dragging and not self.tracking:
            self._assign(self._d.slider.value)

    def _from_slider(self, value):
        if self._d.updating:
            return
        if self._d.dragging:
            self.valueIsChanging.emit(value)
            if not self.tracking:
                return
        self._assign(value)

    def _assign(self, value):
        state = self._d
        value = min(max(round(float(value), state.spin.decimals), state.slider.minimum), state.slider.maximum)
        state.updating = True
        if not state.dragging:
            state.slider.setValue(value)
        state.spin.setValue(value)
        state.updating = False
        if value != state.value:
            state.value = value
            self.valueChanged.emit(value)

    def _both(self, name, value):
        state = self._d
        state.updating = True
        for part in (state.slider, state.spin):
            setattr(part, name, value)
        state.updating = False
        self._assign(state.value)

    def setValue(self, value, /):
        """Move to a value."""
        self._assign(value)

    def setDecimals(self, count, /):
        """Digits after the point."""
        self._d.spin.setDecimals(count)
        self._assign(self._d.value)
        self.decimalsChanged.emit(count)

    def setSpinBoxVisible(self, visible, /):
        """Show or hide the spin box."""
        self._d.spin.setVisible(visible)

    def reset(self, /):
        """Back to zero, or what of the range is nearest."""
        self.setValue(0.0)

    value = Property(float, lambda self: self._d.value, setValue)
    minimum = Property(float, lambda self: self._d.slider.minimum, lambda self, value: self._both("minimum", value))
    maximum = Property(float, lambda self: self._d.slider.maximum, lambda self, value: self._both("maximum", value))
    singleStep = Property(
        float, lambda self: self._d.slider.singleStep, lambda self, step: self._both("singleStep", step)
    )
    decimals = Property(int, lambda self: self._d.spin.decimals, setDecimals)
    prefix = forward("spin", "prefix", str)
    suffix = forward("spin", "suffix", str)
    spinBoxVisible = Property(bool, lambda self: not self._d.spin.isHidden(), setSpinBoxVisible)
    spinBoxAlignment = stored(int, 0)
    pageStep = stored(float, 10.0)
    tickInterval = stored(float, 0.0)
    tickPosition = stored(int, 0)
    tracking = stored(bool, True)
    popupSlider = stored(bool, False)
    invertedAppearance = stored(bool, False)
    invertedControls = stored(bool, False)
    synchronizeSiblings = stored(int, 3)
