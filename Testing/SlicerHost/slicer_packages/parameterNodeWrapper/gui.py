"""Widgets that show a parameter: which type goes with which widget, as Slicer's manual lists them.

Slicer compares the exact class of a widget, so a subclass isn't bound; nor is it here.
"""

from __future__ import annotations

import enum
import pathlib
import typing
from collections.abc import Callable
from typing import Any

import ctk
import qt
import slicer

from .annotations import Choice, Decimals, FloatRange, Maximum, Minimum, RangeBounds, SingleStep, WithinRange

SlicerParameterNamePropertyName = "SlicerParameterName"
INT_LIMITS = (-(2**31), 2**31 - 1)


class Connector:
    """Binds one widget: reads it, writes it, and calls back when the user changes it."""

    def __init__(self, widget: Any, read: Callable[[], Any], write: Callable[[Any], None], signal: Any) -> None:
        self.widget, self.read, self.write, self.signal = widget, read, write, signal
        self.callback: Any = None

    def connect(self, function: Callable[[], None]) -> None:
        """Call a function whenever the widget's value changes."""
        self.callback = lambda *_: function()
        self.signal.connect(self.callback)

    def disconnect(self) -> None:
        """Stop calling."""
        if self.callback is not None:
            self.signal.disconnect(self.callback)
            self.callback = None


def named_widgets(gui: Any) -> dict[str, Any]:
    """Parameter name -> widget, for a widget's descendants or an object's attributes."""
    widgets = gui.findChildren(qt.QWidget) if isinstance(gui, qt.QWidget) else vars(gui).values()
    found = {}
    for widget in widgets:
        name = widget.property(SlicerParameterNamePropertyName) if isinstance(widget, qt.QObject) else None
        if name:
            found[str(name)] = widget
    return found


def connector_for(widget: Any, hint: Any) -> Connector:
    """The connector for a widget and a type.

    Raises:
        RuntimeError: Slicer binds no such widget to such a type, or a slider's type has no limits.
    """
    kind, notes = (typing.get_args(hint)[0], hint.__metadata__) if hasattr(hint, "__metadata__") else (hint, ())
    optional = [one for one in typing.get_args(kind) if one is not type(None)] if not isinstance(kind, type) else []
    if optional and all(isinstance(one, type) and issubclass(one, slicer.vtkMRMLNode) for one in optional):
        kind = slicer.vtkMRMLNode
    for widgets, fits, make in TABLE:
        if type(widget) in widgets and fits(kind):
            return make(widget, kind, notes)
    raise RuntimeError(f"Slicer binds no {type(widget).__name__} to a parameter of type {hint}")


createGuiConnector = connector_for


def _property(name: str, signal: str, convert: Callable[[Any], Any] = lambda value: value) -> Any:
    """A maker for widgets with one property and its signal."""

    def make(widget: Any, kind: Any, notes: Any) -> Connector:
        return Connector(
            widget,
            lambda: kind(getattr(widget, name)) if isinstance(kind, type) else getattr(widget, name),
            lambda value: setattr(widget, name, convert(value)),
            getattr(widget, signal),
        )

    return make


def _note(notes: Any, kind: type) -> Any:
    return next((note for note in notes if isinstance(note, kind)), None)


def _limits(notes: Any) -> tuple[float | None, float | None]:
    within = _note(notes, WithinRange) or _note(notes, RangeBounds)
    if within is not None:
        return within.minimum, within.maximum
    lowest, highest = _note(notes, Minimum), _note(notes, Maximum)
    return (lowest.minimum if lowest else None), (highest.maximum if highest else None)


def _number(widget: Any, kind: Any, notes: Any) -> Connector:
    lowest, highest = _limits(notes)
    bounded = lowest is not None and highest is not None
    if type(widget) in (qt.QSlider, ctk.ctkSliderWidget, slicer.qMRMLSliderWidget) and not bounded:
        raise RuntimeError(f"a {type(widget).__name__} needs a parameter with limits, such as WithinRange")
    unlimited = INT_LIMITS if type(widget) in (qt.QSlider, qt.QSpinBox) else (float("-inf"), float("inf"))
    has_decimals = type(widget) not in (qt.QSlider, qt.QSpinBox, ctk.ctkDoubleSlider)
    if has_decimals and kind is int:
        widget.decimals = 0
    elif has_decimals and _note(notes, Decimals) is not None:
        widget.decimals = _note(notes, Decimals).value
    if _note(notes, SingleStep) is not None:
        widget.singleStep = _note(notes, SingleStep).value
    widget.minimum = lowest if lowest is not None else unlimited[0]
    widget.maximum = highest if highest is not None else unlimited[1]
    return _property("value", "valueChanged")(widget, kind, notes)


def _combo(widget: Any, kind: Any, notes: Any) -> Connector:
    choices = list(kind) if issubclass(kind, enum.Enum) else getattr(_note(notes, Choice), "choices", None)
    if choices is None:
        raise RuntimeError("a combo box needs a parameter with choices, an Enum or Choice")
    texts = [_label_of(one) for one in choices]
    widget.clear()
    widget.addItems(texts)
    return Connector(
        widget,
        lambda: choices[widget.currentIndex],
        lambda value: widget.setCurrentIndex(choices.index(value)),
        widget.currentIndexChanged,
    )


def _label_of(choice: Any) -> str:
    """What a combo box shows: an Enum's own `label()`, its value if that is a text, else its name."""
    if not isinstance(choice, enum.Enum):
        return str(choice)
    if hasattr(choice, "label"):
        return str(choice.label())
    return choice.value if isinstance(choice.value, str) else choice.name


def _range(widget: Any, kind: Any, notes: Any) -> Connector:
    bounds = _note(notes, RangeBounds)
    if bounds is None:
        raise RuntimeError("a range widget needs a parameter with RangeBounds")
    widget.setRange(bounds.minimum, bounds.maximum)
    return Connector(
        widget,
        lambda: FloatRange(widget.minimumValue, widget.maximumValue),
        lambda value: widget.setValues(value.minimum, value.maximum),
        widget.valuesChanged,
    )


def _node(widget: Any, kind: Any, notes: Any) -> Connector:
    return Connector(widget, widget.currentNode, widget.setCurrentNode, widget.currentNodeChanged)


def _plain_text(widget: Any, kind: Any, notes: Any) -> Connector:
    return _property("plainText", "textChanged")(widget, kind, notes)


def _label(widget: Any, kind: Any, notes: Any) -> Connector:
    class Silent:  # a label is never changed by the user
        connect = disconnect = staticmethod(lambda function: None)

    return Connector(widget, lambda: widget.text, lambda value: setattr(widget, "text", value), Silent)


def _button(widget: Any, kind: Any, notes: Any) -> Connector:
    if not widget.checkable:
        raise RuntimeError("a push button needs to be checkable to show a bool")
    return _property("checked", "toggled")(widget, kind, notes)


def _is(*kinds: Any) -> Callable[[Any], bool]:
    return lambda kind: kind in kinds


def _subclass(*bases: type) -> Callable[[Any], bool]:
    return lambda kind: isinstance(kind, type) and issubclass(kind, bases)


def _color(widget: Any, kind: Any, notes: Any) -> Connector:
    return Connector(widget, lambda: widget.color, widget.setColor, widget.colorChanged)


TABLE: list[tuple[tuple[type, ...], Callable[[Any], bool], Any]] = [
    ((qt.QCheckBox, ctk.ctkCheckBox), _is(bool), _property("checked", "toggled")),
    ((qt.QPushButton,), _is(bool), _button),
    ((ctk.ctkCheckablePushButton,), _is(bool), _property("checkState", "checkBoxToggled", lambda on: 2 if on else 0)),
    ((qt.QSlider, qt.QSpinBox), _is(int), _number),
    (
        (
            qt.QDoubleSpinBox,
            ctk.ctkSliderWidget,
            slicer.qMRMLSliderWidget,
            ctk.ctkDoubleSlider,
            ctk.ctkDoubleSpinBox,
            slicer.qMRMLSpinBox,
        ),
        _is(float, int),
        _number,
    ),
    ((qt.QComboBox, ctk.ctkComboBox), _subclass(int, float, str, bool, enum.Enum, pathlib.PurePath), _combo),
    ((qt.QLineEdit,), _is(str), _property("text", "textChanged")),
    ((qt.QTextEdit,), _is(str), _plain_text),
    ((qt.QLabel,), _is(str), _label),
    ((ctk.ctkRangeWidget, ctk.ctkDoubleRangeSlider, slicer.qMRMLRangeWidget), _is(FloatRange), _range),
    ((ctk.ctkPathLineEdit,), _subclass(pathlib.PurePath), _property("currentPath", "currentPathChanged", str)),
    ((ctk.ctkDirectoryButton,), _subclass(pathlib.PurePath), _property("directory", "directoryChanged", str)),
    ((slicer.qMRMLNodeComboBox,), _subclass(slicer.vtkMRMLNode), _node),
    ((ctk.ctkColorPickerButton,), _is(qt.QColor), _color),
]
