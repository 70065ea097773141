"""Where an input's pixels come from: fit, zoom, turn, shift, stretch, mirror and warp in one resampling.

Images, masks and landmarks of all frames of a window go through the same map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from EchoODELib.engine.models.preparation import Fit
from numpy.typing import NDArray

Points = NDArray[np.float32]
_ELASTIC_SHARE = 0.5
_INVERSE_STEPS = 6


@dataclass(frozen=True)
class Changes:
    """One draw of the random geometry; the defaults change nothing.

    Attributes
    ----------
    zoom, stretch: ratios; a stretch above 1 makes wider and lower.
    angle: radian.
    mirror: whether left and right are swapped.
    shift: (2,) px of the input, (x, y).
    warp: (rows, columns, 2) px of the input, (x, y), or None.
    """

    zoom: float = 1.0
    stretch: float = 1.0
    angle: float = 0.0
    mirror: bool = False
    shift: tuple[float, float] = (0.0, 0.0)
    warp: NDArray[np.float32] | None = None


class Geometry:
    """The map from a network's input back to a box of the file's pixels.

    Parameters
    ----------
    box: (row0, row1, column0, column1), half-open, of the sector in the file's pixels.
    size: (rows, columns) of the input.
    spacing: (row, column) mm per pixel, or None.
    """

    # One remap of 7 frames takes 0.2 ms; MONAI's RandAffine takes 3.3 ms and its Rand2DElastic 8.1 ms (112x112).

    def __init__(
        self,
        box: tuple[int, int, int, int],
        size: tuple[int, int],
        spacing: tuple[float, float] | None,
        changes: Changes | None = None,
    ) -> None:
        changes = changes or Changes()
        self.box, self.size, self.changes = box, size, changes
        top, bottom, left, right = Fit.of(box, size, spacing).placed
        per_row, per_column = (box[1] - box[0]) / (bottom - top), (box[3] - box[2]) / (right - left)
        cos, sin = np.cos(changes.angle), np.sin(changes.angle)
        turn = np.array([[cos, -sin], [sin, cos]])
        undo = np.diag([1 / (changes.zoom * changes.stretch), changes.stretch / changes.zoom])
        # From the input's pixels (x, y) back to the box's: undo zoom and turn about the middle, then the fit.
        self._linear = np.diag([-per_column if changes.mirror else per_column, per_row]) @ turn @ undo
        self._centre = np.array([(left + right) / 2, (top + bottom) / 2]) + changes.shift
        self._target = np.array([(box[3] - box[2]) / 2, (box[1] - box[0]) / 2])
        self._reduction = min(1.0, changes.zoom / per_row), min(1.0, changes.zoom / per_column)
        grid = np.stack(np.meshgrid(np.arange(size[1]), np.arange(size[0])), axis=-1).astype(np.float32)
        if changes.warp is not None:
            grid = grid + changes.warp
        away = grid + np.float32(0.5) - self._centre.astype(np.float32)
        self._where = away @ self._linear.T.astype(np.float32) + self._target.astype(np.float32)

    def _cut(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return image[self.box[0] : self.box[1], self.box[2] : self.box[3]]

    def frames(self, frames: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
        """Gray frames (H, W) to (N, rows, columns), zero outside the box."""
        rows, columns = self.box[1] - self.box[0], self.box[3] - self.box[2]
        small = max(1, round(rows * self._reduction[0])), max(1, round(columns * self._reduction[1]))
        ratio = np.array([small[1] / columns, small[0] / rows], np.float32)
        where = self._where * ratio - np.float32(0.5)
        out = np.empty((len(frames), *self.size), np.uint8)
        for into, frame in zip(out, frames, strict=True):
            cut = self._cut(frame)
            if small != (rows, columns):  # shrunk by area first, as at use: a linear resampling would alias
                cut = cv2.resize(cut, small[::-1], interpolation=cv2.INTER_AREA)
            cv2.remap(cut, where, None, cv2.INTER_LINEAR, dst=into)
        return out

    def inside(self, sector: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The sector (H, W) to (rows, columns)."""
        cut = np.ascontiguousarray(self._cut(sector.view(np.uint8)))
        return cv2.remap(cut, self._where - np.float32(0.5), None, cv2.INTER_NEAREST).astype(bool)

    def masks(self, masks: Sequence[NDArray[np.uint8]], labels: Sequence[int]) -> NDArray[np.uint8]:
        """Masks (H, W) to (N, rows, columns) of 0 and 1 + the place of each label in ``labels``.

        Each label is resampled linearly and the largest taken, so that borders keep their place and smoothness.
        """
        where = self._where - np.float32(0.5)
        out = np.zeros((len(masks), *self.size), np.uint8)
        for into, mask in zip(out, masks, strict=True):
            cut, best = self._cut(mask), np.full(self.size, 255, np.int16)
            layers = []
            for label in labels:
                layer = cv2.remap((cut == label).astype(np.uint8) * np.uint8(255), where, None, cv2.INTER_LINEAR)
                layers.append(layer)
                best -= layer
            for place, layer in enumerate(layers, start=1):
                larger = layer > best
                into[larger] = place
                np.maximum(best, layer, out=best)
        return out

    def points(self, points: Points) -> Points:
        """Points (..., 2) as (row, column) of the file to (row, column) of the input; NaN where outside of it."""
        flat = points.reshape(-1, 2)[:, ::-1].astype(np.float64)
        known = np.isfinite(flat).all(1)
        moved = np.full_like(flat, np.nan)
        on_box = flat[known] - [self.box[2], self.box[0]] + 0.5
        landed = (on_box - self._target) @ np.linalg.inv(self._linear).T + self._centre - 0.5
        place = landed
        if self.changes.warp is not None and len(landed):
            for _ in range(_INVERSE_STEPS):
                at = place.astype(np.float32)[None]
                bend = cv2.remap(self.changes.warp, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                place = landed - bend[0]
        within = ((place >= -0.5) & (place <= np.array(self.size[::-1]) - 0.5)).all(1)
        moved[known] = np.where(within[:, None], place, np.nan)
        return moved[:, ::-1].reshape(points.shape).astype(np.float32)


def draw_changes(
    random: np.random.Generator,
    size: tuple[int, int],
    *,
    scale: tuple[float, float],
    rotation: float,
    shift: float,
    stretch: float,
    elastic: float,
    mirror: float,
) -> Changes:
    """Random geometry within the limits of :class:`.augment.Augmentation`."""
    zoom = float(np.exp(random.uniform(*np.log(scale))))
    stretched = float(np.exp(random.uniform(-1, 1) * np.log1p(stretch)))
    angle = float(np.radians(random.uniform(-rotation, rotation)))
    mirrored = bool(random.random() < mirror)
    moved = random.uniform(-1, 1, 2) * shift * np.array(size[::-1])
    warp = None
    if elastic > 0 and random.random() < _ELASTIC_SHARE:
        coarse = random.normal(0, elastic, (6, 7, 2)).astype(np.float32)
        warp = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)
    return Changes(zoom, stretched, angle, mirrored, (float(moved[0]), float(moved[1])), warp)
