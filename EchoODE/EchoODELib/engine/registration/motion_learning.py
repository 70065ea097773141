"""Learning the motion model: displacements between ED and ES of many patients, brought to one ventricle."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray
from safetensors.numpy import save

from .motion_model import VentricleAxes, ventricle_axes

ALONG = (-0.65, 1.95)  # lengths of the long axis that the model covers, 0 the apex, 1 the base
ACROSS = (-2.3, 2.3)  # half widths
SHAPE = (26, 23)
_RIM = 3  # samples over which the model fades to rest


def _points(axes: VentricleAxes) -> NDArray[np.float32]:
    """Frame coordinates (rows, columns, 2) of the model's samples, (x, y) px."""
    along, across = (
        ends[0] + (np.arange(n) + 0.5) / n * (ends[1] - ends[0]) for n, ends in zip(SHAPE, (ALONG, ACROSS), strict=True)
    )
    offset = along[:, None, None] * axes.length * axes.along + across[None, :, None] * axes.half_width * axes.across
    return np.asarray(axes.apex + offset, np.float32)


def in_ventricle_coordinates(displacement: NDArray[np.float32], mask: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """A displacement (H, W, 2) px from ED, (2, rows, columns) across in half widths and along in lengths.

    None without an LV in the ED mask.
    """
    axes = ventricle_axes(mask)
    if axes is None:
        return None
    points = _points(axes)
    motion = cv2.remap(displacement, points[..., 0], points[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.stack([motion @ axes.across / axes.half_width, motion @ axes.along / axes.length])


def learn_modes(motions: NDArray[np.float64], count: int) -> tuple[NDArray[np.float16], list[float]]:
    """Mean and ``count`` principal components, one standard deviation each, of (patients, 2, rows, columns).

    Returns
    -------
    (1 + count, 2, rows, columns) float16, and the share of the variance that each component explains.
    """
    mean = motions.mean(0)
    _, spread, components = np.linalg.svd((motions - mean).reshape(len(motions), -1), full_matrices=False)
    deviations = components[:count] * spread[:count, None] / np.sqrt(len(motions))
    modes = np.concatenate([mean[None], deviations.reshape(count, *mean.shape)])
    rims = [np.clip(np.minimum(np.arange(n), np.arange(n)[::-1]) / _RIM, 0, 1) for n in SHAPE]
    modes = modes * (rims[0][:, None] * rims[1][None])
    return modes.astype(np.float16), [float(v) for v in (spread**2 / np.sum(spread**2))[:count]]


def write_motion_model(
    motions: Iterable[NDArray[np.float64]], folder: Path, name: str, count: int = 8, **facts: object
) -> Path:
    """Learn, and write ``NAME.safetensors`` and its card ``NAME.yaml`` with ``facts`` added; gives the card's path."""
    gathered = np.stack(list(motions))
    modes, explained = learn_modes(gathered, count)
    content = save({"modes": modes})
    card = {
        "name": name,
        **facts,
        "numbers": f"{name}.safetensors",
        "sha256": hashlib.sha256(content).hexdigest(),
        "along": list(ALONG),
        "across": list(ACROSS),
        "patients": len(gathered),
        "variance_explained": [round(v, 3) for v in explained],
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.safetensors").write_bytes(content)
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(card, sort_keys=False, width=110, allow_unicode=True), encoding="utf-8")
    return path
