"""The learned motion of systole: made, stored, read, and leading a pair of frames without common speckle."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from EchoODELib.engine.errors import WeightsError
from EchoODELib.engine.registration import motion_model
from EchoODELib.engine.registration.motion_learning import (
    SHAPE,
    in_ventricle_coordinates,
    learn_modes,
    write_motion_model,
)
from EchoODELib.engine.registration.motion_model import (
    MotionModel,
    find_motion_model,
    load_motion_model,
    ventricle_axes,
)
from EchoODELib.engine.registration.propagate import propagate
from EchoODELib.engine.registration.settings import RegistrationSettings, SplineSettings
from EchoODELib.engine.registration.work import HeartBox
from EchoODELib.engine.sequence import EchoSequence, Label

from .conftest import dice

SIZE = 160


def ventricle(tilt: float = 0.0, narrow: float = 1.0) -> np.ndarray:
    """An upright or tilted half ellipse with its wall, and an atrium below."""
    mask = np.zeros((SIZE, SIZE), np.uint8)
    cv2.ellipse(mask, (80, 95), (32, 72), 0, 180, 360, int(Label.MYOCARDIUM), -1)
    cv2.ellipse(mask, (80, 95), (round(22 * narrow), 62), 0, 180, 360, int(Label.LV), -1)
    cv2.ellipse(mask, (80, 97), (20, 24), 0, 0, 180, int(Label.LA), -1)
    turn = cv2.getRotationMatrix2D((80, 80), tilt, 1.0)
    return cv2.warpAffine(mask, turn, (SIZE, SIZE), flags=cv2.INTER_NEAREST)


@pytest.mark.parametrize("tilt", [0.0, 25.0, -30.0])
@pytest.mark.parametrize("kept", [(1, 2, 3), (1, 2), (1,)])
def test_axes_run_from_apex_to_base(tilt: float, kept: tuple[int, ...]) -> None:
    mask = ventricle(tilt)
    axes = ventricle_axes(np.where(np.isin(mask, kept), mask, 0))
    assert axes is not None
    turned = np.deg2rad(tilt)
    assert axes.along @ np.array([np.sin(turned), np.cos(turned)]) > 0.97
    assert axes.across[0] > 0
    assert axes.length == pytest.approx(62, abs=6)
    assert axes.half_width == pytest.approx(17.3, abs=2.5)


def test_without_a_ventricle_there_are_no_axes() -> None:
    assert ventricle_axes(np.zeros((50, 50), np.uint8)) is None
    assert in_ventricle_coordinates(np.zeros((50, 50, 2), np.float32), np.zeros((50, 50), np.uint8)) is None


def test_coordinates_follow_the_ventricle() -> None:
    """The same contraction, tilted with the ventricle, has the same coordinates."""
    motions = []
    for tilt in (0.0, 20.0):
        axes = ventricle_axes(ventricle(tilt))
        displacement = np.broadcast_to((0.1 * axes.length * -axes.along).astype(np.float32), (SIZE, SIZE, 2))
        motions.append(in_ventricle_coordinates(np.ascontiguousarray(displacement), ventricle(tilt)))
    assert motions[0].shape == (2, *SHAPE)
    middle = (slice(None), slice(8, 16), slice(8, 15))
    np.testing.assert_allclose(motions[0][middle][1], -0.1, atol=1e-3)
    np.testing.assert_allclose(motions[0][middle], motions[1][middle], atol=1e-3)


def test_modes_are_mean_and_main_variations() -> None:
    generator = np.random.default_rng(0)
    mean, one, two = generator.normal(size=(3, 2, *SHAPE))
    amounts = generator.normal(size=(200, 2, 1, 1, 1)) * np.array([3.0, 1.0])[:, None, None, None]
    motions = mean + amounts[:, 0] * one + amounts[:, 1] * two
    modes, explained = learn_modes(motions, 3)
    assert modes.shape == (4, 2, *SHAPE)
    assert explained[0] == pytest.approx(0.9, abs=0.04)
    assert explained[2] < 1e-6
    middle = (slice(None), slice(4, -4), slice(4, -4))
    np.testing.assert_allclose(modes[0][middle], motions.mean(0)[middle], atol=0.02)
    cosine = np.sum(modes[1][middle].astype(float) * one[middle])
    cosine /= np.linalg.norm(modes[1][middle].astype(float)) * np.linalg.norm(one[middle])
    assert abs(cosine) > 0.97
    assert not modes[:, :, 0].any()  # at rest on the rim
    assert not modes[:, :, :, -1].any()


@pytest.fixture
def a_stored_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model written to a folder and found by name."""
    motions = np.random.default_rng(1).normal(size=(6, 2, *SHAPE)) * 0.02
    card = write_motion_model(motions, tmp_path, "tested", count=3, licence="free")
    monkeypatch.setattr(motion_model, "find_motion_model", lambda name: card if name == "tested" else None)
    return card


def test_a_model_is_stored_and_read(a_stored_model: Path) -> None:
    model = load_motion_model("tested")
    assert model is not None
    assert model.modes.shape == (4, 2, *SHAPE)
    assert len(model.sha256) == 64
    assert "licence: free" in a_stored_model.read_text()
    assert load_motion_model("unheard-of") is None


@pytest.mark.parametrize("damage", ["numbers", "card", "no numbers", "no checksum"])
def test_damage_is_refused(a_stored_model: Path, damage: str) -> None:
    numbers = a_stored_model.with_suffix(".safetensors")
    if damage == "numbers":
        content = bytearray(numbers.read_bytes())
        content[-3] ^= 255
        numbers.write_bytes(content)
    elif damage == "card":
        a_stored_model.write_text("along: [")
    elif damage == "no numbers":
        numbers.unlink()
    else:
        a_stored_model.write_text(a_stored_model.read_text().replace("sha256:", "sha:"))
    with pytest.raises(WeightsError, match="install EchoODE again"):
        load_motion_model("tested")


def test_velocities_flow_as_the_learned_displacement() -> None:
    """One step along v from the middle of the way gives the displacement that was learned."""
    mask = ventricle()
    modes = np.zeros((1, 2, *SHAPE), np.float32)
    modes[0, 1, 3:-3, 3:-3] = -0.15  # towards the apex
    model = MotionModel("m", "", (-0.65, 1.95), (-2.3, 2.3), modes)
    box = HeartBox.around([mask], 0.22)
    velocities = model.velocities(mask, box, box.shape, 8)
    assert velocities.shape == (1, 2, *box.shape)
    axes = ventricle_axes(mask)
    centre = (80 - box.top, 80 - box.left)
    assert velocities[0, 1][centre].item() == pytest.approx(-0.15 * axes.length, rel=0.05)
    assert velocities[0, 0][centre].item() == pytest.approx(0, abs=0.3)
    assert model.velocities(np.zeros_like(mask), box, box.shape, 8) is None
    assert torch.isfinite(velocities).all()


def test_a_pair_without_common_speckle_is_led_by_the_model() -> None:
    """ED and ES of their own speckle: the model finds the contraction that the images only hint at."""
    if find_motion_model(SplineSettings().motion_model) is None:
        pytest.skip("the shipped motion model is absent")
    masks = np.stack([ventricle(), ventricle(narrow=0.72)])
    generator = np.random.default_rng(5)
    frames = []
    for mask in masks:
        noise = cv2.GaussianBlur(generator.normal(size=mask.shape).astype(np.float32), (0, 0), 1.5)
        brightness = np.select([mask == Label.MYOCARDIUM, mask > 0], [150, 30], 100)
        frames.append(np.clip(brightness * (1 + 0.9 * noise), 1, 255).astype(np.uint8))
    pair = EchoSequence(np.stack(frames), np.array([0.0, 0.35]))
    led = propagate(pair, masks[0])
    without = RegistrationSettings(spline=SplineSettings(motion_model=""))
    alone = propagate(pair, masks[0], settings=without)
    assert dice(led.masks[1], masks[1]) > 0.88
    assert dice(led.masks[1], masks[1]) > dice(masks[0], masks[1])
    assert (led.masks[1] == Label.LV).sum() < (alone.masks[1] == Label.LV).sum() + 30
    assert led.provenance.quality["folds"] == 0
    guided = propagate(pair, masks[0], guides={1: masks[1]})
    np.testing.assert_array_equal(guided.masks[1], masks[1])
