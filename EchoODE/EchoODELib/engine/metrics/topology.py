"""Components and holes of masks, for one frame or a whole clip at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

# Foreground joins over corners and background over edges, so that a closed ring always has one hole.
_FOREGROUND = np.array([np.zeros((3, 3)), np.ones((3, 3)), np.zeros((3, 3))], bool)
_BACKGROUND = np.array([np.zeros((3, 3)), [[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.zeros((3, 3))], bool)


def _stack(mask: NDArray[Any]) -> NDArray[np.bool_]:
    array = np.asarray(mask).astype(bool)
    return array[None] if array.ndim == 2 else array


def _label(stack: NDArray[np.bool_], structure: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Label each frame by itself; also the frame of each label (index 0 is the rest)."""
    labels = np.empty(stack.shape, np.int32)
    count = int(ndimage.label(stack, structure, output=labels))
    frame_of = np.zeros(count + 1, np.intp)
    where = ndimage.find_objects(labels)
    frame_of[1:] = [box[0].start for box in where]
    return labels, frame_of


def _outside(labels: NDArray[np.int32], count: int) -> NDArray[np.bool_]:
    """Which background labels reach the frame's border (and so are no holes)."""
    reaches = np.zeros(count, bool)
    for edge in (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]):
        reaches[edge.ravel()] = True
    reaches[0] = True
    return reaches


def count_components(mask: NDArray[Any]) -> NDArray[np.intp]:
    """Number of connected pieces (8-neighbourhood) a frame.

    Parameters
    ----------
    mask: (T, H, W) or (H, W), non-zero is the structure.

    Returns
    -------
    (T,) int, T = 1 for a single frame.
    """
    stack = _stack(mask)
    _, frame_of = _label(stack, _FOREGROUND)
    return np.bincount(frame_of[1:], minlength=len(stack))


def count_holes(mask: NDArray[Any]) -> NDArray[np.intp]:
    """Number of background pieces (4-neighbourhood) that the structure encloses, a frame.

    Parameters
    ----------
    mask: (T, H, W) or (H, W), non-zero is the structure.

    Returns
    -------
    (T,) int, T = 1 for a single frame.
    """
    stack = _stack(mask)
    labels, frame_of = _label(~stack, _BACKGROUND)
    inside = ~_outside(labels, len(frame_of))
    return np.bincount(frame_of[inside], minlength=len(stack))


def largest_component(mask: NDArray[Any]) -> NDArray[np.bool_]:
    """The largest piece of each frame, of the mask's own shape; empty frames stay empty."""
    stack = _stack(mask)
    labels, frame_of = _label(stack, _FOREGROUND)
    sizes = np.bincount(labels.ravel(), minlength=len(frame_of))
    sizes[0] = 0
    keep = np.zeros(len(frame_of), bool)
    # Sorted by size, the last label written for a frame is its largest.
    best = np.zeros(len(stack), np.intp)
    order = np.argsort(sizes[1:], kind="stable") + 1
    best[frame_of[order]] = order
    keep[best] = True
    keep[0] = False
    result: NDArray[np.bool_] = keep[labels]
    return result.reshape(np.asarray(mask).shape)


def fill_holes(mask: NDArray[Any]) -> NDArray[np.bool_]:
    """The mask with the background that it encloses added, of its own shape."""
    stack = _stack(mask)
    labels, frame_of = _label(~stack, _BACKGROUND)
    inside = ~_outside(labels, len(frame_of))
    result: NDArray[np.bool_] = stack | inside[labels]
    return result.reshape(np.asarray(mask).shape)
