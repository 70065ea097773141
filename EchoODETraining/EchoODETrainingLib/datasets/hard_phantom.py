"""Simulated hearts under trouble that comes and goes: shadows that wander, walls and valves that drop out, lost signal.

A network that sees single frames has no way through such frames; one that remembers has. Truth and heart are those of
:class:`.phantom.Phantom`: what changes is the echo alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
from EchoODELib.engine.sequence import Label
from numpy.typing import NDArray

from .base import Entry
from .cache import cached_clip
from .clips import LabelledClip
from .phantom import Phantom

_VERSION = 1  # rises when equal settings make another clip
_RANGE = 60.0  # dB that the gray scale spans
_NOISE = 5.0  # gray, of what is left where nothing comes back

Image = NDArray[np.float32]


class HardPhantom(Phantom):
    """A beat a clip, with wandering shadows, walls that drop out, an open mitral valve that fades, and lost frames.

    Parameters
    ----------
    folder: where made clips are kept for the next run; None keeps none.
    clips: how many in each split.
    views, frames, size, seed: as of :class:`.phantom.Phantom`.
    lost: frames in a row on which nearly all signal is lost, once a clip; 0 for none.
    """

    kind: ClassVar[str] = "hard_phantom"

    def __init__(
        self,
        folder: Path | None = None,
        clips: Mapping[str, int] = {"valid": 40},
        views: Iterable[str] = ("A4C",),
        frames: int = 32,
        size: int = 160,
        seed: int = 7,
        lost: int = 3,
    ) -> None:
        self.lost = lost
        super().__init__(folder, clips, views, frames, size, seed)

    def read(self, entry: Entry) -> LabelledClip:
        """The clip, from the disk where it is kept."""
        given = [entry.name, self.frames, self.size, self.lost, _VERSION]
        made = super().read
        return cached_clip(self.folder, f"hard-{entry.name}", given, lambda: made_hard(made(entry), self.lost))


def made_hard(clip: LabelledClip, lost: int = 3) -> LabelledClip:
    """The clip under trouble that its name decides; masks, phases and sector stay.

    Parameters
    ----------
    lost: frames in a row without signal, at a time that its name decides, too.
    """
    random = np.random.default_rng([_VERSION, zlib.crc32(clip.name.encode())])
    angle, depth = _polar(clip.sector)
    loss = _shadows(angle, depth, len(clip), random) + _dropouts(clip, random) + _valve(clip, random)
    if lost:
        start = int(random.integers(2, max(3, len(clip) - lost)))
        loss[start : start + lost] += _gone(angle, random)
    gray = clip.frames - 255 / _RANGE * loss
    noise = np.abs(random.normal(0, _NOISE, gray.shape)) * (loss > 1)
    noise = np.stack([cv2.GaussianBlur(one, (0, 0), 0.8) for one in noise])
    frames = np.where(clip.sector, np.clip(np.maximum(gray, noise), 0, 255), 0).round().astype(np.uint8)
    return replace(clip, name=f"hard-{clip.name}", frames=frames)


def _polar(sector: NDArray[np.bool_]) -> tuple[Image, Image]:
    """Angle (radian, 0 is straight down) and depth (0 to 1) about the middle of the sector's top."""
    rows, columns = np.indices(sector.shape, np.float32)
    top, bottom = np.flatnonzero(sector.any(1))[[0, -1]]
    across = columns - np.flatnonzero(sector[top]).mean()
    down = rows - top
    return np.arctan2(across, down + 1).astype(np.float32), np.hypot(across, down).astype(np.float32) / (bottom - top)


def _shadows(angle: Image, depth: Image, count: int, random: np.random.Generator) -> Image:
    """(T, H, W) dB that two ribs' shadows take, as they wander with the breath."""
    course = np.linspace(0, 1, count)
    loss = np.zeros((count, *angle.shape), np.float32)
    for side in (-1, 1):
        swing = random.uniform(0.08, 0.2) * np.sin(2 * np.pi * (random.uniform(0.6, 1.6) * course + random.uniform()))
        places, width = side * random.uniform(0.12, 0.45) + swing, random.uniform(0.05, 0.1)
        onset = 1 / (1 + np.exp(-(depth - random.uniform(0.1, 0.4)) / 0.03))
        strength = random.uniform(14, 32)
        for frame, place in enumerate(places):
            loss[frame] += strength * onset * np.exp(-0.5 * ((angle - place) / width) ** 2)
    return loss


def _dropouts(clip: LabelledClip, random: np.random.Generator) -> Image:
    """(T, H, W) dB that spots on the wall lose for a few frames each."""
    loss = np.zeros(clip.frames.shape, np.float32)
    rows, columns = np.indices(clip.sector.shape, np.float32)
    size = max(clip.sector.shape)
    for _ in range(6):
        start, length = int(random.integers(len(clip))), int(random.integers(2, 7))
        wall = np.argwhere(clip.masks[start] == Label.MYOCARDIUM)
        if not len(wall):
            continue
        row, column = wall[random.integers(len(wall))]
        spot = np.exp(-0.5 * ((rows - row) ** 2 + (columns - column) ** 2) / (random.uniform(0.05, 0.11) * size) ** 2)
        loss[start : start + length] += random.uniform(18, 35) * spot
    return loss


def _valve(clip: LabelledClip, random: np.random.Generator) -> Image:
    """(T, H, W) dB that the mitral valve loses while it is open, so that cavity and atrium run into one another."""
    loss = np.zeros(clip.frames.shape, np.float32)
    if clip.ed_frame is None or clip.es_frame is None:
        return loss
    ed, es = sorted((clip.ed_frame, clip.es_frame))
    systole = range(ed, es + 1) if clip.ed_frame < clip.es_frame else ()
    strength = random.uniform(18, 34)
    for frame, mask in enumerate(clip.masks):
        cavity, atrium = (mask == label for label in (Label.LV, Label.LA))
        if frame in systole or not cavity.any() or not atrium.any():
            continue
        near = [cv2.distanceTransform((~one).astype(np.uint8), cv2.DIST_L2, 5) for one in (cavity, atrium)]
        between = np.exp(-0.5 * ((near[0] + near[1]) / (0.03 * max(mask.shape))) ** 2)
        loss[frame] = strength * between
    return loss


def _gone(angle: Image, random: np.random.Generator) -> Image:
    """(H, W) dB of lost contact: most of the sector from one side."""
    edge, side = random.uniform(-0.8, -0.2), random.choice([-1.0, 1.0])
    return np.asarray(random.uniform(35, 55) / (1 + np.exp(-(side * angle - edge) / 0.04)), np.float32)
