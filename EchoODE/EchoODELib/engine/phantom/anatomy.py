"""A heart's shape at end-diastole, drawn from a seed.

Two frames of reference, both in mm: the *image*, x to the right and y downward from the probe, and the
*heart*, z along the LV's long axis from the endocardial apex towards the base and x across it, negative
on the septal (A4C, A3C, PLAX) or inferior (A2C) side. Sizes follow Lang et al., "Recommendations for cardiac
chamber quantification", J Am Soc Echocardiogr 2015;28:1, and the spread of the public CAMUS masks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..sequence import View

Points = NDArray[np.float64]
LONG_AXES = (View.A3C, View.PLAX)
"""Views whose plane holds the aorta."""


@dataclass(frozen=True)
class Anatomy:
    """One heart in one view at end-diastole; lengths in mm, angles in radian.

    Attributes
    ----------
    view: the plane.
    half_angle: half of the sector's opening.
    depth: of the image, from the probe.
    apex: (2,) image position of the endocardial apex.
    tilt: of the long axis against the image's downward direction, positive to the right.
    length: from the endocardial apex to the mitral plane.
    width: largest half width of the cavity.
    wall: thickness of the myocardium at mid level.
    regions: (4,) relative wall motion: left apical, left basal, right apical, right basal.
    outlines: name -> (N, 2) closed outline in heart coordinates (z, x): "lv", "epicardium", "la" and by
        view "rv", "ra", "aorta".
    hinges: (2, 2) heart coordinates of the left and right end of the cavity's base.
    valve: (2, 2) the mitral hinges; as ``hinges`` but for the long axes (A3C, PLAX), where the aorta takes the septal
        half.
    """

    view: View
    half_angle: float
    depth: float
    apex: Points
    tilt: float
    length: float
    width: float
    wall: float
    regions: Points
    outlines: Mapping[str, Points] = field(repr=False)
    hinges: Points = field(repr=False)
    valve: Points = field(repr=False)

    @property
    def axes(self) -> tuple[Points, Points]:
        """Unit vectors of z and x in the image; the septum lies towards the probe in PLAX, to the right in A3C."""
        s, c = np.sin(self.tilt), np.cos(self.tilt)
        sign = -1.0 if self.view in LONG_AXES else 1.0
        return np.array([s, c]), sign * np.array([c, -s])

    def to_image(self, points: Points) -> Points:
        """Heart coordinates (..., 2) as (z, x) to image mm (x, y)."""
        ez, ex = self.axes
        return np.asarray(self.apex + points[..., :1] * ez + points[..., 1:] * ex)

    def to_heart(self, points: Points) -> Points:
        """Image mm (..., 2) as (x, y) to heart coordinates (z, x)."""
        ez, ex = self.axes
        return np.stack([(points - self.apex) @ ez, (points - self.apex) @ ex], -1)

    def outline(self, name: str) -> Points:
        """(N, 2) image mm of a named outline."""
        return self.to_image(self.outlines[name])


def draw_anatomy(view: View, rng: np.random.Generator, depth: float | None = None) -> Anatomy:
    """A heart that fits its sector, of plausible size for the view."""
    plax, long_axis = view is View.PLAX, view in LONG_AXES
    length = rng.uniform(72, 88)
    width = length * rng.uniform(0.26, 0.32)
    wall = rng.uniform(8.5, 12.0)
    if plax:
        tilt = np.deg2rad(rng.uniform(80, 100))
        half = np.deg2rad(rng.uniform(36, 44))
        septum = rng.uniform(34, 44)  # depth of the septum's left side
        # The tips' level lies under the probe, so the apex is left of the sector's middle.
        apex = np.array([-length * rng.uniform(0.76, 0.86), septum + width]) + np.array([0.0, length * 0.8]) * np.cos(
            tilt
        ) * np.array([0, -1.0])
        own_depth = septum + 2 * width + wall + rng.uniform(18, 40)
    else:
        tilt = np.deg2rad(rng.normal(12.5, 5.0) if view is View.A4C else rng.normal(6.0, 6.0))
        tilt = float(np.clip(tilt, np.deg2rad(-4), np.deg2rad(24)))
        half = np.deg2rad(rng.uniform(34, 41))
        top = rng.uniform(24, 40)
        apex = np.array([rng.normal(-5.0 if view is View.A4C else -2.0, 3.5), top])
        own_depth = top + length * np.cos(tilt) + rng.uniform(20, 56)
    image_depth = float(np.clip(own_depth, 80, 240)) if depth is None else depth
    lv, hinges, thickness = _ventricle(rng, length, width, wall)
    # In the long axes the septal part of the base opens into the aorta and the mitral valve closes the rest.
    valve = np.stack([hinges[0] + (hinges[1] - hinges[0]) * 0.58, hinges[1]]) if long_axis else hinges
    outlines = {"lv": lv, "epicardium": _epicardium(lv, thickness), "la": _atrium(rng, valve, long_axis)}
    if long_axis:
        outlines |= _outflow(rng, length, width, wall, valve[0, 1], plax)
    elif view is View.A4C:
        outlines |= _right_heart(rng, length, width, wall)
    return Anatomy(
        view=view,
        half_angle=float(half),
        depth=image_depth,
        apex=apex,
        tilt=float(tilt),
        length=float(length),
        width=float(width),
        wall=float(wall),
        regions=rng.uniform(0.85, 1.15, 4),
        outlines=outlines,
        hinges=hinges,
        valve=valve,
    )


def _ventricle(
    rng: np.random.Generator, length: float, width: float, wall: float
) -> tuple[Points, Points, NDArray[np.float64]]:
    """Cavity outline from the left hinge over the apex to the right hinge and back along the mitral plane."""
    pointed, waist = rng.uniform(2.0, 2.9), rng.uniform(0.16, 0.30)
    bulge = rng.uniform(-0.08, 0.12)
    phase, height = rng.uniform(0, 2 * np.pi, (2, 3)), rng.normal(0, [[0.018], [0.018]], (2, 3))
    level = 1 - np.cos(np.linspace(0, np.pi / 2, 160))
    sides = []
    for k, sign in enumerate((-1.0, 1.0)):
        bullet = np.sqrt(1 - (1 - level) ** pointed)
        basal = np.clip((level - 0.42) / 0.58, 0, 1)
        shape = bullet * (1 - waist * basal**2 * (1.5 - 0.5 * basal)) * (1 + sign * bulge)
        wobble = sum(height[k, m] * np.sin((m + 2) * np.pi * level + phase[k, m]) for m in range(3))
        sides.append(np.stack([level * length, sign * width * (shape + bullet * wobble)], -1))
    left, right = sides
    skew = rng.normal(0, 1.5)  # the mitral plane is never quite square to the axis
    for side, sign in ((left, -1.0), (right, 1.0)):
        side[:, 0] += sign * skew * level**4
    hinges = np.stack([left[-1], right[-1]])
    plane = hinges[1] + np.linspace(0, 1, 42)[1:-1, None] * (hinges[0] - hinges[1])
    wall_profile = wall * (0.72 + 0.28 * np.clip(level * 2.2, 0, 1))
    ratio = rng.uniform(0.85, 1.12)
    thickness = np.concatenate([wall_profile[::-1], wall_profile[1:] * ratio])
    return np.concatenate([left[::-1], right[1:], plane]), hinges, thickness


def _epicardium(lv: Points, thickness: NDArray[np.float64]) -> Points:
    """The cavity's open contour pushed outward by the wall, closed along the mitral plane."""
    contour = lv[: len(thickness)]
    tangent = np.gradient(contour, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], -1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    outward = normal if normal[0] @ (contour[0] - contour.mean(0)) > 0 else -normal
    # At the hinges the wall's end is square to the axis, so that the ring stays open at the mitral plane.
    outer = contour + outward * thickness[:, None]
    flat = np.clip((contour[:, 0] / contour[:, 0].max() - 0.85) / 0.15, 0, 1)[:, None]
    square = contour + np.sign(contour[:, 1:]) * np.array([[0.0, 1.0]]) * thickness[:, None]
    return np.concatenate([outer * (1 - flat) + square * flat, contour[[-1, 0]]])


def _atrium(rng: np.random.Generator, hinges: Points, long_axis: bool) -> Points:
    """The left atrium, hung from the mitral hinges; in the long axes beside the aorta, reaching past the wall."""
    height = rng.uniform(30, 42) if long_axis else rng.uniform(34, 52)
    body = rng.uniform(1.12, 1.4)
    left, right = hinges
    centre, half = (left + right) / 2, np.linalg.norm(right - left) / 2
    t = np.linspace(0, 1, 140)
    # A super-ellipse: narrow at the hinges, widest in its middle, a round roof.
    angle = np.pi * t
    across = -np.cos(angle)
    spread = 1 + (body - 1) * np.sin(angle) ** 0.7
    across = np.sign(across) * np.abs(across) ** 0.75 * spread
    along = np.sin(angle) ** 0.72 * height
    drift = rng.normal(0, 0.05) * along
    ripple = 1 + sum(rng.normal(0, 0.03) * np.sin((m + 2) * angle + rng.uniform(0, 6)) for m in range(3))
    along = along * ripple
    across = across * ripple
    if long_axis:
        span = 2 * half + rng.uniform(12, 20) * np.sin(angle) ** 0.6
        x = left[1] + (1 + across) / 2 * span
    else:
        x = centre[1] + across * half + drift
    arc = np.stack([centre[0] + along, x], -1)
    arc[0], arc[-1] = left, right
    plane = right + np.linspace(0, 1, 32)[1:-1, None] * (left - right)
    return np.concatenate([arc, plane])


def _right_heart(rng: np.random.Generator, length: float, width: float, wall: float) -> dict[str, Points]:
    """Right ventricle and atrium on the septal side (A4C)."""
    level = np.linspace(0, 1, 90)
    tip, base = rng.uniform(0.10, 0.22), rng.uniform(0.93, 1.0)
    z = (tip + (base - tip) * level) * length
    reach = rng.uniform(26, 44)
    q = np.clip(z / length, 0, 1)
    epi = width * np.sqrt(1 - (1 - q) ** 2.4) * (1 - 0.2 * np.clip((q - 0.42) / 0.58, 0, 1) ** 2) + wall
    inner = -(epi + 0.5)
    free = inner - reach * np.sqrt(np.clip(1 - (1 - level) ** 1.8, 0, 1)) * (1 - 0.15 * level**3)
    rv = np.concatenate([np.stack([z, inner], -1), np.stack([z, free], -1)[::-1]])
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    half_x, half_z = reach * rng.uniform(0.52, 0.62), rng.uniform(20, 28)
    middle = -width * 0.8 - 2 - half_x
    ra = np.stack([base * length + 5 + half_z * (1 + np.sin(angle)), middle + half_x * np.cos(angle)], -1)
    return {"rv": rv, "ra": ra}


def _outflow(
    rng: np.random.Generator, length: float, width: float, wall: float, back: float, plax: bool
) -> dict[str, Points]:
    """Right ventricular outflow tract before the septum and the aortic root at the base; of the tract A3C cuts less."""
    reach = rng.uniform(17, 25) * (1.0 if plax else 0.6)
    tip = -0.05 if plax else 0.4
    z = np.linspace(tip, 1.7, 120) * length
    front = -(width + wall + 1.0) * np.clip(1 - 0.9 * np.clip(0.25 - z / length, 0, 1) ** 1.5, 0.4, 1)
    lift = 4.0 * np.clip((z / length - 0.9) / 0.3, 0, 1)
    taper = np.sqrt(np.clip((z / length - tip) / 0.45, 0, 1))
    rv = np.concatenate([np.stack([z, front - lift], -1), np.stack([z, front - lift - reach * taper], -1)[::-1]])
    root = rng.uniform(13.5, 16.5)
    middle = back - 2.5 - root
    along = np.linspace(0, 1, 60)
    sinus = root * (0.92 + 0.16 * np.exp(-(((along - 0.22) / 0.13) ** 2)))
    z_root = length * (1.0 + 0.75 * along)
    aorta = np.concatenate([np.stack([z_root, middle - sinus], -1), np.stack([z_root, middle + sinus], -1)[::-1]])
    return {"rv": rv, "aorta": aorta}
