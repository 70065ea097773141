"""Areas of the heart's chambers and walls over time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..sequence import Label


def area(mask: NDArray[np.bool_], spacing: tuple[float, float] | None = None) -> NDArray[np.float64]:
    """Area of a structure on each frame, by counting pixels.

    Parameters
    ----------
    mask: (T, H, W) bool.
    spacing: (row, column) mm per pixel, None when uncalibrated.

    Returns
    -------
    (T,) float64, mm² (px² when uncalibrated), NaN where the structure is absent.
    """
    count = mask.sum(axis=(1, 2), dtype=np.float64)
    count[count == 0] = np.nan
    pixel = 1.0 if spacing is None else spacing[0] * spacing[1]
    result: NDArray[np.float64] = count * pixel
    return result


def label_area(
    masks: NDArray[np.uint8], label: Label, spacing: tuple[float, float] | None = None
) -> NDArray[np.float64]:
    """Area of one label of (T, H, W) ``masks``, as :func:`area`."""
    return area(masks == label, spacing)


def fractional_area_change(end_diastolic_area: float, end_systolic_area: float) -> float:
    """Fractional area change in %, 100 (EDA - ESA) / EDA (Lang et al. 2015, section on the ventricles).

    Parameters
    ----------
    end_diastolic_area, end_systolic_area: of the same unit.

    Returns
    -------
    %, NaN where the end-diastolic area is not positive.
    """
    if not end_diastolic_area > 0:
        return float("nan")
    return 100.0 * (end_diastolic_area - end_systolic_area) / end_diastolic_area
