import numpy as np
import pytest
from EchoODELib.engine.errors import UncalibratedClip
from EchoODELib.engine.measure.dimensions import (
    fractional_shortening,
    lv_mass,
    plax_dimensions,
    teichholz_volume,
)

LINE = np.array([[[50, 40], [50, 50], [50, 95], [50, 105]], [[50, 40], [50, 55], [50, 85], [50, 98]]], float)


@pytest.mark.parametrize(("spacing", "factor"), [(None, 1.0), ((1.0, 1.0), 1.0), ((0.5, 3.0), 0.5)])
def test_walls_and_cavity_along_a_line_of_four_points(spacing, factor):
    found = plax_dimensions(LINE, spacing)
    assert np.allclose(found.ivs, np.array([10, 15]) * factor)
    assert np.allclose(found.lvid, np.array([45, 30]) * factor)
    assert np.allclose(found.lvpw, np.array([10, 13]) * factor)
    assert found.unit == ("px" if spacing is None else "mm")


def test_six_points_are_three_lines_of_their_own():
    six = np.array([[[0, 0], [3, 4], [10, 0], [10, 45], [20, 0], [20, 9]]], float)
    found = plax_dimensions(six)
    assert (found.ivs[0], found.lvid[0], found.lvpw[0]) == (5, 45, 9)


def test_points_not_seen_are_unknown():
    points = LINE.copy()
    points[1, 0] = np.nan
    found = plax_dimensions(points)
    assert np.isnan(found.ivs[1])
    assert np.isfinite(found.lvid).all()


@pytest.mark.parametrize("shape", [(4, 2), (3, 5, 2), (3, 4, 3)])
def test_points_of_another_layout_are_refused(shape):
    with pytest.raises(ValueError, match="landmarks"):
        plax_dimensions(np.zeros(shape))


def test_formulas_give_the_textbook_values():
    assert fractional_shortening(50, 33) == pytest.approx(34)
    assert np.isnan(fractional_shortening(0, 1))
    assert teichholz_volume(50) == pytest.approx(7 * 125 / 7.4)
    # Septum 9, cavity 48, posterior wall 9 mm: 0.8 * 1.04 * (6.6³ - 4.8³) + 0.6 g.
    points = np.array([[[0, 0], [0, 9], [0, 57], [0, 66]]], float)
    assert lv_mass(plax_dimensions(points, (1.0, 1.0)), 0) == pytest.approx(147.8, abs=0.1)
    with pytest.raises(UncalibratedClip):
        lv_mass(plax_dimensions(points), 0)
