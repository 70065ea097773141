"""Qt properties as Python attributes, the way PythonQt shows them: `button.text`, `timer.interval = 20`."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore

from .table import TABLE

set_property = QtCore.QObject.setProperty
get_property = QtCore.QObject.property

NATIVE_VALUES = (bool, int, float, str, list, tuple, dict)


class QtProperty:
    """A data descriptor that stands for one Q_PROPERTY and hides the method of the same name."""

    __slots__ = ("getter", "hidden", "is_enum", "name", "setter", "type_name", "writable")

    def __init__(self, cls: type, meta: QtCore.QMetaProperty) -> None:
        self.name = meta.name()
        self.type_name = meta.typeName()
        self.writable = meta.isWritable()
        self.is_enum = meta.isEnumType() or meta.isFlagType()
        self.hidden = find_in_class(cls, self.name)  # what the class had under this name, e.g. QTimer.singleShot()
        capital = self.name[0].upper() + self.name[1:]
        self.setter = getattr(cls, f"set{capital}", None)
        self.getter = getattr(cls, f"is{capital}", None) or getattr(cls, f"has{capital}", None)
        if self.getter is None and type(self.hidden).__name__ == "method_descriptor":
            self.getter = self.hidden
        if isinstance(self.hidden, QtProperty):
            self.getter, self.hidden = self.hidden.getter, self.hidden.hidden

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Read the value; on the class itself the hidden method shows, so that QTimer.singleShot(...) works."""
        if instance is None:
            if self.hidden is not None and hasattr(self.hidden, "__get__"):
                return self.hidden.__get__(None, owner)
            return self.hidden if self.hidden is not None else self
        if self.getter is not None:
            return self.getter(instance)
        return get_property(instance, self.name)

    def __set__(self, instance: Any, value: Any) -> None:
        """Write the value with PythonQt's conversions: ints for enums, anything for bool and QString."""
        owner = type(instance).__name__
        if not self.writable:
            raise AttributeError(f"property '{self.name}' of {owner} is not writable")
        if self.setter is not None and (self.is_enum or not (value is None or isinstance(value, NATIVE_VALUES))):
            if self.is_enum and type(value) is int and self.getter is not None:
                value = type(self.getter(instance))(value)
            self.setter(instance, value)
            return
        if self.type_name == "QString" and not isinstance(value, str):
            value = str(value)
        elif self.type_name == "bool":
            value = bool(value)
        elif self.type_name == "int" and isinstance(value, float):
            value = int(value)
        if not set_property(instance, self.name, value):
            raise AttributeError(
                f"property '{self.name}' of {owner} has type {self.type_name}, it takes no {type(value).__name__}"
            )


def find_in_class(cls: type, name: str) -> Any:
    """The raw attribute in the class or its bases, without calling any descriptor."""
    for klass in cls.__mro__:
        if name in klass.__dict__:
            return klass.__dict__[name]
    return None


def install_properties(cls: type) -> None:
    """Give a PySide class a descriptor for each property that the API table grants to it."""
    meta = cls.staticMetaObject
    known = TABLE.members(cls.__name__) if cls.__name__ in TABLE else None
    for index in range(meta.propertyCount()):
        prop = meta.property(index)
        name = prop.name()
        inherited = index < meta.propertyOffset() and name not in cls.__dict__
        if inherited or isinstance(cls.__dict__.get(name), QtProperty):
            continue
        if known is not None and known.get(name) != "property":
            continue  # a property of Qt 6 only; the member becomes hidden
        setattr(cls, name, QtProperty(cls, prop))


def install_python_properties() -> None:
    """Make QtCore.Property a plain descriptor.

    PySide resolves it in QObject's own attribute lookup, which attributes.py replaces by Python's.
    """

    def read(prop: Any, instance: Any, owner: type | None = None) -> Any:
        return prop if instance is None else prop.fget(instance)

    def write(prop: Any, instance: Any, value: Any) -> None:
        if prop.fset is None:
            raise AttributeError(f"this property of {type(instance).__name__} is not writable")
        prop.fset(instance, value)

    QtCore.Property.__get__ = read
    QtCore.Property.__set__ = write
