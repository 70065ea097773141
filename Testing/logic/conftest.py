"""One set of operations for all tests of the room, with the real worker, warm, and a small clip."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from EchoODELib.engine.phantom import PhantomClip, PhantomSettings, simulate


@pytest.fixture(scope="session")
def lasting_operations(slicer_app: Any) -> Iterator[Any]:
    from EchoODELib.logic.operations import Operations

    operations = Operations()
    yield operations
    operations.close()


@pytest.fixture
def operations(lasting_operations: Any, empty_scene: Any) -> Iterator[Any]:
    lasting_operations.listeners.clear()
    yield lasting_operations
    lasting_operations.cancel()
    lasting_operations.wait()
    lasting_operations.sceneClosing()


@pytest.fixture(scope="session")
def two_beats() -> PhantomClip:
    """Two beats at 25 frames a second, 128x128."""
    return simulate(PhantomSettings(frames=44, frame_rate=25.0, size=128, beats=2.05, seed=4))


@pytest.fixture
def a_study(operations: Any, two_beats: PhantomClip) -> Any:
    """The clip in the scene, not yet segmented."""
    from EchoODELib.scene.clip import createClip

    return createClip(two_beats.sequence, "DOE^JOHN 4C")


@pytest.fixture
def a_measured_study(a_study: Any, two_beats: PhantomClip, operations: Any) -> Any:
    """The clip with the true masks as the segmentation's, and true phases."""
    from EchoODELib.engine.sequence import Provenance

    a_study.setSegmented(two_beats.masks, Provenance("segment", model="truth"))
    a_study.setMasks(two_beats.masks, Provenance("segment", model="truth"))
    a_study.setPhases(two_beats.ed_frames, two_beats.es_frames, byHand=False)
    return a_study
