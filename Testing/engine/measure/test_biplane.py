import numpy as np
import pytest
from EchoODELib.engine.errors import UnsuitableClip
from EchoODELib.engine.measure import measure, measure_biplane
from EchoODELib.engine.sequence import View


@pytest.fixture(scope="module")
def views(a_heart, contraction):
    """Masks of two beats in A4C (wider) and A2C (narrower) at different heart rates, and the true EF."""
    clips, volumes = [], []
    for width, cycle in ((26, 0.8), (20, 0.9)):
        times = np.arange(0, 2 * cycle + 1e-9, 0.02)
        state = contraction(times, np.arange(4) * cycle)
        hearts = [a_heart(semi_length=70 - 8 * q, semi_width=width * (1 - 0.25 * q)) for q in state]
        clips.append(np.stack([h.mask for h in hearts]))
        volumes.append(np.array([h.volume for h in hearts]))
    edv, esv = (np.sqrt(f(volumes[0]) * f(volumes[1])) for f in (np.max, np.min))
    return clips[0], clips[1], edv, esv


def test_volumes_of_an_elliptical_ventricle(views, segmented):
    four, two, edv, esv = views
    result = measure_biplane(segmented(four, view=View.A4C), segmented(two, view=View.A2C))
    assert len(result.beats) == 2
    assert result.summary["end_diastolic_volume"].mean == pytest.approx(edv, rel=0.015)
    assert result.summary["end_systolic_volume"].mean == pytest.approx(esv, rel=0.025)
    assert result.summary["ejection_fraction"].mean == pytest.approx(100 * (1 - esv / edv), abs=1.0)
    assert result.summary["heart_rate"].mean == pytest.approx(75, abs=3)
    assert not any("foreshortened" in note for note in result.notes)


def test_the_same_clip_twice_gives_the_single_plane_values(views, segmented):
    four = views[0]
    single = measure(segmented(four)).summary
    double = measure_biplane(segmented(four), segmented(four, view=View.A2C)).summary
    for key in ("end_diastolic_volume", "end_systolic_volume", "ejection_fraction"):
        assert double[key].mean == pytest.approx(single[key].mean)


def test_uncalibrated_clips_keep_only_the_ef(views, segmented):
    four, two, edv, esv = views
    clips = [segmented(four, spacing=None), segmented(two[:, ::2, ::2], view=View.A2C, spacing=None)]
    result = measure_biplane(*clips)
    assert set(result.summary) == {"ejection_fraction", "heart_rate"}
    assert result.summary["ejection_fraction"].mean == pytest.approx(100 * (1 - esv / edv), abs=2.0)


def test_a_foreshortened_view_is_said(views, a_heart, segmented):
    short = np.stack([a_heart(semi_length=50 - 5 * q, semi_width=20).mask for q in (0, 0.5, 1, 0.5, 0)])
    result = measure_biplane(segmented(views[0]), segmented(short, view=View.A2C, rate=8))
    assert any("foreshortened" in note for note in result.notes)
    assert any("were paired" in note for note in result.notes)


def test_phases_by_hand_for_either_view(views, segmented):
    four, two, *_ = views
    clips = segmented(four), segmented(two, view=View.A2C)
    result = measure_biplane(*clips, ed_frames=([1], None), es_frames=([8], [12]))
    assert [(beat.ed_frame, beat.es_frame) for beat in result.beats] == [(1, 8)]


def test_wrong_or_beatless_views_are_refused(views, segmented):
    four, two, *_ = views
    with pytest.raises(UnsuitableClip, match="A2C"):
        measure_biplane(segmented(four), segmented(two, view=View.A4C))
    with pytest.raises(UnsuitableClip, match="A2C clip; give its ED and ES"):
        measure_biplane(segmented(four), segmented(two[:1], view=View.A2C))
