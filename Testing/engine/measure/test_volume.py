import numpy as np
import pytest
from EchoODELib.engine.measure import trace_lv
from EchoODELib.engine.measure.area import area, fractional_area_change
from EchoODELib.engine.measure.volume import (
    area_length,
    disc_diameters,
    ejection_fraction,
    simpson_biplane,
    simpson_single_plane,
)


@pytest.mark.parametrize("angle", [0, 15, -25, 40, 90, 180])
@pytest.mark.parametrize(("spacing", "tolerance"), [((0.3, 0.3), 0.01), ((0.7, 0.7), 0.012), ((0.5, 1.0), 0.025)])
def test_simpson_gives_the_volume_of_an_ellipsoid_cut_at_the_base(a_heart, angle, spacing, tolerance):
    heart = a_heart(angle=angle, spacing=spacing, shape=(int(180 / spacing[0]), int(180 / spacing[1])))
    shapes = trace_lv(heart.mask[None], spacing)
    assert simpson_single_plane(shapes)[0] / 1000 == pytest.approx(heart.volume, rel=tolerance)
    assert area(shapes.cavity, spacing)[0] == pytest.approx(heart.area, rel=0.01)


@pytest.mark.parametrize(("semi_length", "semi_width"), [(45, 20), (60, 15), (70, 30)])
def test_volume_holds_over_shapes(a_heart, semi_length, semi_width):
    heart = a_heart(semi_length=semi_length, semi_width=semi_width, spacing=(0.4, 0.4), shape=(450, 450))
    volume = simpson_single_plane(trace_lv(heart.mask[None], (0.4, 0.4)))[0] / 1000
    assert volume == pytest.approx(heart.volume, rel=0.012)


def test_a_whole_ellipsoid_without_wall_is_measured_whole():
    rows, columns = np.mgrid[:256, :256]
    mask = (((columns - 128) / 30) ** 2 + ((rows - 128) / 80) ** 2 <= 1).astype(np.uint8)
    volume = simpson_single_plane(trace_lv(mask[None]))[0]
    assert volume == pytest.approx(4 / 3 * np.pi * 30**2 * 80, rel=0.02)


def test_discs_add_up_to_the_cavitys_area(a_heart):
    shapes = trace_lv(a_heart(angle=20).mask[None], (0.7, 0.7))
    diameters, length = disc_diameters(shapes)
    assert diameters.shape == (1, 20)
    covered = diameters.sum() * length[0] / 20
    assert covered == pytest.approx(area(shapes.cavity, (0.7, 0.7))[0], rel=0.02)


def test_biplane_of_one_view_twice_is_the_single_plane_volume(a_heart):
    shapes = trace_lv(a_heart().mask[None], (0.7, 0.7))
    diameters, length = disc_diameters(shapes)
    plane = (diameters[0], float(length[0]))
    assert simpson_biplane(plane, plane, plane[1]) == pytest.approx(simpson_single_plane(shapes)[0])


def test_biplane_takes_an_elliptical_cross_section(a_heart):
    wide, narrow = (a_heart(semi_width=w) for w in (28, 20))
    planes = []
    for heart in (wide, narrow):
        diameters, length = disc_diameters(trace_lv(heart.mask[None], (0.7, 0.7)))
        planes.append((diameters[0], float(length[0])))
    truth = wide.volume * 20 / 28
    assert simpson_biplane(*planes, max(p[1] for p in planes)) / 1000 == pytest.approx(truth, rel=0.012)
    with pytest.raises(ValueError, match="same number of discs"):
        simpson_biplane(planes[0], (planes[1][0][:5], planes[1][1]), 90.0)


def test_area_length_is_exact_for_an_ellipsoid():
    a, b = 40.0, 20.0
    volume = area_length(np.array([np.pi * a * b]), np.array([2 * a]))
    assert volume[0] == pytest.approx(4 / 3 * np.pi * a * b**2)


@pytest.mark.parametrize(("large", "small", "share"), [(100, 40, 60), (100, 100, 0), (50, 60, -20)])
def test_fractions(large, small, share):
    assert ejection_fraction(large, small) == pytest.approx(share)
    assert fractional_area_change(large, small) == pytest.approx(share)


@pytest.mark.parametrize("nothing", [0.0, float("nan")])
def test_fractions_of_nothing_are_unknown(nothing):
    assert np.isnan(ejection_fraction(nothing, 1.0))
    assert np.isnan(fractional_area_change(nothing, 1.0))
