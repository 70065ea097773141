"""`connect` and `disconnect` with signatures, as PythonQt has them.

A signal that the class lacks raises, where Slicer prints a warning and goes on with a dead button.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import shiboken6
from PySide6 import QtCore

from ..api.headers import normalized_signature
from .properties import find_in_class
from .table import TABLE

PYTHON_TYPES: dict[str, type] = {"bool": bool, "int": int, "double": float, "float": float, "QString": str}


@dataclass
class Connection:
    """One connection made with a signature: what the caller gave, and what Qt was given."""

    function: Callable[..., Any]
    relay: Callable[..., Any]
    signal: Any
    signature: str


CONNECTIONS: dict[int, list[Connection]] = {}  # by id of the sender; dropped when the sender is destroyed


def split(signature: str) -> tuple[str, list[str] | None]:
    """Name and argument types; None where the text has no parentheses."""
    text = signature.lstrip("12") if signature[:1] in "12" else signature
    if "(" not in text:
        return text.strip(), None
    name, _, rest = normalized_signature(text).partition("(")
    inside = rest.rstrip(")")
    return name, inside.split(",") if inside else []


def table_class(cls: type) -> str | None:
    """Name of the nearest class of the table in an object's ancestry."""
    return next((klass.__name__ for klass in cls.__mro__ if klass.__name__ in TABLE), None)


def find_signal(sender: Any, signature: str) -> Any:
    """The bound PySide signal for a signature.

    Raises:
        AttributeError: the class has no such signal; the message names the class.
    """
    name, arguments = split(signature)
    if arguments is None:
        raise AttributeError(
            f"{type(sender).__name__}.connect: write the signal with its arguments, '{signature}(...)'"
        )
    owner = table_class(type(sender))
    raw = find_in_class(type(sender), name)
    if owner is not None and TABLE.kind(owner, name) is not None:
        granted = TABLE.signatures(owner)
        wanted = f"{name}({','.join(arguments)})"
        if wanted not in granted:
            close = sorted(one for one in granted if one.partition("(")[0] == name)
            raise AttributeError(
                f"{type(sender).__name__} has no signal '{signature}'; it has {', '.join(close) or 'none'}"
            )
    elif not isinstance(raw, QtCore.Signal):
        raise AttributeError(f"{type(sender).__name__} has no signal '{signature}'")
    bound = raw.__get__(sender, type(sender)) if isinstance(raw, QtCore.Signal) else getattr(sender, name)
    key = tuple(PYTHON_TYPES.get(kind, object) for kind in arguments)
    try:
        return bound[key if len(key) != 1 else key[0]]
    except (KeyError, IndexError, TypeError):
        return bound  # one overload only, or a type that PySide names otherwise


def positional_count(function: Callable[..., Any]) -> int | None:
    """How many arguments a function takes; None for any number, or where it can't be told."""
    if isinstance(function, types.MethodType) and isinstance(function.__func__, types.FunctionType):
        code, bound = function.__func__.__code__, 1
    elif isinstance(function, types.FunctionType):
        code, bound = function.__code__, 0
    else:
        return None
    return None if code.co_flags & 0x04 else code.co_argcount - bound


def connect(self: Any, *arguments: Any) -> bool:
    """`sender.connect(signature, function)`, `(signature, receiver, slot)`, or all that after the sender."""
    if isinstance(arguments[0], QtCore.QObject):
        sender, signature, *rest = arguments
    else:
        sender, (signature, *rest) = self, arguments
    signature = str(signature)
    function = (
        getattr(rest[0], split(rest[1])[0]) if len(rest) >= 2 and isinstance(rest[0], QtCore.QObject) else rest[0]
    )
    if not callable(function):
        raise TypeError(f"{type(sender).__name__}.connect({signature!r}): {function!r} can't be called")
    count = len(split(signature)[1] or [])
    accepted = positional_count(function)
    count = count if accepted is None else min(count, accepted)

    def relay(*values: Any) -> None:
        if not isinstance(function, types.MethodType) or alive(function.__self__):
            function(*values[:count])

    signal = find_signal(sender, signature)
    kept = CONNECTIONS.get(id(sender))
    if kept is None:
        kept = CONNECTIONS[id(sender)] = []
        sender_id = id(sender)
        find_in_class(type(sender), "destroyed").__get__(sender, type(sender)).connect(
            lambda *_: CONNECTIONS.pop(sender_id, None)
        )
    kept.append(Connection(function, relay, signal, signature))
    signal.connect(relay)
    return True


def disconnect(self: Any, *arguments: Any) -> bool:
    """Undo `connect`: with a function the one connection, without it all connections of the signal."""
    if isinstance(arguments[0], QtCore.QObject):
        sender, signature, *rest = arguments
    else:
        sender, (signature, *rest) = self, arguments
    function = None
    if rest:
        function = getattr(rest[0], split(rest[1])[0]) if len(rest) >= 2 else rest[0]
    wanted, found = split(str(signature)), False
    for one in list(CONNECTIONS.get(id(sender), [])):
        if split(one.signature) == wanted and function in (None, one.function):
            CONNECTIONS[id(sender)].remove(one)
            one.signal.disconnect(one.relay)
            found = True
    return found


def alive(owner: Any) -> bool:
    """False for a QObject whose C++ part is gone."""
    return not isinstance(owner, QtCore.QObject) or shiboken6.isValid(owner)
