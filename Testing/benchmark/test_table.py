"""Tables, plans of cases and the store of finished scores."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from .cases import Kind, Plan, pairs, phantoms
from .methods import all_methods
from .scores import Scores
from .store import Store
from .table import Result, build, comma_separated, markdown

METHODS = {method.key: method for method in all_methods()}
SCORES = Scores(0.98, 0.97, 0.96, 0.95, 0.945, 0.94, 0.93, 1.5, 2.5, -4.0, 0.0, 0.0, 0.7, 0.25)


def results(key, kind, count):
    return [Result(METHODS[key], Plan(f"clip{i}", kind), SCORES) for i in range(count)]


@pytest.mark.parametrize("other", [Kind.PAIR, Kind.CYCLE])
def test_kinds_never_mix(other):
    with pytest.raises(ValueError, match="another kind"):
        build(Kind.SYSTOLE, results("fast", Kind.SYSTOLE, 2) + results("fast", other, 1))


def test_rows_keep_the_methods_order_and_say_on_how_many_clips():
    table = build(Kind.SYSTOLE, results("fast", Kind.SYSTOLE, 6) + results("paper", Kind.SYSTOLE, 2))
    column = table.columns.index("clips")
    assert [row.cells[0] for row in table.rows[:2]] == ["fast", METHODS["paper"].name]
    assert [row.cells[column] for row in table.rows[:2]] == ["6", "2"]


def test_fast_is_shown_again_on_the_clips_of_a_method_that_ran_on_fewer():
    table = build(Kind.SYSTOLE, results("fast-unguided", Kind.SYSTOLE, 6) + results("syn-direct", Kind.SYSTOLE, 3))
    assert len(table.rows) == 3
    assert "3 clips" in table.rows[-1].group
    assert table.rows[-1].cells[0] == "fast"


def test_units_stand_in_the_columns():
    assert "HD, px" in build(Kind.SYSTOLE, results("fast", Kind.SYSTOLE, 1)).columns
    real = build(Kind.PAIR, results("fast", Kind.PAIR, 1)).columns
    assert "HD at ES, mm" in real
    assert "HD, px" not in real


def test_ef_error_shows_size_and_sign():
    table = build(Kind.PAIR, results("still", Kind.PAIR, 2))
    assert table.rows[0].cells[table.columns.index("EF error")] == "4.0 (-4.0)"


def test_markdown_has_a_heading_and_as_many_cells_a_line():
    table = build(Kind.CYCLE, results("fast", Kind.CYCLE, 2) + results("one-leg", Kind.CYCLE, 2))
    lines = [line for line in markdown([table], "Title").splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1


def test_comma_separated_has_a_line_a_result_and_says_what_is_simulated():
    every = results("fast", Kind.SYSTOLE, 2) + results("fast", Kind.PAIR, 1)
    lines = list(csv.DictReader(io.StringIO(comma_separated(every))))
    assert [line["simulated"] for line in lines] == ["True", "True", "False"]
    assert {line["lv"] for line in lines} == {"0.98"}


def test_any_first_round_of_phantoms_is_balanced():
    plans = list(phantoms(Kind.SYSTOLE, 6))
    assert len({plan.name for plan in plans}) == 18
    first = [plan.settings for plan in plans[:6]]
    assert {settings.seed for settings in first} == set(range(6))
    assert set(Counter(settings.ejection_fraction for settings in first).values()) == {2}


@pytest.mark.parametrize("kind", [Kind.SYSTOLE, Kind.CYCLE])
def test_methods_have_their_own_keys(kind):
    keys = [method.key for method in all_methods() if kind in method.kinds]
    assert len(keys) == len(set(keys)) > 10


def test_peers_are_given_nothing_but_the_first_mask():
    assert all(not method.given for method in all_methods() if method.group == "Peers")


@pytest.fixture
def a_plan():
    return next(phantoms(Kind.SYSTOLE, 1))


def test_store_gives_back_what_it_got(tmp_path, a_plan):
    method = METHODS["dis-direct"]
    Store(tmp_path, 2).put(method, a_plan, SCORES)
    assert Store(tmp_path, 2).get(method, a_plan) == SCORES
    assert [path.suffix for path in tmp_path.rglob("*") if path.is_file()] == [".json"]


def test_store_forgets_what_was_made_otherwise(tmp_path, a_plan):
    method = METHODS["dis-direct"]
    Store(tmp_path, 2).put(method, a_plan, SCORES)
    assert Store(tmp_path, 4).get(method, a_plan) is None
    assert Store(tmp_path, 2).get(replace(method, settings={"preset": "FAST"}), a_plan) is None
    assert Store(tmp_path, 2).get(method, replace(a_plan, settings=replace(a_plan.settings, seed=9))) is None
    assert Store(tmp_path, 2).get(METHODS["dis-chained"], a_plan) is None


def test_no_pairs_without_the_data(tmp_path, monkeypatch):
    monkeypatch.setenv("ECHOODE_TEST_DATA", str(tmp_path))
    assert pairs() == []


def test_pairs_are_read_upright(camus_patients):
    case = Plan(camus_patients[0].name, Kind.PAIR, folder=Path(camus_patients[0])).make()
    assert case.sequence.frames.shape == case.masks.shape
    assert case.sequence.spacing == pytest.approx((0.7, 0.7))
    rows, _ = (case.masks[0] == 1).nonzero()
    atrium, _ = (case.masks[0] == 3).nonzero()
    assert rows.mean() < atrium.mean()  # the apex is up, the atrium below
    assert case.region[case.masks[0] > 0].mean() > 0.98
