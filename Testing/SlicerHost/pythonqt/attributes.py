"""Who may read and write which attribute of a Qt object: PythonQt's rules, enforced.

* A raw C++ object takes no new attributes: `qt.QWidget().spam = 1` raises. A Python subclass does.
* A member that the API table doesn't list for a class isn't there, even if PySide has it.
* Dynamic properties and children (by object name) read as attributes.
* Constructors take no keyword arguments.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from enum import EnumMeta
from types import SimpleNamespace
from typing import Any

from PySide6 import QtCore

from .properties import find_in_class, get_property, set_property
from .table import TABLE

QObject = QtCore.QObject
object_name, set_object_name, children = QObject.objectName, QObject.setObjectName, QObject.children
dynamic_names = QObject.dynamicPropertyNames

NATIVE: set[type] = set()  # classes that stand for C++ ones, Qt's and the emulated
KEPT = {"staticMetaObject", "metaObject", "connect", "disconnect", "findChild", "findChildren", "destroyed"}
PRIVATE_STATE = "_d"  # the one attribute in which an emulated widget keeps its state, like Qt's d-pointer

_generic_set = ctypes.pythonapi.PyObject_GenericSetAttr
_generic_set.argtypes, _generic_set.restype = [ctypes.py_object] * 3, ctypes.c_int


class Hidden:
    """Stands in a class for a member that PySide has and Slicer doesn't."""

    def __init__(self, cls: type, name: str) -> None:
        self.message = f"{cls.__name__} has no attribute '{name}' in Slicer (Qt 5.15 and 6)"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        raise AttributeError(self.message)


def hide_foreign_members(cls: type) -> None:
    """Hide what the table lacks; the class must be in the table."""
    known = TABLE.members(cls.__name__)
    for name, value in list(vars(cls).items()):
        field = type(value).__name__ == "getset_descriptor"  # a public data member; the table knows functions only
        if name.startswith("_") or name in known or name in KEPT or field or isinstance(value, EnumMeta | type):
            continue
        setattr(cls, name, Hidden(cls, name))


def refuse_keywords(cls: type) -> None:
    """PySide sets properties and connects signals by constructor keywords; PythonQt has none of that."""
    original = cls.__init__

    def __init__(self: Any, *arguments: Any, **keywords: Any) -> None:
        if keywords:
            raise TypeError(f"{cls.__name__}() takes no keyword arguments, got {', '.join(keywords)}")
        original(self, *arguments)

    cls.__init__ = __init__


def read_attribute(self: Any, name: str) -> Any:
    """`QObject.__getattr__`: the fall-back when no class of the object has the name."""
    if name == PRIVATE_STATE:
        state = SimpleNamespace()
        _generic_set(self, name, state)
        return state
    if name.startswith("_"):
        raise AttributeError(f"{type(self).__name__} has no attribute '{name}'")
    if name == "name":
        return object_name(self)
    value = get_property(self, name) if QtCore.QByteArray(name.encode()) in dynamic_names(self) else None
    if value is not None:
        return value
    for child in children(self):
        if object_name(child) == name:
            return child
    raise AttributeError(f"{type(self).__name__} has no attribute '{name}'")


_loading_ui: list[bool] = []


@contextmanager
def loading_ui() -> Iterator[None]:
    """While QUiLoader works: PySide makes attributes of all named children on the root, PythonQt makes none."""
    _loading_ui.append(True)
    try:
        yield
    finally:
        _loading_ui.pop()


def write_attribute(self: Any, name: str, value: Any) -> None:
    """`QObject.__setattr__`."""
    cls = type(self)
    if _loading_ui and cls in NATIVE and isinstance(value, QObject) and find_in_class(cls, name) is None:
        return
    if isinstance(value, QtCore.SignalInstance) or name.startswith("__"):  # PySide's own notes on the object
        _generic_set(self, name, value)
        return
    found = find_in_class(cls, name)
    if name == "name" and found is None:
        set_object_name(self, value)
        return
    if cls in NATIVE and name != PRIVATE_STATE:
        if found is None:
            if QtCore.QByteArray(name.encode()) in dynamic_names(self):
                set_property(self, name, value)
                return
            raise AttributeError(f"{cls.__name__} has no attribute '{name}', and C++ objects take no new ones")
        if isinstance(found, Hidden):
            raise AttributeError(found.message)
        if not hasattr(type(found), "__set__"):
            raise AttributeError(f"'{name}' of {cls.__name__} is a method, it can't be overwritten")
    _generic_set(self, name, value)


def install_attributes(classes: list[type]) -> None:
    """Put the rules above on QObject and on every class that defines its own `__setattr__`."""
    # Shiboken special-cases connect and disconnect (static and member overloads) in its lookup: use Python's.
    QObject.__getattribute__ = object.__getattribute__
    QObject.__getattr__ = read_attribute
    for cls in classes:
        if cls is QObject or "__setattr__" in cls.__dict__:
            cls.__setattr__ = write_attribute
