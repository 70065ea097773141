"""The module's own icons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt


class Icons:
    """Icons of ``Resources/Icons`` by name, each read once.

    Parameters
    ----------
    resourcePath: from a path inside ``Resources`` to the file's.
    """

    def __init__(self, resourcePath: Callable[[str], str]) -> None:
        self._resourcePath = resourcePath
        self._known: dict[str, Any] = {}

    def __call__(self, name: str) -> Any:
        """The QIcon ``name``."""
        if name not in self._known:
            self._known[name] = qt.QIcon(self._resourcePath(f"Icons/{name}.svg"))
        return self._known[name]
