"""How hearts contract between end-diastole and end-systole: a mean motion and its main variations.

Frames far apart share no speckle, and an intensity match alone then stops short: on pairs of ED and ES
frames every intensity-driven method, ours included, ends 11 to 20 points of EF too low. A model learned
from other patients' pairs says how a ventricle moves; the images say how much. It is a mean and principal
components of displacement in the ventricle's own coordinates (a point distribution model of motion, after
Cootes et al., CVIU 1995).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import yaml
from numpy.typing import NDArray
from safetensors.numpy import load
from torch import Tensor

from ..errors import WeightsError
from ..sequence import Label
from .flow import identity_grid, invert, sample, warp
from .work import HeartBox

FOLDER = "Motion"


@dataclass(frozen=True)
class VentricleAxes:
    """The LV's own coordinates in the frame, (x, y) px.

    Attributes
    ----------
    apex: where the long axis starts.
    along, across: unit vectors from apex to base, and to the right of it in the image.
    length, half_width: px; the half width is area / length / 2.
    """

    apex: NDArray[np.float64]
    along: NDArray[np.float64]
    across: NDArray[np.float64]
    length: float
    half_width: float


def ventricle_axes(mask: NDArray[np.uint8]) -> VentricleAxes | None:
    """The LV's axes from a mask (H, W), or None without an LV of some size.

    The base is where the LV meets the atrium, or, without an atrium, where no myocardium covers it; with
    neither it is the wider end.
    """
    cavity = mask == Label.LV
    if np.count_nonzero(cavity) < 30:
        return None
    points = np.argwhere(cavity)[:, ::-1].astype(np.float64)
    opening = _opening(mask, cavity)
    base = np.argwhere(opening)[:, ::-1].mean(0) if opening.any() else _wider_end(points)
    distance = np.linalg.norm(points - base, axis=1)
    apex = points[distance >= np.percentile(distance, 99)].mean(0)
    length = float(np.linalg.norm(base - apex))
    if length < 4:
        return None
    along = (base - apex) / length
    across = np.array([-along[1], along[0]])
    across *= 1.0 if across[0] >= 0 else -1.0
    return VentricleAxes(apex, along, across, length, len(points) / length / 2)


def _opening(mask: NDArray[np.uint8], cavity: NDArray[np.bool_]) -> NDArray[np.bool_]:
    near = np.ones((5, 5), np.uint8)
    if (mask == Label.LA).any():
        return cavity & (cv2.dilate((mask == Label.LA).astype(np.uint8), near) > 0)
    if (mask == Label.MYOCARDIUM).any():
        outside = (mask != Label.LV) & (cv2.dilate((mask == Label.MYOCARDIUM).astype(np.uint8), near) == 0)
        return cavity & (cv2.dilate(outside.astype(np.uint8), near) > 0)
    return np.zeros_like(cavity)


def _wider_end(points: NDArray[np.float64]) -> NDArray[np.float64]:
    centre = points.mean(0)
    axis = np.linalg.eigh(np.cov((points - centre).T))[1][:, -1]
    position = (points - centre) @ axis
    low, high = np.percentile(position, [15, 85])
    across = (points - centre) @ np.array([-axis[1], axis[0]])
    flip = np.ptp(across[position < low]) > np.ptp(across[position > high])
    return np.asarray(centre + axis * (position.min() if flip else position.max()))


@dataclass(frozen=True)
class MotionModel:
    """Displacements from ED to ES on a grid of ventricle coordinates.

    Attributes
    ----------
    name: as on its card.
    sha256: checksum of its numbers.
    along: first and last position on the long axis, in lengths (0 apex, 1 base).
    across: first and last position across it, in half widths.
    modes: (J, 2, rows, columns) float32; the mean, then variations of one standard deviation each;
        channel 0 is across in half widths, channel 1 along in lengths.
    """

    name: str
    sha256: str
    along: tuple[float, float]
    across: tuple[float, float]
    modes: NDArray[np.float32]

    def velocities(self, mask: NDArray[np.uint8], box: HeartBox, size: tuple[int, int], count: int) -> Tensor | None:
        """Velocities (J, 2, h, w), px over the whole leg, whose flow is the mean and the variations.

        None without an LV. A velocity v has about the flow d where v(p + d(p) / 2) = d(p).
        """
        axes = ventricle_axes(mask)
        if axes is None:
            return None
        half = torch.tensor([box.shape[1] / 2, box.shape[0] / 2]).view(1, 2, 1, 1)
        corner = torch.tensor([box.left, box.top], dtype=torch.float32).view(1, 2, 1, 1)
        offset = (identity_grid(size) + 1) * half + corner - 0.5 - _vector(axes.apex)
        position = (offset * _vector(axes.along)).sum(1, keepdim=True) / axes.length
        aside = (offset * _vector(axes.across)).sum(1, keepdim=True) / axes.half_width
        points = torch.cat([_relative(aside, self.across), _relative(position, self.along)], 1)
        table = torch.from_numpy(self.modes[:count])
        inside = (points.abs().amax(1, keepdim=True) <= 1).float()
        values = sample(table, points.expand(len(table), -1, -1, -1)) * inside
        across, along = values[:, :1] * axes.half_width, values[:, 1:] * axes.length
        displacement = (across * _vector(axes.across) + along * _vector(axes.along)) / half
        return warp(displacement, invert(displacement / 2, iterations=15)) * half


def _vector(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32)).view(1, 2, 1, 1)


def _relative(values: Tensor, ends: tuple[float, float]) -> Tensor:
    return (values - ends[0]) / (ends[1] - ends[0]) * 2 - 1


def find_motion_model(name: str) -> Path | None:
    """The card ``Resources/Motion/NAME.yaml`` in one of the folders above the package, or None."""
    for folder in Path(__file__).resolve().parents:
        card = folder / "Resources" / FOLDER / f"{name}.yaml"
        if card.is_file():
            return card
    return None


def load_motion_model(name: str) -> MotionModel | None:
    """The model of that name, checksum verified; None where none is installed.

    Raises
    ------
    WeightsError: the card or the numbers are damaged.
    """
    card = find_motion_model(name)
    if card is None:
        return None
    try:
        facts = yaml.safe_load(card.read_text(encoding="utf-8"))
        content = (card.parent / facts["numbers"]).read_bytes()
        along, across, checksum = facts["along"], facts["across"], facts["sha256"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise WeightsError(f"The motion model {name} can't be read; install EchoODE again.") from error
    if hashlib.sha256(content).hexdigest() != checksum:
        raise WeightsError(f"The motion model {name} is damaged (its checksum differs); install EchoODE again.")
    modes = load(content)["modes"].astype(np.float32)
    return MotionModel(name, checksum, (along[0], along[1]), (across[0], across[1]), modes)
