"""Scores to tables: on the terminal, as Markdown and as CSV; simulated and real never in one."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from rich.console import Console
from rich.table import Table as RichTable

from .cases import Kind, Plan
from .methods import Method
from .scores import Scores


@dataclass(frozen=True)
class Result:
    """One method on one case."""

    method: Method
    plan: Plan
    scores: Scores


@dataclass(frozen=True)
class Row:
    """A line of a table: the cells as text, under the heading of its group."""

    group: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table of one kind of clips."""

    kind: Kind
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Column:
    """How a column gets its text from the scores of a method's cases."""

    title: str
    text: Callable[[list[Scores]], str]
    kinds: tuple[Kind, ...] = tuple(Kind)


def _mean(name: str, digits: int) -> Callable[[list[Scores]], str]:
    def text(scores: list[Scores]) -> str:
        values = np.array([getattr(s, name) for s in scores])
        return "–" if np.isnan(values).all() else f"{np.nanmean(values):.{digits}f}"

    return text


def _ef(scores: list[Scores]) -> str:
    values = np.array([s.ef_error for s in scores])
    values = values[~np.isnan(values)]
    return f"{np.abs(values).mean():.1f} ({values.mean():+.1f})" if len(values) else "–"


def _folds(scores: list[Scores]) -> str:
    counts, shares = np.array([s.folds for s in scores]), np.array([s.fold_share for s in scores])
    if np.isnan(counts).all():
        return "–"
    return "0" if not counts.any() else f"{counts.mean():.0f} ({shares.mean():.3f} %)"


def _seconds(scores: list[Scores]) -> str:
    value = float(np.median([s.seconds for s in scores]))
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


_CLIPS = (Kind.SYSTOLE, Kind.CYCLE)
COLUMNS = (
    Column("clips", lambda scores: str(len(scores))),
    Column("LV", _mean("lv", 4), _CLIPS),
    Column("myo", _mean("myocardium", 4), _CLIPS),
    Column("LV at ES", _mean("lv_es", 4)),
    Column("myo at ES", _mean("myocardium_es", 4)),
    Column("LV at ES by the field", _mean("lv_es_carried", 4)),
    Column("LV at next ED", _mean("lv_end", 4), (Kind.CYCLE,)),
    Column("myo at next ED", _mean("myocardium_end", 4), (Kind.CYCLE,)),
    Column("HD, px", _mean("hd", 2), _CLIPS),
    Column("HD at ES, mm", _mean("hd_es", 2), (Kind.PAIR,)),
    Column("EF error", _ef),
    Column("motion, px", _mean("motion_error", 2), _CLIPS),
    Column("folds", _folds),
    Column("s", _seconds),
)

CAPTION = (
    "Means over the clips, seconds as their median. Dice and Hausdorff distance (HD, of the LV cavity) over all "
    "frames but the given first one. A given ES mask is met exactly, so its Dice at ES says nothing: see the frames "
    "between, and “by the field”, the ED mask carried along the field alone. EF error in points, mean absolute (and "
    "mean signed), Simpson's discs in one plane on the found against the true masks; motion: mean distance to the "
    "true displacement in the myocardium; folds: pixels of the image region in all frames of a clip where the field "
    "is not one to one, and their share; seconds from frames to fields, after a warm-up."
)


def build(kind: Kind, results: Iterable[Result]) -> Table:
    """One row a method, in the order in which the methods come.

    Where a method ran on fewer clips than others, our unguided fast preset is shown again on its very clips.

    Raises
    ------
    ValueError: a result of another kind; simulated and real clips are never averaged or listed together.
    """
    results = list(results)
    if any(result.plan.kind is not kind for result in results):
        raise ValueError(f"The table {kind.value!r} got results of another kind.")
    columns = [column for column in COLUMNS if kind in column.kinds]
    by_method: dict[str, list[Result]] = {}
    for result in results:
        by_method.setdefault(result.method.key, []).append(result)
    rows = [_row(group[0].method, group, columns) for group in by_method.values()]
    counts = {key: len(group) for key, group in by_method.items()}
    for count in sorted({c for c in counts.values() if c < max(counts.values())}, reverse=True):
        names = {r.plan.name for key, group in by_method.items() if counts[key] == count for r in group}
        for key in ("fast", "fast-unguided"):
            same = [r for r in by_method.get(key, []) if r.plan.name in names]
            if 0 < len(same) < counts.get(key, 0):
                row = _row(same[0].method, same, columns)
                rows.append(Row(f"The same {len(same)} clips as the methods with {count}", row.cells))
    return Table(kind, ("method", "given beside the ED mask", *(c.title for c in columns)), tuple(rows))


def _row(method: Method, results: Sequence[Result], columns: Sequence[Column]) -> Row:
    scores = [result.scores for result in results]
    return Row(method.group, (method.name, method.given or "–", *(column.text(scores) for column in columns)))


def show(table: Table, console: Console) -> None:
    """Print a table on the terminal."""
    drawn = RichTable(title=table.kind.value, title_justify="left")
    for number, column in enumerate(table.columns):
        drawn.add_column(column, justify="left" if number < 2 else "right", overflow="fold")
    group = ""
    for row in table.rows:
        if row.group != group:
            drawn.add_section()
            drawn.add_row(f"[bold]{row.group}[/bold]")
            group = row.group
        drawn.add_row(*row.cells)
    console.print(drawn)


def markdown(tables: Iterable[Table], heading: str) -> str:
    """The tables as a Markdown document."""
    lines = [f"# {heading}", ""]
    for table in tables:
        lines += [f"## {table.kind.value}", "", "| " + " | ".join(table.columns) + " |"]
        lines.append("|" + "|".join([" --- ", " --- ", *([" ---: "] * (len(table.columns) - 2))]) + "|")
        group = ""
        for row in table.rows:
            if row.group != group:
                lines.append(f"| **{row.group}** |" + " |" * (len(table.columns) - 1))
                group = row.group
            lines.append("| " + " | ".join(row.cells) + " |")
        lines.append("")
    return "\n".join([*lines, CAPTION, ""])


def comma_separated(results: Iterable[Result]) -> str:
    """One line a method and case, full figures."""
    stream = io.StringIO()
    facts = ("seed", "true_ef", "quality")
    names = [
        "table",
        "simulated",
        "case",
        *facts,
        "method",
        "group",
        "name",
        "given",
        *(f.name for f in fields(Scores)),
    ]
    writer = csv.DictWriter(stream, names, lineterminator="\n")
    writer.writeheader()
    for result in results:
        settings = result.plan.settings
        known = (
            {"seed": settings.seed, "true_ef": settings.ejection_fraction, "quality": settings.quality}
            if settings
            else {}
        )
        method = result.method
        writer.writerow(
            {"table": result.plan.kind.value, "simulated": not result.plan.kind.real, "case": result.plan.name}
            | known
            | {"method": method.key, "group": method.group, "name": method.name, "given": method.given}
            | result.scores.as_record()
        )
    return stream.getvalue()
