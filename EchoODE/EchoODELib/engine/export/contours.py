"""Smooth outlines of masks, for drawing only: measurements take the masks."""

from __future__ import annotations

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from ..sequence import Label

Array = NDArray[np.float64]

# Just enough to take the stairs off a mask's edge; the line stays within half a pixel of it.
_SMOOTHING = 1.2
_SMALLEST = 12


def outlines(mask: NDArray[np.uint8]) -> dict[Label, list[Array]]:
    """Closed lines around the structures of one mask.

    The myocardium is outlined by its outer border (epicardium), around cavity and wall together: its inner border is
    the LV's own line.

    Parameters
    ----------
    mask: (H, W) of :class:`Label` values.

    Returns
    -------
    for each structure present, lines (N, 2) of (x, y) in px, pixel centres on whole numbers.
    """
    regions = {
        Label.LA: mask == Label.LA,
        Label.MYOCARDIUM: (mask == Label.MYOCARDIUM) | (mask == Label.LV),
        Label.LV: mask == Label.LV,
    }
    present = {label for label in regions if (mask == label).any()}
    return {label: _lines(region) for label, region in regions.items() if label in present}


def _lines(region: NDArray[np.bool_]) -> list[Array]:
    rows, columns = np.nonzero(region)
    row0, column0 = max(0, rows.min() - 6), max(0, columns.min() - 6)
    cut = region[row0 : rows.max() + 7, column0 : columns.max() + 7].astype(np.float32)
    # A border of zeros closes the lines at the picture's edge.
    soft = gaussian_filter(np.pad(cut, 1), _SMOOTHING, mode="constant")
    lines = contour_generator(z=soft).lines(0.5)
    shift = np.array([column0 - 1, row0 - 1], np.float64)
    return [np.asarray(line) + shift for line in lines if len(line) >= _SMALLEST]
