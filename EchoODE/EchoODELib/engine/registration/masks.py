"""Carrying masks along fields, meeting guides exactly, and counting what topology a mask has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_REACH = 12.0  # px beyond which a signed distance no longer matters for blending


def labels_of(*masks: NDArray[np.uint8]) -> tuple[int, ...]:
    """Labels above 0 that any of the masks holds, in order."""
    return tuple(sorted({int(v) for mask in masks for v in np.unique(mask)} - {0}))


def _points(field: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    rows, columns = np.indices(field.shape[:2], dtype=np.float32)
    return columns + field[..., 0], rows + field[..., 1]


def memberships(mask: NDArray[np.uint8], labels: tuple[int, ...]) -> NDArray[np.float32]:
    """(H, W, 1 + C): background and each label as 0 or 1."""
    return np.stack([mask == label for label in (0, *labels)], axis=-1).astype(np.float32)


def signed_distances(mask: NDArray[np.uint8], labels: tuple[int, ...]) -> NDArray[np.float32]:
    """(H, W, 1 + C): px to each label's border, positive inside, cut at +-12 px."""
    out = np.empty((*mask.shape, 1 + len(labels)), np.float32)
    for channel, label in enumerate((0, *labels)):
        inside = (mask == label).astype(np.uint8)
        if inside.all() or not inside.any():
            out[..., channel] = _REACH if inside.all() else -_REACH
            continue
        within = cv2.distanceTransform(inside, cv2.DIST_L2, 3)
        beyond = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 3)
        out[..., channel] = np.clip(within - beyond, -_REACH, _REACH)
    return out


def carry(layers: NDArray[np.float32], field: NDArray[np.float32]) -> NDArray[np.float32]:
    """Layers (H, W, C) read at p + field(p), bilinear; ``field`` (H, W, 2) px. At most 4 layers at once in cv2."""
    x, y = _points(field)
    parts = [
        cv2.remap(layers[..., c : c + 4], x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for c in range(0, layers.shape[-1], 4)
    ]
    return np.concatenate([part.reshape(*field.shape[:2], -1) for part in parts], axis=-1)


def to_labels(layers: NDArray[np.float32], labels: tuple[int, ...]) -> NDArray[np.uint8]:
    """The label whose layer is largest at each pixel."""
    names = np.array((0, *labels), np.uint8)
    return np.asarray(names[layers.argmax(-1)])


def carried_masks(
    mask: NDArray[np.uint8],
    labels: tuple[int, ...],
    pull_backs: Mapping[int, NDArray[np.float32]],
    displacements: Mapping[int, NDArray[np.float32]],
    guides: Mapping[int, NDArray[np.uint8]],
    keys: tuple[int, ...],
) -> dict[int, NDArray[np.uint8]]:
    """Masks of all frames in ``pull_backs``, from the reference mask and the guides.

    Without guides a frame's mask is the reference's, carried. A frame between two *keys* (anchors and
    guides) of which one is a guide gets the blend of what both carry to it, by signed distance and in
    proportion to time, so that a guide's frame shows the guide itself and its neighbours lead to it.

    Parameters
    ----------
    keys: anchors and guides, ascending.
    """
    soft = memberships(mask, labels)
    distances = signed_distances(mask, labels) if guides else soft
    guide_distances = {frame: signed_distances(guide, labels) for frame, guide in guides.items()}
    out: dict[int, NDArray[np.uint8]] = {}
    for frame, pull_back in pull_backs.items():
        if frame in guides:
            out[frame] = guides[frame].copy()
            continue
        before = max((k for k in keys if k < frame), default=None)
        after = min((k for k in keys if k > frame), default=None)
        near = [k for k in (before, after) if k is not None]
        if not any(k in guides for k in near):
            out[frame] = to_labels(carry(soft, pull_back), labels)
            continue
        if before is None or after is None:
            shares = {near[0]: 1.0}
        else:
            share = (frame - before) / (after - before)
            shares = {before: 1 - share, after: share}
        blend = np.zeros((*mask.shape, 1 + len(labels)), np.float32)
        for key, share in shares.items():
            if key in guides:
                blend += share * carry(guide_distances[key], _between(pull_back, displacements[key]))
            else:
                blend += share * carry(distances, pull_back)
        out[frame] = to_labels(blend, labels)
    return out


def _between(pull_back: NDArray[np.float32], displacement: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pull-back from one frame to another, through the reference: displacement o (id + pull_back)."""
    return pull_back + carry(displacement, pull_back)


@dataclass(frozen=True)
class Topology:
    """Numbers of connected components (8-neighbours) and of holes over all labels of a mask."""

    components: int
    holes: int


def topology(mask: NDArray[np.uint8], labels: tuple[int, ...]) -> Topology:
    """Count components and holes, label by label; a hole is background of a label that does not reach outside."""
    components = holes = 0
    for label in labels:
        inside = np.pad((mask == label).astype(np.uint8), 1)
        if not inside.any():
            continue
        components += cv2.connectedComponents(inside, connectivity=8)[0] - 1
        holes += cv2.connectedComponents(1 - inside, connectivity=4)[0] - 2
    return Topology(components, holes)
