"""The module's panel in the host, and small clips with known masks in it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from EchoODELib.engine.phantom import PhantomClip, PhantomSettings, simulate
from EchoODELib.engine.sequence import Provenance, View

MODULE = Path(__file__).resolve().parents[2] / "EchoODE" / "EchoODE.py"


@functools.cache
def simulated(view: View = View.A4C, beats: float = 1.0) -> PhantomClip:
    """A small simulated clip, 24 frames a beat."""
    return simulate(PhantomSettings(view=view, frames=round(24 * beats), frame_rate=24.0, size=96, beats=beats))


@pytest.fixture
def module(empty_scene: Any, load_module: Callable[[Path], Any], settle: Callable[..., None]) -> Iterator[Any]:
    """The module's widget, shown, in an empty scene."""
    import slicer

    load_module(MODULE)
    slicer.util.selectModule("EchoODE")
    settle()
    widget = slicer.modules.echoode.widgetRepresentation().self()
    widget.panel.context.messages.clear()
    yield widget
    widget.logic.cancel()
    widget.logic.wait()
    slicer.mrmlScene.Clear(0)
    settle()
    slicer.util.moduleSelector().selectModule("")
    settle()


@pytest.fixture
def panel(module: Any) -> Any:
    return module.panel


@pytest.fixture
def ui(panel: Any) -> Any:
    """All widgets of the panel by name."""
    return panel.ui


@pytest.fixture
def operations(module: Any) -> Any:
    return module.logic


@pytest.fixture
def add_clip(module: Any, settle: Callable[..., None]) -> Callable[..., Any]:
    """`add_clip(view, beats, masks=True)` puts a clip into the scene, with its true masks, and chooses it."""
    from EchoODELib.scene.clip import createClip

    def add(view: View = View.A4C, beats: float = 1.0, masks: bool = True, name: str = "A clip") -> Any:
        clip = simulated(view, beats)
        study = createClip(clip.sequence, name)
        if masks:
            study.setMasks(clip.masks, Provenance("segment"))
            module.logic.findPhases(study)
        module.panel.setStudy(study)
        settle()
        return study

    return add


@pytest.fixture
def a_study(add_clip: Callable[..., Any]) -> Any:
    """A segmented clip, chosen in the panel."""
    return add_clip()
