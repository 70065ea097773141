"""Clips whose motion is known: a speckled ring moved by a formula, and small phantoms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import pytest
import torch
from EchoODELib.engine.phantom import PhantomClip, PhantomSettings, simulate
from EchoODELib.engine.registration.settings import Level, RegistrationSettings, SplineSettings
from EchoODELib.engine.sequence import EchoSequence, Label
from numpy.typing import NDArray

SIZE = 96
CENTRE = 48.0


@dataclass(frozen=True)
class KnownMotion:
    """A clip, the mask on its first frame, and the true pull-back (T, H, W, 2) px."""

    sequence: EchoSequence
    mask: NDArray[np.uint8]
    pull_back: NDArray[np.float32]

    def carried(self, frame: int) -> NDArray[np.uint8]:
        """The true mask on a frame."""
        return read(self.mask, self.pull_back[frame], cv2.INTER_NEAREST)


def read(image: NDArray[np.generic], field: NDArray[np.float32], how: int = cv2.INTER_LINEAR) -> NDArray[np.generic]:
    """An image (H, W) read at p + field(p)."""
    rows, columns = np.indices(image.shape, dtype=np.float32)
    return np.asarray(cv2.remap(image, columns + field[..., 0], rows + field[..., 1], how))


def dice(first: NDArray[np.uint8], second: NDArray[np.uint8], label: int = Label.LV) -> float:
    one, other = first == label, second == label
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def speckle() -> NDArray[np.uint8]:
    noise = np.random.default_rng(3).normal(size=(SIZE, SIZE)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 1.2)
    rows, columns = np.indices((SIZE, SIZE))
    cavity = np.hypot(rows - CENTRE, columns - CENTRE) < 13
    return np.clip(120 + 150 * smooth - 70 * cavity, 1, 255).astype(np.uint8)


def ring_mask() -> NDArray[np.uint8]:
    rows, columns = np.indices((SIZE, SIZE))
    distance = np.hypot(rows - CENTRE, columns - CENTRE)
    return np.where(distance < 13, Label.LV, np.where(distance < 20, Label.MYOCARDIUM, 0)).astype(np.uint8)


def known_motion(motion: Callable[[float, NDArray[np.float64], NDArray[np.float64]], list], frames: int) -> KnownMotion:
    """A clip of the pull-back ``motion(time, x, y)`` -> [x, y] px from the centre, time 0 to 1; it fades outwards."""
    rows, columns = np.indices((SIZE, SIZE)) - CENTRE
    fade = np.exp(-(np.hypot(rows, columns) ** 4) / (2 * 26.0**4))[..., None]
    fields = [np.stack(np.broadcast_arrays(*motion(t, columns, rows)), -1) * fade for t in np.linspace(0, 1, frames)]
    pull_back = np.stack(fields).astype(np.float32)
    image = speckle()
    clip = np.stack([read(image, field) for field in pull_back])
    return KnownMotion(EchoSequence(clip, np.arange(frames) / 40.0), ring_mask(), pull_back)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Clips this small gain nothing from threads, and on a busy machine waiting for them takes twice as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def a_shift() -> KnownMotion:
    """Tissue that moves 5 px to the right and 2 px up over 7 frames."""
    return known_motion(lambda t, x, y: [-5.0 * t + 0 * x, 2.0 * t + 0 * y], 7)


@pytest.fixture(scope="session")
def a_contraction() -> KnownMotion:
    """Tissue that moves inwards by a fifth: it is read further out."""
    return known_motion(lambda t, x, y: [0.25 * t * x, 0.25 * t * y], 7)


@pytest.fixture(scope="session")
def a_beat() -> PhantomClip:
    """One whole beat of a small phantom, the next ED included."""
    clip = simulate(PhantomSettings(frames=25, frame_rate=25.0, size=128, beats=1.0, ejection_fraction=55, seed=5))
    return clip


@pytest.fixture(scope="session")
def two_beats() -> PhantomClip:
    return simulate(PhantomSettings(frames=40, frame_rate=20.0, size=96, beats=2.2, ejection_fraction=50, seed=2))


@pytest.fixture(scope="session")
def quick() -> RegistrationSettings:
    """Coarse, for what does not depend on how well motion is followed."""
    return RegistrationSettings(spline=SplineSettings(levels=(Level(48, 10, 0.02),), steps=4))
