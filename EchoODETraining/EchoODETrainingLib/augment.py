"""Random changes that make a network hold on other machines' clips.

Geometry first, in one resampling from the file's own pixels (depth, position, rotation, elastic warp),
then what another machine, setting or patient would do to the same tissue (gain, gamma, dynamic range,
time gain, haze, shadows, speckle, filters, compression), then what else is on a screen (another fan,
text, lines). After Smistad et al., "Real-Time Automatic Ejection Fraction and Foreshortening Detection
Using Deep Learning", IEEE TUFFC 67 (2020), section on augmentation, and further.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from EchoODELib.engine.models.preparation import Fit, standardise
from numpy.typing import NDArray

from .datasets.frames import LabelledFrame

Image = NDArray[np.float32]
Inside = NDArray[np.bool_]
_CLASSES = 4


@dataclass(frozen=True)
class Augmentation:
    """How far the random changes go; ``strength`` 0 to 1 scales how often the photometric ones are applied.

    Attributes
    ----------
    scale: (least, most) zoom relative to the sector fitted into the input.
    rotation: degrees, either way.
    shift: share of the input's size, either way.
    stretch: greatest anisotropic stretch, as a ratio minus 1.
    elastic: px, standard deviation of the smooth random warp.
    mirror: probability of swapping left and right.
    strength: 1 applies each photometric change as often as its own probability says, 0 never.
    """

    scale: tuple[float, float] = (0.7, 1.35)
    rotation: float = 20.0
    shift: float = 0.07
    stretch: float = 0.12
    elastic: float = 3.0
    mirror: float = 0.0
    strength: float = 1.0


class Augmenter:
    """Makes one training example after another from labelled frames, by its own random stream."""

    def __init__(self, settings: Augmentation, size: tuple[int, int], seed: int) -> None:
        self.settings, self.size = settings, size
        self.random = np.random.default_rng(seed)
        self._grid = np.stack(
            np.meshgrid(np.arange(size[1], dtype=np.float32), np.arange(size[0], dtype=np.float32)), axis=-1
        )

    def __call__(self, frame: LabelledFrame) -> tuple[Image, NDArray[np.uint8]]:
        """A standardised image (rows, columns) float32 and its mask (rows, columns) uint8, in the network's size."""
        image, mask, inside = self._resample(frame)
        image, inside, mask = self._new_fan(image, inside, mask)
        # (probability, change): each is what one knob, filter or patient does.
        for probability, change in (
            (0.3, self._haze),
            (0.3, self._shadows),
            (0.3, self._time_gain),
            (0.4, self._speckle),
            (0.8, self._gray_curve),
            (0.4, self._filter),
            (0.25, self._compress),
        ):
            if self._chance(probability):
                image = change(image, inside)
        image = np.where(inside, np.clip(image, 0.0, 1.0), np.float32(0.0))
        if self._chance(0.15):
            image, inside = self._screen(image, inside)
        example = standardise(image, inside)
        # An imperfect sector at use gives imperfect statistics.
        return example * np.float32(self.random.uniform(0.9, 1.1)) + np.float32(self.random.normal(0, 0.08)), mask

    def _chance(self, probability: float) -> bool:
        return bool(self.random.random() < probability * self.settings.strength)

    # --- geometry

    def _resample(self, frame: LabelledFrame) -> tuple[Image, NDArray[np.uint8], Inside]:
        settings, random, (rows, columns) = self.settings, self.random, self.size
        box = frame.box
        top, bottom, left, right = Fit.of(box, self.size, frame.spacing).placed
        per_row, per_column = (box[1] - box[0]) / (bottom - top), (box[3] - box[2]) / (right - left)

        zoom = np.exp(random.uniform(*np.log(settings.scale)))
        stretch = np.exp(random.uniform(-1, 1) * np.log1p(settings.stretch))
        angle = np.radians(random.uniform(-settings.rotation, settings.rotation))
        mirror = -1.0 if random.random() < settings.mirror else 1.0
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        # From the input's pixels back to the file's: centre, undo zoom and turn, then the fit.
        linear = np.diag([mirror * per_column, per_row]) @ turn @ np.diag([stretch / zoom, 1 / (stretch * zoom)])
        centre = np.array([columns / 2, rows / 2]) + random.uniform(-1, 1, 2) * settings.shift * np.array(
            [columns, rows]
        )
        target = np.array([(box[2] + box[3]) / 2, (box[0] + box[1]) / 2])
        grid = self._grid
        if settings.elastic > 0 and random.random() < 0.5:
            coarse = random.normal(0, settings.elastic, (6, 7, 2)).astype(np.float32)
            grid = grid + cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC)
        where = ((grid + 0.5 - centre.astype(np.float32)) @ linear.T.astype(np.float32)) + (target - 0.5).astype(
            np.float32
        )

        inside = cv2.remap(frame.sector.astype(np.uint8), where, None, cv2.INTER_NEAREST).astype(bool)
        image = cv2.remap(frame.image, where, None, cv2.INTER_LINEAR).astype(np.float32) / 255
        # Each class is resampled linearly and the largest taken, so that borders keep their place and smoothness.
        layers = np.stack([(frame.mask == c).astype(np.float32) for c in range(1, _CLASSES)], axis=-1)
        layers = cv2.remap(layers, where, None, cv2.INTER_LINEAR)
        best = layers.argmax(-1)
        mask = np.where(layers.max(-1) > 1 - layers.sum(-1), best + 1, 0).astype(np.uint8)
        return image, mask, inside

    def _polar(self, inside: Inside) -> tuple[Image, Image, float]:
        """Angle from the vertical (radian) and depth (px) about the sector's top, and the greatest depth."""
        rows = np.flatnonzero(inside.any(1))
        if not len(rows):
            rows = np.array([0, self.size[0] - 1])
        top = np.flatnonzero(inside[rows[0]])
        apex = np.array([top.mean() if len(top) else self.size[1] / 2, float(rows[0])], np.float32)
        away = self._grid - apex
        depth = np.hypot(away[..., 0], away[..., 1])
        return np.arctan2(away[..., 0], away[..., 1]), depth, float(rows[-1] - rows[0] + 1)

    def _new_fan(
        self, image: Image, inside: Inside, mask: NDArray[np.uint8]
    ) -> tuple[Image, Inside, NDArray[np.uint8]]:
        """Cut another fan out of the sector, unless it would cut away too much of the LV.

        Experts close the wall beyond the sector's side, but end the cavities at it: so do the new masks.
        """
        if not self._chance(0.35):
            return image, inside, mask
        random = self.random
        angle, depth, deepest = self._polar(inside)
        middle = np.radians(random.uniform(-8, 8))
        fan = np.abs(angle - middle) < np.radians(random.uniform(22, 45))
        fan &= depth < deepest * random.uniform(0.75, 1.05)
        if random.random() < 0.5:
            fan &= depth > deepest * random.uniform(0.0, 0.12)
        kept = inside & fan
        ventricle = (mask == 1) | (mask == 2)
        if np.count_nonzero(ventricle & kept) < 0.93 * np.count_nonzero(ventricle & inside):
            return image, inside, mask
        mask = np.where(kept | (mask == 2), mask, 0).astype(np.uint8)
        return np.where(kept, image, np.float32(0)), kept, mask

    # --- what machine, setting and patient do

    def _smooth_noise(self, cells: int) -> Image:
        """Standard normal noise, smooth at about ``cells`` blobs across the input."""
        rows = max(2, cells * self.size[0] // self.size[1])
        coarse = self.random.standard_normal((rows, cells), np.float32)
        return cv2.resize(coarse, self.size[::-1], interpolation=cv2.INTER_CUBIC)

    def _haze(self, image: Image, inside: Inside) -> Image:
        """Near-field clutter, or a veil over a part of the sector."""
        angle, depth, deepest = self._polar(inside)
        if self.random.random() < 0.5:
            veil = np.exp(-depth / (deepest * self.random.uniform(0.05, 0.3)))
        else:
            veil = np.exp(
                -(((angle - self.random.uniform(-0.5, 0.5)) / self.random.uniform(0.15, 0.5)) ** 2)
                - ((depth / deepest - self.random.uniform(0, 1)) / self.random.uniform(0.1, 0.4)) ** 2
            )
        texture = 1 + 0.3 * self._smooth_noise(self.size[1] // 3)
        return image + np.float32(self.random.uniform(0.05, 0.35)) * (veil * texture).astype(np.float32)

    def _shadows(self, image: Image, inside: Inside) -> Image:
        """Gaussian shadows along the beam, from some depth on (ribs, lung, a lost lateral wall)."""
        angle, depth, deepest = self._polar(inside)
        for _ in range(self.random.integers(1, 4)):
            across = np.exp(-(((angle - self.random.uniform(-0.7, 0.7)) / self.random.uniform(0.04, 0.25)) ** 2) / 2)
            start = self.random.uniform(-0.2, 0.6) * deepest
            along = 1 / (1 + np.exp(-(depth - start) / (0.05 * deepest)))
            image = image * (1 - self.random.uniform(0.3, 0.95) * across * along).astype(np.float32)
        return image

    def _time_gain(self, image: Image, inside: Inside) -> Image:
        """Another time-gain compensation and lateral gain: after log compression, gain is added."""
        offset = np.float32(self.random.uniform(0.03, 0.12)) * self._smooth_noise(4)
        return np.where(image > 0.02, image + offset, image)

    def _speckle(self, image: Image, inside: Inside) -> Image:
        """Multiplicative noise of another grain, longer across the beam than along it."""
        noise = self.random.standard_normal(self.size, np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), self.random.uniform(0.5, 2.0), None, self.random.uniform(0.4, 1.0))
        noise /= max(float(noise.std()), 1e-6)
        return image * (1 + np.float32(self.random.uniform(0.05, 0.35)) * noise)

    def _gray_curve(self, image: Image, inside: Inside) -> Image:
        """Gamma, dynamic range (black point and slope), gain, and low gain that leaves cavities black."""
        random = self.random
        image = np.clip(image, 0, 1)
        if random.random() < 0.7:
            image = image ** np.float32(np.exp(random.uniform(np.log(0.5), np.log(2.2))))
        if random.random() < 0.6:
            black, white = random.uniform(-0.1, 0.22), random.uniform(0.6, 1.15)
            image = (image - np.float32(black)) / np.float32(white - black)
        if random.random() < 0.3:
            image = np.clip(image, 0, 1) * np.float32(random.uniform(0.25, 1.0))
        if random.random() < 0.2:
            middle, steepness = random.uniform(0.3, 0.6), random.uniform(3, 7)
            image = 1 / (1 + np.exp(-np.float32(steepness) * (image - np.float32(middle))))
        return np.clip(image, 0, 1).astype(np.float32)

    def _filter(self, image: Image, inside: Inside) -> Image:
        """Blur, edge enhancement, or a coarser scan conversion."""
        kind = self.random.integers(3)
        blurred = cv2.GaussianBlur(image, (0, 0), self.random.uniform(0.5, 1.8))
        if kind == 0:
            return blurred
        if kind == 1:
            return image + np.float32(self.random.uniform(0.3, 1.5)) * (image - blurred)
        factor = self.random.uniform(1.3, 3.0)
        small = cv2.resize(image, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
        return cv2.resize(small, self.size[::-1], interpolation=cv2.INTER_LINEAR)

    def _compress(self, image: Image, inside: Inside) -> Image:
        """Lossy compression, as most clips went through."""
        gray = (np.clip(image, 0, 1) * 255).astype(np.uint8)
        _, code = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, int(self.random.integers(15, 80))])
        return cv2.imdecode(code, cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255

    def _screen(self, image: Image, inside: Inside) -> tuple[Image, Inside]:
        """Text, marks and lines that the sector's finder may leave standing, and a sector found too large."""
        random, (rows, columns) = self.random, self.size
        inside = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=int(random.integers(1, 15)))
        drawn = (np.clip(image, 0, 1) * 255).astype(np.uint8)
        for _ in range(random.integers(1, 5)):
            at = (int(random.integers(0, columns)), int(random.integers(0, rows)))
            shade = int(random.integers(80, 256))
            if random.random() < 0.6:
                text = "".join(random.choice(list("0123456789ABCDEFGHImnstu.:/ -"), random.integers(2, 10)))
                cv2.putText(drawn, text, at, cv2.FONT_HERSHEY_SIMPLEX, float(random.uniform(0.25, 0.5)), shade, 1)
            else:
                end = (int(random.integers(0, columns)), at[1] + int(random.integers(-12, 12)))
                cv2.line(drawn, at, end, shade, 1)
        return drawn.astype(np.float32) / 255, inside.astype(bool)
