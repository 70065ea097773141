from dataclasses import replace

import numpy as np
import pytest
from EchoODELib.engine.measure import trace_lv
from EchoODELib.engine.measure.attributes import (
    RANGES,
    THRESHOLDS,
    ShapeAttributes,
    flag_frames,
    orientation,
    shape_attributes,
    temporal_errors,
)


def attributes_of(masks, spacing=(0.7, 0.7)):
    return shape_attributes(masks, trace_lv(masks, spacing))


def test_there_are_seven_with_published_thresholds_and_plausible_ranges():
    assert len(THRESHOLDS) == len(RANGES) == 7
    # Ranges in mm: hearts of the reference set span 44 cm² in area and 48 mm in length.
    assert RANGES["lv_area"] == pytest.approx(4400, rel=0.01)
    assert RANGES["lv_length"] == pytest.approx(48, rel=0.01)
    assert RANGES["lv_base_width"] == pytest.approx(36.7, rel=0.01)


@pytest.mark.parametrize("rate", [25, 50, 80])
def test_a_beating_heart_breaks_nothing(a_heart, contraction, rate):
    times = np.arange(0, 0.8, 1 / rate)
    state = contraction(times, np.array([0.0, 0.8, 1.6]))
    masks = np.stack([a_heart(semi_length=70 - 8 * q, semi_width=24 - 5 * q, angle=3 * q).mask for q in state])
    assert flag_frames(attributes_of(masks), times) == ()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("lv_area", {"semi_width": 27.0}),
        ("lv_length", {"semi_length": 78.0}),
        ("lv_orientation", {"angle": 8.0}),
        ("myocardial_area", {"wall": 13.0}),
        ("epicardium_center_x", {"centre": (94.0, 95.0)}),
        ("epicardium_center_y", {"centre": (90.0, 99.0)}),
        ("lv_base_width", {"cut": 0.75}),
    ],
)
def test_one_frame_that_jumps_is_flagged_with_its_attribute_and_a_reason(a_heart, name, change):
    masks = np.stack([a_heart().mask] * 4 + [a_heart(**change).mask] + [a_heart().mask] * 4)
    flags = [flag for flag in flag_frames(attributes_of(masks), np.arange(9) / 50) if flag.attribute == name]
    assert 4 in {flag.frame for flag in flags}
    assert {flag.frame for flag in flags} <= {3, 4, 5}
    assert "times" in flags[0].reason
    assert flags[0].reason.endswith(".")


@pytest.mark.parametrize("angle", [0, 10, -35, 60])
@pytest.mark.parametrize("spacing", [(0.7, 0.7), (0.5, 1.0)])
def test_orientation_is_the_axis_angle_in_mm(a_heart, angle, spacing):
    mask = a_heart(angle=angle, spacing=spacing, shape=(int(180 / spacing[0]), int(180 / spacing[1]))).mask
    assert orientation((mask == 1)[None], spacing)[0] == pytest.approx(-angle, abs=0.7)


def test_an_axis_that_turns_past_the_vertical_does_not_jump():
    angles = np.array([88.0, 89.0, -90.0, -89.0, -88.0])
    values = dict.fromkeys(THRESHOLDS, np.full(5, 40.0)) | {"lv_orientation": angles}
    units = dict.fromkeys(THRESHOLDS, "mm") | {"lv_orientation": "°"}
    errors = temporal_errors(ShapeAttributes(values, units), np.arange(5) / 50)
    assert errors["lv_orientation"].max() < 1e-6


def test_uneven_frame_times_are_interpolated_at_the_frames_own_time():
    times = np.array([0.0, 0.02, 0.08, 0.10, 0.12])
    values = dict.fromkeys(THRESHOLDS, 300 * times)
    errors = temporal_errors(ShapeAttributes(values, dict.fromkeys(THRESHOLDS, "mm")), times)
    assert max(error.max() for error in errors.values()) < 1e-6


def test_the_test_is_the_same_with_and_without_a_pixel_size(a_heart):
    # The nominal length that stands in for the pixel size is 85 mm.
    usual, odd = a_heart(semi_length=63.0, semi_width=22.0), a_heart(semi_length=63.0, semi_width=25.0)
    masks = np.stack([usual.mask] * 3 + [odd.mask] + [usual.mask] * 3)
    times = np.arange(7) / 50
    in_mm = temporal_errors(attributes_of(masks), times)["lv_area"]
    in_px = temporal_errors(attributes_of(masks, None), times)["lv_area"]
    assert np.allclose(in_mm, in_px, rtol=0.02)


def test_missing_structures_are_unknown_and_never_flagged(a_heart):
    masks = np.stack([a_heart().mask] * 7)
    masks[3] = 0
    masks[5][masks[5] == 2] = 0
    attributes = attributes_of(masks)
    assert np.isnan(attributes.values["lv_area"][3])
    assert np.isnan(attributes.values["myocardial_area"][[3, 5]]).all()
    assert not [f for f in flag_frames(attributes, np.arange(7) / 50) if f.attribute == "lv_area"]


@pytest.mark.parametrize("frames", [1, 2])
def test_clips_without_neighbours_have_no_errors(a_heart, frames):
    attributes = attributes_of(np.stack([a_heart().mask] * frames))
    assert all((error == 0).all() for error in temporal_errors(attributes, np.arange(frames) / 50).values())
    assert flag_frames(replace(attributes), np.arange(frames) / 50) == ()
