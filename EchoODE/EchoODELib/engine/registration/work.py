"""Where the registration works: a box around the heart, away from text and ECG, at several resolutions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

RIM = 0.08  # of a region's height and width, around it
_BLUR_REFERENCE = 192  # a heart box of this many px has blurs as given in the settings


@dataclass(frozen=True)
class HeartBox:
    """A box around the mask; it may reach beyond the frame, whose edges are then repeated.

    Attributes
    ----------
    top, left: its first row and column in the frame, may be negative.
    shape: (rows, columns) px.
    frame: (rows, columns) of the frame.
    """

    top: int
    left: int
    shape: tuple[int, int]
    frame: tuple[int, int]

    @classmethod
    def around(cls, masks: list[NDArray[np.uint8]], margin: float) -> HeartBox:
        """The box of all masks together plus ``margin`` times its larger side on each side, at least 8 px."""
        union = np.any(np.stack([mask > 0 for mask in masks]), axis=0)
        rows, columns = np.flatnonzero(union.any(1)), np.flatnonzero(union.any(0))
        top, left = int(rows[0]), int(columns[0])
        height, width = int(rows[-1]) + 1 - top, int(columns[-1]) + 1 - left
        border = max(8, round(margin * max(height, width)))
        shape = (height + 2 * border, width + 2 * border)
        return cls(top - border, left - border, shape, (union.shape[0], union.shape[1]))

    @classmethod
    def over(cls, region: NDArray[np.bool_], masks: list[NDArray[np.uint8]]) -> HeartBox:
        """The box of a region (H, W), the whole sector say, and the masks, with a rim of :data:`RIM` of its sides."""
        union = region | np.any(np.stack([mask > 0 for mask in masks]), axis=0)
        rows, columns = np.flatnonzero(union.any(1)), np.flatnonzero(union.any(0))
        height, width = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
        above, left = math.ceil(RIM * height), math.ceil(RIM * width)
        shape = (height + 2 * above, width + 2 * left)
        return cls(int(rows[0]) - above, int(columns[0]) - left, shape, (union.shape[0], union.shape[1]))

    @property
    def long_side(self) -> int:
        """Pixels along the larger side."""
        return max(self.shape)

    @property
    def inside(self) -> tuple[slice, slice]:
        """The part of the frame that the box covers."""
        rows = slice(max(0, self.top), min(self.frame[0], self.top + self.shape[0]))
        columns = slice(max(0, self.left), min(self.frame[1], self.left + self.shape[1]))
        return rows, columns

    def cut(self, image: NDArray[np.generic], *, constant: bool = False) -> NDArray[np.generic]:
        """The box's pixels of an image (H, W); outside the frame the edge is repeated, or 0 if ``constant``."""
        rows, columns = self.inside
        above, left = rows.start - self.top, columns.start - self.left
        below = self.shape[0] - above - (rows.stop - rows.start)
        right = self.shape[1] - left - (columns.stop - columns.start)
        part = np.ascontiguousarray(image[rows, columns])
        if not (above or below or left or right):
            return part
        mode = cv2.BORDER_CONSTANT if constant else cv2.BORDER_REPLICATE
        return np.asarray(cv2.copyMakeBorder(part, above, below, left, right, mode, value=0))

    def place(self, values: NDArray[np.float32], into: NDArray[np.float32]) -> None:
        """Write box values (rows, columns, ...) into an array of the frame's size, cutting what lies outside."""
        rows, columns = self.inside
        into[rows, columns] = values[
            rows.start - self.top : rows.stop - self.top, columns.start - self.left : columns.stop - self.left
        ]

    def size_at(self, long_side: int) -> tuple[int, int]:
        """(rows, columns) of the box at a resolution, never above its own."""
        scale = min(1.0, long_side / self.long_side)
        return max(8, round(self.shape[0] * scale)), max(8, round(self.shape[1] * scale))

    def images(self, frames: NDArray[np.uint8], size: tuple[int, int], blur: float) -> NDArray[np.float32]:
        """Frames (T, H, W) in the box at ``size``, blurred, values in [0, 1]: (T, h, w)."""
        sigma = blur * max(size) / _BLUR_REFERENCE
        out = np.empty((len(frames), *size), np.float32)
        for image, frame in zip(out, frames, strict=True):
            small = cv2.resize(self.cut(frame).astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
            image[:] = cv2.GaussianBlur(small, (0, 0), sigma) if sigma > 0.25 else small
        out /= 255
        return out

    def memberships(self, mask: NDArray[np.uint8], labels: tuple[int, ...], size: tuple[int, int]) -> Tensor:
        """Soft membership (C, h, w) of a mask's labels in the box at ``size``."""
        cut = self.cut(mask, constant=True)
        layers = [
            cv2.resize((cut == label).astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA) for label in labels
        ]
        return torch.from_numpy(np.stack(layers))
