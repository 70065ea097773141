"""Septum, cavity and posterior wall from parasternal masks, against drawn and simulated ventricles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from EchoODELib.engine.errors import UnsuitableMask
from EchoODELib.engine.export.truth import truth_of
from EchoODELib.engine.measure import measure, plax_landmarks, plax_lines
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


def marked_lines(count: int, septum: float = 9.0, cavity: float = 41.0, wall: float = 11.0) -> np.ndarray:
    """Lines (T, 6, 2) of given lengths, px, straight down."""
    down = np.array([20, 20 + septum, 20 + septum, 20 + septum + cavity, 20 + septum + cavity, 0])
    down[5] = down[4] + wall
    return np.tile(np.stack([np.full(6, 100.0), down], -1), (count, 1, 1)).astype(np.float32)


def test_a_models_lines_come_before_the_masks_but_not_before_a_persons_word() -> None:
    masks = np.repeat(a_ventricle(), 4, axis=0)
    marked = marked_lines(4)
    marked[1, 2:4] = np.nan  # no cavity found on frame 1
    marked[2, 5] = np.nan  # one end of the wall is not seen on frame 2
    found = plax_dimensions(plax_lines(masks, None, marked, corrected=[3]))
    assert found.ivs == pytest.approx([9, 9, 9, 8], abs=0.6)
    assert found.lvid == pytest.approx([41, 40, 41, 40], abs=0.6)
    assert found.lvpw == pytest.approx([11, 11, 10, 10], abs=1.1)
    across = plax_dimensions(plax_lines(masks))
    assert across.lvid == pytest.approx(plax_dimensions(plax_landmarks(masks)).lvid)


@pytest.mark.parametrize(("spacing", "unit", "size"), [((0.5, 0.8), "mm", 0.5), (None, "px", 1.0)])
def test_measurements_take_the_lines_and_say_so(
    a_parasternal_clip: PhantomClip, spacing: tuple[float, float] | None, unit: str, size: float
) -> None:
    known = truth_of(a_parasternal_clip)
    known = replace(known, sequence=known.sequence.with_spacing(spacing), lines=marked_lines(30))
    measured = measure(known)
    assert measured.per_frame["lvid"].values == pytest.approx(41 * size)
    assert measured.per_frame["ivs"].unit == unit
    assert measured.beats[0].quantities["end_systolic_lvpw"].value == pytest.approx(11 * size)
    assert any("lines that the model marked." in note for note in measured.notes)
    some = measure(replace(known, guides=(0, 5)))
    assert any("on 28 of 30 frames" in note for note in some.notes)
    assert any("across the masks" in note for note in measure(replace(known, lines=None)).notes)


def test_an_apical_clip_has_no_use_for_lines(a_parasternal_clip: PhantomClip) -> None:
    known = truth_of(a_parasternal_clip)
    apical = replace(known, sequence=replace(known.sequence, view=View.A4C), lines=marked_lines(30))
    assert "lvid" not in measure(apical).per_frame
    with pytest.raises(UnsuitableMask, match="lines"):
        replace(known, lines=marked_lines(29))
