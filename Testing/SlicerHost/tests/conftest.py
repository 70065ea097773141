"""Starts the host once and gives each test an empty scene."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

TESTING = Path(__file__).resolve().parents[2]
if str(TESTING) not in sys.path:
    sys.path.insert(0, str(TESTING))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
# Found, not imported: the host imports PySide6 in its own way.
MISSING = [name for name in ("slicer_core", "PySide6") if importlib.util.find_spec(name) is None]
collect_ignore_glob = ["test_*.py"] if MISSING else []
EXAMPLE = Path(__file__).resolve().parent / "example" / "ClipEditor.py"


def pytest_configure(config: pytest.Config) -> None:
    """Qt 6 calls `event.pos()` deprecated; Qt 5 has nothing else, and the host speaks both."""
    config.addinivalue_line("filterwarnings", "ignore:Function. 'Q.*deprecated:DeprecationWarning")


def pytest_report_header() -> str:
    """Say why nothing of the host is tested, if so."""
    missing = f"SlicerHost is not tested: {', '.join(MISSING)} missing, see Testing/SlicerHost/requirements.txt"
    return missing if MISSING else "SlicerHost is tested"


@pytest.fixture(scope="session")
def app() -> Any:
    """The application with its main window shown and the example module loaded."""
    import SlicerHost

    application = SlicerHost.start(modules=[EXAMPLE])
    import slicer

    window = slicer.util.mainWindow()
    window.resize(1100, 760)
    window.show()
    return application


@pytest.fixture
def settle(app: Any) -> Callable[..., None]:
    """Let Qt do what is waiting: layout, paint, coalesced renders."""

    def wait(rounds: int = 4) -> None:
        for _ in range(rounds):
            app.processEvents()

    return wait


@pytest.fixture
def scene(app: Any, settle: Callable[..., None]) -> Iterator[Any]:
    """The scene, empty before and after."""
    app.mrmlScene().Clear(0)
    settle()
    yield app.mrmlScene()
    app.mrmlScene().Clear(0)
    settle()


@pytest.fixture
def a_clip() -> np.ndarray:
    """A beating dark ellipse in bright speckle, (8, 64, 80) uint8, with a white mark in the upper left corner."""
    rng = np.random.default_rng(7)
    rows, columns = np.mgrid[0:64, 0:80]
    frames = []
    for index in range(8):
        size = 1 + 0.2 * np.cos(index * np.pi / 4)
        inside = ((columns - 40) / (16 * size)) ** 2 + ((rows - 34) / (20 * size)) ** 2 < 1
        frame = np.where(inside, 20, 150) * rng.gamma(16, 1 / 16, inside.shape)
        frame[:6, :6] = 255
        frames.append(frame.clip(0, 255).astype(np.uint8))
    return np.stack(frames)


@pytest.fixture
def editor_module(scene: Any, settle: Callable[..., None]) -> Iterator[Any]:
    """The example module's widget, entered."""
    import slicer

    slicer.util.selectModule("ClipEditor")
    settle()
    widget = slicer.modules.clipeditor.widgetRepresentation().self()
    yield widget
    widget.ui.editor.setActiveEffect(None)
    slicer.util.moduleSelector().selectModule("")


@pytest.fixture
def a_browser(editor_module: Any, a_clip: np.ndarray, settle: Callable[..., None]) -> Any:
    """The clip loaded and chosen in the example module."""
    browser = editor_module.logic.loadClip(a_clip, 0.5, 40.0)
    editor_module.ui.browserSelector.setCurrentNode(browser)
    settle()
    return browser


@pytest.fixture
def a_slice_view(a_browser: Any, settle: Callable[..., None]) -> Any:
    """The red slice view, showing the clip."""
    import slicer

    widget = slicer.app.layoutManager().sliceWidget("Red")
    widget.fitSliceToBackground()
    settle()
    return widget.sliceView()
