"""QUiLoader that makes the emulated widgets and the connections of a .ui file."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from PySide6 import QtCore, QtUiTools

from .attributes import children, loading_ui, object_name
from .emulation import REGISTRY

Base = QtUiTools.QUiLoader


class UiLoader(Base):
    """Reads Qt Designer files.

    A custom widget that the host doesn't emulate raises, with its class named: a plain QWidget in its place would
    accept what the real one refuses.
    """

    def createWidget(self, class_name: str, parent: Any = None, name: str = "") -> Any:
        """Called by Qt for each widget of the file."""
        emulation = REGISTRY.get(class_name)
        if emulation is None:
            return super().createWidget(class_name, parent, name)
        widget = emulation(parent) if parent is not None else emulation()
        widget.setObjectName(name)
        return widget

    def load(self, device: Any, parent: Any = None) -> Any:
        """Build the widget tree of an open device (or of a path) and connect it.

        Raises:
            RuntimeError: the file names a custom widget, a sender, a receiver or a slot that doesn't exist.
        """
        root = ElementTree.fromstring(_content(device))
        for custom in root.iter("customwidget"):
            if custom.findtext("class") not in REGISTRY:
                raise RuntimeError(f"the host has no widget {custom.findtext('class')}, named in a .ui file")
        connections = list(root.iter("connection"))
        for name in ("connections", "customwidgets"):
            for element in root.findall(name):
                root.remove(element)
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(root))
        buffer.open(QtCore.QIODevice.ReadOnly)
        with loading_ui():
            widget = super().load(buffer, parent)
        if widget is None:
            raise RuntimeError(self.errorString())
        named = _named_objects(widget)
        for connection in connections:
            _connect(
                named, {part: connection.findtext(part) or "" for part in ("sender", "signal", "receiver", "slot")}
            )
        return widget


def _content(device: Any) -> bytes:
    if isinstance(device, str):
        file = QtCore.QFile(device)
        file.open(QtCore.QIODevice.ReadOnly)
        device = file
    data = bytes(device.readAll().data())
    device.close()
    return data


def _named_objects(root: Any) -> dict[str, Any]:
    named, queue = {}, [root]
    while queue:
        current = queue.pop(0)
        named.setdefault(object_name(current), current)
        queue += children(current)
    return named


def _connect(named: dict[str, Any], parts: dict[str, str]) -> None:
    for role in ("sender", "receiver"):
        if parts[role] not in named:
            raise RuntimeError(f"a connection of the .ui file names {role} '{parts[role]}', which isn't in it")
    receiver, slot = named[parts["receiver"]], parts["slot"].partition("(")[0]
    function = getattr(receiver, slot, None)
    if not callable(function):
        raise RuntimeError(f"{type(receiver).__name__} '{parts['receiver']}' has no slot {parts['slot']}")
    arguments = [one for one in parts["slot"].partition("(")[2].rstrip(")").split(",") if one]
    sender = named[parts["sender"]]
    sender.connect(parts["signal"], _exactly(function, len(arguments)))


def _exactly(function: Any, count: int) -> Any:
    def call(*values: Any) -> None:
        function(*values[:count])

    return call
