"""ctk's widgets for a pair of numbers, smaller and larger."""

from __future__ import annotations

from PySide6 import QtCore, QtGui, QtWidgets

from ..pythonqt.emulation import emulated, private, stored
from .ctk_numbers import forward

Signal, Property = QtCore.Signal, QtCore.Property
HANDLE = 9  # width of a handle in px


class RangeModel(QtCore.QObject):
    """Two ordered values inside a range, and what changed."""

    low_changed = Signal(float)
    high_changed = Signal(float)
    both_changed = Signal(float, float)
    range_changed = Signal(float, float)

    def __init__(self, parent):
        super().__init__(parent)
        private(self).values, self._d.ends = [0.0, 99.0], [0.0, 99.0]

    def set_values(self, low, high):
        """Set both values, ordered and held in the range."""
        first, last = self._d.ends
        low, high = sorted((min(max(float(low), first), last), min(max(float(high), first), last)))
        old, self._d.values = self._d.values, [low, high]
        if low != old[0]:
            self.low_changed.emit(low)
        if high != old[1]:
            self.high_changed.emit(high)
        if [low, high] != old:
            self.both_changed.emit(low, high)

    def set_range(self, first, last):
        """Set the range; values outside move in."""
        self._d.ends = [float(first), max(float(first), float(last))]
        self.set_values(*self._d.values)
        self.range_changed.emit(*self._d.ends)


class RangeProperties:
    """Properties and slots that both range widgets take over; they keep a RangeModel in `_d.model`.

    They are assigned one by one in each class, because PySide registers only what stands in the class itself.
    """

    minimum = Property(
        float,
        lambda self: self._d.model._d.ends[0],
        lambda self, value: self._d.model.set_range(value, max(value, self._d.model._d.ends[1])),
    )
    maximum = Property(
        float,
        lambda self: self._d.model._d.ends[1],
        lambda self, value: self._d.model.set_range(min(value, self._d.model._d.ends[0]), value),
    )
    minimumValue = Property(
        float, lambda self: self._d.model._d.values[0], lambda self, value: self.setMinimumValue(value)
    )
    maximumValue = Property(
        float, lambda self: self._d.model._d.values[1], lambda self, value: self.setMaximumValue(value)
    )

    def setValues(self, low, high, /):
        """Set both values."""
        self._d.model.set_values(low, high)

    def setRange(self, first, last, /):
        """Set the range of both values."""
        self._d.model.set_range(first, last)

    def setMinimumValue(self, value, /):
        """Set the smaller value; it pushes the larger up."""
        self._d.model.set_values(value, max(value, self.maximumValue))

    def setMaximumValue(self, value, /):
        """Set the larger value; it pushes the smaller down."""
        self._d.model.set_values(min(value, self.minimumValue), value)


@emulated
class ctkDoubleRangeSlider(QtWidgets.QWidget):
    """A slider with two handles."""

    valuesChanged = Signal(float, float)
    minimumValueChanged = Signal(float)
    maximumValueChanged = Signal(float)
    rangeChanged = Signal(float, float)
    sliderPressed = Signal()
    sliderReleased = Signal()
    minimum, maximum = RangeProperties.minimum, RangeProperties.maximum
    minimumValue, maximumValue = RangeProperties.minimumValue, RangeProperties.maximumValue
    setValues, setRange = RangeProperties.setValues, RangeProperties.setRange
    setMinimumValue, setMaximumValue = RangeProperties.setMinimumValue, RangeProperties.setMaximumValue
    singleStep = stored(float, 1.0)
    tracking = stored(bool, True)
    symmetricMoves = stored(bool, False)
    tickInterval = stored(float, 0.0)

    def __init__(self, *arguments):
        super().__init__(next((one for one in arguments if isinstance(one, QtWidgets.QWidget)), None))
        state = private(self)
        state.model, state.grabbed = RangeModel(self), None
        for mine, theirs in (
            (state.model.low_changed, self.minimumValueChanged),
            (state.model.high_changed, self.maximumValueChanged),
            (state.model.both_changed, self.valuesChanged),
            (state.model.range_changed, self.rangeChanged),
        ):
            mine.connect(theirs)
        state.model.both_changed.connect(self.update)
        self.setMinimumSize(60, 18)
        self.setSizePolicy(QtWidgets.QSizePolicy.Expanding, QtWidgets.QSizePolicy.Fixed)

    def _x_of(self, value):
        first, last = self._d.model._d.ends
        return HANDLE // 2 + round((value - first) / ((last - first) or 1.0) * (self.width - HANDLE))

    def _value_at(self, x):
        first, last = self._d.model._d.ends
        steps = round(
            (first + (x - HANDLE // 2) / max(1, self.width - HANDLE) * (last - first) - first) / self.singleStep
        )
        return first + steps * self.singleStep

    def paintEvent(self, event, /):
        """A groove, the part between the handles, the handles."""
        painter, middle = QtGui.QPainter(self), self.height // 2
        low, high = self._x_of(self.minimumValue), self._x_of(self.maximumValue)
        painter.fillRect(QtCore.QRect(HANDLE // 2, middle - 2, self.width - HANDLE, 4), self.palette.mid())
        painter.fillRect(QtCore.QRect(low, middle - 2, high - low, 4), self.palette.highlight())
        for x in (low, high):
            painter.fillRect(QtCore.QRect(x - HANDLE // 2, middle - 7, HANDLE, 14), self.palette.dark())

    def mousePressEvent(self, event, /):
        """Grab the nearer handle."""
        x = event.pos().x()
        self._d.grabbed = (
            "low" if abs(x - self._x_of(self.minimumValue)) <= abs(x - self._x_of(self.maximumValue)) else "high"
        )
        self.sliderPressed.emit()

    def mouseMoveEvent(self, event, /):
        """Move the grabbed handle, not past the other."""
        value = self._value_at(event.pos().x())
        if self._d.grabbed == "low":
            self.setValues(min(value, self.maximumValue), self.maximumValue)
        elif self._d.grabbed == "high":
            self.setValues(self.minimumValue, max(value, self.minimumValue))

    def mouseReleaseEvent(self, event, /):
        """Let go."""
        self._d.grabbed = None
        self.sliderReleased.emit()


@emulated
class ctkRangeWidget(QtWidgets.QWidget):
    """A two-handled slider between two spin boxes."""

    valuesChanged = Signal(float, float)
    minimumValueChanged = Signal(float)
    maximumValueChanged = Signal(float)
    minimumValueIsChanging = Signal(float)
    maximumValueIsChanging = Signal(float)
    rangeChanged = Signal(float, float)
    minimum, maximum = RangeProperties.minimum, RangeProperties.maximum
    minimumValue, maximumValue = RangeProperties.minimumValue, RangeProperties.maximumValue
    setValues, setRange = RangeProperties.setValues, RangeProperties.setRange
    setMinimumValue, setMaximumValue = RangeProperties.setMinimumValue, RangeProperties.setMaximumValue
    tracking = stored(bool, True)
    symmetricMoves = stored(bool, False)
    tickInterval = stored(float, 0.0)
    spinBoxAlignment = stored(int, 0)
    prefix = forward("low", "prefix", str)
    suffix = forward("low", "suffix", str)

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.slider = ctkDoubleRangeSlider()
        state.model = state.slider._d.model
        state.low, state.high = QtWidgets.QDoubleSpinBox(), QtWidgets.QDoubleSpinBox()
        state.updating = False
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for part in (state.low, state.slider, state.high):
            layout.addWidget(part, int(part is state.slider))
        for mine, theirs in (
            (state.model.low_changed, self.minimumValueChanged),
            (state.model.high_changed, self.maximumValueChanged),
            (state.model.low_changed, self.minimumValueIsChanging),
            (state.model.high_changed, self.maximumValueIsChanging),
            (state.model.both_changed, self.valuesChanged),
            (state.model.range_changed, self.rangeChanged),
        ):
            mine.connect(theirs)
        state.model.both_changed.connect(lambda *_: self._show())
        state.model.range_changed.connect(lambda *_: self._show())
        state.low.valueChanged.connect(lambda value: None if state.updating else self.setMinimumValue(value))
        state.high.valueChanged.connect(lambda value: None if state.updating else self.setMaximumValue(value))
        self._show()

    def _show(self):
        state = self._d
        state.updating = True
        for spin, value in ((state.low, self.minimumValue), (state.high, self.maximumValue)):
            spin.setRange(self.minimum, self.maximum)
            spin.setValue(value)
        state.updating = False
        state.slider.update()

    def _set_step(self, step):
        for part in (self._d.slider, self._d.low, self._d.high):
            part.singleStep = step

    def setDecimals(self, count, /):
        """Digits after the point."""
        self._d.low.setDecimals(count)
        self._d.high.setDecimals(count)

    def reset(self, /):
        """Both values to the ends of the range."""
        self.setValues(self.minimum, self.maximum)

    decimals = Property(int, lambda self: self._d.low.decimals, setDecimals)
    singleStep = Property(float, lambda self: self._d.slider.singleStep, _set_step)
