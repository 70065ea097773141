"""The numbers of a clip, by cases that can be reckoned by hand."""

from dataclasses import replace

import numpy as np
import pytest
from EchoODELib.engine.metrics import tc
from EchoODELib.engine.sequence import Label
from EchoODETrainingLib.evaluate.scores import pair_ef, score
from EchoODETrainingLib.evaluate.trials import Trial, try_model

from .conftest import Fixed


def test_the_truth_itself_is_perfect(a_film):
    row = score(Trial(a_film, a_film.masks, 0.1))
    for name in ("lv", "myocardium", "la"):
        assert row[f"dice_{name}"] == row[f"iou_{name}"] == 1
        assert row[f"hausdorff_{name}"] == row[f"missing_{name}"] == row[f"tcd_{name}"] == 0
        assert row[f"tc_{name}"] == row[f"tc_true_{name}"] > 0
    assert row["mfip"] == row["mfip_true"] > 0
    assert (row["ed_error"], row["es_error"], row["ed_found"], row["es_found"]) == (0, 0, 1, 1)
    assert row["ef"] == pytest.approx(row["ef_true"], abs=3)
    assert row["ef_reported"] == a_film.ejection_fraction
    assert (row["dice_lv_ed"], row["dice_lv_es"], row["labelled_frames"]) == (1, 1, 16)


def test_a_film_by_hand(a_film):
    """Squares; the second is found half, the others whole: Dice 1, 2/3, 1, 1, and a last one that nobody drew."""
    truth = np.zeros((5, 40, 40), np.uint8)
    truth[:, 10:20, 10:20] = Label.LV
    found = truth.copy()
    found[1, 15:20] = 0
    clip = replace(
        a_film, frames=np.full_like(truth, 9), times=np.arange(5) / 10, masks=truth, labelled=np.arange(5) < 4,
        sector=np.ones((40, 40), bool), spacing=(2.0, 0.5), ed_frame=0, es_frame=1, drawn=frozenset({Label.LV}),
    )  # fmt: skip
    found[4, 0, 0] = Label.LA  # nobody drew atria here, so nobody can tell whether it is wrong
    row = score(Trial(clip, found, 0.1))
    assert row["dice_lv"] == pytest.approx((3 + 2 / 3) / 4)
    assert row["iou_lv"] == pytest.approx((3 + 1 / 2) / 4)
    assert row["hausdorff_lv"] == pytest.approx(5 * 2.0 / 4)
    assert row["tcd_lv"] == pytest.approx((1 / 3 + 1 / 3 + 0) / 3)
    assert row["mfip"] == pytest.approx((50 + 50 + 0 + 0) / 1600 / 4)
    assert row["tc_lv"] == pytest.approx(tc(found, label=Label.LV))
    assert (row["dice_lv_ed"], row["dice_lv_es"]) == (1, pytest.approx(2 / 3))
    assert np.isnan([row["tc_true_lv"], row["mfip_true"]]).all()  # the last frame has no mask
    assert "dice_la" not in row
    assert "dice_myocardium" not in row


def test_a_missing_structure_has_no_distance_and_is_counted(a_film):
    row = score(Trial(a_film, np.where(a_film.masks == Label.LA, 0, a_film.masks).astype(np.uint8), 0.1))
    assert row["dice_la"] == 0
    assert row["missing_la"] == 16
    assert np.isnan(row["hausdorff_la"])
    assert np.isnan([row["tc_la"], row["tcd_la"]]).all()
    assert row["missing_lv"] == 0


def test_an_empty_answer_gives_numbers_not_errors(a_film, a_pair):
    for clip in (a_film, a_pair):
        row = score(Trial(clip, np.zeros_like(clip.masks), 0.1))
        assert row["dice_lv"] == 0
        assert np.isnan(row["ef"])
    film = score(Trial(a_film, np.zeros_like(a_film.masks), 0.1))
    assert film["ed_found"] == film["es_found"] == 0
    assert np.isnan(film["ed_error"])


def test_ef_of_stills_takes_the_given_phases_in_any_order(a_pair):
    ef = pair_ef(a_pair, a_pair.masks)
    assert ef == pytest.approx(a_pair.ejection_fraction, abs=6)
    turned = replace(a_pair, frames=a_pair.frames[::-1].copy(), masks=a_pair.masks[::-1].copy(), ed_frame=1, es_frame=0)
    assert pair_ef(turned, turned.masks) == pytest.approx(ef)
    assert np.isnan(pair_ef(replace(a_pair, es_frame=None), a_pair.masks))


def test_late_phases_are_told_in_frames(a_film):
    late = a_film.masks[np.clip(np.arange(16) - 2, 0, None)]
    row = score(Trial(a_film, late, 0.1))
    assert row["es_error"] == 2


def test_a_film_is_segmented_whole_and_stills_one_by_one_without_what_experts_know(a_film, a_pair):
    segmenter = Fixed(lambda sequence: np.ones(sequence.frames.shape, np.uint8))
    trial = try_model(segmenter, a_film)
    assert (trial.form, [len(given) for given in segmenter.given]) == ("film", [16])
    assert trial.found.all()
    segmenter.given.clear()
    half = replace(a_pair, labelled=np.array([False, True]), masks=a_pair.masks * np.array([[[0]], [[1]]], np.uint8))
    stills = try_model(segmenter, half)
    assert (stills.form, [len(given) for given in segmenter.given]) == ("stills", [1])
    assert np.array_equal(segmenter.given[0].frames[0], a_pair.frames[1])
    assert not stills.found[0].any()
    assert all(given.source.ed_frame is None and given.source.es_frame is None for given in segmenter.given)
