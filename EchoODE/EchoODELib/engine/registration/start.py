"""First guesses for the spline velocities: dense optical flow, fitted by the spline."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .legs import Leg
from .velocity import SplineGrid
from .work import HeartBox

_SIZE = 96  # px of the heart box's long side
_BLUR = 2.0
_LARGEST = 0.08  # of the long side between neighbouring frames; more is a mismatch of the flow


def optical_flow_start(
    frames: NDArray[np.uint8], box: HeartBox, legs: Sequence[Leg], basis: Tensor, substeps: int, grid: SplineGrid
) -> Tensor:
    """Controls (L, K, 2, rows, columns), px a leg, that best explain the flow between neighbouring frames.

    The flow is OpenCV's DIS (Kroeger et al., ECCV 2016), the fit least squares in space, then in time.

    Parameters
    ----------
    basis: (L, N * substeps, K) time weights, as ``SplineFit`` has them.
    """
    shape = box.size_at(_SIZE)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    used = sorted({f for leg in legs for f in (leg.source, *leg.frames)})
    images = np.clip(box.images(frames[used], shape, _BLUR) * 255, 0, 255).astype(np.uint8)
    image = dict(zip(used, images, strict=True))
    to_px = np.array([box.shape[1] / shape[1], box.shape[0] / shape[0]], np.float32)
    unused = np.zeros((*shape, 2), np.float32)  # the preset takes no first guess
    longest = basis.shape[1] // substeps
    started = []
    for leg, in_time in zip(legs, basis, strict=True):
        count = len(leg.frames)
        motion = np.zeros((count, 2, *shape), np.float32)
        for position, (near, far) in enumerate(zip((leg.source, *leg.frames), leg.frames, strict=False)):
            pull_back = flow.calc(image[far], image[near], unused) * to_px
            length = np.linalg.norm(pull_back, axis=-1, keepdims=True)
            pull_back *= np.minimum(1, _LARGEST * box.long_side / np.maximum(length, 1e-6))
            # A velocity in px per leg: the pull-back runs against it, once in so many intervals.
            motion[position] = (-pull_back * count).transpose(2, 0, 1)
        controls = grid.fit(torch.from_numpy(motion).to(basis.device))
        weights = in_time.view(longest, substeps, -1).mean(1)[:count] * count * substeps
        normal = weights.T @ weights + 1e-3 * torch.eye(weights.shape[1], device=basis.device)
        started.append(torch.einsum("kn,ncyx->kcyx", torch.linalg.solve(normal, weights.T), controls))
    return torch.stack(started)
