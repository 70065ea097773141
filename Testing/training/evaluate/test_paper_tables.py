"""The papers' tables in their form: our rows reckoned by hand, theirs as printed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from EchoODELib.engine.sequence import Label, View
from EchoODELib.engine.views import ViewProposal
from EchoODETrainingLib.evaluate.course import BINS, SYSTOLE, Course, cycle_places
from EchoODETrainingLib.evaluate.naming_views import view_row, view_teller
from EchoODETrainingLib.evaluate.paper_tables import (
    indices_table,
    paper_tables,
    proposals_table,
    temporal_table,
    views_table,
)
from EchoODETrainingLib.evaluate.scores import score
from EchoODETrainingLib.evaluate.summary import Group
from EchoODETrainingLib.evaluate.trials import Trial


def a_group(form: str = "film", **columns: list) -> Group:
    """Two models on two clips each of two hearts; of what was found, the second has 1 more than the first."""
    rows = []
    for add, model in enumerate(("one", "two")):
        for n in range(4):
            named = {"model": model, "clip": f"c{n}", "patient": f"p{n // 2}", "unit": "mm", "labelled_frames": 2}
            plain = {key for key, value in columns.items() if key.endswith("_true") or isinstance(value[n], str)}
            values = {key: value[n] if key in plain else value[n] + add for key, value in columns.items()}
            rows.append({**named, "view": "A4C", **values})
    return Group("phantom", "simulated", form, "valid", pd.DataFrame(rows))


def by_name(table, row: int) -> dict[str, str]:
    name, cells = table.rows[row]
    return {"": name, **dict(zip(table.columns, (cell.text for cell in cells), strict=True))}


def test_table_one_of_smistad_has_errors_counted_and_its_own_rows_below():
    group = a_group(
        mfip=[0.01, 0.02, 0.03, 0.02], mfip_true=[0.01] * 4, lte=[0, 0, 0, 0],
        dice_lv=[0.8, 0.9, 0.9, 1.0], hausdorff_lv=[4.0, 6.0, 8.0, 6.0],
    )  # fmt: skip
    table = temporal_table(group)
    first = by_name(table, 0)
    assert (first["mFIP"], first["#LTE"]) == ("0.0200", "0 of 4")
    # Hearts' means are 0.85 and 0.95, 5 and 7.
    assert first["Dice, LV"] == f"0.900 ± {np.std([0.85, 0.95], ddof=1):.3f}"
    assert first["HD (mm), LV"] == f"6.00 ± {np.std([5, 7], ddof=1):.2f}"
    assert by_name(table, 1)["#LTE"] == "4 of 4"
    assert by_name(table, 2) == {
        "": "the true masks", "mFIP": "0.0100", "#LTE": "0", "Dice, LV": "–", "HD (mm), LV": "–",
    }  # fmt: skip
    last = by_name(table, len(table.rows) - 1)
    assert last == {
        "": "Smistad et al.: temporal ConvLSTM", "mFIP": "0.007", "#LTE": "1", "Dice, LV": "0.93 ± 0.03",
        "HD (mm), LV": "5.55 ± 2.09",
    }  # fmt: skip
    assert "mFIP" not in temporal_table(replace(group, form="stills")).columns


def test_tables_two_and_three_of_li_join_accuracy_distances_and_views():
    group = a_group(
        dice_lv=[0.9] * 4, accuracy=[0.98] * 4, hausdorff_lv=[5.0] * 4, mad_lv=[2.0] * 4, view_right=[1, 1, 0, 1]
    )
    table = views_table(group)
    first = by_name(table, 0)
    assert (first["View"], first["MAD (mm)"], first["Accuracy"]) == ("0.750", "2.00 ± 0.00", "0.9800 ± 0.0000")
    printed = {name: by_name(table, n) for n, (name, _) in enumerate(table.rows)}
    assert printed["Li et al.: full"]["View"] == "0.933"
    assert printed["Li et al.: U-Net"]["MAD (mm)"] == "3.72 ± 1.87"
    assert views_table(a_group(tc_lv=[0.1] * 4)).rows == ()


def test_table_four_of_li_is_of_the_volumes_and_the_fraction():
    true = [100.0, 120.0, 80.0, 90.0]
    table = indices_table(a_group(edv=[98.0, 121.0, 79.0, 90.0], edv_true=true, ef=[50.0] * 4, ef_true=[50.0] * 4))
    first = by_name(table, 0)
    apart = np.array([-2, 1, -1, 0])
    assert first["EDV bias ± SD (mL)"] == f"−0.5 ± {apart.std(ddof=1):.1f}"
    assert (first["EDV MAE"], first["ESV corr"], first["EF corr"]) == ("1.0", "–", "–")
    assert first["EDV corr"] == f"{np.corrcoef(true, true + apart)[0, 1]:.3f}"
    assert by_name(table, 2)["EF bias ± SD (points)"] == "−0.9 ± 6.8"
    assert indices_table(a_group(dice_lv=[1.0] * 4)).rows == ()


def test_views_are_counted_by_what_was_shown():
    table = proposals_table(a_group(view_found=["A4C", "A2C", "A4C", "other"], view_right=[1, 0, 1, 0]))
    assert by_name(table, 0) == {"": "one", "shown": "A4C", "named A2C": "1", "named A4C": "2", "named other": "1"}
    assert [table.title for table in paper_tables(a_group(tc_lv=[0.1] * 4))] == []


def test_the_new_scores_by_hand(a_film):
    """Squares of 10 px; one is found 2 px too low, one is found 40 px off: more than 30 mm at a pixel of 1 mm."""
    truth = np.zeros((5, 80, 80), np.uint8)
    truth[:, 10:20, 10:20] = Label.LV
    clip = replace(
        a_film, frames=np.full_like(truth, 9), times=np.arange(5) / 10, masks=truth, labelled=np.ones(5, bool),
        sector=np.ones((80, 80), bool), spacing=(1.0, 1.0), ed_frame=0, es_frame=1, drawn=frozenset({Label.LV}),
    )  # fmt: skip
    low = truth.copy()
    low[1] = np.roll(truth[1], 2, 0)
    row = score(Trial(clip, low, 0.1))
    assert row["accuracy"] == pytest.approx(1 - 40 / 6400 / 5)
    # Of a border's 36 pixels, 10 above the other are 2 px away and 2 are 1 px; of the 8 that lie inside of the other, 6
    # are 2 px away and 2, next to its sides, 1 px.
    assert row["mad_lv"] == pytest.approx((10 * 2 + 2 * 1 + 6 * 2 + 2 * 1) / 36 / 5)
    assert row["lte"] == 0
    far = truth.copy()
    far[1] = np.roll(truth[1], 40, 0)
    assert score(Trial(clip, far, 0.1))["lte"] == 1
    assert np.isnan(score(Trial(replace(clip, spacing=None), far, 0.1))["lte"])
    gone = truth.copy()
    gone[2] = 0
    assert score(Trial(clip, gone, 0.1))["lte"] == 1
    few = replace(clip, labelled=np.arange(5) < 1, masks=truth * (np.arange(5) < 1)[:, None, None].astype(np.uint8))
    assert score(Trial(few, far, 0.1))["lte"] == 1  # against the nearest frame that is labelled


def test_volumes_of_the_truth_are_the_truths_own(a_pair):
    row = score(Trial(a_pair, a_pair.masks, 0.1))
    assert row["edv"] == row["edv_true"] > row["esv"] == row["esv_true"] > 10
    assert row["ef"] == pytest.approx(100 * (1 - row["esv"] / row["edv"]))


def test_a_course_runs_from_end_diastole_over_end_systole(a_film):
    times = np.arange(16) / 10
    clip = replace(a_film, times=times, ed_frame=2, es_frame=6)
    places = cycle_places(clip)
    assert (places[2], places[6]) == pytest.approx((0.0, SYSTOLE))
    assert places[12] == pytest.approx(0.0, abs=1e-9)  # 0.4 s of systole, 0.6 s of diastole
    assert places[9] == pytest.approx(0.7)
    turned = cycle_places(replace(clip, ed_frame=8, es_frame=2))
    assert (turned[8], turned[2]) == pytest.approx((0.0, SYSTOLE))
    assert cycle_places(replace(clip, es_frame=None)) is None
    course = Course()
    course.add(Trial(clip, clip.masks, 0.1))
    assert np.nanmax(course.mean("hausdorff")) == 0
    assert np.nanmin(course.mean("dice")) == 1
    assert course.volatility("dice") == 0
    worse = clip.masks.copy()
    worse[6] = 0
    course.add(Trial(clip, worse, 0.1))
    middle = int(SYSTOLE * BINS)
    assert course.mean("dice")[middle] == 0.5
    assert course.mean("hausdorff")[middle] == 0  # what is not found has no distance
    assert course.volatility("dice") > 0
    assert np.isnan(Course().volatility("dice"))
    empty = Course()
    empty.add(Trial(replace(clip, spacing=None), clip.masks, 0.1))
    assert not empty.counts["dice"].any()


def test_a_views_row_counts_stills_one_by_one_and_films_as_one(a_film, a_pair):
    answers = iter([View.A4C, View.PLAX, View.A2C])
    asked = []

    def tell(sequence):
        asked.append(len(sequence))
        return ViewProposal(next(answers), 0.9)

    assert view_row(a_pair, tell) == {"view_found": "A4C", "view_right": 0.5}
    assert view_row(a_film, tell) == {"view_found": "A2C", "view_right": 0.0}
    assert asked == [1, 1, 16]
    assert view_row(replace(a_film, view=View.UNKNOWN), tell) == {}
    assert view_row(a_film, None) == {}


def test_only_models_that_name_views_are_asked(tiny_models):
    assert view_teller(tiny_models[0], "cpu") is None
