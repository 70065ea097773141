"""Linear dimensions: LV length and width at the mitral valve, and the walls in the parasternal view.

Source: Lang et al., J Am Soc Echocardiogr 2015;28:1-39 (LV length from the mitral plane's middle to the
apex; linear method for septum, cavity and posterior wall; LV mass by the cube formula of Devereux).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import UncalibratedClip
from .contour import LVShapes

Array = NDArray[np.float64]


def lv_length(shapes: LVShapes) -> Array:
    """(T,) long axis, from the mitral plane's middle to the apex, mm or px."""
    away = shapes.apex - shapes.axis_end
    return np.hypot(away[:, 0], away[:, 1])


def mitral_annulus_width(shapes: LVShapes) -> Array:
    """(T,) distance between the mitral hinge points (LV width at the valve), mm or px."""
    across = shapes.hinges[:, 1] - shapes.hinges[:, 0]
    return np.hypot(across[:, 0], across[:, 1])


@dataclass(frozen=True)
class PlaxDimensions:
    """Septum, cavity and posterior wall in the parasternal long axis, (T,) each, mm or px.

    Attributes
    ----------
    ivs: thickness of the interventricular septum.
    lvid: LV internal dimension.
    lvpw: thickness of the LV posterior wall.
    unit: "mm" or "px".
    """

    ivs: Array
    lvid: Array
    lvpw: Array
    unit: str


def plax_dimensions(points: Array, spacing: tuple[float, float] | None = None) -> PlaxDimensions:
    """Wall and cavity dimensions from the landmarks of a parasternal long-axis clip.

    Parameters
    ----------
    points: (T, 4, 2) or (T, 6, 2) landmarks (x, y) px. Four are, along one line: right side of the
        septum, septum to cavity, cavity to posterior wall, outer side of the posterior wall. Six are
        the begin and end of septum, cavity and posterior wall each. NaN where not seen.
    spacing: (row, column) mm per pixel, None when uncalibrated.

    Raises
    ------
    ValueError: points of another shape.
    """
    points = np.asarray(points, float)
    if points.ndim != 3 or points.shape[1:] not in {(4, 2), (6, 2)}:
        raise ValueError(f"The landmarks must have shape (T, 4, 2) or (T, 6, 2), not {points.shape}.")
    scale = np.array([1.0, 1.0]) if spacing is None else np.array([spacing[1], spacing[0]])
    pairs = ((0, 1), (1, 2), (2, 3)) if points.shape[1] == 4 else ((0, 1), (2, 3), (4, 5))
    ivs, lvid, lvpw = (np.linalg.norm((points[:, b] - points[:, a]) * scale, axis=1) for a, b in pairs)
    return PlaxDimensions(ivs, lvid, lvpw, "px" if spacing is None else "mm")


def fractional_shortening(lvid_diastole: float, lvid_systole: float) -> float:
    """Fractional shortening in %, 100 (LVIDd - LVIDs) / LVIDd."""
    return 100.0 * (lvid_diastole - lvid_systole) / lvid_diastole if lvid_diastole > 0 else float("nan")


def teichholz_volume(lvid_mm: float) -> float:
    """LV volume in mL from its internal dimension, 7 D³ / (2.4 + D) with D in cm.

    Teichholz et al., Am J Cardiol 1976;37:7-11. The 2015 recommendations advise against it for clinical
    use: it supposes a symmetric ventricle. Given for comparison only.
    """
    diameter = lvid_mm / 10.0
    return 7.0 * diameter**3 / (2.4 + diameter)


def lv_mass(dimensions: PlaxDimensions, frame: int) -> float:
    """LV mass in g at end-diastole by the cube formula, 0.8 * 1.04 [(IVS + LVID + PW)³ - LVID³] + 0.6 (cm).

    Raises
    ------
    UncalibratedClip: the dimensions are in px.
    """
    if dimensions.unit != "mm":
        raise UncalibratedClip("The LV mass needs a calibrated clip; give the pixel size first.")
    ivs, lvid, lvpw = (float(d[frame]) / 10.0 for d in (dimensions.ivs, dimensions.lvid, dimensions.lvpw))
    return 0.8 * 1.04 * ((ivs + lvid + lvpw) ** 3 - lvid**3) + 0.6
