"""Is there what VTK and Qt need to draw? Asked before either is imported, because both abort instead of raising."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import sys

DRAWING = {  # library that must load -> Debian package that brings it
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libEGL_mesa.so.0": "libegl-mesa0",
}
DRIVERS = ("libgl1-mesa-dri",)  # loaded by Mesa itself, can't be probed by name
WINDOWS = {  # for a window on an X server
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
}
COMMON = {"libfontconfig.so.1": "libfontconfig1", "libdbus-1.so.3": "libdbus-1-3", "libxkbcommon.so.0": "libxkbcommon0"}


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
    needed = DRAWING | COMMON
    if os.environ.get("QT_QPA_PLATFORM", "xcb").startswith("xcb"):
        needed |= WINDOWS
    missing = [package for library, package in needed.items() if not loads(library)]
    if missing:
        packages = " ".join([*missing, *DRIVERS])
        raise GraphicsMissingError(f"Drawing needs libraries that this system lacks: sudo apt-get install {packages}")


def loads(library: str) -> bool:
    """Whether the dynamic loader finds a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
