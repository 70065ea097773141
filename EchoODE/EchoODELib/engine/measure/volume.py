"""LV volumes from apical views: Simpson's discs of one plane and of two, and the area-length form.

Sources: Lang et al., "Recommendations for cardiac chamber quantification by echocardiography in adults:
an update from the ASE and the EACVI", J Am Soc Echocardiogr 2015;28:1-39 (biplane method of disks, 20
disks along the long axis from the mitral plane's middle to the apex); Schiller et al., J Am Soc
Echocardiogr 1989;2:358-367 (single plane, area-length).

Lengths come in mm or px; volumes leave in mm³ or px³. :data:`MM3_PER_ML` turns mm³ into mL.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .contour import LVShapes

Array = NDArray[np.float64]

#: Discs along the long axis, as the recommendations have it.
DISCS = 20
MM3_PER_ML = 1000.0


def disc_diameters(shapes: LVShapes, discs: int = DISCS) -> tuple[Array, Array]:
    """Widths of the cavity at the middle heights of equally high discs along the long axis.

    Parameters
    ----------
    shapes: the LV's geometry.
    discs: how many.

    Returns
    -------
    diameters: (T, discs), base first, mm or px; the share of the line that lies inside the cavity.
    length: (T,) of the long axis.
    """
    axis = shapes.apex - shapes.axis_end
    length = np.hypot(axis[:, 0], axis[:, 1])
    with np.errstate(invalid="ignore", divide="ignore"):
        axis = axis / length[:, None]
    from_base = shapes.contour - shapes.axis_end[:, None]
    s = np.einsum("tpc,tc->tp", from_base, axis)
    u = from_base[..., 0] * -axis[:, None, 1] + from_base[..., 1] * axis[:, None, 0]
    s_next, u_next = np.roll(s, -1, axis=1), np.roll(u, -1, axis=1)
    levels = (np.arange(discs) + 0.5) / discs
    diameters = np.full((len(length), discs), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        for disc, level in enumerate(levels):
            height = (level * length)[:, None]
            crosses = (s <= height) != (s_next <= height)
            at = u + (u_next - u) * (height - s) / (s_next - s)
            # Crossings upward and downward alternate, so their signed sum is the length inside.
            signed = np.where(crosses, np.sign(s_next - s) * at, 0.0)
            diameters[:, disc] = np.abs(signed.sum(axis=1))
    diameters[~shapes.present] = np.nan
    return diameters, length


def simpson_single_plane(shapes: LVShapes, discs: int = DISCS) -> Array:
    """Volume by the method of discs in one plane, V = pi/4 * L/n * sum d_i².

    Parameters
    ----------
    shapes: the LV's geometry in an apical view.
    discs: how many.

    Returns
    -------
    (T,) mm³ or px³, NaN where the frame has no LV.
    """
    diameters, length = disc_diameters(shapes, discs)
    volume: Array = np.pi / 4 * length / discs * np.square(diameters).sum(axis=1)
    return volume


def simpson_biplane(four_chamber: tuple[Array, float], two_chamber: tuple[Array, float], length: float) -> float:
    """Volume by the biplane method of discs, V = pi/4 * L/n * sum a_i b_i.

    Parameters
    ----------
    four_chamber, two_chamber: (diameters (discs,), length) of the same phase in either view.
    length: the long axis to divide into discs; the recommendations take the longer of the two.

    Returns
    -------
    mm³ (or a product of px: only ratios mean something then).

    Raises
    ------
    ValueError: different numbers of discs.
    """
    a, b = four_chamber[0], two_chamber[0]
    if a.shape != b.shape:
        raise ValueError(f"Both views need the same number of discs; got {a.shape} and {b.shape}.")
    return float(np.pi / 4 * length / len(a) * np.dot(a, b))


def area_length(area: Array, length: Array) -> Array:
    """Volume by the single-plane area-length form, V = 8 A² / (3 pi L).

    Parameters
    ----------
    area: (T,) mm² or px².
    length: (T,) long axis, mm or px.

    Returns
    -------
    (T,) mm³ or px³.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        volume: Array = 8.0 * np.square(area) / (3.0 * np.pi * length)
    return volume


def ejection_fraction(end_diastolic: float, end_systolic: float) -> float:
    """Ejection fraction in %, 100 (EDV - ESV) / EDV; NaN where EDV is not positive."""
    if not end_diastolic > 0:
        return float("nan")
    return 100.0 * (end_diastolic - end_systolic) / end_diastolic
