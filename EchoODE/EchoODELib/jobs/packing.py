"""Tasks and results as plain JSON values, with arrays and enumerations told apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine.second_opinion import BeatEf, SecondOpinion
from ..engine.sequence import ClipSource, EchoSequence, Label, Provenance, Quantity, SegmentedSequence, View
from .ef_tasks import EstimateEf, ExplainEf, HeatSeen, MapEmbeddings, MapSeen
from .tasks import (
    BeatSeen,
    Export,
    FrameSegmented,
    FrameShown,
    Live,
    Propagate,
    ProposeView,
    SeenView,
    Segment,
    WarmUp,
)

Array = NDArray[Any]
Plain = Any

_TYPES: dict[str, type] = {
    one.__name__: one
    for one in (
        *(WarmUp, Segment, Propagate, Export, Live, ProposeView),
        *(EstimateEf, ExplainEf, MapEmbeddings),
        *(FrameShown, FrameSegmented, BeatSeen, SeenView),
        *(SecondOpinion, BeatEf, HeatSeen, MapSeen),
        *(EchoSequence, ClipSource, SegmentedSequence, Provenance, Quantity, View, Label),
    )
}


def register(kind: type) -> type:
    """Let a further dataclass or enumeration travel; it must be registered on both sides."""
    _TYPES[kind.__name__] = kind
    return kind


def pack(value: object, put: Callable[[Array], str]) -> Plain:
    """Plain values for JSON.

    Parameters
    ----------
    value: a task or a result: registered types, containers, paths, numbers, text, arrays.
    put: stores an array and gives the name that :func:`unpack` asks for it by.

    Raises
    ------
    TypeError: something of a type that does not travel.
    """
    match value:
        case Enum():
            return {"enum": type(value).__name__, "value": value.value}
        case None | bool() | int() | float() | str():
            return value
        case np.ndarray():
            return {"array": put(value)}
        case np.generic():
            return value.item()
        case Path():
            return {"path": str(value)}
        case Mapping():
            return {"map": [[pack(key, put), pack(one, put)] for key, one in value.items()]}
        case tuple():
            return {"tuple": [pack(one, put) for one in value]}
        case list():
            return [pack(one, put) for one in value]
    if is_dataclass(value) and type(value).__name__ in _TYPES:
        content = {one.name: pack(getattr(value, one.name), put) for one in fields(value) if one.init}
        return {"type": type(value).__name__, "fields": content}
    raise TypeError(f"A {type(value).__name__} does not travel to or from the worker.")


def unpack(plain: Plain, get: Callable[[str], Array]) -> Any:
    """What :func:`pack` was given; ``get`` brings an array by its name."""
    if isinstance(plain, list):
        return [unpack(one, get) for one in plain]
    if not isinstance(plain, dict):
        return plain
    if "type" in plain:
        return _TYPES[plain["type"]](**{name: unpack(one, get) for name, one in plain["fields"].items()})
    if "array" in plain:
        return get(plain["array"])
    if "tuple" in plain:
        return tuple(unpack(one, get) for one in plain["tuple"])
    if "map" in plain:
        return {unpack(key, get): unpack(one, get) for key, one in plain["map"]}
    if "path" in plain:
        return Path(plain["path"])
    return _TYPES[plain["enum"]](plain["value"])
