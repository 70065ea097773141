"""Measured against the simulated echo, whose volumes, phases and landmarks are known exactly."""

import numpy as np
import pytest
from EchoODELib.engine.measure import measure, measure_biplane, trace_lv
from EchoODELib.engine.measure.dimensions import lv_length, mitral_annulus_width
from EchoODELib.engine.phantom import PhantomSettings, simulate
from EchoODELib.engine.sequence import Provenance, SegmentedSequence, View

CASES = [
    {"seed": 0, "ejection_fraction": 58.0},
    {"seed": 1, "ejection_fraction": 30.0, "view": View.A2C},
    {"seed": 2, "ejection_fraction": 68.0, "beats": 2.5, "frames": 60, "frame_rate": 30.0, "arrhythmia": 0.2},
]
MORE_CASES = [
    {"seed": seed, "ejection_fraction": ef, "view": view, "frame_rate": rate, "beats": beats, "frames": frames}
    for seed, (ef, view, rate, beats, frames) in enumerate(
        [
            (20.0, View.A4C, 20.0, 2.0, 40),
            (45.0, View.A2C, 80.0, 1.5, 100),
            (55.0, View.A4C, 60.0, 0.5, 30),
            (65.0, View.A2C, 25.0, 3.0, 70),
            (75.0, View.A4C, 50.0, 1.0, 60),
            (50.0, View.A4C, 40.0, 2.0, 60),
        ],
        start=10,
    )
]


def truth_of(clip):
    """The phantom's own masks and motion as a segmented clip."""
    return SegmentedSequence(
        clip.sequence, clip.masks, Provenance("truth"), clip.ed_frames[0], clip.displacement, clip.pull_back
    )


def check(case):
    clip = simulate(PhantomSettings(**{"size": 128, "frames": 36, **case}))
    result = measure(truth_of(clip))
    assert result.summary["ejection_fraction"].mean == pytest.approx(clip.ejection_fraction, abs=2.5)
    assert np.allclose(result.per_frame["lv_volume"].values, clip.volumes_ml, rtol=0.06)
    for found, true in ((result.ed_frames, clip.ed_frames), (result.es_frames, clip.es_frames)):
        for frame in true:
            assert min(abs(frame - f) for f in found) <= 1, (found, true)
    shapes = trace_lv(clip.masks, clip.sequence.spacing)
    pixel = np.array(clip.sequence.spacing[::-1])
    for measured, name in ((lv_length(shapes), "long_axis"), (mitral_annulus_width(shapes), "mitral_annulus")):
        ends = clip.landmarks[name] * pixel
        true = np.hypot(*(ends[:, 1] - ends[:, 0]).T)
        assert np.allclose(measured, true, atol=2.5 * pixel.max())
    for beat in result.beats:
        outlined, tracked = (beat.quantities[f"global_longitudinal_strain{kind}"].value for kind in ("", "_tracked"))
        assert outlined == pytest.approx(tracked, abs=2.5)
    return result


@pytest.mark.parametrize("case", CASES)
def test_ef_volumes_phases_lengths_and_strain_are_the_phantoms(case):
    check(case)


@pytest.mark.long
@pytest.mark.parametrize("case", MORE_CASES)
def test_more_rates_views_and_rhythms(case):
    check({**case, "size": 256})


def test_true_masks_break_no_attribute_and_a_spoilt_frame_does():
    clip = simulate(PhantomSettings(size=128, frames=36, seed=4))
    segmented = truth_of(clip)
    assert not [flag for flag in measure(segmented).flags if flag.attribute != "lv_base_width"]
    spoilt = clip.masks.copy()
    spoilt[9] = np.roll(spoilt[9], 4, axis=1)
    flags = measure(SegmentedSequence(clip.sequence, spoilt, Provenance("spoilt"))).flags
    assert {"epicardium_center_x"} <= {flag.attribute for flag in flags if flag.frame == 9}


@pytest.mark.long
def test_biplane_of_two_views():
    views = [
        simulate(PhantomSettings(size=128, frames=36, seed=5, ejection_fraction=52.0, view=view))
        for view in (View.A4C, View.A2C)
    ]
    result = measure_biplane(*(truth_of(view) for view in views))
    volumes = [np.sqrt(a * b) for a, b in zip(*(np.sort(v.volumes_ml)[[0, -1]] for v in views), strict=True)]
    assert result.summary["ejection_fraction"].mean == pytest.approx(52.0, abs=2.5)
    assert result.summary["end_diastolic_volume"].mean == pytest.approx(volumes[1], rel=0.1)
