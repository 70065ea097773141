"""The host as a program: `python -m SlicerHost --module EchoODE/EchoODE.py clip.nrrd`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Any

from . import start
from .boot.graphics import GraphicsMissingError

LARGEST = (1400, 900)  # px of the window; smaller on a smaller screen
SHARE_OF_SCREEN = 0.92
ROUNDS_BEFORE_PICTURE = 5  # of the event loop: layout, then paint, then what painting has asked for


def main() -> int:
    """Open the window, load modules and files, and run until the window is closed."""
    parser = argparse.ArgumentParser(prog="SlicerHost", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="files to load")
    parser.add_argument(
        "--module", action="append", default=[], type=Path, help="file of a scripted module; may repeat"
    )
    parser.add_argument("--picture", type=Path, help="write a picture of the window to this PNG and end")
    options = parser.parse_args()
    try:
        app = start(modules=options.module, testing=options.picture is not None, arguments=["Slicer"])
    except GraphicsMissingError as error:
        print(error, file=sys.stderr)
        return 1
    if options.picture is None and app.platformName == "offscreen" and "QT_QPA_PLATFORM" not in GIVEN:
        print("There is no display for a window: set DISPLAY, or ask for --picture FILE", file=sys.stderr)
        return 1
    window = _open_window(app, within_screen=options.picture is None)
    if options.module:
        _show_module(window, options.module[0].stem)
    app.processEvents()
    from .boot.io_manager import load_and_tell

    loaded = load_and_tell([str(path) for path in options.files])
    if options.picture is None:
        return _run(app)
    for _ in range(ROUNDS_BEFORE_PICTURE):
        app.processEvents()
    return 0 if window.grab().save(str(options.picture)) and loaded else 1


def _open_window(app: Any, *, within_screen: bool) -> Any:
    """Show the main window, large; for a picture no screen limits it."""
    import slicer

    window = slicer.util.mainWindow()
    space = app.primaryScreen.availableGeometry
    room = (round(SHARE_OF_SCREEN * space.width()), round(SHARE_OF_SCREEN * space.height()))
    window.resize(min(LARGEST[0], room[0]), min(LARGEST[1], room[1])) if within_screen else window.resize(*LARGEST)
    window.show()
    return window


def _show_module(window: Any, name: str) -> None:
    """Enter a module and give the window its name and icon."""
    import slicer

    slicer.util.selectModule(name)
    module = getattr(slicer.modules, name.lower())
    window.setWindowTitle(f"{module.title} - Slicer host")
    window.setWindowIcon(module.icon)


def _run(app: Any) -> int:
    """The event loop, until the window is closed or Ctrl+C comes from the terminal."""
    signal.signal(signal.SIGINT, lambda *_: app.quit())
    return int(app.exec())


GIVEN = dict(os.environ)  # before the host chooses a platform

if __name__ == "__main__":
    sys.exit(main())
