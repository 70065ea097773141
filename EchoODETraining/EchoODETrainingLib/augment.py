"""Random changes that make a network hold on other machines' clips.

Geometry first, in one resampling from the file's own pixels (depth, position, rotation, elastic warp),
then what another machine, setting or patient would do to the same tissue (gain, gamma, dynamic range,
time gain, haze, shadows, speckle, filters, compression), then what else is on a screen (another fan,
text, lines). After Smistad et al., "Real-Time Automatic Ejection Fraction and Foreshortening Detection
Using Deep Learning", IEEE TUFFC 67 (2020), section on augmentation, and further; the lists that papers 000
(Echo-ODE) and 002 (temporal ConvLSTM) use are :data:`PAPER_000` and :data:`PAPER_002`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from EchoODELib.engine.errors import UnsuitableClip
from EchoODELib.engine.models.preparation import standardise
from numpy.typing import NDArray

from .augment_geometry import Geometry, Points, draw_changes
from .augment_gray import Appearance, Frames, Inside
from .datasets.clips import LabelledClip

_CLASSES = (1, 2, 3)
_LV_KEPT = 0.93  # share of the LV and its wall that a cut sector must leave

#: What is applied in this order, each with its probability; our own choice.
OURS: Mapping[str, float] = {
    "fan": 0.35,
    "haze": 0.3,
    "shadows": 0.3,
    "time_gain": 0.3,
    "speckle": 0.4,
    "gray_curve": 0.8,
    "filter": 0.4,
    "jpeg": 0.25,
    "blackout": 0.05,
    "screen": 0.15,
}
#: Colour jitter and blur; resize, crop and flip are ``scale``, ``shift`` and ``mirror``.
PAPER_000: Mapping[str, float] = {"jitter": 0.8, "blur": 0.5}
#: Rotation is ``rotation`` (10 degrees).
PAPER_002: Mapping[str, float] = {"depth_cut": 0.5, "shadows": 0.5, "gamma": 0.5, "jpeg": 0.5, "blackout": 0.5}
_CUTS = ("fan", "depth_cut")


@dataclass(frozen=True)
class Augmentation:
    """How far the random changes go; ``strength`` scales how often the photometric ones are applied.

    Attributes
    ----------
    scale: (least, most) zoom relative to the sector fitted into the input.
    rotation: degrees, either way.
    shift: share of the input's size, either way.
    stretch: greatest anisotropic stretch, as a ratio minus 1.
    elastic: px, standard deviation of the smooth random warp.
    mirror: probability of swapping left and right.
    strength: 1 applies each photometric change as often as its own probability says, 0 never.
    chances: name of a photometric change -> its probability, in the order of application: "fan" and "depth_cut",
        and the public methods of :class:`.augment_gray.Appearance`.

    Raises
    ------
    UnsuitableClip: a change that isn't known.
    """

    scale: tuple[float, float] = (0.7, 1.35)
    rotation: float = 20.0
    shift: float = 0.07
    stretch: float = 0.12
    elastic: float = 3.0
    mirror: float = 0.0
    strength: float = 1.0
    chances: Mapping[str, float] = field(default_factory=lambda: dict(OURS))

    def __post_init__(self) -> None:
        known = {*_CUTS, *(name for name in vars(Appearance) if not name.startswith("_") and name != "polar")}
        if unknown := sorted(set(self.chances) - known):
            raise UnsuitableClip(
                f"There is no augmentation {unknown[0]!r}; the recipe can name: {', '.join(sorted(known))}."
            )


@dataclass(frozen=True)
class Example:
    """Frames of one window as a network takes them.

    Attributes
    ----------
    images: (N, rows, columns) float32, standardised over the window.
    masks: (N, rows, columns) uint8, 0 and the places of the labels asked for.
    points: (N, lines, 2, 2) float32 px (row, column), NaN where missing or outside.
    """

    images: NDArray[np.float32]
    masks: NDArray[np.uint8]
    points: Points


class WindowAugmenter:
    """Makes examples of some frames of a clip; one geometry and one machine for all of them.

    Parameters
    ----------
    settings: None changes nothing: the sector is fitted and standardised as at use.
    size: (rows, columns) of the input.
    labels: that the network learns; class k + 1 is ``labels[k]``.
    """

    def __init__(self, settings: Augmentation | None, size: tuple[int, int], labels: Sequence[int] = _CLASSES) -> None:
        self.settings, self.size, self.labels = settings, size, tuple(labels)

    def __call__(
        self, clip: LabelledClip, picked: NDArray[np.intp], points: Points, random: np.random.Generator
    ) -> Example:
        """An example of the frames ``picked`` (N,) with their end points ``points`` (N, lines, 2, 2)."""
        unique, places = np.unique(picked, return_inverse=True)
        settings, changes = self.settings, None
        if settings is not None:
            changes = draw_changes(
                random,
                self.size,
                scale=settings.scale,
                rotation=settings.rotation,
                shift=settings.shift,
                stretch=settings.stretch,
                elastic=settings.elastic,
                mirror=settings.mirror,
            )
        geometry = Geometry(clip.box, self.size, clip.spacing, changes)
        gray = geometry.frames([clip.frames[k] for k in unique])[places]
        inside = geometry.inside(clip.sector)
        masks = geometry.masks([clip.masks[k] for k in unique], self.labels)[places]
        points = geometry.points(points)
        if settings is None:
            return Example(standardise(gray, inside), masks, points)
        images = gray.astype(np.float32) * np.float32(1 / 255)
        images, inside, masks = self._change(images, inside, masks, settings, random)
        images = standardise(images, inside)
        # An imperfect sector at use gives imperfect statistics.
        images = images * np.float32(random.uniform(0.9, 1.1)) + np.float32(random.normal(0, 0.08))
        return Example(images, masks, points)

    def _change(
        self,
        images: Frames,
        inside: Inside,
        masks: NDArray[np.uint8],
        settings: Augmentation,
        random: np.random.Generator,
    ) -> tuple[Frames, Inside, NDArray[np.uint8]]:
        appearance = Appearance(self.size, random)
        for name, probability in settings.chances.items():
            if random.random() >= probability * settings.strength:
                continue
            if name in _CUTS:
                kept = self._cut(name, appearance, inside)
                images, inside, masks = self._without(kept, images, inside, masks)
            elif name == "screen":
                images = appearance.screen(np.where(inside, np.clip(images, 0.0, 1.0), np.float32(0.0)), inside)
                rim = np.ones((3, 3), np.uint8)  # a sector found too large, as happens with text beside it
                wide = cv2.dilate(inside.astype(np.uint8), rim, iterations=int(random.integers(1, 15)))
                inside = wide.astype(bool)
            else:
                images = getattr(appearance, name)(images, inside)
        return np.where(inside, np.clip(images, 0.0, 1.0), np.float32(0.0)), inside, masks

    def _cut(self, name: str, appearance: Appearance, inside: Inside) -> Inside:
        """What another sector would hold: a narrower, shorter or later one, or one that only ends earlier."""
        random = appearance.random
        angle, depth, deepest = appearance.polar(inside)
        if name == "depth_cut":
            return inside & (depth < deepest * random.uniform(0.55, 1.0))
        middle = np.radians(random.uniform(-8, 8))
        fan = np.abs(angle - middle) < np.radians(random.uniform(22, 45))
        fan &= depth < deepest * random.uniform(0.75, 1.05)
        if random.random() < 0.5:
            fan &= depth > deepest * random.uniform(0.0, 0.12)
        return inside & fan

    def _without(
        self, kept: Inside, images: Frames, inside: Inside, masks: NDArray[np.uint8]
    ) -> tuple[Frames, Inside, NDArray[np.uint8]]:
        """Cut the sector down to ``kept``, unless that would cut away too much of the LV.

        Experts close the wall beyond the sector's side, but end the cavities at it: so do the new masks.
        """
        wall = self.labels.index(2) + 1 if 2 in self.labels else 0
        cavity = self.labels.index(1) + 1 if 1 in self.labels else 0
        ventricle = ((masks == wall) | (masks == cavity)) & (masks > 0)
        if np.count_nonzero(ventricle & kept) < _LV_KEPT * np.count_nonzero(ventricle & inside):
            return images, inside, masks
        masks = np.where(kept | ((masks == wall) & (masks > 0)), masks, 0).astype(np.uint8)
        return np.where(kept, images, np.float32(0)), kept, masks
