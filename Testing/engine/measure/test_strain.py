import numpy as np
import pytest
from EchoODELib.engine.measure import measure, trace_lv
from EchoODELib.engine.measure.strain import endocardial_lengths, strain, track_points, tracked_lengths

SPACING = (0.5, 0.5)
SHAPE = (360, 360)


def test_the_endocardial_line_has_the_ellipses_own_arc_length(a_heart):
    a, b, cut = 70.0, 24.0, 0.35
    angle = np.linspace(-np.arcsin(cut), np.pi + np.arcsin(cut), 5000)
    arc = np.hypot(np.diff(b * np.cos(angle)), np.diff(a * np.sin(angle))).sum()
    for turn in (0, 25, -40):
        shapes = trace_lv(a_heart(angle=turn, spacing=SPACING, shape=SHAPE).mask[None], SPACING)
        assert endocardial_lengths(shapes)[0] == pytest.approx(arc, rel=0.01)


@pytest.mark.parametrize("factor", [0.8, 0.85, 0.95])
def test_a_uniformly_shrunk_heart_has_the_strain_it_was_shrunk_by(a_heart, factor):
    hearts = [
        a_heart(spacing=SPACING, shape=SHAPE, semi_length=70 * k, semi_width=24 * k, wall=9 * k) for k in (1, factor)
    ]
    lengths = endocardial_lengths(trace_lv(np.stack([h.mask for h in hearts]), SPACING))
    assert strain(lengths, 0)[1] == pytest.approx(100 * (factor - 1), abs=0.8)


@pytest.mark.parametrize("shift", [(8.0, 0.0), (-6.0, 5.0)])
@pytest.mark.parametrize("turn", [0.0, 12.0])
def test_a_heart_that_only_moves_or_turns_has_no_strain(a_heart, shift, turn):
    moved = a_heart(spacing=SPACING, shape=SHAPE, centre=(90 + shift[0], 95 + shift[1]), angle=turn)
    still = a_heart(spacing=SPACING, shape=SHAPE)
    lengths = endocardial_lengths(trace_lv(np.stack([still.mask, moved.mask]), SPACING))
    assert strain(lengths, 0)[1] == pytest.approx(0.0, abs=0.7)


def field_of(scale, shift, shape, centre):
    """Displacement (H, W, 2) px of a scaling about ``centre`` and a shift, in px (x, y)."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    points = np.stack([columns, rows], axis=-1)
    return ((scale - 1) * (points - np.array(centre)) + np.array(shift)).astype(np.float32)


def test_tracked_points_follow_the_field_exactly_where_it_is_linear():
    points = np.array([[10.25, 20.5], [30.0, 12.75]])
    field = np.stack([field_of(0.9, (2.0, -3.0), (64, 48), (24, 32))])
    expected = (24, 32) + 0.9 * (points - (24, 32)) + (2.0, -3.0)
    assert np.allclose(track_points(points, field)[0], expected, atol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 0.82])
def test_tracked_strain_is_the_tissues(a_heart, scale):
    mask = a_heart().mask
    field = np.stack([np.zeros((*mask.shape, 2), np.float32), field_of(scale, (4.0, -2.0), mask.shape, (128, 135))])
    lengths = tracked_lengths(trace_lv(np.stack([mask, mask]), (0.7, 0.7)), field, 0)
    assert strain(lengths, 0)[1] == pytest.approx(100 * (scale - 1), abs=1e-3)


def test_unequal_pixels_are_measured_in_mm():
    mask = np.zeros((120, 120), np.uint8)
    rows, columns = np.mgrid[:120, :120]
    mask[((columns - 60) / 20) ** 2 + ((rows - 60) / 40) ** 2 <= 1] = 1
    field = np.zeros((2, 120, 120, 2), np.float32)
    field[1, ..., 1] = -0.2 * (rows - 60)  # shortened along the rows alone
    long_rows = tracked_lengths(trace_lv(np.stack([mask, mask]), (2.0, 0.5)), field, 0)
    long_columns = tracked_lengths(trace_lv(np.stack([mask, mask]), (0.5, 2.0)), field, 0)
    assert strain(long_rows, 0)[1] < strain(long_columns, 0)[1] - 2


def test_strain_is_taken_against_each_beats_own_ed(two_beats, segmented):
    masks, _ = two_beats
    shape = masks.shape[1:]
    drift = np.linspace(1.0, 0.9, len(masks))
    field = np.stack([field_of(k, (0, 0), shape, (128, 135)) for k in drift])
    result = measure(segmented(masks, displacement=field, reference_frame=0))
    for beat in result.beats:
        expected = 100 * (drift[beat.es_frame] / drift[beat.ed_frame] - 1)
        tracked = beat.quantities["global_longitudinal_strain_tracked"]
        assert tracked.unit == "%"
        assert tracked.value == pytest.approx(expected, abs=0.02)
    series = result.per_frame["longitudinal_strain_tracked"].values
    first = result.beats[0].ed_frame
    assert np.allclose(series, 100 * (drift / drift[first] - 1), atol=0.02)


def test_motion_without_an_lv_on_its_reference_gives_no_tracked_strain(two_beats, segmented):
    masks = two_beats[0].copy()
    masks[0] = 0
    field = np.zeros((*masks.shape, 2), np.float32)
    result = measure(segmented(masks, displacement=field, reference_frame=0))
    assert np.isnan(result.per_frame["longitudinal_strain_tracked"].values).all()
    assert all("global_longitudinal_strain_tracked" not in beat.quantities for beat in result.beats)
