"""What the benchmarks in the form of a paper's tables share: scores of models by name, kept, and set as Markdown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from EchoODELib.engine.errors import UnsuitableClip
from EchoODELib.engine.export.atomic import write_bytes
from EchoODELib.engine.weights import find_card, list_models
from EchoODETrainingLib.datasets.base import open_data_set
from EchoODETrainingLib.evaluate.course import FIGURES, Course
from EchoODETrainingLib.evaluate.run import evaluate
from EchoODETrainingLib.evaluate.summary import Group, group_rows
from EchoODETrainingLib.evaluate.tables import Cell, Table
from rich.console import Console

from .command import markdown, show
from .store import code_digest

# What makes scores: when it changes, the old ones are not shown.
_SCORES = (
    "EchoODELib.engine.metrics",
    "EchoODELib.engine.streaming",
    "EchoODELib.engine.segment",
    "EchoODETrainingLib.evaluate.scores",
    "EchoODETrainingLib.evaluate.course",
    "EchoODETrainingLib.evaluate.naming_views",
    "EchoODETrainingLib.datasets.hard_phantom",
)
KINDS = {"real": "Real", "pseudo": "Pseudo (real frames in made motion)", "simulated": "Simulated"}


@dataclass(frozen=True)
class Clips:
    """Some clips of a data set.

    Attributes
    ----------
    said: what they are, in a heading.
    kind, folder, options: as :func:`~EchoODETrainingLib.datasets.base.open_data_set` takes them.
    split: of it.
    limit: at most so many.
    """

    said: str
    kind: str
    folder: Path | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    split: str = "valid"
    limit: int | None = None


@dataclass(frozen=True)
class Scored:
    """What all models make of some clips: a group for each kind and form, and courses over the cycle by model."""

    clips: Clips
    groups: tuple[Group, ...]
    courses: Mapping[str, Course]


def score(
    models: Sequence[str], clips: Clips, folder: Path, device: str, console: Console, *, stored: bool = False
) -> Scored:
    """Score models on clips, masks as the networks give them; what was scored before is taken up.

    Parameters
    ----------
    models: names, "NAME+wma:6" for smoothed ones.
    folder: where scores are kept.
    stored: take what is kept, and score nothing.
    """
    rows, courses = [], {}
    for model in models:
        path = folder / clips.kind / f"{model.replace(':', '')}-{_mark(model, clips)}.json"
        if stored and not path.is_file():
            continue
        if not path.is_file():
            console.print(f"{model} on {clips.said}", highlight=False)
            opened = open_data_set(clips.kind, clips.folder, **clips.options)
            try:
                found = evaluate(
                    [model], [opened], split=clips.split, limit=clips.limit, device=device, clean=False, worst=0
                )
            except UnsuitableClip:  # clips of no view have nothing for a model that names none
                continue
            course = next(iter(found.courses.values()), Course())
            kept = [[course.values[name].tolist(), course.counts[name].tolist()] for name in FIGURES]
            write_bytes(path, json.dumps({"rows": found.rows.to_json(orient="split"), "course": kept}).encode())
        record = json.loads(path.read_text(encoding="utf-8"))
        rows.append(pd.read_json(StringIO(record["rows"]), orient="split"))
        kept = dict(zip(FIGURES, np.array(record["course"]), strict=True))
        courses[model] = Course({n: one[0] for n, one in kept.items()}, {n: one[1] for n, one in kept.items()})
    return Scored(clips, tuple(group_rows(pd.concat(rows, ignore_index=True))) if rows else (), courses)


def _mark(model: str, clips: Clips) -> str:
    sha256 = find_card(model.partition("+")[0]).sha256
    known = [model, sha256, clips.kind, dict(clips.options), clips.split, clips.limit]
    parts = [json.dumps(known, sort_keys=True), *(code_digest(source) for source in _SCORES)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def heading(scored: Scored, group: Group) -> str:
    """A group's heading: its kind, what it is, and how many."""
    rows = group.rows
    many = f"{rows['clip'].nunique()} clips of {rows['patient'].nunique()} {group.whose}"
    return f"{KINDS[group.kind]}: {scored.clips.said}, {many}"


def tell(table: Table, level: str, console: Console) -> list[str]:
    """Print a table, and give it as Markdown with its note; nothing where it is empty."""
    if not table.rows:
        return []
    columns = ("", *table.columns)
    rows = [(name, *(cell.text for cell in cells)) for name, cells in table.rows]
    show(table.title, columns, rows, console)
    return [markdown(f"{level} {table.title}", columns, rows), *([table.note, ""] if table.note else [])]


def over_the_cycle(courses: Mapping[str, Course], figures: Iterable[str] = tuple(FIGURES)) -> Table:
    """How much each model's figures of the LV change over the cycle (Li et al. 2019, figure 5, left)."""
    chosen = tuple(figures)
    rows = []
    for model, course in courses.items():
        if not course.counts["dice"].any():
            continue
        cells = []
        for name in chosen:
            means = course.mean(name)[course.counts[name] > 0]
            spread = f"{means.min():.3f} to {means.max():.3f}; SD {course.volatility(name):.4f}" if len(means) else "–"
            cells.append(Cell(spread))
        rows.append((model, tuple(cells)))
    note = (
        "Least and largest of the means in twentieths of the cycle, and their standard deviation: 0 where masks are "
        "equally good at all times. `echoode evaluate` draws them."
    )
    return Table("The LV over the cycle", tuple(FIGURES[name] for name in chosen), tuple(rows), note)


def missing(models: Sequence[str]) -> list[str]:
    """Those that are not installed."""
    known = {card.name for card in list_models()}
    return [model for model in models if model.partition("+")[0] not in known]
