"""The left ventricle as a sub-pixel contour, with its mitral hinge points and its apex, frame by frame.

Everything is in physical units: mm where the pixel size is known, else px. Points are (x, y) =
(column, row) times the spacing, so that anisotropic pixels need no care further on.

The mitral plane is where the endocardium has no myocardium behind it: along the cavity's contour the
wall and the rest (atrium, valve, background) are weighed against each other in a small Gaussian
neighbourhood, and the stretch that faces the base and not the wall runs from one hinge point of
the mitral annulus to the other. Masks without myocardium fall back on the two basal corners of the
cavity. The apex is the endocardial point farthest from the middle of the mitral plane, as the long axis
is defined by the ASE/EACVI recommendations (Lang et al., J Am Soc Echocardiogr 2015;28:1-39).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from contourpy import LineType, contour_generator
from numpy.typing import NDArray
from scipy import ndimage

from ..metrics.topology import fill_holes, largest_component
from ..sequence import Label
from .hinges import hinge_positions

Array = NDArray[np.float64]
_Scalar = TypeVar("_Scalar", bound=np.generic)

#: Points on the closed contour of every frame.
CONTOUR_POINTS = 400
#: Points on the open endocardial contour, hinge to hinge over the apex.
ENDOCARDIUM_POINTS = 128

_CONTOUR_BLUR = 0.6  # px: removes the staircase; arcs keep their length, borders move by < 0.05 px
_SMALLEST_LV = 12  # pixels: less can't be outlined


@dataclass(frozen=True)
class LVShapes:
    """The LV's geometry on every frame; rows of NaN where the frame has no LV.

    Attributes
    ----------
    cavity: (T, H, W) bool, the LV's largest piece with its holes filled.
    contour: (T, CONTOUR_POINTS, 2) closed endocardial contour (x, y), evenly spaced.
    hinges: (T, 2, 2) the mitral annulus points, the first on the image's left.
    apex: (T, 2).
    endocardium: (T, ENDOCARDIUM_POINTS, 2) open contour from hinge to hinge over the apex.
    axis_end: (T, 2) where the long axis ends at the base: the mitral plane's middle, set onto the
        cavity's border where that is next to it; without myocardium to find the plane by, where the
        axis leaves the cavity.
    wall_found: (T,) bool, whether the hinge points come from the myocardium.
    spacing: (row, column) of a pixel in ``unit``.
    unit: "mm" or "px".
    """

    cavity: NDArray[np.bool_]
    contour: Array
    hinges: Array
    apex: Array
    endocardium: Array
    axis_end: Array
    wall_found: NDArray[np.bool_]
    spacing: tuple[float, float]
    unit: str

    @property
    def present(self) -> NDArray[np.bool_]:
        """(T,) whether the frame has an LV."""
        found: NDArray[np.bool_] = np.isfinite(self.apex[:, 0])
        return found

    @property
    def mitral_midpoint(self) -> Array:
        """(T, 2) the middle of the mitral plane."""
        middle: Array = self.hinges.mean(axis=1)
        return middle


def trace_lv(masks: NDArray[np.uint8], spacing: tuple[float, float] | None = None) -> LVShapes:
    """Outline the LV on every frame.

    Parameters
    ----------
    masks: (T, H, W) uint8 of :class:`Label` values.
    spacing: (row, column) mm per pixel, None when uncalibrated.

    Returns
    -------
    :class:`LVShapes` in mm, or in px when uncalibrated.
    """
    frames = len(masks)
    step = (1.0, 1.0) if spacing is None else (float(spacing[0]), float(spacing[1]))
    cavity = fill_holes(largest_component(masks == Label.LV))
    sizes = cavity.sum(axis=(1, 2))
    cavity[sizes < _SMALLEST_LV] = False
    shapes = LVShapes(
        cavity=cavity,
        contour=np.full((frames, CONTOUR_POINTS, 2), np.nan),
        hinges=np.full((frames, 2, 2), np.nan),
        apex=np.full((frames, 2), np.nan),
        endocardium=np.full((frames, ENDOCARDIUM_POINTS, 2), np.nan),
        axis_end=np.full((frames, 2), np.nan),
        wall_found=np.zeros(frames, bool),
        spacing=step,
        unit="px" if spacing is None else "mm",
    )
    present = np.flatnonzero(sizes >= _SMALLEST_LV)
    if len(present) == 0:
        return shapes
    rows, columns = (np.flatnonzero(cavity.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    # The neighbourhood in which wall and rest are weighed grows with the heart, not with the zoom.
    reach = max(1.0, 0.02 * float(np.median(np.sqrt(sizes[present]))))
    margin = int(np.ceil(4 * reach)) + 2
    row0, column0 = int(rows[0]) - margin, int(columns[0]) - margin
    box = (row0, int(rows[-1]) + margin + 1, column0, int(columns[-1]) + margin + 1)
    lv = _crop(cavity, box)
    labels = _crop(masks, box)
    # Seams of one or two pixels between cavity and atrium are no wall.
    wall = (labels == Label.MYOCARDIUM) & ~lv
    wall = ndimage.binary_opening(wall, np.ones((1, 3, 3), bool), iterations=max(1, int(reach / 1.5)))
    rest = ~lv & ~wall
    soft_lv = ndimage.gaussian_filter(lv.astype(np.float32), (0, _CONTOUR_BLUR, _CONTOUR_BLUR))
    # At a hinge the wall fills a quarter and the rest a half of the neighbourhood: weighed 2 to 1, the
    # balance tips right there.
    wall_lead = ndimage.gaussian_filter(2.0 * wall - rest, (0, reach, reach), output=np.float32, mode="nearest")
    scale = np.array([step[1], step[0]])
    towards_base = _towards_base(masks, cavity, step)
    for frame in present:
        outline = _outline(soft_lv[frame], scale)
        lead = ndimage.map_coordinates(wall_lead[frame], (outline / scale).T[::-1], order=1, mode="nearest")
        contour = outline + np.array([column0, row0]) * scale
        has_wall = bool(wall[frame].any())
        ends = hinge_positions(contour, lead if has_wall else None, towards_base[frame])
        shapes.wall_found[frame] = has_wall and ends[2]
        _place(shapes, int(frame), contour, ends[0], ends[1], reach * max(step))
    return shapes


def _crop(stack: NDArray[_Scalar], box: tuple[int, int, int, int]) -> NDArray[_Scalar]:
    """Cut a box out of every frame, padded with 0 where it leaves the frame."""
    height, width = stack.shape[1:]
    row0, row1, column0, column1 = box
    inner = stack[:, max(row0, 0) : min(row1, height), max(column0, 0) : min(column1, width)]
    pad = ((0, 0), (max(-row0, 0), max(row1 - height, 0)), (max(-column0, 0), max(column1 - width, 0)))
    return np.pad(inner, pad)


def _outline(soft: NDArray[np.float32], scale: Array) -> Array:
    """The longest 0.5 level line as CONTOUR_POINTS evenly spaced points, (column, row) times ``scale``."""
    # A speck so small that the blur drowned it is outlined at half its own height.
    level = min(0.5, float(soft.max()) / 2)
    lines = [np.asarray(line) for line in contour_generator(z=soft, line_type=LineType.Separate).lines(level)]
    longest: Array = max(lines, key=len) * scale
    if not np.array_equal(longest[0], longest[-1]):
        longest = np.vstack([longest, longest[:1]])
    return resample(longest, CONTOUR_POINTS + 1)[:-1]


def resample(line: Array, points: int) -> Array:
    """Place ``points`` evenly along a polyline (N, 2), ends included."""
    at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    wanted = np.linspace(0.0, at[-1], points)
    return np.stack([np.interp(wanted, at, line[:, axis]) for axis in (0, 1)], axis=1)


def _towards_base(masks: NDArray[np.uint8], cavity: NDArray[np.bool_], step: tuple[float, float]) -> Array:
    """(T, 2) unit vectors from the LV to its base.

    Towards the left atrium where there is one; else away from the horseshoe of the myocardium, whose
    centre of mass lies on the apex's side; else down, as apical views are displayed.
    """
    middle = centroids(cavity, step)
    atrium = centroids(masks == Label.LA, step)
    wall = centroids(masks == Label.MYOCARDIUM, step)
    direction = np.where(np.isfinite(atrium), atrium - middle, middle - wall)
    # One direction for the clip steadies frames on which atrium or wall flicker.
    usual = np.nanmedian(direction, axis=0) if np.isfinite(direction).any() else np.array([0.0, 1.0])
    usual = usual / (np.hypot(*usual) or 1.0)
    length = np.hypot(direction[:, 0], direction[:, 1])[:, None]
    unit = direction / np.where(length > 0, length, np.nan)
    agrees = np.nan_to_num(unit @ usual, nan=-1.0) > 0.7
    steady: Array = np.where(agrees[:, None], unit, usual)
    return steady


def centroids(stack: NDArray[np.bool_], step: tuple[float, float]) -> Array:
    """(T, 2) centre of mass (x, y) of each frame of a (T, H, W) mask; NaN where it is empty."""
    by_row, by_column = stack.sum(axis=2, dtype=float), stack.sum(axis=1, dtype=float)
    count = by_row.sum(axis=1)
    count = np.where(count > 0, count, np.nan)
    x = by_column @ np.arange(stack.shape[2]) / count * step[1]
    y = by_row @ np.arange(stack.shape[1]) / count * step[0]
    return np.stack([x, y], axis=1)


def _at(contour: Array, position: float) -> Array:
    """The point at a fractional index of a closed contour."""
    low = int(np.floor(position))
    share = position - low
    point: Array = (1 - share) * contour[low % len(contour)] + share * contour[(low + 1) % len(contour)]
    return point


def _place(shapes: LVShapes, frame: int, contour: Array, start: float, end: float, slack: float) -> None:
    """Write one frame's contour, hinges, apex and endocardium."""
    points = len(contour)
    base_start, base_end = _at(contour, start), _at(contour, end)
    stop = start if start > end else start + points
    inner = np.arange(int(np.floor(end)) + 1, int(np.ceil(stop)))
    line = np.vstack([base_end, contour[inner % points], base_start])
    middle = (base_start + base_end) / 2
    shapes.contour[frame] = contour
    left_first = base_start[0] <= base_end[0]
    shapes.hinges[frame] = (base_start, base_end) if left_first else (base_end, base_start)
    shapes.endocardium[frame] = resample(line[::-1] if left_first else line, ENDOCARDIUM_POINTS)
    apex = _apex(line, middle)
    shapes.apex[frame] = apex
    shapes.axis_end[frame] = _axis_end(contour, apex, middle, slack if shapes.wall_found[frame] else np.inf)


def _apex(line: Array, middle: Array) -> Array:
    """The point farthest from the mitral plane's middle.

    A blunt apex has many points that are nearly the farthest; their weighted mean gives the direction,
    so that the long axis does not jump from frame to frame.
    """
    away = line - middle
    distance = np.hypot(away[:, 0], away[:, 1])
    farthest = float(distance.max())
    weight = np.exp((distance - farthest) / (0.005 * farthest))
    direction = weight @ away / weight.sum()
    direction = direction / np.hypot(*direction)
    apex: Array = middle + farthest * direction
    return apex


def _axis_end(contour: Array, apex: Array, middle: Array, slack: float) -> Array:
    """Where the ray from the apex through the mitral plane's middle last leaves the contour, at most ``slack``
    away from that middle: hinges lie within a pixel or so of the true corners, the border does not waver."""
    axis = middle - apex
    length = float(np.hypot(*axis))
    axis = axis / length
    s = (contour - apex) @ axis
    u = (contour - apex) @ np.array([-axis[1], axis[0]])
    s_next, u_next = np.roll(s, -1), np.roll(u, -1)
    crosses = (u <= 0) != (u_next <= 0)
    at = s[crosses] + (s_next - s)[crosses] * u[crosses] / (u - u_next)[crosses]
    last = max(float(at.max(initial=0.0)), 0.5 * length)
    end: Array = apex + axis * (length + float(np.clip(last - length, -slack, slack)))
    return end
