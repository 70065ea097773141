"""Clips and masks for the tests of the scene."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from EchoODELib.engine.phantom import PhantomClip, PhantomSettings, simulate
from EchoODELib.engine.sequence import ClipSource, EchoSequence, Provenance, View


@pytest.fixture
def an_echo() -> EchoSequence:
    """12 frames of 48 rows and 64 columns at 40 a second, anisotropic, with a white mark in the upper left corner."""
    rng = np.random.default_rng(3)
    frames = rng.integers(20, 120, (12, 48, 64), dtype=np.uint8)
    frames[:, :6, :9] = 255
    source = ClipSource(
        name="patient 7; rest: 100%.dcm",
        format="DICOM",
        region=(0, 48, 0, 64),
        heart_rate=61.5,
        ed_frame=2,
        notes=('The file says "λ".',),
        overlays=((0, 4, 0, 8),),
    )
    return EchoSequence(frames, np.arange(12) / 40, (0.5, 0.8), View.A4C, source)


@pytest.fixture
def some_masks(an_echo: EchoSequence) -> np.ndarray:
    """A cavity that shrinks and grows in a wall, with an atrium below, on every frame; (12, 48, 64)."""
    masks = np.zeros(an_echo.frames.shape, np.uint8)
    for frame, mask in enumerate(masks):
        squeeze = round(3 * np.sin(frame / 2) ** 2)
        mask[8:34, 14:42] = 2
        mask[12 + squeeze : 30, 18 + squeeze : 38 - squeeze] = 1
        mask[34:44, 18 : 38 - squeeze] = 3
    return masks


@pytest.fixture
def how() -> Provenance:
    return Provenance("segment", "unet", "ab12", {"window": [1, 2], "flip": True}, "0.1.0", "cpu", {"seconds": 1.5})


@pytest.fixture
def a_study(empty_scene: Any, an_echo: EchoSequence) -> Any:
    """The clip in the scene."""
    from EchoODELib.scene.clip import createClip

    return createClip(an_echo)


@pytest.fixture
def a_segmented_study(a_study: Any, some_masks: np.ndarray, how: Provenance) -> Any:
    """The clip with masks."""
    a_study.setMasks(some_masks, how)
    return a_study


@pytest.fixture
def draw(slicer_app: Any) -> Callable[..., None]:
    """`draw(study, segment_id, mask)` draws a segment of the frame shown, as editors do."""
    import slicer

    def put(study: Any, segment_id: str, mask: np.ndarray) -> None:
        array = np.asarray(mask, np.uint8)[np.newaxis]
        slicer.util.updateSegmentBinaryLabelmapFromArray(array, study.segmentationNode, segment_id, study.clipNode)

    return put


@pytest.fixture
def reload(slicer_app: Any, tmp_path: Any) -> Callable[[], None]:
    """`reload()` saves the scene as a bundle, closes it, and loads the bundle."""
    import slicer

    def again() -> None:
        path = str(tmp_path / "scene.mrb")
        assert slicer.util.saveScene(path)
        slicer.mrmlScene.Clear(0)
        slicer.util.loadScene(path)

    return again


@pytest.fixture(scope="session")
def a_phantom() -> PhantomClip:
    """A simulated beat and a half, 24 frames of 128 x 128."""
    return simulate(PhantomSettings(frames=24, frame_rate=25.0, size=128, beats=1.5, seed=5))


@pytest.fixture
def a_moving_study(empty_scene: Any, a_phantom: PhantomClip) -> Any:
    """The phantom in the scene with its true masks and motion."""
    from EchoODELib.scene.clip import createClip

    study = createClip(a_phantom.sequence, "A4C")
    study.setMasks(a_phantom.masks, Provenance("truth"))
    study.setMotion(a_phantom.displacement, a_phantom.pull_back, 0)
    return study


@pytest.fixture
def echo_view(a_moving_study: Any, settle: Callable[..., None]) -> Any:
    """The layout's slice view, showing the phantom, its masks as contours."""
    import slicer
    from EchoODELib.scene.layout import ECHO_VIEW, EchoLayout, fitClip

    EchoLayout().install()
    settle()
    fitClip(a_moving_study)
    a_moving_study.segmentationNode.GetDisplayNode().SetVisibility2DFill(False)
    settle()
    return slicer.app.layoutManager().sliceWidget(ECHO_VIEW).sliceView()


@pytest.fixture
def pixels(settle: Callable[..., None]) -> Callable[..., np.ndarray]:
    """`pixels(widget)` is what a widget shows, (height, width, 3) uint8."""

    def grab(widget: Any) -> np.ndarray:
        from PySide6 import QtGui

        settle()
        image = widget.grab().toImage().convertToFormat(QtGui.QImage.Format_RGB888)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
        return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()

    return grab
