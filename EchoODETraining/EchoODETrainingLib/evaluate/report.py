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
from .course import FIGURES, SYSTOLE, Course
from .published import beside
from .run import Evaluation
from .summary import Agreement, Group, card_figures, compared

#: Raised in its first number when a reader of older documents would break, in its second when fields are added.
SCHEMA_VERSION = "1.1"
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
        "groups": [_group(group, evaluation) for group in evaluation.groups],
        "clips_without_truth": [_cine(cine) for cine in evaluation.cines],
        "failures": [{"what": what, "why": why} for what, why in evaluation.failures],
    }


def _group(group: Group, evaluation: Evaluation) -> Document:
    key = (group.data_set, group.kind, group.form)
    courses = {model: evaluation.courses[*key, model] for model in group.models if (*key, model) in evaluation.courses}
    return {
        "data_set": group.data_set,
        "kind": group.kind,
        "form": group.form,
        "split": group.split,
        "distance_unit": group.unit,
        "structures": group.structures,
        "models": {model: _model(group, model, evaluation.clean) for model in group.models},
        "lv_over_the_cycle": {model: _course(course) for model, course in courses.items()},
        "views_named": [
            {"model": model, "shown": shown, "named": named, "clips": int(count)}
            for (model, shown, named), count in _views_named(group).items()
        ],
        "compared_to_first": [
            {"model": model, "figure": figure, "structure": structure, "ratio_of_means": _interval(ratio)}
            for model, figure, structure, ratio in compared(group)
        ],
        "published": [
            {"title": table.title, "rows": [dict(row) for row in table.rows]} for table in beside(group.data_set)
        ],
    }


def _views_named(group: Group) -> dict[tuple[str, str, str], int]:
    if "view_found" not in group.rows:
        return {}
    return group.rows.groupby(["model", "view", "view_found"], sort=False).size().to_dict()


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
    for name in ("edv", "esv"):
        volumes = group.agreement(model, name, f"{name}_true")
        if volumes is not None:
            found[f"{name}_to_experts_masks"] = _agreement(volumes, "ml")
    if "lte" in rows and rows["lte"].notna().any():
        found["large_temporal_errors"] = int(rows["lte"].sum())
    return found


def _agreement(agreement: Agreement, unit: str = "points") -> Document:
    limits = agreement.limits
    return {
        "clips": limits.count,
        "correlation": _interval(agreement.correlation),
        f"bias_{unit}": _interval(limits.bias),
        f"lower_limit_{unit}": _interval(limits.lower),
        f"upper_limit_{unit}": _interval(limits.upper),
        f"sd_{unit}": _number(limits.sd),
        f"mean_absolute_error_{unit}": _number(agreement.error),
    }


def _course(course: Course) -> Document:
    return {
        "end_systole_at": SYSTOLE,
        **{name: [_number(value) for value in course.mean(name)] for name in FIGURES},
        "sd_over_the_cycle": {name: _number(course.volatility(name)) for name in FIGURES},
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
