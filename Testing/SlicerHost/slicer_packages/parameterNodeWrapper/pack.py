"""`@parameterPack`: a group of typed fields that can be a field itself."""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

from .annotations import Default, Validator


def parameterPack(classtype: type | None = None) -> Any:
    """Make a class of annotated fields into a pack with a constructor, comparison and text."""
    return _process if classtype is None else _process(classtype)


def isParameterPack(candidate: Any) -> bool:
    """Whether a class or an instance is a pack."""
    return bool(getattr(candidate, "_is_parameterPack", False))


def _process(cls: type) -> type:
    hints = typing.get_type_hints(cls, include_extras=True)
    defaults = {name: Default(vars(cls)[name]) for name in hints if name in vars(cls)}
    for name, hint in hints.items():
        for note in getattr(hint, "__metadata__", ()):
            if isinstance(note, Default):
                defaults.setdefault(name, note)

    def __init__(self: Any, *values: Any, **named: Any) -> None:
        given = dict(zip(hints, values, strict=False)) | named
        unknown = set(given) - set(hints)
        if unknown or len(values) > len(hints):
            raise TypeError(f"{cls.__name__} has no field {', '.join(sorted(unknown)) or 'more'}")
        object.__setattr__(self, "_changed", None)
        for name, hint in hints.items():
            setattr(self, name, given[name] if name in given else _initial(hint, defaults.get(name)))

    def __setattr__(self: Any, name: str, value: Any) -> None:
        if name not in hints:
            raise AttributeError(f"{cls.__name__} has no field '{name}'")
        for note in getattr(hints[name], "__metadata__", ()):
            if isinstance(note, Validator):
                note.validate(value)
        object.__setattr__(self, name, value)
        if self._changed is not None:
            self._changed(self)

    def fields(self: Any) -> dict[str, Any]:
        return {name: getattr(self, name) for name in hints}

    cls.__init__, cls.__setattr__ = __init__, __setattr__  # type: ignore[misc]
    cls.__eq__ = lambda self, other: type(self) is type(other) and fields(self) == fields(other)  # type: ignore[assignment]
    cls.__hash__ = None  # type: ignore[assignment]
    cls.__repr__ = lambda self: f"{cls.__name__}({', '.join(f'{k}={v!r}' for k, v in fields(self).items())})"  # type: ignore[assignment]
    extras = {"allParameters": hints, "_is_parameterPack": True, "getValue": _get_value, "setValue": _set_value}
    for name, value in extras.items():
        setattr(cls, name, value)
    return cls


def _initial(hint: Any, default: Default | None) -> Any:
    if default is not None:
        return default.generator()
    from .codecs import codec_for

    return codec_for(hint).initial()


def _get_value(self: Any, name: str) -> Any:
    """Value of a field; a dot reaches into a pack in the pack."""
    first, _, rest = name.partition(".")
    value = getattr(self, first)
    return value.getValue(rest) if rest else value


def _set_value(self: Any, name: str, value: Any) -> None:
    """Set a field; a dot reaches into a pack in the pack."""
    first, _, rest = name.partition(".")
    if rest:
        getattr(self, first).setValue(rest, value)
    else:
        setattr(self, first, value)


class PackCodec:
    """Keeps a pack, each field under its own name after a dot."""

    def __init__(self, kind: type, fields: dict[str, Any]) -> None:
        self.kind, self.fields = kind, fields

    def initial(self) -> Any:
        """A pack of defaults."""
        return self.kind()

    def accepts(self, value: Any) -> bool:
        """Whether a value is such a pack."""
        return isinstance(value, self.kind)

    def has(self, node: Any, name: str) -> bool:
        """Whether the node holds every field."""
        return all(codec.has(node, f"{name}.{field}") for field, codec in self.fields.items())

    def write(self, node: Any, name: str, value: Any) -> None:
        """Keep every field."""
        was_modifying = node.StartModify()
        for field, codec in self.fields.items():
            codec.write(node, f"{name}.{field}", getattr(value, field))
        node.EndModify(was_modifying)

    def read(self, node: Any, name: str) -> Any:
        """A pack that writes its changes back."""
        pack = self.kind(**{field: codec.read(node, f"{name}.{field}") for field, codec in self.fields.items()})
        changed: Callable[[Any], None] = lambda one: self.write(node, name, one)  # noqa: E731
        object.__setattr__(pack, "_changed", changed)
        return pack
