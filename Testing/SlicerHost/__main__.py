"""The host as a program: `python -m SlicerHost --module EchoODE/EchoODE.py clip.nrrd`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import start


def main() -> int:
    """Open the window, load modules and files, and run until the window is closed."""
    parser = argparse.ArgumentParser(prog="SlicerHost", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="files to load")
    parser.add_argument(
        "--module", action="append", default=[], type=Path, help="file of a scripted module; may repeat"
    )
    parser.add_argument("--picture", type=Path, help="write a picture of the window to this PNG and end")
    options = parser.parse_args()
    app = start(modules=options.module, arguments=["Slicer"])
    import slicer

    window = slicer.util.mainWindow()
    window.resize(1400, 900)
    window.show()
    if options.module:
        slicer.util.selectModule(options.module[0].stem)
    unread = [str(path) for path in options.files if not app.loadFiles([str(path)])]
    if unread:
        print(f"no reader takes {', '.join(unread)}", file=sys.stderr)
    if options.picture is None:
        return int(app.exec())
    for _ in range(5):
        app.processEvents()
    return 0 if window.grab().save(str(options.picture)) else 1


if __name__ == "__main__":
    sys.exit(main())
