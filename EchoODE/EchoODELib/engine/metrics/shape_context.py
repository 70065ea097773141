"""Contours described by shape contexts and matched by dynamic time warping, many pairs at once.

Belongie, Malik and Puzicha, "Shape matching and object recognition using shape contexts", IEEE TPAMI
2002;24:509-522: around each contour point the others are counted in 12 directions and 5 distances,
spaced logarithmically from 1/8 to 2 times the contour's mean distance. Two histograms differ by half
their chi-square distance, 0 to 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from contourpy import LineType, contour_generator
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float64]

DIRECTIONS, DISTANCES = 12, 5
_EDGES = np.geomspace(1 / 8, 2.0, DISTANCES)
_CHUNK = 24  # pairs at a time: the cost tables stay in the processor's cache


def outline_points(masks: NDArray[np.bool_], points: int) -> Array:
    """(T, points, 2) evenly spaced contour points (x, y) px of (T, H, W) masks of one piece each; NaN where empty.

    All start on the right of the centre and run the same way round.
    """
    outlines = np.full((len(masks), points, 2), np.nan)
    for frame, mask in enumerate(masks):
        if not mask.any():
            continue
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        soft = np.pad(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32), 4)
        soft = ndimage.gaussian_filter(soft, 0.8)
        lines = contour_generator(z=soft, line_type=LineType.Separate).lines(min(0.5, float(soft.max()) / 2))
        line: Array = max((np.asarray(each, float) for each in lines), key=len)
        at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
        wanted = np.linspace(0, at[-1], points, endpoint=False)
        even = np.stack([np.interp(wanted, at, line[:, axis]) for axis in (0, 1)], axis=1)
        centred = even - even.mean(axis=0)
        start = int(np.argmin(np.abs(np.arctan2(centred[:, 1], centred[:, 0]))))
        outlines[frame] = np.roll(even, -start, axis=0) + np.array([columns[0] - 4, rows[0] - 4])
    return outlines


def shape_contexts(outlines: Array) -> NDArray[np.float32]:
    """(T, N, 60) normalised histograms of (T, N, 2) contours; 0 where the contour is NaN."""
    frames, points = outlines.shape[:2]
    offset = np.nan_to_num(outlines[:, None, :, :] - outlines[:, :, None, :])
    distance = np.hypot(offset[..., 0], offset[..., 1])
    mean = distance.sum(axis=(1, 2), keepdims=True) / (points * (points - 1))
    ring = np.searchsorted(_EDGES, distance / np.where(mean > 0, mean, 1.0))
    angle = np.mod(np.arctan2(offset[..., 1], offset[..., 0]), 2 * np.pi)
    sector = np.minimum((angle * (DIRECTIONS / (2 * np.pi))).astype(np.intp), DIRECTIONS - 1)
    bins = DIRECTIONS * DISTANCES
    counted = (ring < DISTANCES) & ~np.eye(points, dtype=bool) & (mean > 0)
    owner = np.broadcast_to((np.arange(frames * points) * bins).reshape(frames, points, 1), ring.shape)
    index = (owner + ring * DIRECTIONS + sector)[counted]
    counts = np.bincount(index, minlength=frames * points * bins).reshape(frames, points, bins)
    total = counts.sum(axis=2, keepdims=True)
    histograms: NDArray[np.float32] = (counts / np.maximum(total, 1)).astype(np.float32)
    return histograms


def matching_costs(first: Array, second: Array) -> Array:
    """Mean cost per matched point of (P, N, 2) contours to (P, N, 2) others; (P,), NaN where either is NaN."""
    known = np.isfinite(first).all(axis=(1, 2)) & np.isfinite(second).all(axis=(1, 2))
    costs = np.full(len(first), np.nan)
    pairs = np.flatnonzero(known)
    for start in range(0, len(pairs), _CHUNK):
        chosen = pairs[start : start + _CHUNK]
        costs[chosen] = _warp(_chi_square(shape_contexts(first[chosen]), shape_contexts(second[chosen])))
    return costs


def adjacent_costs(outlines: Array) -> Array:
    """As :func:`matching_costs`, of (T, N, 2) contours, each to the one before; (T - 1,)."""
    known = np.asarray(np.isfinite(outlines).all(axis=(1, 2)))
    costs = np.full(max(0, len(outlines) - 1), np.nan)
    for start in range(0, len(costs), _CHUNK):
        contexts = shape_contexts(outlines[start : start + _CHUNK + 1])
        pairs = np.flatnonzero(known[start : start + len(contexts) - 1] & known[start + 1 : start + len(contexts)])
        if len(pairs):
            costs[start + pairs] = _warp(_chi_square(contexts[pairs], contexts[pairs + 1]))
    return costs


def _chi_square(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[Any]:
    """(P, N, N) half chi-square distances between histograms (P, N, B)."""
    cost = np.zeros((a.shape[0], a.shape[1], b.shape[1]), np.float32)
    for k in range(a.shape[2]):
        x, y = a[:, :, None, k], b[:, None, :, k]
        total = x + y
        cost += (x - y) ** 2 / np.maximum(total, 1e-12)
    return 0.5 * cost


def _warp(cost: NDArray[Any]) -> Array:
    """Mean cost along the cheapest ordered path from corner to corner of each (N, N) table.

    The tables are walked along their antidiagonals, so that each of the 2 N - 1 steps is one array
    operation for all pairs. With the sum the number of steps of the best path is carried along.
    """
    pairs, points = cost.shape[:2]
    infinite = np.full((pairs, points + 1), np.inf)
    before, last = infinite.copy(), infinite.copy()  # two diagonals back, one back; column j + 1 holds row j
    steps_before, steps_last = np.zeros_like(before), np.zeros_like(last)
    for diagonal in range(2 * points - 1):
        rows = np.arange(max(0, diagonal - points + 1), min(points, diagonal + 1))
        here = cost[:, rows, diagonal - rows]
        if diagonal == 0:
            best, steps = np.zeros_like(here, dtype=float), np.zeros_like(here, dtype=float)
        else:
            ways = np.stack([before[:, rows], last[:, rows], last[:, rows + 1]])
            lengths = np.stack([steps_before[:, rows], steps_last[:, rows], steps_last[:, rows + 1]])
            choice = ways.argmin(axis=0)[None]
            best, steps = (np.take_along_axis(each, choice, 0)[0] for each in (ways, lengths))
        current, steps_current = infinite.copy(), np.zeros_like(infinite)
        current[:, rows + 1], steps_current[:, rows + 1] = best + here, steps + 1
        before, last, steps_before, steps_last = last, current, steps_last, steps_current
    mean: Array = last[:, points] / steps_last[:, points]
    return mean
