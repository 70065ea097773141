"""The example module in the host, and a clip in it; the host itself comes from Testing/conftest.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

EXAMPLE = Path(__file__).resolve().parent / "example" / "ClipEditor.py"


@pytest.fixture(scope="session")
def app(slicer_app: Any, load_module: Callable[[Path], Any]) -> Any:
    """The application with the example module loaded."""
    load_module(EXAMPLE)
    return slicer_app


@pytest.fixture
def scene(app: Any, empty_scene: Any) -> Any:
    """The scene, empty before and after."""
    return empty_scene


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
