"""What another machine, setting, patient or file does to the gray values of a window; masks stay.

Every change takes and gives frames (N, rows, columns) float32 of 0 to 1. What a machine or a patient does is the same
on all frames of a window; speckle and compression are drawn for each, and lost echoes come back.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from monai.transforms import AdjustContrast, RandCoarseDropout
from numpy.typing import NDArray

Frames = NDArray[np.float32]
Image = NDArray[np.float32]
Inside = NDArray[np.bool_]
Change = Callable[[Frames, Inside], Frames]


class Appearance:
    """Random changes by name, drawn from one stream.

    Parameters
    ----------
    size: (rows, columns).
    random: the stream.
    """

    def __init__(self, size: tuple[int, int], random: np.random.Generator) -> None:
        self.size, self.random = size, random
        self.grid = np.stack(
            np.meshgrid(np.arange(size[1], dtype=np.float32), np.arange(size[0], dtype=np.float32)), axis=-1
        )

    def polar(self, inside: Inside) -> tuple[Image, Image, float]:
        """Angle from the vertical (radian) and depth (px) about the sector's top, and the greatest depth."""
        rows = np.flatnonzero(inside.any(1))
        if not len(rows):
            rows = np.array([0, self.size[0] - 1])
        top = np.flatnonzero(inside[rows[0]])
        apex = np.array([top.mean() if len(top) else self.size[1] / 2, float(rows[0])], np.float32)
        away = self.grid - apex
        depth = cv2.magnitude(away[..., 0], away[..., 1])
        return np.arctan2(away[..., 0], away[..., 1]), depth, float(rows[-1] - rows[0] + 1)

    def _smooth_noise(self, cells: int) -> Image:
        """Standard normal noise, smooth at about ``cells`` blobs across the input."""
        rows = max(2, cells * self.size[0] // self.size[1])
        coarse = self.random.standard_normal((rows, cells), np.float32)
        return cv2.resize(coarse, self.size[::-1], interpolation=cv2.INTER_CUBIC)

    def haze(self, frames: Frames, inside: Inside) -> Frames:
        """Near-field clutter, or a veil over a part of the sector."""
        angle, depth, deepest = self.polar(inside)
        if self.random.random() < 0.5:
            veil = np.exp(-depth / np.float32(deepest * self.random.uniform(0.05, 0.3)))
        else:
            veil = np.exp(
                -(((angle - self.random.uniform(-0.5, 0.5)) / self.random.uniform(0.15, 0.5)) ** 2)
                - ((depth / deepest - self.random.uniform(0, 1)) / self.random.uniform(0.1, 0.4)) ** 2
            )
        texture = 1 + 0.3 * self._smooth_noise(self.size[1] // 3)
        return frames + np.float32(self.random.uniform(0.05, 0.35)) * (veil * texture).astype(np.float32)

    def shadows(self, frames: Frames, inside: Inside) -> Frames:
        """Gaussian shadows along the beam, from some depth on (ribs, lung, a lost lateral wall)."""
        angle, depth, deepest = self.polar(inside)
        light = np.ones(self.size, np.float32)
        for _ in range(self.random.integers(1, 4)):
            across = np.exp(-(((angle - self.random.uniform(-0.7, 0.7)) / self.random.uniform(0.04, 0.25)) ** 2) / 2)
            start = self.random.uniform(-0.2, 0.6) * deepest
            along = 1 / (1 + np.exp(-(depth - start) / (0.05 * deepest)))
            light *= (1 - self.random.uniform(0.3, 0.95) * across * along).astype(np.float32)
        return frames * light

    def dropout(self, frames: Frames, inside: Inside) -> Frames:
        """Echoes lost on a few frames in a row, along some beams, in a spot or everywhere; single frames stay.

        What was seen before tells where the walls are: so a network that remembers learns to trust its memory.
        """
        count = len(frames)
        if count < 3:
            return frames
        first = int(self.random.integers(1, count))
        angle, depth, deepest = self.polar(inside)
        off_axis = (angle - self.random.uniform(-0.6, 0.6)) / self.random.uniform(0.08, 0.35)
        off_depth = (depth / deepest - self.random.uniform(0.2, 0.9)) / self.random.uniform(0.1, 0.3)
        kind = self.random.integers(3)
        lost = np.exp(-(off_axis**2) / 2) if kind == 0 else np.exp(-(off_axis**2 + off_depth**2) / 2)
        light = 1 - self.random.uniform(0.5, 1.0) * (np.ones_like(lost) if kind == 2 else lost)
        dimmed = frames.copy()
        dimmed[first : first + int(self.random.integers(1, 5))] *= light.astype(np.float32)
        return dimmed

    def time_gain(self, frames: Frames, inside: Inside) -> Frames:
        """Another time-gain compensation and lateral gain: after log compression, gain is added."""
        offset = np.float32(self.random.uniform(0.03, 0.12)) * self._smooth_noise(4)
        return frames + offset * (frames > 0.02)

    def speckle(self, frames: Frames, inside: Inside) -> Frames:
        """Multiplicative noise of another grain, longer across the beam than along it, partly lasting over frames."""
        lasting = np.float32(self.random.uniform(0, 1))
        noise = self.random.standard_normal((*self.size, len(frames)), np.float32) * np.sqrt(1 - lasting)
        noise += self.random.standard_normal((*self.size, 1), np.float32) * np.sqrt(lasting)
        across, along = self.random.uniform(0.5, 2.0), self.random.uniform(0.4, 1.0)
        noise = cv2.GaussianBlur(noise, (0, 0), across, None, along).reshape(noise.shape)
        noise /= max(float(noise[..., 0].std()), 1e-6)
        return frames * (1 + np.float32(self.random.uniform(0.05, 0.35)) * np.moveaxis(noise, -1, 0))

    def gray_curve(self, frames: Frames, inside: Inside) -> Frames:
        """Gamma, dynamic range (black point and slope), gain, and low gain that leaves cavities black."""
        random, levels = self.random, np.linspace(0, 1, 1025, dtype=np.float32)
        curve = levels
        if random.random() < 0.7:
            curve = curve ** np.float32(np.exp(random.uniform(np.log(0.5), np.log(2.2))))
        if random.random() < 0.6:
            black, white = random.uniform(-0.1, 0.22), random.uniform(0.6, 1.15)
            curve = (curve - np.float32(black)) / np.float32(white - black)
        if random.random() < 0.3:
            curve = np.clip(curve, 0, 1) * np.float32(random.uniform(0.25, 1.0))
        if random.random() < 0.2:
            middle, steepness = random.uniform(0.3, 0.6), random.uniform(3, 7)
            curve = 1 / (1 + np.exp(-np.float32(steepness) * (curve - np.float32(middle))))
        # By table: a power of every pixel would take ten times as long.
        place = np.clip(frames * 1024, 0, 1024).astype(np.int16)
        return np.clip(curve, 0, 1).astype(np.float32)[place]

    def gamma(self, frames: Frames, inside: Inside) -> Frames:
        """Gamma intensity transformation (Smistad 2021; MONAI's)."""
        changed = AdjustContrast(float(np.exp(self.random.uniform(np.log(0.6), np.log(1.7)))))(np.clip(frames, 0, 1))
        return np.asarray(changed, np.float32)

    def jitter(self, frames: Frames, inside: Inside) -> Frames:
        """Colour jitter of gray frames: brightness and contrast (paper 000)."""
        bright, contrast = np.float32(self.random.uniform(0.7, 1.3, 2))
        middle = np.float32(frames[:, inside].mean() if inside.any() else 0.5)
        return (frames * bright - middle) * contrast + middle

    def blur(self, frames: Frames, inside: Inside) -> Frames:
        """Random Gaussian blur (paper 000)."""
        return self._blurred(frames, self.random.uniform(0.3, 1.5))

    def filter(self, frames: Frames, inside: Inside) -> Frames:
        """Blur, edge enhancement, or a coarser scan conversion."""
        kind = self.random.integers(3)
        if kind == 2:
            factor = self.random.uniform(1.3, 3.0)
            small = [cv2.resize(f, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA) for f in frames]
            return np.stack([cv2.resize(s, self.size[::-1], interpolation=cv2.INTER_LINEAR) for s in small])
        blurred = self._blurred(frames, self.random.uniform(0.5, 1.8))
        if kind == 0:
            return blurred
        return frames + np.float32(self.random.uniform(0.3, 1.5)) * (frames - blurred)

    def _blurred(self, frames: Frames, sigma: float) -> Frames:
        return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma) for frame in frames])

    def jpeg(self, frames: Frames, inside: Inside) -> Frames:
        """Lossy compression, as most clips went through."""
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(self.random.integers(15, 80))]
        gray = (np.clip(frames, 0, 1) * 255).astype(np.uint8)
        codes = [cv2.imencode(".jpg", frame, quality)[1] for frame in gray]
        return np.stack([cv2.imdecode(code, cv2.IMREAD_GRAYSCALE) for code in codes]).astype(np.float32) / 255

    def blackout(self, frames: Frames, inside: Inside) -> Frames:
        """A random rectangle set to zero (Smistad 2021; MONAI's), at one place in all frames."""
        most = max(2, min(self.size) // 3)
        hole = RandCoarseDropout(holes=1, spatial_size=2, max_spatial_size=most, fill_value=0.0, prob=1.0)
        hole.set_random_state(int(self.random.integers(2**31)))
        return np.asarray(hole(frames), np.float32)

    def screen(self, frames: Frames, inside: Inside) -> Frames:
        """Text, marks and lines that the sector's finder may leave standing; they stay while the heart moves."""
        random, (rows, columns) = self.random, self.size
        drawn = np.zeros(self.size, np.uint8)
        for _ in range(random.integers(1, 5)):
            at = (int(random.integers(0, columns)), int(random.integers(0, rows)))
            shade = int(random.integers(80, 256))
            if random.random() < 0.6:
                text = "".join(random.choice(list("0123456789ABCDEFGHImnstu.:/ -"), random.integers(2, 10)))
                cv2.putText(drawn, text, at, cv2.FONT_HERSHEY_SIMPLEX, float(random.uniform(0.25, 0.5)), shade, 1)
            else:
                end = (int(random.integers(0, columns)), at[1] + int(random.integers(-12, 12)))
                cv2.line(drawn, at, end, shade, 1)
        return np.where(drawn > 0, drawn.astype(np.float32) / 255, frames)
