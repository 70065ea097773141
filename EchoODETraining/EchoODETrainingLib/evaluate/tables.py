"""The report's tables: models as rows, means with their intervals, the best marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from EchoODELib.engine.metrics import Interval

from ..datasets.clips import LINES
from .cines import Cine
from .look import STRUCTURE_NAMES, signed
from .scores import WITHIN
from .summary import Group, compared

_LINE_FIGURES = ((" (mm)", "error", 2), (", bias (mm)", "bias", 2), (", lost (frames)", "lost", 1))
_MORE_IS_BETTER = ("dice", "iou", "ed_found", "es_found")


@dataclass(frozen=True)
class Cell:
    """A table's text, the small print after it, and whether it is the best of its column."""

    text: str
    small: str = ""
    best: bool = False


@dataclass(frozen=True)
class Table:
    """A table with models as rows.

    Attributes
    ----------
    title, note: above and below it.
    columns: heads of the cells after the model's.
    rows: model and its cells.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    note: str = ""


def interval_cell(interval: Interval, digits: int = 3, *, best: bool = False) -> Cell:
    """A mean with its interval; a dash without one."""
    if not math.isfinite(interval.value):
        return Cell("–")
    value, low, high = (f"{one:.{digits}f}".replace("-", "−") for one in (interval.value, interval.low, interval.high))
    return Cell(value, f"{low} to {high}" if math.isfinite(interval.low) else "", best)


def overview_table(group: Group) -> Table:
    """A group's main figures in one table: overlap, distance, steadiness, phases, EF."""
    named = [(STRUCTURE_NAMES[name], name) for name in group.structures]
    columns = [(f"Dice, {said}", f"dice_{name}", 3) for said, name in named]
    columns += [(f"HD LV ({group.unit})", "hausdorff_lv", 1), ("TC, LV", "tc_lv", 4), ("TCD, LV", "tcd_lv", 4)]
    columns += [("ED error (frames)", "ed_error", 1), ("ES error (frames)", "es_error", 1)]
    plain = _means(group, "", columns)
    errors = {model: group.ef(model) for model in group.models}
    rows = {model: tuple(Cell(cell.text, "", cell.best) for cell in cells) for model, cells in plain.rows}
    if not any(errors.values()):
        return Table("", plain.columns, tuple(rows.items()))
    last = {model: Cell("–" if one is None else f"{one.error:.1f}") for model, one in errors.items()}
    together = tuple((model, (*rows.get(model, ()), last[model])) for model in group.models)
    return Table("", (*plain.columns, "EF error (points)"), together)


def _dice_table(group: Group) -> Table:
    columns = [(f"{STRUCTURE_NAMES[name]}", f"dice_{name}", 3) for name in group.structures]
    return _means(group, f"Dice, mean and 95 % interval over {group.whose}", columns)


def group_tables(group: Group) -> list[Table]:
    """Everything that is told of a group in numbers; tables without a number are left out."""
    named = [(STRUCTURE_NAMES[name], name) for name in group.structures]
    tables = [
        _dice_table(group),
        _means(
            group,
            f"Hausdorff distance ({group.unit}) and IoU",
            [(f"{said}, HD", f"hausdorff_{name}", 2) for said, name in named]
            + [(f"{said}, IoU", f"iou_{name}", 3) for said, name in named],
            _missing_note(group),
        ),
        _means(group, "Dice of the LV by phase", [("End-diastole", "dice_lv_ed", 3), ("End-systole", "dice_lv_es", 3)]),
    ]
    if group.form == "film":
        tables += [
            _means(
                group,
                "Steadiness over time (less is steadier)",
                [(f"TC, {said}", f"tc_{name}", 4) for said, name in named]
                + [(f"TCD, {said}", f"tcd_{name}", 4) for said, name in named]
                + [("mFIP", "mfip", 4)],
                _truth_note(group),
            ),
            _means(
                group,
                "Phases: how far from the true frame, and in which share of the clips they are found",
                [
                    ("ED error (frames)", "ed_error", 2),
                    ("ES error (frames)", "es_error", 2),
                    ("ED found (share)", "ed_found", 2),
                    ("ES found (share)", "es_found", 2),
                ],
                f"A phase counts as found within {WITHIN} frames of the true one.",
            ),
        ]
    tables += [
        _means(
            group,
            f"Lines {said}: mean absolute error and bias of their lengths",
            [
                (f"{line.upper()}{what}", f"{line}_{by}{figure}", digits)
                for what, figure, digits in _LINE_FIGURES
                for line in LINES
            ],
            "Lost: marked frames of a clip on which the line was not found.",
        )
        for by, said in (("", "by heat maps"), ("masks_", "across the masks"))
    ]
    return [table for table in (*tables, _ef_table(group), _compared_table(group)) if table.rows]


def _means(group: Group, title: str, columns: Sequence[tuple[str, str, int]], note: str = "") -> Table:
    """Means of columns by model; the best of several models is marked."""
    known = [(said, column, digits) for said, column, digits in columns if column in group.columns()]
    if not known:
        return Table(title, (), ())
    lines: list[list[Cell]] = [[] for _ in group.models]
    for _, column, digits in known:
        found = [group.interval(model, column) for model in group.models]
        best = _best(group, column, [one.value for one in found])
        for line, one in zip(lines, found, strict=True):
            line.append(interval_cell(one, digits, best=len(found) > 1 and one.value == best))
    rows = tuple((model, tuple(line)) for model, line in zip(group.models, lines, strict=True))
    return Table(title, tuple(said for said, _, _ in known), rows, note)


def _best(group: Group, column: str, values: Sequence[float]) -> float:
    """The value to mark: the largest overlap, the least distance, the steadiness nearest to the true masks'."""
    known = [value for value in values if math.isfinite(value)]
    if not known or "bias" in column:
        return math.nan
    if column.startswith(_MORE_IS_BETTER):
        return max(known)
    own = column.replace("tc_", "tc_true_") if column.startswith("tc_") else f"{column}_true"
    if own in group.columns():
        true = float(group.rows[own].mean())
        return min(known, key=lambda value: abs(value - true))
    return min(known)


def _missing_note(group: Group) -> str:
    """How often there is no distance: a structure in only one of the masks, or no mm beside clips that have them."""
    parts = []
    for model in group.models:
        counts = [(STRUCTURE_NAMES[name], group.total(model, f"missing_{name}")) for name in group.structures]
        said = ", ".join(f"{name} on {count:.0f} frames" for name, count in counts if count)
        if said:
            parts.append(f"{model}: {said}")
    missing = f"Missing in one of the masks, and left out of the distance: {'; '.join(parts)}. " if parts else ""
    uncalibrated = group.rows.loc[group.rows["unit"] != group.unit, "clip"].nunique()
    left_out = f"Uncalibrated clips, left out of the distance: {uncalibrated}." if uncalibrated else ""
    return (missing + left_out).strip()


def _truth_note(group: Group) -> str:
    parts = []
    for name in group.structures:
        column = f"tc_true_{name}"
        if column in group.columns():
            parts.append(f"{STRUCTURE_NAMES[name]} {group.rows[column].mean():.4f}")
    if not parts:
        return "TC and mFIP look at the masks alone, so standing still would win: read them beside Dice."
    true_mfip = f", mFIP {group.rows['mfip_true'].mean():.4f}" if "mfip_true" in group.columns() else ""
    return f"The true masks themselves: TC {', '.join(parts)}{true_mfip}. Less than that is too stiff, not better."


def _ef_table(group: Group) -> Table:
    rows = []
    for model in group.models:
        for column, said in group.ef_references().items():
            agreement = group.ef(model, column)
            if agreement is None:
                continue
            limits = agreement.limits
            cells = (
                Cell(said),
                Cell(str(limits.count)),
                interval_cell(agreement.correlation, 2),
                Cell(signed(limits.bias.value), f"{signed(limits.bias.low)} to {signed(limits.bias.high)}"),
                Cell(f"{signed(limits.lower.value)} to {signed(limits.upper.value)}"),
                Cell(f"{agreement.error:.1f}"),
            )
            rows.append((model, cells))
    columns = ("against", "clips", "correlation", "bias (points)", "limits of agreement (points)")
    columns += ("mean absolute error (points)",)
    note = "EF from Simpson’s discs in this one plane."
    if group.kind != "simulated":
        note += " Reported EF is often biplane, so it can’t be met exactly."
    return Table("Ejection fraction", columns, tuple(rows), note)


def _compared_table(group: Group) -> Table:
    found = compared(group)
    if not found:
        return Table("Compared", (), ())
    by_figure: dict[tuple[str, str], dict[str, Interval]] = {}
    for model, figure, structure, ratio in found:
        by_figure.setdefault((model, figure), {})[structure] = ratio
    said = {"dice": "Dice", "hausdorff": "HD", "tc": "TC", "tcd": "TCD"}
    rows = tuple(
        (model, (Cell(said[figure]), *(_change_cell(ratios.get(name)) for name in group.structures)))
        for (model, figure), ratios in by_figure.items()
    )
    heads = ("figure", *(STRUCTURE_NAMES[name] for name in group.structures))
    note = f"Change of the mean, with its 95 % interval over {group.whose}, on the clips that both models have."
    return Table(f"Against {group.models[0]}", heads, rows, note)


def _change_cell(ratio: Interval | None) -> Cell:
    """How much a mean changed, in percent."""
    if ratio is None:
        return Cell("–")
    value, low, high = (100 * (one - 1) for one in (ratio.value, ratio.low, ratio.high))
    return Cell(f"{signed(value)} %", f"{signed(low)} to {signed(high)}" if math.isfinite(low) else "")


def cine_table(cine: Cine) -> Table:
    """What each model makes of a clip without truth."""
    columns = (
        ["EF", "ED frames", "ES frames", "to look at"]
        + [f"TC, {said}" for said in STRUCTURE_NAMES.values()]
        + [f"largest jump, LV ({cine.unit})", "mFIP"]
    )
    rows = []
    for model, reading in cine.readings.items():
        figures, measured = reading.figures, reading.measured
        ed, es = ((), ()) if measured is None else (measured.ed_frames, measured.es_frames)
        cells = [
            Cell("–" if math.isnan(figures["ef"]) else f"{figures['ef']:.0f} %"),
            Cell(", ".join(map(str, ed)) or "–"),
            Cell(", ".join(map(str, es)) or "–"),
            Cell("–" if math.isnan(figures["flagged"]) else f"{figures['flagged']:.0f} of {len(cine.frames)}"),
            *(interval_cell(Interval(figures[f"tc_{name}"], math.nan, math.nan), 4) for name in STRUCTURE_NAMES),
            interval_cell(Interval(figures["jump_lv"], math.nan, math.nan), 1),
            interval_cell(Interval(figures["mfip"], math.nan, math.nan), 4),
        ]
        rows.append((model, tuple(cells)))
    return Table("What the models make of it", tuple(columns), tuple(rows), "No expert outlined this clip.")
