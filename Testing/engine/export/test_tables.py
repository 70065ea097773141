"""Tables that pandas, Excel and people read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest
from EchoODELib.engine.export import DISCLAIMER
from EchoODELib.engine.export.tables import beats_table, frames_table, summary_table, write_csv, write_xlsx
from EchoODELib.engine.sequence import EchoSequence, Measurements


def test_frames(a_clip: EchoSequence, measured: Measurements, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "frames.csv", frames_table(a_clip, measured))
    assert DISCLAIMER in path.read_text(encoding="utf-8-sig").splitlines()[0]
    table = pd.read_csv(path, comment="#")
    assert list(table["frame"]) == list(range(12))
    np.testing.assert_allclose(table["time (s)"], a_clip.times, rtol=1e-5)
    np.testing.assert_allclose(table["lv_area (mm²)"], measured.per_frame["lv_area"].values, rtol=1e-5)
    assert np.isnan(table["lv_volume (mL)"][3])
    assert table["phase"].fillna("").tolist() == ["ED", "", "", "", "", "", "ES", "", "", "", "", "ED"]
    assert table["beat"].tolist()[:11] == [1] * 11
    assert table["flags"][4] == "The LV area jumps. So does the length."


def test_beats(a_clip: EchoSequence, measured: Measurements, tmp_path: Path) -> None:
    table = pd.read_csv(write_csv(tmp_path / "beats.csv", beats_table(a_clip, measured)), comment="#")
    assert len(table) == 1
    row = table.iloc[0]
    assert (row["ed_frame"], row["es_frame"], row["next_ed_frame"]) == (0, 6, 11)
    assert row["ejection_fraction (%)"] == 48.25
    assert np.isnan(row["heart_rate (bpm)"])
    assert row["es_time (s)"] == pytest.approx(a_clip.times[6], rel=1e-5)


def test_a_clip_without_a_beat(a_clip: EchoSequence, measured: Measurements, tmp_path: Path) -> None:
    nothing = replace(measured, beats=(), summary={}, ed_frames=(), es_frames=(), flags=())
    assert len(beats_table(a_clip, nothing)) == 0
    assert len(summary_table(nothing)) == 0
    write_xlsx(tmp_path / "r.xlsx", a_clip, nothing, segmentation=nothing)
    assert (frames_table(a_clip, nothing)["phase"] == "").all()


def test_the_workbook(a_clip: EchoSequence, measured: Measurements, tmp_path: Path) -> None:
    alone = replace(measured, summary={"ejection_fraction": replace(measured.summary["ejection_fraction"], mean=51.0)})
    path = write_xlsx(tmp_path / "r.xlsx", a_clip, measured, segmentation=alone)
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["summary", "beats", "frames", "provenance"]
    for sheet in book:
        assert DISCLAIMER in sheet["A1"].value
    summary = pd.read_excel(path, sheet_name="summary", header=1).set_index("quantity")
    assert summary.loc["ejection fraction", "mean"] == 48.25
    assert summary.loc["ejection fraction", "segmentation only"] == 51.0
    assert summary.loc["ejection fraction", "unit"] == "%"
    provenance = pd.read_excel(path, sheet_name="provenance", header=1).set_index("item")["value"]
    assert provenance["weights sha256"] == "0f" * 32
    assert provenance["settings preset"] == "fast"
    assert provenance["model"] == "a-model"


@pytest.mark.parametrize("asked", [True, False])
def test_the_name_only_when_asked(a_clip: EchoSequence, measured: Measurements, tmp_path: Path, asked: bool) -> None:
    path = write_xlsx(tmp_path / "r.xlsx", a_clip, measured, source_name=asked)
    texts = [str(cell) for sheet in openpyxl.load_workbook(path) for row in sheet.values for cell in row]
    assert any("DOE" in text for text in texts) == asked
