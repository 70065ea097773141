"""Septum, cavity and posterior wall from parasternal masks, against drawn and simulated ventricles."""

from __future__ import annotations

import numpy as np
import pytest
from EchoODELib.engine.export.truth import truth_of
from EchoODELib.engine.measure import measure, plax_landmarks
from EchoODELib.engine.measure.dimensions import plax_dimensions
from EchoODELib.engine.phantom import PhantomClip, PhantomSettings, simulate
from EchoODELib.engine.sequence import View


def a_ventricle(septum: int = 8, cavity: int = 40, wall: int = 10) -> np.ndarray:
    """One mask (1, 120, 160): a lying cavity 100 px long between two straight walls, an atrium at its right."""
    mask = np.zeros((1, 120, 160), np.uint8)
    mask[0, 20 : 20 + septum, 20:120] = 2
    mask[0, 20 + septum : 20 + septum + cavity, 20:120] = 1
    mask[0, 20 + septum + cavity : 20 + septum + cavity + wall, 20:120] = 2
    mask[0, 40:70, 120:150] = 3
    return mask


@pytest.mark.parametrize(("septum", "cavity", "wall"), [(8, 40, 10), (12, 30, 6)])
def test_straight_walls_are_measured_to_the_pixel(septum: int, cavity: int, wall: int) -> None:
    found = plax_dimensions(plax_landmarks(a_ventricle(septum, cavity, wall)))
    assert [found.ivs[0], found.lvid[0], found.lvpw[0]] == pytest.approx([septum, cavity, wall], abs=1.1)


def test_the_line_lies_near_the_base_wherever_that_is() -> None:
    mask = a_ventricle()
    places = plax_landmarks(mask)[0]
    assert 85 < places[1, 0] < 115
    assert places[0, 1] < places[1, 1] < places[2, 1] < places[3, 1]
    mirrored = plax_landmarks(np.ascontiguousarray(mask[:, :, ::-1]))[0]
    assert mirrored[:, 0] == pytest.approx(159 - places[:, 0], abs=1.0)


def test_pixels_need_not_be_square() -> None:
    found = plax_dimensions(plax_landmarks(a_ventricle(), (0.5, 0.25)), (0.5, 0.25))
    assert [found.ivs[0], found.lvid[0], found.lvpw[0]] == pytest.approx([4, 20, 5], abs=0.6)
    assert found.unit == "mm"


def test_what_is_not_seen_is_not_measured() -> None:
    without_wall = a_ventricle()
    without_wall[0, 60:] = np.where(without_wall[0, 60:] == 2, 0, without_wall[0, 60:])
    places = plax_landmarks(without_wall)[0]
    assert np.isnan(places[3]).all()
    assert np.isfinite(places[:3]).all()
    assert np.isnan(plax_landmarks(np.zeros((2, 40, 40), np.uint8))).all()


@pytest.fixture(scope="module")
def a_parasternal_clip() -> PhantomClip:
    return simulate(PhantomSettings(frames=30, view=View.PLAX, seed=1))


def test_a_simulated_clip_gets_walls_shortening_and_mass(a_parasternal_clip: PhantomClip) -> None:
    clip = a_parasternal_clip
    measured = measure(truth_of(clip), ed_frames=clip.ed_frames, es_frames=clip.es_frames)
    for name in ("IVS", "LVID", "LVPW"):
        ends = clip.landmarks[name] * clip.sequence.spacing[0]
        truth = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1)
        found = measured.per_frame[name.lower()]
        assert found.unit == "mm"
        assert np.abs(found.values - truth).max() < 0.06 * truth.max() + 1.0
    beat = measured.beats[0].quantities
    assert "ejection_fraction" not in beat
    assert 10 < beat["fractional_shortening"].value < 60
    assert beat["lv_mass"].unit == "g"
    assert 50 < beat["lv_mass"].value < 500
