"""Results as tables: CSV per frame and per beat, and an Excel workbook with everything."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from ... import __version__
from ..second_opinion import SecondOpinion
from ..sequence import EchoSequence, Measurements
from . import DISCLAIMER
from .atomic import write_bytes
from .opinions import opinion_table
from .results import clip_document, provenance_document

_LINE = f"EchoODE {__version__}. {DISCLAIMER}"


def frames_table(sequence: EchoSequence, measurements: Measurements, *, corrected: Iterable[int] = ()) -> pd.DataFrame:
    """One row a frame: ``frame`` (0-based), ``time (s)``, ``phase`` (ED, ES or empty), ``beat`` (from 1), a column
    for each series with its unit, ``corrected`` ("yes" where a person gave or corrected the mask) and ``flags``."""
    count = len(sequence)
    phase, beat, flags = [""] * count, pd.array([pd.NA] * count, dtype="Int64"), [""] * count
    for name, frames in (("ES", measurements.es_frames), ("ED", measurements.ed_frames)):
        for frame in frames:
            phase[frame] = name
    for number, one in enumerate(measurements.beats, start=1):
        last = one.next_ed_frame if one.next_ed_frame is not None else one.es_frame + 1
        beat[one.ed_frame : last] = number
    for flag in measurements.flags:
        flags[flag.frame] = f"{flags[flag.frame]} {flag.reason}".strip()
    series = {_titled(name, one.unit): one.values for name, one in measurements.per_frame.items()}
    by_hand = set(corrected)
    return pd.DataFrame(
        {
            "frame": range(count),
            "time (s)": sequence.times,
            "phase": phase,
            "beat": beat,
            **series,
            "corrected": ["yes" if frame in by_hand else "" for frame in range(count)],
            "flags": flags,
        }
    )


def beats_table(sequence: EchoSequence, measurements: Measurements) -> pd.DataFrame:
    """One row a beat: ``beat`` (from 1), its ED, ES and next ED frames (0-based) and times, and its quantities."""
    rows = []
    for number, beat in enumerate(measurements.beats, start=1):
        row: dict[str, object] = {
            "beat": number,
            "ed_frame": beat.ed_frame,
            "es_frame": beat.es_frame,
            "next_ed_frame": pd.NA if beat.next_ed_frame is None else beat.next_ed_frame,
            "ed_time (s)": sequence.times[beat.ed_frame],
            "es_time (s)": sequence.times[beat.es_frame],
        }
        row |= {_titled(name, quantity.unit): quantity.value for name, quantity in beat.quantities.items()}
        rows.append(row)
    table = pd.DataFrame(rows, columns=list(rows[0]) if rows else ["beat", "ed_frame", "es_frame", "next_ed_frame"])
    return table.astype({"next_ed_frame": "Int64"})


def summary_table(measurements: Measurements, segmentation: Measurements | None = None) -> pd.DataFrame:
    """One row a quantity: mean, SD and number of beats, and where given the segmentation's own mean."""
    rows: list[dict[str, object]] = []
    for name, value in measurements.summary.items():
        row: dict[str, object] = {
            "quantity": name.replace("_", " "),
            "mean": value.mean,
            "SD": value.sd,
            "beats": value.count,
            "unit": value.unit,
        }
        if segmentation is not None:
            row["segmentation only"] = segmentation.summary[name].mean if name in segmentation.summary else None
        rows.append(row)
    return pd.DataFrame(rows, columns=["quantity", "mean", "SD", "beats", "unit"] if not rows else None)


def provenance_table(sequence: EchoSequence, measurements: Measurements, *, source_name: bool = False) -> pd.DataFrame:
    """How the numbers were made: one row an item."""
    clip = clip_document(sequence, source_name=source_name)
    notes = [*sequence.source.notes, *measurements.notes]
    clip.pop("notes")
    items: list[tuple[str, object]] = [("software", _LINE)]
    items += _flat("clip", clip) + _flat("", provenance_document(measurements.provenance))
    items += [("note", note) for note in notes]
    return pd.DataFrame(items, columns=["item", "value"])


def write_csv(path: str | os.PathLike[str], table: pd.DataFrame) -> Path:
    """Write a table as CSV (UTF-8 with its mark, so that Excel shows units right), under one ``#`` line.

    Raises
    ------
    OutputError: the place can't be written.
    """
    text = f"# {_LINE}\n" + table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    return write_bytes(path, text.encode("utf-8-sig"))


def write_xlsx(
    path: str | os.PathLike[str],
    sequence: EchoSequence,
    measurements: Measurements,
    *,
    segmentation: Measurements | None = None,
    corrected: Iterable[int] = (),
    source_name: bool = False,
    opinion: SecondOpinion | None = None,
) -> Path:
    """Write an Excel workbook with the sheets summary, second opinion where there is one, beats, frames, provenance.

    Raises
    ------
    OutputError: the place can't be written.
    """
    sheets = {
        "summary": summary_table(measurements, segmentation),
        **({} if opinion is None else {"second opinion": opinion_table(measurements, opinion)}),
        "beats": beats_table(sequence, measurements),
        "frames": frames_table(sequence, measurements, corrected=corrected),
        "provenance": provenance_table(sequence, measurements, source_name=source_name),
    }
    return write_sheets(path, sheets)


def write_sheets(path: str | os.PathLike[str], sheets: Mapping[str, pd.DataFrame]) -> Path:
    """Write tables as the sheets of an Excel workbook, by their names.

    Raises
    ------
    OutputError: the place can't be written.
    """
    buffer = io.BytesIO()
    with pd.ExcelWriter(buffer, engine="openpyxl") as writer:
        for name, table in sheets.items():
            table.to_excel(writer, sheet_name=name, index=False, startrow=1)
            _dress(writer.sheets[name], table)
    return write_bytes(path, buffer.getvalue())


def _dress(sheet: Worksheet, table: pd.DataFrame) -> None:
    """Give a sheet its one line, a frozen head, columns of fitting width and readable numbers."""
    sheet["A1"] = _LINE
    sheet["A1"].font = Font(italic=True, color="808080")
    sheet.freeze_panes = "A3"
    for number, name in enumerate(table.columns, start=1):
        head = sheet.cell(2, number)
        head.font, head.fill = Font(bold=True), PatternFill("solid", fgColor="E3EEF2")
        head.alignment = Alignment(wrap_text=True, vertical="top")
        texts = table[name].map(lambda value: len(f"{value:.4g}" if isinstance(value, float) else str(value)))
        widest = int(texts.max()) if len(texts) else 0
        sheet.column_dimensions[get_column_letter(number)].width = min(70, max(9, min(len(str(name)), 22), widest) + 2)
        if pd.api.types.is_float_dtype(table[name]):
            for row in range(3, len(table) + 3):
                sheet.cell(row, number).number_format = "0.000" if "(s)" in str(name) else "0.0##"


def _titled(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name


def _flat(prefix: str, document: Mapping[str, object]) -> list[tuple[str, object]]:
    items: list[tuple[str, object]] = []
    for key, value in document.items():
        name = f"{prefix} {key}".strip().replace("_", " ")
        if isinstance(value, Mapping) and set(value) == {"value", "unit"}:
            items.append((f"{name} ({value['unit']})", value["value"]))
        elif isinstance(value, Mapping):
            items += _flat(name, value)
        else:
            plain = value is None or isinstance(value, str | int | float)
            items.append((name, value if plain else str(value)))
    return items
