import numpy as np
import pytest
from EchoODELib.engine.errors import UnsuitableClip, UnsuitableMask
from EchoODELib.engine.measure import MeasureSettings, PhaseSettings, measure
from EchoODELib.engine.sequence import View

VOLUMES = {"end_diastolic_volume", "end_systolic_volume", "stroke_volume", "cardiac_output"}


def value(beat, key):
    return beat.quantities[key].value


def test_two_beats_are_measured_each_and_together(two_beats, segmented):
    masks, volumes = two_beats
    result = measure(segmented(masks))
    truth = 100 * (1 - volumes.min() / volumes.max())
    assert len(result.beats) == 2
    assert np.allclose(result.ed_frames, [0, 40, 80], atol=1)
    for beat in result.beats:
        assert value(beat, "ejection_fraction") == pytest.approx(truth, abs=1.0)
        assert value(beat, "end_diastolic_volume") == pytest.approx(volumes.max(), rel=0.015)
        assert value(beat, "end_systolic_volume") == pytest.approx(volumes.min(), rel=0.02)
        assert value(beat, "heart_rate") == pytest.approx(75, abs=3)
        stroke = value(beat, "end_diastolic_volume") - value(beat, "end_systolic_volume")
        assert value(beat, "stroke_volume") == pytest.approx(stroke)
        assert value(beat, "cardiac_output") == pytest.approx(stroke * value(beat, "heart_rate") / 1000)
        assert value(beat, "global_longitudinal_strain") < -8
    ef = [value(beat, "ejection_fraction") for beat in result.beats]
    summary = result.summary["ejection_fraction"]
    assert (summary.count, summary.unit) == (2, "%")
    assert summary.mean == pytest.approx(np.mean(ef))
    assert summary.sd == pytest.approx(np.std(ef, ddof=1))
    assert result.calibrated
    assert result.flags == ()


def test_every_value_has_a_unit_and_every_series_a_value_per_frame(two_beats, segmented):
    result = measure(segmented(two_beats[0]))
    units = {key: quantity.unit for key, quantity in result.beats[0].quantities.items()}
    assert units["end_diastolic_area"] == "mm²"
    assert units["end_systolic_length"] == "mm"
    assert units["stroke_volume"] == "mL"
    assert units["cardiac_output"] == "L/min"
    assert units["heart_rate"] == "bpm"
    assert units["cycle_length"] == "s"
    assert all(units.values())
    assert result.per_frame["lv_volume"].unit == "mL"
    assert result.per_frame["lv_orientation"].unit == "°"
    assert {len(series.values) for series in result.per_frame.values()} == {len(two_beats[0])}
    assert result.provenance.settings["measure"]["volume"] == "simpson"


def test_an_uncalibrated_clip_has_pixels_no_volumes_and_the_same_ef(two_beats, segmented):
    in_mm, in_px = (measure(segmented(two_beats[0], spacing=spacing)) for spacing in ((0.7, 0.7), None))
    assert not in_px.calibrated
    assert not VOLUMES & set(in_px.summary)
    assert "lv_volume" not in in_px.per_frame
    assert in_px.summary["end_diastolic_area"].unit == "px²"
    assert in_px.summary["end_diastolic_length"].unit == "px"
    for key in ("ejection_fraction", "fractional_area_change", "global_longitudinal_strain", "heart_rate"):
        assert in_px.summary[key].mean == pytest.approx(in_mm.summary[key].mean, abs=1e-6)
    assert any("not calibrated" in note for note in in_px.notes)


def test_unequal_pixels_are_measured_in_mm(a_heart, segmented):
    for spacing in ((0.5, 1.0), (1.0, 0.5)):
        shape = (int(180 / spacing[0]), int(180 / spacing[1]))
        hearts = [a_heart(spacing=spacing, shape=shape, angle=25, semi_width=w) for w in (24, 18)]
        result = measure(segmented([h.mask for h in hearts], spacing=spacing))
        assert result.summary["ejection_fraction"].mean == pytest.approx(
            100 * (1 - hearts[1].volume / hearts[0].volume), abs=1.5
        )
        assert result.summary["end_diastolic_length"].mean == pytest.approx(hearts[0].length, abs=1.0)


def test_the_area_length_form_is_there_where_asked(two_beats, segmented):
    clip = segmented(two_beats[0])
    simpson = measure(clip).summary["ejection_fraction"].mean
    other = measure(clip, settings=MeasureSettings(volume="area_length")).summary["ejection_fraction"].mean
    assert other != simpson
    assert other == pytest.approx(simpson, abs=3.0)


def test_phases_by_hand_replace_the_found_ones_and_ef_follows(two_beats, segmented):
    masks, _ = two_beats
    clip = segmented(masks)
    volume = measure(clip).per_frame["lv_volume"].values
    by_hand = measure(clip, ed_frames=[3], es_frames=[9])
    assert [(beat.ed_frame, beat.es_frame) for beat in by_hand.beats] == [(3, 9)]
    assert value(by_hand.beats[0], "ejection_fraction") == pytest.approx(100 * (1 - volume[9] / volume[3]))
    only_ed = measure(clip, ed_frames=[2, 41])
    assert only_ed.ed_frames == (2, 41)
    assert [beat.ed_frame for beat in only_ed.beats] == [2, 41]
    only_es = measure(clip, es_frames=[20, 60])
    assert only_es.es_frames == (20, 60)
    assert [beat.es_frame for beat in only_es.beats] == [20, 60]


@pytest.mark.parametrize("frame", [-1, 81, 1000])
def test_phases_outside_of_the_clip_are_refused(two_beats, segmented, frame):
    with pytest.raises(UnsuitableClip, match=str(frame)):
        measure(segmented(two_beats[0]), ed_frames=[frame])


@pytest.mark.parametrize(("order", "ed", "es"), [((24, 18), 0, 1), ((18, 24), 1, 0)])
@pytest.mark.parametrize("marked", [True, False])
def test_two_frames_are_ed_and_es_in_either_order(a_heart, segmented, order, ed, es, marked):
    marks = {"ed_frame": ed, "es_frame": es} if marked else {}
    result = measure(segmented([a_heart(semi_width=w).mask for w in order], **marks))
    assert [(beat.ed_frame, beat.es_frame) for beat in result.beats] == [(ed, es)]
    assert result.summary["ejection_fraction"].mean == pytest.approx(100 * (1 - (18 / 24) ** 2), abs=1.0)
    assert np.isnan(result.summary["ejection_fraction"].sd)


def test_the_files_marks_count_where_asked_for(two_beats, segmented):
    clip = segmented(two_beats[0], ed_frame=2, es_frame=11)
    assert measure(clip).ed_frames != (2,)
    taken = measure(clip, settings=MeasureSettings(phase_source="file"))
    assert (taken.ed_frames, taken.es_frames) == ((2,), (11,))
    assert any("file marks" in note for note in taken.notes)


def test_heart_rate_says_where_it_comes_from(two_beats, segmented):
    masks, _ = two_beats
    assert not any("heart rate" in note for note in measure(segmented(masks)).notes)
    of_file = measure(segmented(masks[:25], heart_rate=61.0))
    assert of_file.summary["heart_rate"].mean == 61.0
    assert any("file's own" in note for note in of_file.notes)
    unknown = measure(segmented(masks[:25]))
    assert "heart_rate" not in unknown.summary
    assert any("not known" in note for note in unknown.notes)


def test_a_parasternal_clip_has_areas_but_no_volumes_and_no_ef(two_beats, segmented):
    result = measure(segmented(two_beats[0], view=View.PLAX))
    assert not (VOLUMES | {"ejection_fraction", "global_longitudinal_strain"}) & set(result.summary)
    assert "fractional_area_change" in result.summary
    assert any("PLAX" in note for note in result.notes)


def test_a_clip_of_another_view_has_no_volumes_and_no_ef(two_beats, segmented):
    result = measure(segmented(two_beats[0], view=View.OTHER))
    assert not (VOLUMES | {"ejection_fraction", "global_longitudinal_strain"}) & set(result.summary)
    assert any("need an apical view" in note for note in result.notes)


@pytest.mark.parametrize(("view", "told"), [(View.A4C, False), (View.A2C, False), (View.A3C, True)])
def test_a_three_chamber_ef_is_called_a_rough_guide(two_beats, segmented, view, told):
    result = measure(segmented(two_beats[0], view=view))
    assert "ejection_fraction" in result.summary
    assert any("rough guide" in note for note in result.notes) == told


def test_a_single_frame_is_measured_without_beats(a_heart, segmented):
    result = measure(segmented([a_heart().mask]))
    assert result.beats == ()
    assert result.per_frame["lv_area"].values[0] == pytest.approx(a_heart().area, rel=0.01)
    assert result.notes


def test_frames_without_an_lv_are_nan_bridged_and_flagged(two_beats, segmented):
    masks = two_beats[0].copy()
    whole = measure(segmented(masks))
    gone = {7, 17, 18, 40}
    masks[list(gone)] = 0
    result = measure(segmented(masks))
    assert np.isnan(result.per_frame["lv_area"].values[list(gone)]).all()
    assert gone <= {flag.frame for flag in result.flags}
    assert len(result.beats) == 2
    assert not gone & {*result.ed_frames, *result.es_frames}
    assert result.summary["ejection_fraction"].mean == pytest.approx(whole.summary["ejection_fraction"].mean, abs=2)


def test_pieces_and_holes_are_flagged_and_not_measured(two_beats, segmented):
    masks = two_beats[0].copy()
    clean = measure(segmented(masks)).per_frame["lv_area"].values
    masks[10, 4:9, 4:9] = 1
    masks[30, 120:124, 128:132] = 0
    result = measure(segmented(masks))
    assert ("lv_components", 10) in {(flag.attribute, flag.frame) for flag in result.flags}
    assert ("lv_holes", 30) in {(flag.attribute, flag.frame) for flag in result.flags}
    assert np.array_equal(result.per_frame["lv_area"].values, clean)


@pytest.mark.parametrize("fill", [0, 2, 3])
def test_a_clip_without_any_lv_is_refused(segmented, fill):
    with pytest.raises(UnsuitableMask, match="empty"):
        measure(segmented(np.full((12, 40, 40), fill)))


def test_unknown_labels_are_refused(segmented):
    with pytest.raises(UnsuitableMask, match="label 7"):
        measure(segmented(np.full((12, 40, 40), 7)))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["noise", "blocks", "full", "edge", "speck"])
def test_nonsense_masks_never_crash(segmented, kind, seed):
    rng = np.random.default_rng(seed)
    masks = np.zeros((15, 48, 48), np.uint8)
    if kind == "noise":
        masks = rng.integers(0, 4, masks.shape)
    elif kind == "blocks":
        masks = np.kron(rng.integers(0, 4, (15, 6, 6)), np.ones((1, 8, 8), int))
    elif kind == "full":
        masks[:] = 1
    elif kind == "edge":
        masks[:, :, :3] = 1
        masks[: seed + 4, :, 3:8] = 1
    else:
        masks[:, 20:24, 20:24] = 1
        masks[3 + seed, 20:40, 20:40] = 1
    result = measure(segmented(masks))
    assert len(result.per_frame["lv_area"].values) == 15


def test_settings_reach_the_phases(two_beats, segmented):
    clip = segmented(two_beats[0])
    paper = measure(clip, settings=MeasureSettings(phases=PhaseSettings(smoothing="paper")))
    ours = measure(clip)
    assert not np.array_equal(paper.per_frame["lv_area_filtered"].values, ours.per_frame["lv_area_filtered"].values)
