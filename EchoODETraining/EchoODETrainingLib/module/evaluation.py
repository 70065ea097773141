"""What an evaluation found, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .data import KIND_NAMES

REPORT = "report.html"
_STRUCTURES = {"lv": "LV", "myocardium": "Myocardium", "la": "Left atrium"}


@dataclass(frozen=True)
class Evaluation:
    """The key figures of a report.

    Attributes
    ----------
    model: its name.
    rows: (figure, value, 95 % interval) as texts, headings of data sets as ("CAMUS, 50 clips", "", "").
    report: the HTML file.
    """

    model: str
    rows: tuple[tuple[str, str, str], ...]
    report: Path

    @classmethod
    def of(cls, document: Mapping[str, Any], folder: Path) -> Evaluation:
        """Out of the evaluation's answer, a report's ``summary.json``."""
        model = str(document["models"][0]["name"])
        rows = [row for group in document["groups"] for row in _group(group, model)]
        failures = document.get("failures") or []
        if failures:
            rows.append((f"{len(failures)} clips could not be evaluated", "", ""))
        return cls(model, tuple(rows), folder / REPORT)


def _group(group: Mapping[str, Any], model: str) -> Iterator[tuple[str, str, str]]:
    """A data set's figures of a model."""
    found = group["models"].get(model)
    if found is None:
        return
    name = KIND_NAMES.get(group["data_set"], group["data_set"])
    yield f"{name}, {found['clips']} {'clip' if found['clips'] == 1 else 'clips'}", "", ""
    figures, unit = found["figures"], group["distance_unit"]
    for part, title in _STRUCTURES.items():
        yield from _row(f"{title}, Dice", figures.get(f"dice_{part}"), 3)
        yield from _row(f"{title}, Hausdorff ({unit})", figures.get(f"hausdorff_{part}"), 1)
    yield from _row("LV, temporal consistency", figures.get("tc_lv"), 3)
    yield from _row("ED error (frames)", figures.get("ed_error"), 1)
    yield from _row("ES error (frames)", figures.get("es_error"), 1)
    agreement = found.get("ef_to_experts_masks") or found.get("ef_to_reported")
    if agreement is not None:
        yield from _row("EF, bias (points)", agreement.get("bias_points"), 1)
        error = agreement.get("mean_absolute_error_points")
        if error is not None:
            yield "EF, mean error (points)", f"{error:.1f}", ""


def _row(title: str, interval: Mapping[str, float | None] | None, digits: int) -> Iterator[tuple[str, str, str]]:
    if interval is None or interval.get("mean") is None:
        return
    low, high = interval.get("low"), interval.get("high")
    between = "" if low is None or high is None else f"{low:.{digits}f} to {high:.{digits}f}"
    yield title, f"{interval['mean']:.{digits}f}", between
