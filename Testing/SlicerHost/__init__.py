"""SlicerHost: a stand-in for the 3D Slicer application where Slicer is not installed.

Scripted modules of an extension run in it unchanged, on Slicer's own MRML, logics and displayable managers (from the
wheel `slicer-core`), with Qt, ctk and qMRML widgets on PySide6. See README.md.

    import SlicerHost

    SlicerHost.start(modules=["EchoODE/EchoODE.py"])
    import slicer
    slicer.util.selectModule("EchoODE")
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["start"]


def start(*, modules: Iterable[str | Path] = (), window: bool = True, arguments: Iterable[str] = ("Slicer",)) -> Any:
    """Start the application, once a process; a later call loads further modules only.

    Args:
        modules: files of scripted modules to load.
        window: make the main window with its views (not shown yet). Without it `slicer.app.layoutManager()` is None.
        arguments: command line for Qt.

    Returns:
        the application, also at `slicer.app`.

    Raises:
        SlicerHost.boot.graphics.GraphicsMissingError: the system lacks libraries for drawing.
        ModuleNotFoundError: `slicer-core` or `PySide6-Essentials` isn't installed.
    """
    from .boot.graphics import prepare_platform

    prepare_platform()
    from .boot.launch import launch

    return launch(modules=modules, window=window, arguments=list(arguments))
