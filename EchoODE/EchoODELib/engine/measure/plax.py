"""Septum, cavity and posterior wall of a parasternal long-axis clip, from a model's lines or from its masks.

Source: Lang et al., J Am Soc Echocardiogr 2015;28:1-39: inner edge to inner edge, perpendicular to the LV's long axis,
at the level of the tips of the mitral leaflets.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ..sequence import Label

Lines = NDArray[np.float32]
Array = NDArray[np.float64]

# The tips lie about half a cavity's width before the base, where the leaflets close; masks don't show them.
_TIPS = 0.55
_STEP = 0.25  # px along the line
_LARGEST_GAP = 2.0  # px between cavity and wall that still count as touching
_FEWEST = 30  # px of cavity to find an axis


def plax_lines(
    masks: NDArray[np.uint8],
    spacing: tuple[float, float] | None = None,
    marked: Lines | None = None,
    corrected: Iterable[int] = (),
) -> Array:
    """Begin and end of septum, cavity and posterior wall on every frame: as a model marked them, else from the masks.

    Parameters
    ----------
    masks: (T, H, W) of labels.
    spacing: (row, column) mm per pixel; None takes pixels to be square.
    marked: (T, 6, 2) px (x, y) by a model; NaN where it saw none.
    corrected: frames whose mask a person drew, which counts more than a model's lines.

    Returns
    -------
    (T, 6, 2) px (x, y); NaN where a frame shows a line in neither way.
    """
    across = plax_landmarks(masks, spacing)[:, [0, 1, 1, 2, 2, 3]]
    if marked is None:
        return across
    return np.where(_whole_lines(marked, corrected)[..., None], marked, across)


def marked_frames(marked: Lines, corrected: Iterable[int] = ()) -> int:
    """Frames whose three lines :func:`plax_lines` takes from a model."""
    return int(_whole_lines(marked, corrected).all(-1).sum())


def _whole_lines(marked: Lines, corrected: Iterable[int]) -> NDArray[np.bool_]:
    """(T, 6) whether the line that an end belongs to is a model's."""
    whole: NDArray[np.bool_] = np.asarray(np.isfinite(marked).reshape(len(marked), 3, 4).all(-1))
    whole[list(corrected)] = False
    return whole.repeat(2, axis=1)


def plax_landmarks(masks: NDArray[np.uint8], spacing: tuple[float, float] | None = None) -> Array:
    """Where septum, cavity and posterior wall begin and end, on one line a frame.

    The base is where the left atrium is, or else on the right of the image, as parasternal views are shown. The
    septum is the wall nearer to the probe.

    Parameters
    ----------
    masks: (T, H, W) of labels.
    spacing: (row, column) mm per pixel; None takes pixels to be square.

    Returns
    -------
    (T, 4, 2) px (x, y): right side of the septum, septum to cavity, cavity to posterior wall, outer side of the
    posterior wall; NaN where a frame does not show it.
    """
    scale = np.array([1.0, 1.0]) if spacing is None else np.array([spacing[1], spacing[0]])
    return np.stack([_frame(mask, scale) for mask in masks])


def _frame(mask: NDArray[np.uint8], scale: Array) -> Array:
    points = np.full((4, 2), np.nan)
    cavity = np.argwhere(mask == Label.LV)[:, ::-1] * scale
    if len(cavity) < _FEWEST:
        return points
    middle = cavity.mean(0)
    along = np.linalg.eigh(np.cov((cavity - middle).T))[1][:, -1]
    atrium = np.argwhere(mask == Label.LA)[:, ::-1] * scale
    towards = atrium.mean(0) - middle if len(atrium) else np.array([1.0, 0.0])
    along = along if along @ towards >= 0 else -along
    position = (cavity - middle) @ along
    first, last = np.percentile(position, [1, 99])
    width = len(cavity) * scale.prod() / max(last - first, 1e-6)
    level = last - _TIPS * width
    if level < first:
        return points
    near = cavity[np.abs(position - level) <= 2 * scale.max()]
    if not len(near):
        return points
    down = np.array([-along[1], along[0]])
    down = down if down[1] >= 0 else -down  # from the probe into the body
    centre = middle + along * level + down * ((near - middle) @ down).mean()
    reach = float(np.hypot(*(np.array(mask.shape[::-1]) * scale)))
    offsets = np.arange(-reach, reach, _STEP * scale.min())
    line = (centre + offsets[:, None] * down) / scale
    labels = ndimage.map_coordinates(mask, line[:, ::-1].T, order=0, mode="constant", cval=0)
    start, end = _run(labels == Label.LV, int(np.argmin(np.abs(offsets))))
    if start is None or end is None:
        return points
    points[1], points[2] = line[start], line[end]
    gap = round(_LARGEST_GAP / _STEP)
    wall = labels == Label.MYOCARDIUM
    for inner, outer, direction in ((start, 0, -1), (end, 3, 1)):
        touching = [k for k in range(inner + direction, inner + direction * (gap + 2), direction) if _is(wall, k)]
        if touching:
            ends = _run(wall, touching[0])
            points[outer] = line[ends[0] if direction < 0 else ends[1]]
    return points


def _is(values: NDArray[np.bool_], index: int) -> bool:
    return 0 <= index < len(values) and bool(values[index])


def _run(values: NDArray[np.bool_], index: int) -> tuple[int, int] | tuple[None, None]:
    """First and last index of the run of true values around an index."""
    if not _is(values, index):
        return None, None
    false = np.flatnonzero(~values)
    before, after = false[false < index], false[false > index]
    return (int(before[-1]) + 1 if len(before) else 0), (int(after[0]) - 1 if len(after) else len(values) - 1)
