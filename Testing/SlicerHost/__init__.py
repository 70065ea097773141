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

__all__ = ["load_module", "start"]


def start(
    *,
    modules: Iterable[str | Path] = (),
    window: bool = True,
    testing: bool = True,
    arguments: Iterable[str] = ("Slicer",),
) -> Any:
    """Start the application, once a process; a later call loads further modules only.

    Args:
        modules: files of scripted modules to load.
        window: make the main window with its views (not shown yet). Without it `slicer.app.layoutManager()` is None.
        testing: messages are logged, never shown in a dialog that waits for a person.
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

    return launch(modules=modules, window=window, testing=testing, arguments=list(arguments))


def load_module(path: str | Path) -> Any:
    """Load a scripted module into the started application; a module that is loaded already stays as it is.

    Args:
        path: the module's file, `<folder>/<Name>.py`.

    Returns:
        its qSlicerScriptedLoadableModule.

    Raises:
        FileNotFoundError: there is no such file.
        RuntimeError: `start` was not called, or another file has given a module of this name.
    """
    import slicer

    if getattr(slicer, "app", None) is None:
        raise RuntimeError("SlicerHost.start() must be called before modules are loaded")
    from .boot.modules import load_scripted_module

    return load_scripted_module(path)
