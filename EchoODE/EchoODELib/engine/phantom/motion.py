"""How the heart moves: a few smooth modes of displacement, each with its own course in time.

``displacement(p, t) = sum_k course_k(t) mode_k(p)``, so that fields, contours and scatterers of a whole
clip are one matrix product. The contraction shortens the long axis, draws the endocardium inward and
thickens the wall as an incompressible shell would (radius 24 to 12 mm inside, 34 to about 30 outside),
fades out into the surroundings, widens the atrium while the mitral plane descends, and pulls the right
ventricle's free wall in. A second course, a little late, belongs to the lateral base.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .anatomy import Anatomy, Points

MODES = 5  # contraction, late contraction, translation in x and y, rotation
_NEWTON_STEPS, _NEWTON_TOLERANCE = 8, 0.02  # px; OpenCV rounds places to 1/32 px, so closer is noise
Field = NDArray[np.float32]


def _rise(x: Points, at: float, over: float) -> Points:
    return np.asarray(0.5 * (1 + np.tanh((x - at) / (2 * over))))


def modes(anatomy: Anatomy, points: Points) -> NDArray[np.float64]:
    """Displacement modes at ``points``.

    Parameters
    ----------
    points: (..., 2) image mm (x, y) at end-diastole.

    Returns
    -------
    (MODES, ..., 2) mm per unit of course. Contraction is scaled to an inward motion of the endocardium
    by the whole radius (course 0.3 is a normal stroke).
    """
    heart = anatomy.to_heart(points)
    z, x = heart[..., 0], heart[..., 1]
    q, width, wall = z / anatomy.length, anatomy.width, anatomy.wall
    left_apical, left_basal, right_apical, right_basal = anatomy.regions
    side, base = _rise(x, 0.0, width / 4), _rise(q, 0.5, 0.1)
    gain = (1 - side) * ((1 - base) * left_apical + base * left_basal)
    gain = gain + side * ((1 - base) * right_apical + base * right_basal)

    radius = width * (0.3 + 0.7 * _rise(q, 0.12, 0.12))
    reach = 1 + 0.5 * wall / radius  # in the wall the inward motion fades
    ratio = np.minimum(np.abs(x) / radius, 8.0)
    fade = (1 + reach**-8) / (1 + (ratio / reach) ** 8)
    across = -gain * x * fade * _rise(q, -0.02, 0.05) * (1 - _rise(q, 1.12, 0.06))
    free_wall = x + width + wall + 30.0
    across = across + 16 * np.exp(-((free_wall / 16) ** 2)) * _rise(q, 0.25, 0.1) * (1 - _rise(q, 1.1, 0.1))
    across = across + 0.26 * x * np.exp(-(((q - 1.32) / 0.2) ** 2)) / (1 + (x / 34) ** 6)

    descent = _rise(q, 0.5, 0.2) * (1 - _rise(q, 1.55, 0.12)) * (1 + 0.12 * np.tanh(x / 30))
    along = -0.47 * anatomy.length * descent / (1 + (x / 75) ** 6)
    along = along + 8 * np.exp(-((z / 9) ** 2) - (x / 12) ** 2)  # the apex thickens inward

    ez, ex = anatomy.axes
    contraction = along[..., None] * ez + across[..., None] * ex
    late = (0.35 + 0.65 * side) * (0.3 + 0.7 * base)
    centre = anatomy.to_image(np.array([0.75 * anatomy.length, 0.0]))
    offset = points - centre
    # Tissue at the probe and behind the heart stays where it is.
    held = np.exp(-((np.linalg.norm(offset, axis=-1) / (1.15 * anatomy.length)) ** 4)) * _rise(points[..., 1], 12, 4)
    zero = np.zeros_like(held)
    return np.stack(
        [
            contraction * (1 - late)[..., None],
            contraction * late[..., None],
            np.stack([held, zero], -1),
            np.stack([zero, held], -1),
            np.stack([-offset[..., 1] * held, offset[..., 0] * held], -1),
        ]
    )


def courses(
    state: NDArray[np.float64],
    late_state: NDArray[np.float64],
    times: NDArray[np.float64],
    reference: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """(T, MODES) courses for contraction amplitude 1; the reference frame's are all 0.

    ``state`` is the contraction state and ``late_state`` the same a few hundredths of a second later. The
    heart also swings and the chest breathes by a few mm.
    """
    swing = rng.normal(0, [1.0, 1.0, 0.02])
    delayed = 0.5 * (state + late_state)
    breath = np.sin(2 * np.pi * 0.25 * times + rng.uniform(0, 2 * np.pi)) * rng.uniform(0.2, 0.9)
    lean = rng.uniform(-1, 1)
    rigid = [
        swing[0] * delayed + 0.6 * rng.normal() * (state - late_state) * 4 + lean * breath,
        swing[1] * state + 0.6 * rng.normal() * (state - late_state) * 4 + breath,
        swing[2] * delayed,
    ]
    table = np.stack([state, late_state, *rigid], -1)
    return np.asarray(table - table[reference])


def displacement_field(course: NDArray[np.float64], grid_modes: NDArray[np.float32]) -> Field:
    """The displacement (H, W, 2) of one frame from its courses (MODES,) and (MODES, H, W, 2) modes."""
    # Not a BLAS product: its threads would contend with those that work on other frames.
    return np.asarray(np.einsum("k,kyxc->yxc", course.astype(np.float32), grid_modes))


def invert(displacement: Field, start: Field | None = None, margin: int = 0) -> Field:
    """The pull-back (H, W, 2) px of one displacement field (H, W, 2) px, by Newton's method.

    Solves p + d(p) = x for every pixel x with the field's own bilinear interpolation, so that the two
    fields compose to identity under that interpolation. ``start`` is a first guess (a neighbouring
    frame). Within ``margin`` pixels of the border, where tissue may come from outside, it may stay inexact.
    """
    rows, columns = displacement.shape[:2]
    gx, gy = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    xx, xy = (cv2.Sobel(displacement[..., 0], cv2.CV_32F, *order, ksize=3, scale=1 / 8) for order in ((1, 0), (0, 1)))
    yx, yy = (cv2.Sobel(displacement[..., 1], cv2.CV_32F, *order, ksize=3, scale=1 / 8) for order in ((1, 0), (0, 1)))
    jacobian = np.dstack([1 + xx, xy, yx, 1 + yy])
    inner = (slice(margin, rows - margin), slice(margin, columns - margin))
    back = -displacement if start is None else start.copy()
    for step in range(_NEWTON_STEPS):
        px, py = gx + back[..., 0], gy + back[..., 1]
        value = cv2.remap(displacement, px, py, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        error = value + back
        if step % 2 == 0:  # the slope changes little between two steps
            slope = cv2.remap(jacobian, px, py, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            det = np.maximum(slope[..., 0] * slope[..., 3] - slope[..., 1] * slope[..., 2], 0.1)
        back[..., 0] -= (slope[..., 3] * error[..., 0] - slope[..., 1] * error[..., 1]) / det
        back[..., 1] -= (slope[..., 0] * error[..., 1] - slope[..., 2] * error[..., 0]) / det
        if float(np.abs(error[inner]).max()) < _NEWTON_TOLERANCE:
            break
    return back


def disc_volumes(outlines: Points, apex: Points, base: Points, discs: int = 100) -> NDArray[np.float64]:
    """Volumes (T,) in mL of solids of revolution given by their outlines.

    Method of discs (Lang 2015, section 2.2) on the exact outline: ``outlines`` (T, N, 2) mm closed,
    ``apex`` and ``base`` (T, 2) mm the ends of the long axis. Diameters are square to the axis.
    """
    axis = base - apex
    length = np.linalg.norm(axis, axis=-1)
    unit = axis / length[:, None]
    relative = outlines - apex[:, None]
    along = np.einsum("tnk,tk->tn", relative, unit)
    across = relative[..., 0] * unit[:, None, 1] - relative[..., 1] * unit[:, None, 0]
    low, high = along.min(1), along.max(1)
    levels = low[:, None] + (np.arange(discs) + 0.5) / discs * (high - low)[:, None]
    z0, x0 = along[:, None], across[:, None]
    z1, x1 = np.roll(along, -1, 1)[:, None], np.roll(across, -1, 1)[:, None]
    level = levels[..., None]
    crosses = (z0 <= level) != (z1 <= level)
    share = np.where(crosses, (level - z0) / np.where(crosses, z1 - z0, 1.0), 0.0)
    # Crossings upward count against crossings downward: their difference is the chord.
    chords = np.abs(np.where(crosses, np.sign(z1 - z0) * (x0 + share * (x1 - x0)), 0.0).sum(-1))
    return np.asarray((np.pi / 4 * chords**2).sum(1) * (high - low) / discs / 1000.0)
