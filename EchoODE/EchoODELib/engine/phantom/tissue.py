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
_BLOOD = -80.0  # dB
_SILENT = -62.0  # dB below which no scatterer is drawn: noise and haze lie above it


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


def _add(*levels: NDArray[np.floating]) -> Image:
    """Sum of incoherent echoes: powers add, dB do not."""
    return np.asarray(10 * np.log10(sum(10 ** (np.maximum(level, -90) / 10) for level in levels)), np.float32)


def _soft(distance: Image, over: float) -> Image:
    """1 inside an outline, 0 outside, with a transition of ``over`` mm."""
    return np.asarray(1 / (1 + np.exp(np.clip(distance / over, -30, 30))), np.float32)


def _echogenicity(
    anatomy: Anatomy, points: Points, distances: dict[str, Image], rng: np.random.Generator
) -> NDArray[np.floating]:
    shape = points.shape[:2]
    heart = anatomy.to_heart(points).astype(np.float32)
    z, x = heart[..., 0], heart[..., 1]
    q = z / anatomy.length
    radius = np.linalg.norm(points, axis=-1).astype(np.float32)
    d_lv, d_epi, d_la = distances["lv"], distances["epicardium"], distances["la"]

    level = _surroundings(anatomy, points, z, x, distances, rng)
    for name, wall, strength in (("ra", 1.3, -31.0), ("rv", 2.4, -28.0), ("la", 1.3, -29.0), ("aorta", 1.3, -17.0)):
        if name in distances:
            d = distances[name]
            lit = 15 * _facing(d, points) ** 2 - 5 + 7 * _noise(rng, shape, 60) + 3 * _noise(rng, shape, 20)
            shell = strength + lit - 5 * ((d - wall) / wall) ** 2
            level = _add(level - 45 * _soft(d, 0.3), np.maximum(shell, -70))
    if "rv" in distances:  # trabeculae and the moderator band
        strands = _layered(rng, z, x, (9.0, 2.4)) + _noise(rng, shape, 14)
        tips = np.clip(1.25 - q, 0.2, 1) if anatomy.view is View.A4C else 0.5
        strands = -52 + 11 * np.minimum(strands * tips, 2.4)
        level = np.where(distances["rv"] < 0, _add(level, strands), level)

    # Myocardium: fibres run along the wall, and patches of it answer more than others. Borders square to
    # the beam shine, the lateral wall fades.
    facing = _facing(d_epi, points)
    fibres = 3.8 * _layered(rng, z, d_lv, (14.0, 1.5)) + 2.6 * _noise(rng, shape, 26) + 3.0 * _noise(rng, shape, 70)
    lateral = np.clip(x / anatomy.width, -1, 1)
    bright_side = {View.A4C: -2.5, View.A2C: -1.5 * rng.normal(), View.A3C: -1.0, View.PLAX: 0.5}[anatomy.view]
    muscle = -38 + bright_side * lateral + fibres + 9 * facing**2 + 4 * np.clip(1 - q / 0.3, 0, 1)
    deep = d_lv / anatomy.wall
    if anatomy.view is View.A4C:  # a thin bright septum
        ridge = np.exp(-(((deep - rng.uniform(0.25, 0.6)) / 0.24) ** 2)) * np.clip(-lateral, 0, 1) ** 0.5
        muscle += rng.uniform(9, 20) * ridge * np.clip(0.25 + q, 0, 1)
    lining = (
        -29 + 7 * facing**2 * np.clip(0.3 + 2 * q, 0, 1) + 6 * _noise(rng, shape, 34) - 4 * ((d_lv - 0.8) / 0.9) ** 2
    )
    muscle = _add(muscle, np.maximum(lining, -70))
    level = np.where(d_epi < 0, muscle, level)
    level = np.where(d_lv < 0, _cavity(anatomy, z, x, d_lv, rng), level)

    if "aorta" in distances:  # its cusps, closed, and the annulus in front
        root = anatomy.outlines["aorta"]
        across = np.clip((x - root[:, 1].min()) / np.ptp(root[:, 1]), 0, 1)
        cusp = -26 - 6 * ((z - anatomy.length - 3 - 10 * np.minimum(across, 1 - across)) / 1.0) ** 2
        level = np.where((across > 0) & (across < 1), _add(level, np.maximum(cusp, -80)), level)
    # Fibrous tissue and fat at the annulus and the crux: the brightest spots of an apical view.
    for hinge, strength in zip(anatomy.hinges, rng.uniform(-19, -6, 2), strict=True):
        away = np.hypot((z - hinge[0] - 2) / rng.uniform(5, 9), (x - hinge[1] * 1.12) / rng.uniform(4, 7))
        spot = strength - 7 * away**2 + 2.5 * _noise(rng, shape, 12) - 40 * (1 - _soft(-np.minimum(d_lv, d_la), 0.6))
        level = _add(level, np.maximum(spot, -80))
    near = 1 / (1 + np.exp((radius - 15) / 2.5))
    return np.asarray(np.clip(level - 6 * (1 - near) * _soft(radius - 12, 6), _BLOOD, 4.0))


def _surroundings(
    anatomy: Anatomy, points: Points, z: Image, x: Image, distances: dict[str, Image], rng: np.random.Generator
) -> Image:
    """Fat, lung, liver and chest wall: dark and blotchy, with bright sheets where they meet the beam square."""
    shape = points.shape[:2]
    q = z / anatomy.length
    radius = np.linalg.norm(points, axis=-1).astype(np.float32)
    d_epi, d_la = distances["epicardium"], distances["la"]
    sheets = _layered(rng, np.arctan2(x, z - 40) * 45, d_epi + 2 * _noise(rng, shape, 40), (26.0, 2.8))
    base = -42 + 5.5 * _noise(rng, shape, 110) + 3 * _noise(rng, shape, 30) + 3.5 * sheets
    # Around the base and behind the heart tissue answers more than beside the apex.
    plax = anatomy.view is View.PLAX
    base += (0 if plax else 9) * np.clip(q - 0.35, 0, 1) + 5 * np.clip((radius / anatomy.depth - 0.75) / 0.25, 0, 1)
    patch = 5 * _noise(rng, shape, 60) + 2.5 * _noise(rng, shape, 20)
    outer = d_epi - rng.uniform(1.0, 2.5)
    side = np.clip(x / anatomy.width, -1, 1) if anatomy.view is not View.PLAX else np.clip(x / 10, -1, 1)
    shell = (
        rng.uniform(-26, -10)
        + patch
        + 6 * side
        + 9 * np.clip(q, -0.5, 1)
        - 6 * (outer / np.where(outer > 0, rng.uniform(2.5, 9), 2.2)) ** 2
    )
    away = np.minimum(d_la, d_epi + 10) - rng.uniform(4, 12)
    glow = rng.uniform(-20, -3) - 12 * plax + patch - 5 * (away / rng.uniform(5, 13)) ** 2
    behind = np.where(q > 0.8, glow, -80) + 4 * _facing(d_la, points) + 2 * sheets
    angle = np.arctan2(points[..., 0], np.maximum(points[..., 1], 1)).astype(np.float32)
    chest = -27 + 5 * _layered(rng, angle * 30, radius, (16.0, 1.6)) - 26 * np.clip((radius - 9) / 14, 0, 2)
    return _add(base, np.where(q < 1.05, np.maximum(shell, -80), -80), np.maximum(behind, -80), np.maximum(chest, -80))


def _cavity(anatomy: Anatomy, z: Image, x: Image, d_lv: Image, rng: np.random.Generator) -> Image:
    """Inside the LV: papillary muscles and apical trabeculae, which count as cavity, and a ragged border."""
    strands = _layered(rng, z, x, (6.0, 2.2))
    near_apex = np.exp(-((z / (0.25 * anatomy.length)) ** 2))
    inward = np.minimum(d_lv, 0)
    level = -58 + 7 * strands + 14 * near_apex * np.exp(inward / 6) + 16 * np.exp(inward / 1.3)
    for sign in (-1.0, 1.0):
        at = rng.uniform(0.40, 0.62) * anatomy.length
        long, thick = rng.uniform(8, 14), rng.uniform(2.5, 4.5)
        # The ridge leans on the endocardium: its depth is counted from there.
        away = np.sqrt(((z - at) / long) ** 2 + ((d_lv + 0.4 * thick) / thick) ** 2) - 1
        ridge = rng.uniform(-40, -33) + 2.5 * strands - 25 * np.clip(away, 0, 2)
        level = np.where(np.sign(x) == sign, _add(level, np.maximum(ridge, -80)), level)
    return np.asarray(level, np.float32)


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
    # The slice has a thickness, in which borders lean: they blur more the deeper they are.
    blur = rng.normal(0, 1, points.shape) * (0.5 + 0.9 * radius / anatomy.depth)[:, None]
    level = atlas.sample(atlas.level, (points + blur).reshape(-1, 500, 2)).ravel()  # OpenCV's sides end at 32767
    kept = level > _SILENT
    points, level = points[kept], level[kept]
    strength = 10 ** (level / 20) * rng.rayleigh(0.8, len(points))
    return Scatterers(
        points.astype(np.float32),
        strength.astype(np.float32),
        rng.uniform(0, 2 * np.pi, len(points)).astype(np.float32),
    )


def draw_leaflets(count: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], Points]:
    """Places (N,) of scatterers on the leaflets: which leaflet (0 left, 1 right) and (N, 2) way and thickness."""
    leaflet = rng.integers(0, 2, count)
    return leaflet, np.stack([rng.uniform(0, 1, count), rng.normal(0, 0.7, count)], -1)


def leaflet_strength(leaflet: NDArray[np.int64], place: Points, rng: np.random.Generator) -> Image:
    """Amplitudes (N,) of leaflet scatterers: patchy, brightest at the tips."""
    patches = rng.normal(0, 5.0, (2, 9))
    way = place[:, 0]
    level = np.where(leaflet == 0, *(np.interp(way, np.linspace(0, 1, 9), row) for row in patches))
    level = level + rng.uniform(-30, -22) + 4 * way
    return np.asarray(10 ** (level / 20) * rng.rayleigh(0.8, len(way)), np.float32)


def leaflet_points(anatomy: Anatomy, leaflet: NDArray[np.int64], place: Points, opening: float) -> Points:
    """Image mm (N, 2), at end-diastole, of leaflet scatterers at a valve ``opening`` of 0 (closed) to 1.

    Closed, the leaflets dome gently into the ventricle and meet in its middle; open, they swing on their
    hinges towards the apex.
    """
    left, right = anatomy.valve
    anterior = 0.6  # share of the annulus that the septal leaflet covers
    meet = left + anterior * (right - left) - np.array([6.0, 0.0])
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
