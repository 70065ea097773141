"""The truth about a simulated clip: volumes, phases, masks, landmarks, and the contraction that meets an EF."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from ..sequence import Label, View
from .anatomy import Anatomy, Points
from .motion import Field, disc_volumes, modes
from .settings import PhantomSettings
from .timing import Rhythm
from .tissue import Atlas


def _carried(anatomy: Anatomy, course: NDArray[np.float64], points: Points) -> Points:
    """(T, N, 2) mm: where tissue at ``points`` (N, 2) of the reference frame is in every frame."""
    return np.asarray(points + np.einsum("tk,knc->tnc", course, modes(anatomy, points)))


def volumes_ml(anatomy: Anatomy, course: NDArray[np.float64]) -> NDArray[np.float64]:
    """Volumes (T,) in mL of the cavity, as a solid of revolution about its long axis."""
    outline = _carried(anatomy, course, anatomy.outline("lv"))
    axis = _long_axis(anatomy, course)
    return disc_volumes(outline, axis[:, 1], axis[:, 0])


def _long_axis(anatomy: Anatomy, course: NDArray[np.float64]) -> Points:
    """(T, 2, 2) mm: the middle of the annulus and the contour's point farthest from it."""
    base = _carried(anatomy, course, anatomy.to_image(anatomy.hinges)).mean(1)
    outline = _carried(anatomy, course, anatomy.outline("lv"))
    farthest = np.linalg.norm(outline - base[:, None], axis=-1).argmax(1)
    return np.stack([base, outline[np.arange(len(base)), farthest]], 1)


def phases(
    rhythm: Rhythm, volumes: NDArray[np.float64], times: NDArray[np.float64]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """ED frames nearest to the beats' onsets, and ES frames of least volume in each beat that reaches ES."""
    last = len(times) - 1
    step = times[1] - times[0]
    ed, es = [], []
    for k in range(1, len(rhythm.onsets)):
        frame = round(rhythm.onsets[k] / step)
        if frame > last:
            break
        ed.append(frame)
        if k < len(rhythm.strokes) and round(rhythm.end_systole(k) / step) <= last:
            stop = min(last, round(rhythm.onsets[k + 1] / step))
            es.append(frame + int(np.argmin(volumes[frame : stop + 1])))
    return tuple(ed), tuple(es)


def solve_amplitude(
    anatomy: Anatomy,
    course: NDArray[np.float64],
    rhythm: Rhythm,
    settings: PhantomSettings,
) -> NDArray[np.float64]:
    """Scale the contraction so that the mean EF of the clip's beats is the one asked for."""
    times = np.arange(settings.frames) / settings.frame_rate

    def scaled(amplitude: float) -> NDArray[np.float64]:
        result = course.copy()
        result[:, :2] *= amplitude
        return result

    def excess(amplitude: float) -> float:
        trial = scaled(amplitude)
        volumes = volumes_ml(anatomy, trial)
        ed, es = phases(rhythm, volumes, times)
        if es:
            fraction = float(np.mean([1 - volumes[s] / volumes[d] for d, s in zip(ed, es, strict=False)]))
        else:  # the clip ends before an end-systole: meet the EF where it would have come
            nominal = np.zeros((2, course.shape[1]))
            nominal[1, :2] = amplitude
            full, empty = volumes_ml(anatomy, nominal)
            fraction = 1 - empty / full
        return 100 * fraction - settings.ejection_fraction

    return scaled(float(brentq(excess, 0.0, 0.75, xtol=1e-4)))


def reference_masks(atlas: Atlas, pixels: Points, back: Field, spacing: float) -> NDArray[np.uint8]:
    """Labels (T, H, W): the reference outlines seen through the pull-back."""
    masks = np.zeros(back.shape[:3], np.uint8)
    grid = pixels.astype(np.float32)
    for t, field in enumerate(back):
        place = grid + field * np.float32(spacing)
        lv, epi, la = (atlas.sample(atlas.distances[name], place) for name in ("lv", "epicardium", "la"))
        masks[t][la < 0] = Label.LA
        masks[t][epi < 0] = Label.MYOCARDIUM
        masks[t][lv < 0] = Label.LV
    return masks


def landmarks(
    anatomy: Anatomy, course: NDArray[np.float64], shape: tuple[int, int], spacing: float
) -> dict[str, NDArray[np.float32]]:
    """Name -> (T, 2, 2) px (x, y), as :class:`.settings.PhantomClip` says."""

    def pixels(points: Points) -> NDArray[np.float32]:
        offset = np.array([(shape[1] - 1) / 2, 1.5])
        return np.asarray(points / spacing + offset, np.float32)

    marks = {
        "mitral_annulus": pixels(_carried(anatomy, course, anatomy.to_image(anatomy.valve))),
        "long_axis": pixels(_long_axis(anatomy, course)),
    }
    if anatomy.view is View.PLAX:
        level = 0.72 * anatomy.length
        crossings = {name: _crossings(anatomy.outlines[name], level) for name in ("lv", "epicardium")}
        (near_endo, far_endo), (near_epi, far_epi) = crossings["lv"], crossings["epicardium"]
        ends = {"IVS": (near_epi, near_endo), "LVID": (near_endo, far_endo), "LVPW": (far_endo, far_epi)}
        for name, (near, far) in ends.items():
            pair = anatomy.to_image(np.array([[level, near], [level, far]]))
            marks[name] = pixels(_carried(anatomy, course, pair))
    return marks


def _crossings(outline: Points, level: float) -> tuple[float, float]:
    """Least and largest x at which a closed outline (z, x) crosses z = level."""
    after = np.roll(outline, -1, 0)
    cross = (outline[:, 0] <= level) != (after[:, 0] <= level)
    a, b = outline[cross], after[cross]
    x = a[:, 1] + (level - a[:, 0]) / (b[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    return float(x.min()), float(x.max())
