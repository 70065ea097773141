"""Is there what VTK and Qt need to draw? Asked before either is imported, because both abort instead of raising.

`python -m SlicerHost.boot.graphics [windows]` prints the Debian packages that are missing.
"""

from __future__ import annotations

import ctypes
import os
import sys

# Library that must load -> Debian package that brings it, and with it all that the library itself needs.
DRAWING = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libEGL_mesa.so.0": "libegl-mesa0",
    "libfontconfig.so.1": "libfontconfig1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libglib-2.0.so.0": "libglib2.0-0",
}
WINDOWS = {  # for a window on an X server
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
}


class GraphicsMissingError(RuntimeError):
    """The system lacks libraries for drawing; the message names the Debian packages to install."""


def prepare_platform() -> None:
    """Choose Qt's offscreen platform where there is no display, and check the libraries that drawing needs.

    Raises:
        GraphicsMissingError: a library is absent.
    """
    if not sys.platform.startswith("linux"):
        return
    if not os.environ.get("DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    elif os.environ.get("WAYLAND_DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "xcb")  # VTK draws through X, also under Wayland
    missing = missing_packages(windows=os.environ.get("QT_QPA_PLATFORM", "xcb").startswith("xcb"))
    if missing:
        raise GraphicsMissingError(
            f"Drawing needs libraries that this system lacks: sudo apt-get install {' '.join(missing)}"
        )


def missing_packages(*, windows: bool) -> list[str]:
    """Debian packages of the libraries that do not load: those for pictures, with `windows` those for windows too."""
    if not sys.platform.startswith("linux"):
        return []
    needed = DRAWING | (WINDOWS if windows else {})
    return [package for library, package in needed.items() if not loads(library)]


def loads(library: str) -> bool:
    """Whether the dynamic loader finds a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    print(*missing_packages(windows="windows" in sys.argv[1:]))
