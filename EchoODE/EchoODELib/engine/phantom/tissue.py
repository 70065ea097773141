"""What the beam meets: the echogenicity of every tissue at end-diastole, and scatterers drawn from it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..sequence import View
from .anatomy import Anatomy, Points

Image = NDArray[np.float32]
_STEP = 0.3  # mm per atlas pixel
_MARGIN = 14.0  # mm around the image
_BLOOD = -80.0  # dB: no scatterers; noise and haze fill the cavities


@dataclass(frozen=True)
class Atlas:
    """Maps over the plane at end-diastole, ``_STEP`` mm apart.

    Attributes
    ----------
    origin: (2,) image mm (x, y) of the first pixel.
    distances: name -> (h, w) signed mm to an outline, negative inside.
    level: (h, w) dB of scattering strength, 0 for bright tissue.
    """

    origin: Points
    distances: dict[str, Image]
    level: Image

    def sample(self, image: Image, points: NDArray[np.floating]) -> Image:
        """Bilinear values of an atlas image at (h, w, 2) image mm."""
        p = ((points - self.origin) / _STEP).astype(np.float32)
        return np.asarray(cv2.remap(image, p[..., 0], p[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def make_atlas(anatomy: Anatomy, width: float, rng: np.random.Generator) -> Atlas:
    """Draw the tissues of ``anatomy`` into an atlas for an image ``width`` mm wide."""
    origin = np.array([-width / 2 - _MARGIN, -_MARGIN])
    w, h = int((width + 2 * _MARGIN) / _STEP), int((anatomy.depth + 2 * _MARGIN) / _STEP)
    columns, rows = np.meshgrid(np.arange(w), np.arange(h))
    points = origin + np.stack([columns, rows], -1) * _STEP
    distances = {name: _signed_distance(anatomy.outline(name), origin, (h, w)) for name in anatomy.outlines}
    level = _echogenicity(anatomy, points, distances, rng)
    return Atlas(origin, distances, level.astype(np.float32))


def _signed_distance(outline: Points, origin: Points, shape: tuple[int, int]) -> Image:
    canvas = np.zeros(shape, np.uint8)
    cv2.fillPoly(canvas, [np.round((outline - origin) / _STEP * 16).astype(np.int32)], 1, shift=4)
    outside = cv2.distanceTransform(1 - canvas, cv2.DIST_L2, 5)
    inside = cv2.distanceTransform(canvas, cv2.DIST_L2, 5)
    return np.asarray(cv2.GaussianBlur((outside - inside) * _STEP, (0, 0), 0.8), np.float32)


def _noise(rng: np.random.Generator, shape: tuple[int, int], scale: float) -> Image:
    """Smooth unit noise with details of ``scale`` atlas pixels."""
    coarse = rng.standard_normal((int(shape[0] / scale) + 4, int(shape[1] / scale) + 4)).astype(np.float32)
    fine = cv2.resize(coarse, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)[: shape[0], : shape[1]]
    return np.asarray(fine / fine.std(), np.float32)


def _layered(rng: np.random.Generator, along: Image, across: Image, lengths: tuple[float, float]) -> Image:
    """Unit noise drawn out along a layer: details of ``lengths`` mm along and across it."""
    table = rng.standard_normal((256, 256)).astype(np.float32)
    u = np.mod(along / lengths[0], 255).astype(np.float32)
    v = np.mod(across / lengths[1], 255).astype(np.float32)
    return np.asarray(cv2.remap(table, u, v, cv2.INTER_LINEAR) * 1.5, np.float32)


def _band(distance: Image, at: float, width: float) -> Image:
    return np.asarray(np.exp(-(((distance - at) / width) ** 2)), np.float32)


def _facing(distance: Image, points: Points) -> Image:
    """|cos| between the beam and a border's normal: 1 where the border meets the beam square."""
    gy, gx = np.gradient(cv2.GaussianBlur(distance, (0, 0), 4))
    norm = np.hypot(gx, gy) * np.linalg.norm(points, axis=-1) + 1e-6
    return np.asarray(np.abs(gx * points[..., 0] + gy * points[..., 1]) / norm, np.float32)


def _echogenicity(
    anatomy: Anatomy, points: Points, distances: dict[str, Image], rng: np.random.Generator
) -> NDArray[np.floating]:
    shape = points.shape[:2]
    heart = anatomy.to_heart(points).astype(np.float32)
    z, x = heart[..., 0], heart[..., 1]
    q = z / anatomy.length
    radius = np.linalg.norm(points, axis=-1).astype(np.float32)
    d_lv, d_epi, d_la = distances["lv"], distances["epicardium"], distances["la"]
    facing = _facing(d_epi, points)

    # Surroundings: fat, lung, liver; blotchy, in curved layers around the heart.
    level = -17 + 3.0 * _noise(rng, shape, 70) + 2.2 * _noise(rng, shape, 22)
    level += 2.8 * _layered(rng, np.arctan2(x, z - 40) * 45, d_epi, (22.0, 2.6))
    level += (7 + 3 * rng.random()) * _band(np.maximum(d_epi, 0), 5, 7) * np.clip(q * 1.6, 0, 1)
    # The pericardium behind the lateral wall and below the atria is the brightest reflector.
    pericardium = _band(d_epi, 1.6, 1.7) * np.clip(0.25 + 1.2 * facing, 0, 1.2) * (x > 0)
    level += 11 * pericardium * np.clip(q * 1.4, 0, 1) + 8 * _band(d_la, 7 + 3 * _noise(rng, shape, 60), 5) * facing
    level += 5 * np.exp(-(((radius - anatomy.depth * 0.95) / 18) ** 2))
    # Chest wall: layers square to the beam.
    angle = np.arctan2(points[..., 0], np.maximum(points[..., 1], 1)).astype(np.float32)
    chest = 1 / (1 + np.exp((radius - 15) / 2.5))
    level += chest * (6 + 4 * _layered(rng, angle * 30, radius, (14.0, 1.3)))

    # Chambers other than the LV, with thin walls.
    for name, wall, strength in (("ra", 1.6, 6.0), ("rv", 3.0, 7.0), ("la", 1.6, 7.0), ("aorta", 1.4, 12.0)):
        if name in distances:
            d = distances[name]
            lit = 0.45 + 0.75 * _facing(d, points)
            level += strength * lit * _band(d, wall, wall) * (1 + 0.3 * _noise(rng, shape, 25))
            level = np.where(d < 0, _BLOOD, level)
    if "rv" in distances:  # trabeculae and the moderator band
        rv = distances["rv"]
        strands = _layered(rng, z, x, (7.0, 2.2)) + 0.8 * _noise(rng, shape, 12)
        near_tip = np.clip(1.15 - q, 0.1, 1)
        level = np.where((rv < 0) & (strands * near_tip > 0.75), -20 + 3 * strands, level)

    # Myocardium: fibres run along the wall; borders square to the beam shine, the lateral wall fades.
    fibres = 2.2 * _layered(rng, z, d_lv, (11.0, 1.1)) + 1.6 * _noise(rng, shape, 18)
    lateral = np.clip(x / anatomy.width, -1, 1)
    if anatomy.view is View.A4C:
        tone = -13 - 3.5 * lateral + 2.0 * np.exp(-(((lateral + 1) / 0.35) ** 2))
    elif anatomy.view is View.A2C:
        tone = -15 - 1.5 * lateral * rng.normal(0, 1)
    else:
        tone = -13 - 1.5 * lateral
    muscle = tone + fibres + 5 * facing**2 - 2.0
    muscle += (5.5 * (0.35 + facing)) * _band(d_lv, 0.7, 0.9) * (1 + 0.4 * _noise(rng, shape, 20))
    if anatomy.view is not View.A2C:
        muscle += 5.0 * _band(d_epi, -0.9, 1.0) * (x < 0)  # the right side of the septum
    muscle = np.where(d_lv < 0, _BLOOD, muscle)
    level = np.where(d_epi < 0, muscle, level)

    level = _papillary_muscles(anatomy, level, z, x, d_lv, rng)
    # Fibrous tissue at the annulus and the crux.
    for hinge, strength in zip(anatomy.hinges, rng.uniform(9, 15, 2), strict=True):
        away = np.hypot(z - hinge[0], x - hinge[1] - np.sign(hinge[1]) * 3)
        open_ = (d_lv > 0) & (level > _BLOOD)
        level = np.where(open_, level + strength * np.exp(-((away / 7.0) ** 2)), level)
    return np.clip(level, _BLOOD, 9.0)


def _papillary_muscles(
    anatomy: Anatomy, level: NDArray[np.floating], z: Image, x: Image, d_lv: Image, rng: np.random.Generator
) -> NDArray[np.floating]:
    """Two ridges of muscle inside the cavity, and apical trabeculae; they count as cavity in the masks."""
    strands = _layered(rng, z, x, (5.0, 2.0))
    near_apex = np.exp(-((z / (0.22 * anatomy.length)) ** 2)) * np.exp(d_lv / 6)
    level = np.where((d_lv < 0) & (strands * near_apex > 0.55), -23 + 2 * strands, level)
    for sign in (-1.0, 1.0):
        at = rng.uniform(0.42, 0.6) * anatomy.length
        long, thick = rng.uniform(8, 13), rng.uniform(2.5, 4.0)
        # The ridge leans on the endocardium: its depth is counted from there.
        inside = (d_lv < 0) & (np.sign(x) == sign)
        ridge = ((z - at) / long) ** 2 + ((d_lv + 0.5 * thick) / thick) ** 2 < 1
        level = np.where(inside & ridge, rng.uniform(-21, -16) + 1.5 * strands, level)
    return level


@dataclass(frozen=True)
class Scatterers:
    """Point reflectors at end-diastole.

    Attributes
    ----------
    points: (N, 2) float32 image mm.
    strength: (N,) float32 amplitudes.
    phase: (N,) float32 radian.
    """

    points: Image
    strength: Image
    phase: Image


def draw_scatterers(atlas: Atlas, anatomy: Anatomy, count: int, rng: np.random.Generator) -> Scatterers:
    """About ``count`` (a multiple of 500) scatterers, evenly over beam angle and depth; blood gets none."""
    reach = anatomy.half_angle * 1.12
    angle = rng.uniform(-reach, reach, count)
    radius = rng.uniform(1.0, anatomy.depth * 1.06, count)
    points = np.stack([radius * np.sin(angle), radius * np.cos(angle)], -1)
    level = atlas.sample(atlas.level, points.reshape(-1, 500, 2)).ravel()  # OpenCV's sides end at 32767
    kept = level > _BLOOD / 2
    points, level = points[kept], level[kept]
    strength = 10 ** (level / 20) * rng.rayleigh(0.8, len(points))
    return Scatterers(
        points.astype(np.float32),
        strength.astype(np.float32),
        rng.uniform(0, 2 * np.pi, len(points)).astype(np.float32),
    )


def draw_leaflets(anatomy: Anatomy, count: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], Points]:
    """Places (N,) of scatterers on the leaflets: which leaflet (0 left, 1 right) and (N, 2) way and thickness."""
    leaflet = rng.integers(0, 2, count)
    return leaflet, np.stack([rng.uniform(0, 1, count), rng.normal(0, 0.45, count)], -1)


def leaflet_points(anatomy: Anatomy, leaflet: NDArray[np.int64], place: Points, opening: float) -> Points:
    """Image mm (N, 2), at end-diastole, of leaflet scatterers at a valve ``opening`` of 0 (closed) to 1.

    Closed, the leaflets dome gently into the ventricle and meet in its middle; open, they swing on their
    hinges towards the apex.
    """
    left, right = anatomy.hinges
    anterior = 0.6  # share of the annulus that the septal leaflet covers
    meet = left + anterior * (right - left) - np.array([4.0, 0.0])
    hinge = np.where(leaflet[:, None] == 0, left, right)
    span = meet - hinge
    swing = np.deg2rad(68) * opening * np.where(leaflet == 0, 1.0, -1.0)
    turned = np.stack(
        [
            span[:, 0] * np.cos(swing) - span[:, 1] * np.sin(swing),
            span[:, 0] * np.sin(swing) + span[:, 1] * np.cos(swing),
        ],
        -1,
    )
    way, thick = place[:, :1], place[:, 1:]
    normal = np.stack([-turned[:, 1], turned[:, 0]], -1) / np.linalg.norm(turned, axis=1, keepdims=True)
    bow = 0.10 * np.sin(np.pi * way) * np.linalg.norm(turned, axis=1, keepdims=True)
    bow = bow * np.where(leaflet == 0, 1.0, -1.0)[:, None]
    return anatomy.to_image(hinge + way * turned + normal * (thick + bow * (1 - 2 * opening)))
