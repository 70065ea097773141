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
    array = np.asarray(mask)
    array = array if array.dtype == bool else array != 0
    return array[None] if array.ndim == 2 else array


def _box(stack: NDArray[np.bool_]) -> tuple[slice, slice, slice]:
    """The part of the frames that anything lies in: labelling the empty rest is most of the work."""
    shown: NDArray[np.bool_] = np.logical_or.reduce(stack, axis=0)
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    if not len(rows):
        return np.s_[:, :0, :0]
    return np.s_[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _label(stack: NDArray[np.bool_], structure: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Label each frame by itself; also the frame of each label (index 0 is the rest)."""
    labels = np.zeros(stack.shape, np.int32)
    count = int(ndimage.label(stack, structure, output=labels)) if stack.size else 0
    frame_of = np.zeros(count + 1, np.intp)
    frame_of[labels] = np.arange(len(stack))[:, None, None]
    return labels, frame_of


def _holes(stack: NDArray[np.bool_]) -> tuple[NDArray[np.int32], NDArray[np.intp], NDArray[np.bool_]]:
    """Labels of the background of a cropped stack, padded by one pixel; their frames; which are holes."""
    labels, frame_of = _label(~np.pad(stack, ((0, 0), (1, 1), (1, 1))), _BACKGROUND)
    inside = np.ones(len(frame_of), bool)
    # The padding joins all background that reaches the border, so the corner's label is the outside.
    inside[labels[:, 0, 0]] = False
    inside[0] = False
    return labels, frame_of, inside


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
    _, frame_of = _label(stack[_box(stack)], _FOREGROUND)
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
    _, frame_of, inside = _holes(stack[_box(stack)])
    return np.bincount(frame_of[inside], minlength=len(stack))


def largest_component(mask: NDArray[Any]) -> NDArray[np.bool_]:
    """The largest piece of each frame, of the mask's own shape; empty frames stay empty."""
    stack = _stack(mask)
    box = _box(stack)
    labels, frame_of = _label(stack[box], _FOREGROUND)
    sizes = np.bincount(labels.ravel(), minlength=len(frame_of))
    # Sorted by size, the last label written for a frame is its largest.
    best = np.zeros(len(stack), np.intp)
    order = np.argsort(sizes[1:], kind="stable") + 1
    best[frame_of[order]] = order
    keep = np.zeros(len(frame_of), bool)
    keep[best] = True
    keep[0] = False
    result = np.zeros(stack.shape, bool)
    result[box] = keep[labels]
    return result.reshape(np.asarray(mask).shape)


def fill_holes(mask: NDArray[Any]) -> NDArray[np.bool_]:
    """The mask with the background that it encloses added, of its own shape."""
    stack = _stack(mask)
    box = _box(stack)
    labels, _, inside = _holes(stack[box])
    result = stack.copy()
    result[box] |= inside[labels[:, 1:-1, 1:-1]]
    return result.reshape(np.asarray(mask).shape)
