"""PythonQt on PySide6: after `install()`, `import qt` gives Qt as Slicer's scripts know it.

The PySide classes are changed in place instead of wrapped, so that `type(widget) is qt.QPushButton` holds.
"""

from __future__ import annotations

import ctypes
import sys
import types
from typing import Any

# Enumerators are ints, as in PythonQt. PySide reads this when it is first imported.
sys.pyside6_option_python_enum = 0x02  # type: ignore[attr-defined]

import shiboken6  # noqa: E402
from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets  # noqa: E402

if not isinstance(QtCore.Qt.AlignLeft, int):
    raise ImportError("PySide6 was imported before SlicerHost; import SlicerHost.pythonqt first")

from . import attributes, properties, signals  # noqa: E402
from .table import TABLE  # noqa: E402

MODULES = (QtCore, QtGui, QtWidgets, QtUiTools)


class QtNamespace(types.ModuleType):
    """The module `qt`: the classes of the API table, no others."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"qt has no '{name}' in the host; add it to api/classes.yaml if Slicer's qt has it")


def install() -> types.ModuleType:
    """Patch PySide once and return the module `qt`, also put into `sys.modules`."""
    if "qt" in sys.modules:
        return sys.modules["qt"]
    _keep_singletons_alive()
    named = {name: found for name in TABLE.names("Q") if (found := _pyside_class(name)) is not None}
    qobjects = [cls for module in MODULES for cls in vars(module).values() if _is_qobject(cls)]
    for cls in sorted(qobjects, key=lambda one: len(one.__mro__)):
        properties.install_properties(cls)
        attributes.NATIVE.add(cls)
    for name, cls in named.items():
        if name != "Qt":
            attributes.hide_foreign_members(cls)
            attributes.refuse_keywords(cls)
    properties.install_python_properties()
    attributes.install_attributes(qobjects)
    _install_object_methods()
    qt = QtNamespace("qt", "Qt as PythonQt shows it to Slicer's scripts.")
    vars(qt).update(named)
    from .ui_loader import UiLoader

    vars(qt).update(QUiLoader=UiLoader, SIGNAL=lambda text: f"2{text}", SLOT=lambda text: f"1{text}")
    sys.modules["qt"] = qt
    return qt


def _keep_singletons_alive() -> None:
    """Give the singletons references to lose.

    PySide 6.12 drops one of None with many calls and one of True with each `emit(True)`. Python before 3.12 counts them
    and aborts when none is left.
    """
    if sys.version_info < (3, 12):
        for value in (True, False, None):
            ctypes.c_ssize_t.from_address(id(value)).value += 1 << 32


def _pyside_class(name: str) -> Any:
    return next((getattr(module, name) for module in MODULES if hasattr(module, name)), None)


def _is_qobject(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, QtCore.QObject) and hasattr(value, "staticMetaObject")


def _install_object_methods() -> None:
    """What PythonQt adds to every QObject, and `exec_`, the name that old Python needed."""
    base = QtCore.QObject
    base.connect, base.disconnect = signals.connect, signals.disconnect
    base.findChildren, base.findChild = _find_children, _find_child
    base.className = lambda self: type(self).__name__
    base.delete = lambda self: shiboken6.delete(self)
    for cls in (QtWidgets.QDialog, QtCore.QEventLoop, QtWidgets.QMenu, QtWidgets.QApplication):
        cls.exec_ = cls.exec


def _find_children(self: Any, kind: Any = QtCore.QObject, name: str = "") -> list[Any]:
    """All descendants of a type (a class or its name) and, if given, of a name."""
    found = []
    for child in attributes.children(self):
        of_kind = (
            child.inherits(kind) or type(child).__name__ == kind if isinstance(kind, str) else isinstance(child, kind)
        )
        if of_kind and name in ("", attributes.object_name(child)):
            found.append(child)
        found += _find_children(child, kind, name)
    return found


def _find_child(self: Any, kind: Any = QtCore.QObject, name: str = "") -> Any:
    return next(iter(_find_children(self, kind, name)), None)
