import numpy as np
import pytest
from EchoODELib.engine.measure import trace_lv
from EchoODELib.engine.measure.dimensions import lv_length, mitral_annulus_width


@pytest.mark.parametrize("angle", [0, 15, -25, 40, 90, 180, -130])
@pytest.mark.parametrize("atrium", [True, False])
@pytest.mark.parametrize("spacing", [(0.7, 0.7), (0.4, 0.4), (0.5, 0.9)])
def test_long_axis_and_hinges_are_found_at_any_orientation(a_heart, angle, atrium, spacing):
    heart = a_heart(angle=angle, atrium=atrium, spacing=spacing, shape=(int(180 / spacing[0]), int(180 / spacing[1])))
    shapes = trace_lv(heart.mask[None], spacing)
    assert shapes.wall_found.all()
    assert shapes.unit == "mm"
    assert lv_length(shapes)[0] == pytest.approx(heart.length, abs=1.0)
    assert mitral_annulus_width(shapes)[0] == pytest.approx(heart.width, abs=2.0)
    axis = shapes.apex[0] - shapes.mitral_midpoint[0]
    turned = np.array([np.sin(np.radians(angle)), -np.cos(np.radians(angle))])
    assert axis @ turned / np.hypot(*axis) > np.cos(np.radians(4))


def test_hinges_are_ordered_from_the_images_left(a_heart):
    for angle in (0, 30, -30):
        hinges = trace_lv(a_heart(angle=angle).mask[None], None).hinges[0]
        assert hinges[0, 0] < hinges[1, 0]


def test_endocardium_leaves_the_mitral_plane_out(a_heart):
    shapes = trace_lv(a_heart().mask[None], (0.7, 0.7))
    line = shapes.endocardium[0]
    assert np.allclose(line[[0, -1]], shapes.hinges[0], atol=1e-6)
    assert np.hypot(*np.diff(line, axis=0).T).max() < 3.0


def test_without_a_pixel_size_everything_is_in_pixels(a_heart):
    heart = a_heart()
    in_px, in_mm = trace_lv(heart.mask[None]), trace_lv(heart.mask[None], (0.7, 0.7))
    assert in_px.unit == "px"
    assert lv_length(in_px)[0] * 0.7 == pytest.approx(lv_length(in_mm)[0], rel=1e-6)


def test_a_seam_of_wall_across_the_mitral_plane_is_not_taken_for_the_wall(a_heart):
    heart = a_heart()
    mask = heart.mask.copy()
    base = np.flatnonzero((mask == 1).any(axis=1)).max() + 1
    columns = np.flatnonzero(mask[base - 1] == 1)
    mask[base, columns[5:-15]] = 2
    shapes = trace_lv(mask[None], (0.7, 0.7))
    assert mitral_annulus_width(shapes)[0] == pytest.approx(heart.width, abs=2.5)


def test_a_missing_lateral_wall_does_not_move_the_hinges_far(a_heart):
    heart = a_heart()
    mask = heart.mask.copy()
    rows, columns = np.nonzero(mask == 2)
    lost = (columns > 140) & (rows > 95)
    mask[rows[lost], columns[lost]] = 0
    shapes = trace_lv(mask[None], (0.7, 0.7))
    assert lv_length(shapes)[0] == pytest.approx(heart.length, abs=4.0)
    assert mitral_annulus_width(shapes)[0] == pytest.approx(heart.width, abs=5.0)


def test_islands_and_holes_do_not_count(a_heart):
    heart = a_heart()
    mask = heart.mask.copy()
    mask[5:12, 200:212] = 1
    mask[100:110, 120:130] = 0
    clean, dirty = trace_lv(heart.mask[None], (0.7, 0.7)), trace_lv(mask[None], (0.7, 0.7))
    assert np.allclose(clean.contour, dirty.contour)
    assert np.array_equal(clean.cavity, dirty.cavity)


@pytest.mark.parametrize("wall", [0.0, 9.0])
def test_a_cavity_alone_is_cut_at_its_basal_corners(a_heart, wall):
    heart = a_heart(wall=wall)
    only_lv = (heart.mask == 1).astype(np.uint8)
    shapes = trace_lv(only_lv[None], (0.7, 0.7))
    assert not shapes.wall_found.any()
    assert lv_length(shapes)[0] == pytest.approx(heart.length, abs=1.5)
    assert mitral_annulus_width(shapes)[0] == pytest.approx(heart.width, abs=3.0)


def test_frames_without_an_lv_are_nan_and_the_others_unaffected(a_heart):
    mask = a_heart().mask
    masks = np.stack([mask, np.zeros_like(mask), np.where(mask == 1, 0, mask), mask])
    shapes = trace_lv(masks, (0.7, 0.7))
    assert shapes.present.tolist() == [True, False, False, True]
    assert np.isnan(shapes.contour[1:3]).all()
    assert np.array_equal(shapes.contour[0], shapes.contour[3])


@pytest.mark.parametrize("cut_rows", [100, 150])
def test_an_lv_that_leaves_the_image_is_still_outlined(a_heart, cut_rows):
    mask = a_heart().mask
    for part in (mask[cut_rows:], mask[:cut_rows]):
        shapes = trace_lv(part[None], (0.7, 0.7))
        assert np.isfinite(lv_length(shapes)).all()
