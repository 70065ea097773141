"""The decorator `parameterNodeWrapper`."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

import vtk

from .annotations import Default, Validator
from .codecs import codec_for
from .gui import connector_for, named_widgets


class Parameter:
    """One typed field: its codec, its limits, its default."""

    def __init__(self, name: str, hint: Any, default: Default | None) -> None:
        self.name, self.hint = name, hint
        self.notes = list(getattr(hint, "__metadata__", ()))
        self.codec = codec_for(hint)
        noted = next((note for note in self.notes if isinstance(note, Default)), None)
        self.default = default or noted or Default(generator=self.codec.initial)

    def write(self, node: Any, value: Any) -> None:
        """Check a value and keep it.

        Raises:
            ValueError: an annotation forbids it.
            TypeError: it is of another type.
        """
        for note in self.notes:
            if isinstance(note, Validator):
                note.validate(value)
        was_modifying = node.StartModify()
        self.codec.write(node, self.name, value)
        node.EndModify(was_modifying)

    def read(self, node: Any) -> Any:
        """The value, or the default where the node holds none."""
        return self.codec.read(node, self.name) if self.codec.has(node, self.name) else self.default.generator()


def parameterNodeWrapper(classtype: type | None = None) -> Any:
    """Make a class of annotated fields into a wrapper of a parameter node."""
    return _process if classtype is None else _process(classtype)


def isParameterNodeWrapper(candidate: Any) -> bool:
    """Whether a class or an instance is a wrapper."""
    return bool(getattr(candidate, "_is_parameter_node_wrapper", False))


def _process(cls: type) -> type:
    hints = typing.get_type_hints(cls, include_extras=True)
    parameters = {
        name: Parameter(name, hint, Default(vars(cls)[name]) if name in vars(cls) else None)
        for name, hint in hints.items()
    }
    for name, parameter in parameters.items():
        setattr(cls, name, property(_reader(parameter), _writer(parameter)))
    cls.allParameters = parameters  # type: ignore[attr-defined]
    cls._is_parameter_node_wrapper = True  # type: ignore[attr-defined]
    for name, member in vars(Wrapper).items():
        if name == "__init__" or not name.startswith("__"):
            if name in hints:
                raise ValueError(f"a parameter can't be called '{name}', wrappers have a method of that name")
            setattr(cls, name, member)
    return cls


def _reader(parameter: Parameter) -> Any:
    return lambda self: parameter.read(self.parameterNode)


def _writer(parameter: Parameter) -> Any:
    return lambda self, value: parameter.write(self.parameterNode, value)


class Wrapper:
    """The methods that every wrapper gets."""

    allParameters: dict[str, Parameter]

    def __init__(self, parameterNode: Any, prefix: str | None = None) -> None:
        self.parameterNode = parameterNode
        self._connections: dict[int, tuple[dict[str, Any], int]] = {}
        self._updating = False
        for parameter in self.allParameters.values():
            if not parameter.codec.has(parameterNode, parameter.name):
                parameter.write(parameterNode, parameter.default.generator())

    def _known(self, name: str) -> Parameter:
        first = name.partition(".")[0]
        if first not in self.allParameters:
            raise ValueError(f"{type(self).__name__} has no parameter '{name}'")
        return self.allParameters[first]

    def default(self, name: str) -> Default:
        """The Default of a parameter."""
        return self._known(name).default

    def dataType(self, name: str) -> Any:
        """The annotated type of a parameter; a dot reaches into a pack."""
        hint, rest = self._known(name).hint, name.partition(".")[2]
        while rest:
            first, _, rest = rest.partition(".")
            hint = hint.allParameters[first]
        return hint

    def isCached(self, name: str) -> bool:
        """False: the host reads the node each time."""
        self._known(name)
        return False

    def getValue(self, name: str) -> Any:
        """Value of a parameter; a dot reaches into a pack."""
        value, rest = self._known(name).read(self.parameterNode), name.partition(".")[2]
        return value.getValue(rest) if rest else value

    def setValue(self, name: str, value: Any) -> None:
        """Set a parameter; a dot reaches into a pack."""
        parameter, rest = self._known(name), name.partition(".")[2]
        if rest:
            parameter.read(self.parameterNode).setValue(rest, value)
        else:
            parameter.write(self.parameterNode, value)

    def connectGui(self, gui: Any) -> int:
        """Bind all widgets that have the property SlicerParameterName.

        Args:
            gui: a widget, or an object that has widgets as attributes (`slicer.util.childWidgetVariables`).

        Returns:
            a tag for `disconnectGui`.
        """
        return self.connectParametersToGui(named_widgets(gui))

    def connectParametersToGui(self, mapping: Mapping[str, Any]) -> int:
        """Bind widgets to parameters by name; widgets show the parameters' values from now on, and the other way."""
        connectors = {name: connector_for(widget, self.dataType(name)) for name, widget in mapping.items()}
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.connect(lambda name=name, connector=connector: self._from_widget(name, connector))
        observer = self.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._to_widgets())
        tag = max(self._connections, default=0) + 1
        self._connections[tag] = (connectors, observer)
        return tag

    def disconnectGui(self, guiTag: int) -> None:
        """Undo one `connectGui`."""
        connectors, observer = self._connections.pop(guiTag, ({}, None))
        for connector in connectors.values():
            connector.disconnect()
        if observer is not None:
            self.RemoveObserver(observer)

    def _from_widget(self, name: str, connector: Any) -> None:
        if not self._updating:
            self.setValue(name, connector.read())

    def _to_widgets(self) -> None:
        if self._updating:
            return
        self._updating = True
        try:
            for connectors, _ in self._connections.values():
                for name, connector in connectors.items():
                    connector.write(self.getValue(name))
        finally:
            self._updating = False

    def StartModify(self) -> int:
        """Hold the node's ModifiedEvent."""
        return int(self.parameterNode.StartModify())

    def EndModify(self, wasModified: int) -> int:
        """Let the held ModifiedEvent go."""
        return int(self.parameterNode.EndModify(wasModified))

    def AddObserver(self, event: Any, callback: Any, priority: float = 0.0) -> int:
        """Observe the node."""
        return int(self.parameterNode.AddObserver(event, callback, priority))

    def RemoveObserver(self, tag: int) -> None:
        """End an observation."""
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        """Tell that the node has changed."""
        self.parameterNode.Modified()
