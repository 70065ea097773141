"""The motion of pseudo-sequences: ED registered to ES, and the way there in small steps from both ends."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from EchoODELib.engine.registration.flow import chain, invert
from EchoODELib.engine.registration.legs import Leg
from EchoODELib.engine.registration.masks import labels_of
from EchoODELib.engine.registration.motion_model import load_motion_model
from EchoODELib.engine.registration.settings import LossWeights, SplineSettings
from EchoODELib.engine.registration.spline_fit import Material, SplineFit
from EchoODELib.engine.registration.work import HeartBox
from numpy.typing import NDArray

Field = NDArray[np.float32]


@dataclass(frozen=True)
class Flow:
    """Pull-backs (steps + 1, H, W, 2) px of each state of contraction to ED and to ES."""

    to_ed: Field
    to_es: Field

    def at(self, share: float) -> tuple[Field, Field]:
        """The two pull-backs (H, W, 2) at a state from 0 (ED) to 1 (ES)."""
        position = share * (len(self.to_ed) - 1)
        low = min(int(position), len(self.to_ed) - 2)
        part = np.float32(position - low)
        return (
            self.to_ed[low] * (1 - part) + self.to_ed[low + 1] * part,
            self.to_es[low] * (1 - part) + self.to_es[low + 1] * part,
        )


def fit_flow(images: NDArray[np.uint8], masks: NDArray[np.uint8], sector: NDArray[np.bool_], steps: int) -> Flow:
    """Register ED to ES (2, H, W) with both masks as guides; zero motion outside a box around the heart."""
    spline = SplineSettings(steps=steps)
    box = HeartBox.around(list(masks), spline.margin)
    labels = labels_of(*masks)
    material = Material(images, inner_part(sector, 2), 0.3, box, labels, {0: masks[0]}, {1: masks[1]})
    legs = (Leg(0, (1,)),)
    model = load_motion_model(spline.motion_model)
    flows = SplineFit(legs, material, spline, LossWeights.sparse(), torch.device("cpu"), model).run()
    with torch.no_grad():
        pulls = flows.steps(box.shape)
        back = chain(pulls)[0]
        # The same way from the other end: each step undone, last first.
        onward = chain(invert(pulls[0]).flip(0)[None])[0].flip(0)
    to_ed, to_es = (np.zeros((steps + 1, *masks.shape[1:], 2), np.float32) for _ in range(2))
    half = np.array([box.shape[1] / 2, box.shape[0] / 2], np.float32)
    for number in range(steps):
        box.place(back[number].permute(1, 2, 0).numpy() * half, to_ed[number + 1])
        box.place(onward[number].permute(1, 2, 0).numpy() * half, to_es[number])
    return Flow(to_ed, to_es)


def inner_part(sector: NDArray[np.bool_], rim: int) -> NDArray[np.bool_]:
    """The sector without a rim in px, where its edge mixes with black."""
    side = 2 * rim + 1
    return cv2.erode(sector.astype(np.uint8), np.ones((side, side), np.uint8), borderValue=0).astype(bool)


def rigid_motion(shape: tuple[int, ...], offset: NDArray[np.float64], turn: float) -> Field:
    """A pull-back (H, W, 2) px of a probe that moved by ``offset`` (x, y) and turned by ``turn`` radian."""
    rows, columns = np.indices(shape, dtype=np.float32)
    x, y = columns - shape[1] / 2, rows
    cos, sin = np.cos(turn) - 1, np.sin(turn)
    return np.stack([cos * x - sin * y + offset[0], sin * x + cos * y + offset[1]], -1).astype(np.float32)
