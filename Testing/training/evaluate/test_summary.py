"""Figures of models: means over patients, comparisons, EF; what is real stays apart from what is not."""

import numpy as np
import pandas as pd
import pytest
from EchoODETrainingLib.evaluate.summary import card_figures, compared, group_rows
from EchoODETrainingLib.evaluate.tables import group_tables


def rows_of(values: dict[str, list[float]], kind: str = "real", data_set: str = "camus", **more) -> list[dict]:
    """A row a clip: model to Dice of the LV."""
    return [
        {
            "data_set": data_set, "kind": kind, "form": "film", "split": "valid", "model": model, "clip": f"clip{n}",
            "patient": f"patient{n // 2}", "unit": "mm", "labelled_frames": 2, "dice_lv": value, "tc_lv": 1 - value,
            **{key: column[n] for key, column in more.items()},
        }
        for model, column in values.items()
        for n, value in enumerate(column)
    ]  # fmt: skip


def test_kinds_never_share_a_group_and_the_real_comes_first():
    values = {"a": [0.9, 0.8]}
    groups = group_rows(
        pd.DataFrame(rows_of(values, "simulated") + rows_of(values, "pseudo") + rows_of(values, "real"))
    )
    assert [group.kind for group in groups] == ["real", "pseudo", "simulated"]
    assert all(len(group.rows) == 2 and group.rows["kind"].nunique() == 1 for group in groups)
    with pytest.raises(ValueError, match="imagined"):
        group_rows(pd.DataFrame(rows_of(values, "imagined")))


def test_means_are_over_clips_and_intervals_over_patients():
    group = group_rows(pd.DataFrame(rows_of({"a": [0.9, 0.9, 0.5, 0.7]})))[0]
    found = group.interval("a", "dice_lv")
    assert found.value == pytest.approx(0.75)
    assert (found.low, found.high) == pytest.approx((0.6, 0.9))  # two patients: any draw lies between theirs
    assert np.isnan(group.interval("a", "hausdorff_la").value)


def test_the_comparison_is_on_the_clips_that_both_have():
    rows = rows_of({"a": [0.9, 0.8, 0.7], "b": [0.95, 0.9, 0.1]})
    group = group_rows(pd.DataFrame(rows[:-1]))[0]
    found = {figure: ratio for _, figure, _, ratio in compared(group)}
    assert found["dice"].value == pytest.approx((0.95 + 0.9) / (0.9 + 0.8))
    assert found["tc"].value == pytest.approx((0.05 + 0.1) / (0.1 + 0.2))
    assert compared(group_rows(pd.DataFrame(rows_of({"a": [0.9, 0.8]})))[0]) == []


def test_px_and_mm_are_not_averaged():
    rows = rows_of({"a": [0.9, 0.8, 0.7], "b": [0.9, 0.8, 0.7]}, hausdorff_lv=[3.0, 5.0, 40.0])
    for row in rows:
        row["unit"] = "px" if row["clip"] == "clip2" else "mm"
        row["hausdorff_lv"] *= 2 if row["model"] == "b" and row["unit"] == "mm" else 1
    group = group_rows(pd.DataFrame(rows))[0]
    assert group.interval("a", "hausdorff_lv").value == 4.0
    assert group.ratio("b", "a", "hausdorff_lv").value == 2.0
    assert group.unit == "mm"
    assert len(group.in_one_unit("a", "dice_lv")) == 3
    assert any("left out of the distance: 1." in table.note for table in group_tables(group))
    uncalibrated = group_rows(pd.DataFrame([row for row in rows if row["unit"] == "px"]))[0]
    assert (uncalibrated.unit, uncalibrated.interval("a", "hausdorff_lv").value) == ("px", 40.0)


def test_ef_agreement_by_hand():
    rows = rows_of({"a": [0.9] * 4}, ef=[52.0, 60.0, np.nan, 44.0], ef_true=[50.0, 57.0, 60.0, 45.0])
    found = group_rows(pd.DataFrame(rows))[0].ef("a")
    assert found.limits.count == 3
    assert found.limits.bias.value == pytest.approx((2 + 3 - 1) / 3)
    assert found.error == pytest.approx(2)
    assert group_rows(pd.DataFrame(rows[:2]))[0].ef("a") is None


def test_card_figures_say_what_they_are_of():
    rows = rows_of({"a": [0.91234, 0.8, 0.7]}, "pseudo", "pseudo_camus", hausdorff_lv=[3.0, 5.0, 4.0])
    ((name, figures),) = card_figures(group_rows(pd.DataFrame(rows))[0], "a", clean=True).items()
    assert name == "pseudo_camus_valid"
    assert figures["what"].startswith("pseudo-sequences, 2 patients, 3 clips")
    assert figures["cleaned"] == {"lv_dice": 0.8041, "lv_hausdorff_mm": 4.0, "lv_tc": 0.1959}


def test_a_reported_ef_that_is_the_masks_own_is_not_told_twice():
    same = rows_of({"a": [0.9] * 3}, ef_true=[50.0, np.nan, 60.0], ef_reported=[50.0, np.nan, 60.0])
    other = rows_of({"a": [0.9] * 3}, ef_true=[50.0, 40.0, 60.0], ef_reported=[55.0, 40.0, 60.0])
    assert list(group_rows(pd.DataFrame(same))[0].ef_references()) == ["ef_true"]
    assert list(group_rows(pd.DataFrame(other))[0].ef_references()) == ["ef_true", "ef_reported"]
