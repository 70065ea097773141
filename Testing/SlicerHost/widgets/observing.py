"""Observers of VTK objects that go away with their widget."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import shiboken6
import vtk


class Observer:
    """The observations of one widget; they end when its C++ part is gone, and can be dropped together.

    `function` is called without arguments when a watched object says that it was modified, or sends an event of its
    own class (a table's content, a sequence's data).
    """

    def __init__(self, owner: Any) -> None:
        self._owner = weakref.ref(owner)
        self._kept: list[tuple[Any, int]] = []

    def watch(self, target: Any, function: Callable[[], None], events: tuple[Any, ...] = ()) -> None:
        """Call `function` at the events; without any, at ModifiedEvent and at all content events of a node."""
        if target is None:
            return

        def relay(*_: Any) -> None:
            owner = self._owner()
            if owner is None or not shiboken6.isValid(owner):
                self.clear()
            else:
                function()

        for event in events or self._default_events(target):
            self._kept.append((target, target.AddObserver(event, relay)))

    def clear(self) -> None:
        """End all observations."""
        for target, tag in self._kept:
            target.RemoveObserver(tag)
        self._kept = []

    @staticmethod
    def _default_events(target: Any) -> list[Any]:
        events: list[Any] = [vtk.vtkCommand.ModifiedEvent]
        if hasattr(target, "GetContentModifiedEvents"):
            content = target.GetContentModifiedEvents()
            events += [
                content.GetValue(i) for i in range(content.GetNumberOfValues()) if content.GetValue(i) != events[0]
            ]
        return events
