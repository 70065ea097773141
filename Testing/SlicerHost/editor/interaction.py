"""Events of the slice views, given to the active effect before the views see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

PRIORITY = 10.0  # above the views' own interactor styles
HANDLERS = {
    "LeftButtonPressEvent": "_press",
    "LeftButtonReleaseEvent": "_release",
    "MouseMoveEvent": "_move",
    "RightButtonPressEvent": "_right",
}


class ViewObservations:
    """Observes the interactors of all slice views."""

    def __init__(self, active_effect: Callable[[], Any]) -> None:
        self._active_effect = active_effect
        self._kept: list[tuple[Any, int]] = []

    def start(self) -> None:
        """Observe the views of the current layout; what was observed before isn't any more."""
        self.stop()
        manager = slicer.app.layoutManager()
        for name in manager.sliceViewNames() if manager is not None else []:
            view = manager.sliceWidget(name).sliceView()
            for event in (*HANDLERS, "MouseWheelForwardEvent", "MouseWheelBackwardEvent", "KeyPressEvent"):
                self._observe(view, event)

    def stop(self) -> None:
        """Observe nothing."""
        for interactor, tag in self._kept:
            interactor.RemoveObserver(tag)
        self._kept = []

    def _observe(self, view: Any, event: str) -> None:
        interactor = view.interactor()
        kept: list[int] = []

        def handle(*_: Any) -> None:
            effect = self._active_effect()
            if effect is not None and self._give(effect, view, interactor, event):
                interactor.GetCommand(kept[0]).SetAbortFlag(1)

        kept.append(interactor.AddObserver(event, handle, PRIORITY))
        self._kept.append((interactor, kept[0]))

    @staticmethod
    def _give(effect: Any, view: Any, interactor: Any, event: str) -> bool:
        if event == "KeyPressEvent":
            return bool(effect._key_pressed(view, interactor.GetKeySym()))
        if event.startswith("MouseWheel"):
            direction = 1 if event == "MouseWheelForwardEvent" else -1
            return bool(interactor.GetShiftKey()) and bool(effect._wheel(view, direction))
        return bool(getattr(effect, HANDLERS[event])(view, interactor.GetEventPosition()))
