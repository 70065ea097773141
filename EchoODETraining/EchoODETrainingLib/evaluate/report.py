"""An evaluation as files: ``report.html`` for people, ``clips.csv`` a row a clip, ``summary.json`` for machines."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from EchoODELib.engine.export import DISCLAIMER
from EchoODELib.engine.export.atomic import atomic_folder
from EchoODELib.engine.metrics import Interval

from .cines import Cine
from .published import beside
from .run import Evaluation
from .summary import Agreement, Group, card_figures, compared

#: Raised in its first number when a reader of older documents would break, in its second when fields are added.
SCHEMA_VERSION = "1.0"
_NAMES = r"report\.html|clips\.csv|summary\.json"

Document = dict[str, Any]


def write_report(folder: Path, evaluation: Evaluation) -> dict[str, Path]:
    """Write the report; an older report in the folder is replaced, in one step.

    Returns
    -------
    what a file is, in words, to where it lies.

    Raises
    ------
    OutputError: the folder holds other files, or can't be written.
    """
    from .page import page

    with atomic_folder(folder, _NAMES) as unfinished:
        (unfinished / "report.html").write_text(page(evaluation), encoding="utf-8")
        evaluation.rows.to_csv(unfinished / "clips.csv", index=False, float_format="%.6g")
        text = json.dumps(document(evaluation), ensure_ascii=False, indent=2, allow_nan=False)
        (unfinished / "summary.json").write_text(text + "\n", encoding="utf-8")
    return {"Report": folder / "report.html", "Clips": folder / "clips.csv", "Summary": folder / "summary.json"}


def document(evaluation: Evaluation) -> Document:
    """Everything but the pictures, in plain types; what has no value is null."""
    return {
        "schema": "echoode-evaluation",
        "schema_version": SCHEMA_VERSION,
        "disclaimer": DISCLAIMER,
        "software": {"name": "EchoODE", "version": evaluation.software},
        "seconds": round(evaluation.seconds, 1),
        "models": [asdict(model) for model in evaluation.models],
        "data": [asdict(data) for data in evaluation.data],
        "groups": [_group(group, evaluation.clean) for group in evaluation.groups],
        "clips_without_truth": [_cine(cine) for cine in evaluation.cines],
        "failures": [{"what": what, "why": why} for what, why in evaluation.failures],
    }


def _group(group: Group, clean: bool) -> Document:
    return {
        "data_set": group.data_set,
        "kind": group.kind,
        "form": group.form,
        "split": group.split,
        "distance_unit": group.unit,
        "structures": group.structures,
        "models": {model: _model(group, model, clean) for model in group.models},
        "compared_to_first": [
            {"model": model, "figure": figure, "structure": structure, "ratio_of_means": _interval(ratio)}
            for model, figure, structure, ratio in compared(group)
        ],
        "published": [
            {"title": table.title, "rows": [dict(row) for row in table.rows]} for table in beside(group.data_set)
        ],
    }


def _model(group: Group, model: str, clean: bool) -> Document:
    rows = group.of(model)
    found: Document = {
        "clips": len(rows),
        "patients": int(rows["patient"].nunique()),
        "labelled_frames": int(rows["labelled_frames"].sum()),
        "figures": {column: _interval(group.interval(model, column)) for column in group.columns()},
        "card_figures": dict(card_figures(group, model, clean=clean)),
    }
    for name, reference in (("ef_to_experts_masks", "ef_true"), ("ef_to_reported", "ef_reported")):
        agreement = group.ef(model, reference)
        if agreement is not None:
            found[name] = _agreement(agreement)
    return found


def _agreement(agreement: Agreement) -> Document:
    limits = agreement.limits
    return {
        "clips": limits.count,
        "correlation": _interval(agreement.correlation),
        "bias_points": _interval(limits.bias),
        "lower_limit_points": _interval(limits.lower),
        "upper_limit_points": _interval(limits.upper),
        "sd_points": _number(limits.sd),
        "mean_absolute_error_points": _number(agreement.error),
    }


def _cine(cine: Cine) -> Document:
    readings = {}
    for model, reading in cine.readings.items():
        measured = reading.measured
        readings[model] = {
            "figures": {name: _number(value) for name, value in reading.figures.items()},
            "ed_frames": [] if measured is None else [int(frame) for frame in measured.ed_frames],
            "es_frames": [] if measured is None else [int(frame) for frame in measured.es_frames],
            "flags": []
            if measured is None
            else [{"frame": flag.frame, "attribute": flag.attribute, "reason": flag.reason} for flag in measured.flags],
        }
    return {"name": cine.name, "clip": dict(cine.facts), "distance_unit": cine.unit, "models": readings}


def _interval(interval: Interval) -> Document:
    return {"mean": _number(interval.value), "low": _number(interval.low), "high": _number(interval.high)}


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
