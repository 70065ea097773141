"""The benchmark of cohorts: what it makes of times and tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import typer

from .batch import Way, difference, make_clips, table_rows


def test_rates_are_compared_with_the_plain_loop() -> None:
    rows = [(Way("plain loop", 0), 20.0, 0.5), (Way("two workers", 2), 10.0, 1.25)]
    assert table_rows(rows, 100) == [
        ["plain loop", "20.0", "5.00", "1.00", "0.5"],
        ["two workers", "10.0", "10.00", "2.00", "1.2"],
    ]
    assert table_rows(rows[1:], 100)[0][3] == "–"


def test_all_ways_must_do_the_same_clips() -> None:
    def table(**ef: float) -> pd.DataFrame:
        return pd.DataFrame({"ejection_fraction (%)": ef})

    assert difference([table(a=50, b=60), table(a=50.5, b=60)]) == 0.5
    with pytest.raises(typer.Exit):
        difference([table(a=50, b=60), table(a=50)])


def test_clips_are_made(tmp_path: Path) -> None:
    make_clips(tmp_path, 3, 1, 64, 2)
    first, *others = sorted(tmp_path.iterdir())
    assert [path.name for path in others] == ["heart00001.seq.nrrd", "heart00002.seq.nrrd"]
    assert all(path.read_bytes() == first.read_bytes() for path in others)
