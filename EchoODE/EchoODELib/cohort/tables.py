"""A cohort's two tables: results, one row a clip, and failures, one sentence each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from ..engine.export.tables import write_csv, write_sheets
from .carry_out import Record
from .orders import CohortSettings

# What a reader looks for first and last; between them columns stand in the order in which they came.
_FIRST = ("clip", "file", "view", "frames", "frame rate (Hz)", "beats")
_LAST = ("frames without LV", "folds", "frames to check", "pixel height (mm)", "pixel width (mm)", "time (s)", "notes")


def results_table(records: Iterable[Record]) -> pd.DataFrame:
    """One row a clip that is done: what it is, EF, everything else that was measured, what was doubted."""
    rows = [_identity(one) | one["row"] for one in records if one["state"] == "done"]
    known = list(dict.fromkeys(name for row in rows for name in row))
    led = [name for name in known if name.startswith("ejection_fraction")]
    between = [name for name in known if name not in (*_FIRST, *led, *_LAST)]
    ordered = [*_FIRST, *led, *between, *_LAST]
    return pd.DataFrame(rows, columns=[name for name in ordered if name in known] or ["clip"])


def failures_table(records: Iterable[Record]) -> pd.DataFrame:
    """One row a clip that failed, and why."""
    rows = [_identity(one) | {"problem": one["problem"]} for one in records if one["state"] == "failed"]
    return pd.DataFrame(rows, columns=list(rows[0]) if rows else ["clip", "problem"])


def write_tables(folder: Path, records: Iterable[Record], settings: CohortSettings) -> dict[str, Path]:
    """Write both tables as CSV, and as sheets of a workbook with the settings as a third.

    Returns
    -------
    what was written, by what it is.

    Raises
    ------
    OutputError: the place can't be written.
    """
    records = sorted(records, key=lambda one: (len(one["clip"]), one["clip"]))
    results, failures = results_table(records), failures_table(records)
    sheets = {"results": results, "failures": failures, "settings": _settings_table(settings.document())}
    return {
        "results": write_csv(folder / "results.csv", results),
        "failures": write_csv(folder / "failures.csv", failures),
        "workbook": write_sheets(folder / "results.xlsx", sheets),
    }


def _identity(record: Record) -> dict[str, object]:
    return {name: record[name] for name in ("clip", "file") if name in record}


def _settings_table(document: Mapping[str, object]) -> pd.DataFrame:
    items = [(name.replace("_", " "), _plain(value)) for name, value in document.items()]
    return pd.DataFrame(items, columns=["setting", "value"])


def _plain(value: object) -> object:
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return str(value) if isinstance(value, bool) else value
