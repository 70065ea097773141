"""How a typed value is kept in the texts and node references of a vtkMRMLScriptedModuleNode.

A codec has `read(node, name)`, `write(node, name, value)`, `has(node, name)` and `initial()`. Compound values use names
with a dot: the third item of `frames` is `frames.2`, their count `frames.len`.
"""

from __future__ import annotations

import ast
import enum
import pathlib
import types
import typing
from collections.abc import Iterable
from typing import Any

import qt
import slicer

from .annotations import FloatRange
from .containers import StoredDict, StoredList
from .pack import PackCodec, isParameterPack


class TextCodec:
    """A value that one text holds: numbers, texts, bool, paths."""

    def __init__(self, kind: type, parse: Any, initial: Any) -> None:
        self.kind, self.parse, self._initial = kind, parse, initial

    def initial(self) -> Any:
        """The value of a field that names none."""
        return self._initial

    def has(self, node: Any, name: str) -> bool:
        """Whether the node holds a value."""
        return bool(node.HasParameter(name))

    def accepts(self, value: Any) -> bool:
        """Whether a value is of the type."""
        return isinstance(value, self.kind) or (self.kind is float and isinstance(value, int))

    def write(self, node: Any, name: str, value: Any) -> None:
        """Keep a value.

        Raises:
            TypeError: it is of another type.
        """
        if not self.accepts(value):
            raise TypeError(f"{name} takes {self.kind.__name__}, got {type(value).__name__}")
        node.SetParameter(name, str(self.kind(value)) if self.kind is float else str(value))

    def read(self, node: Any, name: str) -> Any:
        """The value kept."""
        return self.parse(node.GetParameter(name))


class EnumCodec(TextCodec):
    """An enumerator, kept by its name."""

    def __init__(self, kind: type[enum.Enum]) -> None:
        super().__init__(kind, lambda text: kind[text], next(iter(kind)))

    def write(self, node: Any, name: str, value: Any) -> None:
        """Keep the enumerator's name."""
        if not self.accepts(value):
            raise TypeError(f"{name} takes {self.kind.__name__}, got {type(value).__name__}")
        node.SetParameter(name, value.name)


class ColorCodec(TextCodec):
    """A colour, kept as #AARRGGBB."""

    def __init__(self) -> None:
        super().__init__(qt.QColor, qt.QColor, None)

    def initial(self) -> Any:
        """Black."""
        return qt.QColor(0, 0, 0)

    def write(self, node: Any, name: str, value: Any) -> None:
        """Keep the colour's name."""
        node.SetParameter(name, value.name(qt.QColor.HexArgb))


class NodeCodec:
    """An MRML node or None, kept as a node reference."""

    def __init__(self, kinds: tuple[type, ...]) -> None:
        self.kinds = kinds

    def initial(self) -> None:
        """No node."""

    def accepts(self, value: Any) -> bool:
        """Whether a value is such a node."""
        return value is None or isinstance(value, self.kinds)

    def has(self, node: Any, name: str) -> bool:
        """Whether the field was ever written."""
        return bool(node.HasParameter(name))

    def write(self, node: Any, name: str, value: Any) -> None:
        """Refer to a node of the scene, or to none."""
        if not self.accepts(value):
            raise TypeError(f"{name} takes {self.kinds[0].__name__}, got {type(value).__name__}")
        node.SetParameter(name, "")
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def read(self, node: Any, name: str) -> Any:
        """The node referred to."""
        return node.GetNodeReference(name)


class RangeCodec:
    """A FloatRange, kept as two numbers."""

    def initial(self) -> FloatRange:
        """From 0 to 0."""
        return FloatRange()

    def accepts(self, value: Any) -> bool:
        """Whether a value is a FloatRange."""
        return isinstance(value, FloatRange)

    def has(self, node: Any, name: str) -> bool:
        """Whether the node holds a value."""
        return bool(node.HasParameter(f"{name}.minimum"))

    def write(self, node: Any, name: str, value: FloatRange) -> None:
        """Keep both ends."""
        node.SetParameter(f"{name}.minimum", str(float(value.minimum)))
        node.SetParameter(f"{name}.maximum", str(float(value.maximum)))

    def read(self, node: Any, name: str) -> FloatRange:
        """The range kept."""
        return FloatRange(float(node.GetParameter(f"{name}.minimum")), float(node.GetParameter(f"{name}.maximum")))


class SequenceCodec:
    """A list of values of one type; the list that is read writes its changes back."""

    def __init__(self, item: Any) -> None:
        self.item = item

    def initial(self) -> list[Any]:
        """Empty."""
        return []

    def accepts(self, value: Any) -> bool:
        """Whether a value is a list of such items."""
        return (
            isinstance(value, Iterable) and not isinstance(value, str) and all(self.item.accepts(one) for one in value)
        )

    def has(self, node: Any, name: str) -> bool:
        """Whether the node holds a list."""
        return bool(node.HasParameter(f"{name}.len"))

    def write(self, node: Any, name: str, value: Iterable[Any]) -> None:
        """Keep all items."""
        items = list(value)
        node.SetParameter(f"{name}.len", str(len(items)))
        for index, one in enumerate(items):
            self.item.write(node, f"{name}.{index}", one)

    def read(self, node: Any, name: str) -> StoredList:
        """The list kept."""
        count = int(node.GetParameter(f"{name}.len"))
        items = [self.item.read(node, f"{name}.{index}") for index in range(count)]
        return StoredList(items, lambda changed: self.write(node, name, changed))


class TupleCodec:
    """A tuple with a type for each place."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def initial(self) -> tuple[Any, ...]:
        """Each place's own initial value."""
        return tuple(item.initial() for item in self.items)

    def accepts(self, value: Any) -> bool:
        """Whether a value is such a tuple."""
        return isinstance(value, tuple | list) and len(value) == len(self.items)

    def has(self, node: Any, name: str) -> bool:
        """Whether the node holds every place."""
        return all(item.has(node, f"{name}.{index}") for index, item in enumerate(self.items))

    def write(self, node: Any, name: str, value: Any) -> None:
        """Keep each place."""
        if not self.accepts(value):
            raise TypeError(f"{name} takes {len(self.items)} values")
        for index, (item, one) in enumerate(zip(self.items, value, strict=True)):
            item.write(node, f"{name}.{index}", one)

    def read(self, node: Any, name: str) -> tuple[Any, ...]:
        """The tuple kept."""
        return tuple(item.read(node, f"{name}.{index}") for index, item in enumerate(self.items))


class DictCodec(TextCodec):
    """A dict of plain values, kept as its Python text; the dict that is read writes its changes back."""

    def __init__(self) -> None:
        super().__init__(dict, ast.literal_eval, None)

    def initial(self) -> dict[Any, Any]:
        """Empty."""
        return {}

    def accepts(self, value: Any) -> bool:
        """Whether a value is a dict."""
        return isinstance(value, dict | StoredDict)

    def write(self, node: Any, name: str, value: Any) -> None:
        """Keep the dict's text."""
        node.SetParameter(name, repr(dict(value)))

    def read(self, node: Any, name: str) -> StoredDict:
        """The dict kept."""
        return StoredDict(super().read(node, name), lambda changed: self.write(node, name, changed))


class UnionCodec:
    """One of several types; `None` is kept as a text of its own."""

    def __init__(self, options: list[Any], optional: bool) -> None:
        self.options, self.optional = options, optional

    def initial(self) -> Any:
        """None if allowed, else the first type's."""
        return None if self.optional else self.options[0].initial()

    def accepts(self, value: Any) -> bool:
        """Whether one of the types takes a value."""
        return (value is None and self.optional) or any(option.accepts(value) for option in self.options)

    def has(self, node: Any, name: str) -> bool:
        """Whether the node holds a value of any type."""
        return bool(node.HasParameter(f"{name}.type"))

    def write(self, node: Any, name: str, value: Any) -> None:
        """Keep which type it is, and the value."""
        if value is None and self.optional:
            node.SetParameter(f"{name}.type", "None")
            return
        for index, option in enumerate(self.options):
            if option.accepts(value):
                node.SetParameter(f"{name}.type", str(index))
                option.write(node, f"{name}.{index}", value)
                return
        raise TypeError(f"{name} takes no {type(value).__name__}")

    def read(self, node: Any, name: str) -> Any:
        """The value kept."""
        kept = node.GetParameter(f"{name}.type")
        return None if kept == "None" else self.options[int(kept)].read(node, f"{name}.{kept}")


def codec_for(kind: Any) -> Any:
    """The codec of a type, annotations taken off.

    Raises:
        TypeError: a parameter node can't keep such values.
    """
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return codec_for(arguments[0])
    if kind in (int, float, str):
        return TextCodec(kind, kind, kind())
    if kind is bool:
        return TextCodec(bool, lambda text: text == "True", False)
    if kind is FloatRange:
        return RangeCodec()
    if kind is qt.QColor:
        return ColorCodec()
    if origin in (list, dict, tuple):
        if origin is list:
            return SequenceCodec(codec_for(arguments[0]))
        return DictCodec() if origin is dict else TupleCodec([codec_for(one) for one in arguments])
    if origin in (typing.Union, types.UnionType):
        options = [one for one in arguments if one is not type(None)]
        if all(isinstance(one, type) and issubclass(one, slicer.vtkMRMLNode) for one in options):
            return NodeCodec(tuple(options))
        return UnionCodec([codec_for(one) for one in options], len(options) < len(arguments))
    if isinstance(kind, type):
        if issubclass(kind, enum.Enum):
            return EnumCodec(kind)
        if issubclass(kind, pathlib.PurePath):
            return TextCodec(kind, kind, kind())
        if issubclass(kind, slicer.vtkMRMLNode):
            return NodeCodec((kind,))
        if isParameterPack(kind):
            return PackCodec(kind, {name: codec_for(one) for name, one in kind.allParameters.items()})
    raise TypeError(f"a parameter node can't keep values of type {kind}")
