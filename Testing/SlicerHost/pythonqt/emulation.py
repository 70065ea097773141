"""How the host's own ctk and qMRML classes are written, so that they can't be kinder than the originals.

    @emulated
    class ctkCheckBox(QtWidgets.QCheckBox):
        indicatorIcon = stored(QtGui.QIcon, QtGui.QIcon)

The decorator compares the class with the API table when it is defined: every public name must be a member of the real
class, signals and properties must be such there, methods take positional arguments only, and the nearest Qt base must
be the real one's. State lives in `self._d`; other names that start with an underscore are the host's own methods.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType, SimpleNamespace
from typing import Any, TypeVar

from PySide6 import QtCore

from .attributes import NATIVE, refuse_keywords
from .table import TABLE

REGISTRY: dict[str, type] = {}  # class name -> emulation; the .ui loader, `ctk` and `slicer` read it
EmulatedClass = TypeVar("EmulatedClass", bound=type)


def emulated(cls: EmulatedClass) -> EmulatedClass:
    """Check a class against the table and register it under its name.

    Raises:
        TypeError: the class offers something that the real one doesn't, or offers it as something else.
    """
    problems = list(foreign_members(cls))
    if problems:
        raise TypeError(f"{cls.__name__}: " + "; ".join(problems))
    if issubclass(cls, QtCore.QObject):
        NATIVE.add(cls)
        refuse_keywords(cls)
    REGISTRY[cls.__name__] = cls
    return cls


def foreign_members(cls: type) -> list[str]:
    """What in an emulated class differs from the real one, each a phrase; empty when it holds."""
    name = cls.__name__
    if name not in TABLE:
        return ["is not in the API table"]
    problems = []
    base = next((klass.__name__ for klass in cls.__mro__ if klass.__module__.startswith("PySide6")), None)
    real_base = TABLE.qt_base(name)
    if issubclass(cls, QtCore.QObject) and base != real_base:
        problems.append(f"derives from {base}, the real one from {real_base}")
    for klass in cls.__mro__:
        if klass.__module__.startswith(("PySide6", "Shiboken", "builtins")) or klass is object:
            continue
        for member, value in vars(klass).items():
            if not member.startswith("_") and member != "staticMetaObject":
                problems += _member_problems(name, member, value)
    return problems


def _member_problems(class_name: str, member: str, value: Any) -> list[str]:
    kind = TABLE.kind(class_name, member)
    if kind is None:
        return [f"'{member}' is no member of the real class"]
    if isinstance(value, QtCore.Signal) != (kind == "signal"):
        return [f"'{member}' is a {kind} of the real class"]
    if isinstance(value, QtCore.Property) and kind != "property":
        return [f"'{member}' is a {kind} of the real class"]
    if isinstance(value, FunctionType) and kind != "protected":
        named = [
            one.name
            for one in list(inspect.signature(value).parameters.values())[1:]
            if one.kind not in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)
        ]
        if named:
            return [f"'{member}' takes {', '.join(named)} by keyword"]
    return []


def stored(kind: Any, default: Any = None, changed: Callable[[Any, Any], None] | None = None) -> QtCore.Property:
    """A Qt property that keeps its value in `self._d.properties`.

    Args:
        kind: Python or Qt type of the property.
        default: its value at first; a callable makes one.
        changed: called as `changed(widget, value)` after the value has become another.
    """
    key = object()

    def values(self: Any) -> dict[object, Any]:
        return private(self).__dict__.setdefault("properties", {})

    def read(self: Any) -> Any:
        if key not in values(self):
            values(self)[key] = default() if callable(default) else default
        return values(self)[key]

    def write(self: Any, value: Any) -> None:
        if read(self) != value:
            values(self)[key] = value
            if changed is not None:
                changed(self, value)

    return QtCore.Property(kind, read, write)


def private(widget: Any) -> SimpleNamespace:
    """The private state of an emulated widget, made at first use (see attributes.read_attribute)."""
    return widget._d
