"""Tables in the form of two papers', with their published rows below ours.

Smistad et al. 2021, table I: steadiness, large temporal errors, overlap and distance. Li et al. 2019, tables 2 to 4:
accuracy, overlap, distances and view; volumes and EF. Data, splits and image sizes are others in the papers, so orders
of methods can be compared, and levels can't.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .look import STRUCTURE_NAMES, signed
from .published import published_tables
from .summary import Group
from .tables import Cell, Table

TEMPORAL, VIEWS = "002_temporal_conv_lstm", "004_recurrent_aggregation"
_NONE = Cell("–")
_LTE_NOTE = (
    "mFIP: share of pixels that change their label from frame to frame. #LTE: clips with a frame whose LV lies more "
    "than 30 mm (Hausdorff) from the LV of the nearest labelled frame; an LV that is absent in one of the two counts. "
    "Mean ± SD, over {whose}."
)


def temporal_table(group: Group) -> Table:
    """Steadiness, large errors, Dice and Hausdorff distance, in the form of table I of Smistad et al. 2021."""
    columns: dict[str, tuple[str, str, int]] = {}
    for figure, said, digits in (("dice", "Dice", 3), ("hausdorff", f"HD ({group.unit})", 2)):
        for name in group.structures:
            columns[f"{said}, {STRUCTURE_NAMES[name]}"] = (f"{figure}_{name}", f"{_short(figure)}_{name}", digits)
    film = group.form == "film"
    rows = []
    for model in group.models:
        cells = [_of(group, model, column, digits) for column, _, digits in columns.values()]
        rows.append((model, (*(_steady(group, model) if film else ()), *cells)))
    if film and "mfip_true" in group.columns():
        true = f"{group.rows['mfip_true'].mean():.4f}"
        rows.append(("the true masks", (Cell(true), Cell("0"), *[_NONE] * len(columns))))
    for said, row in _published(TEMPORAL, "I", "Smistad et al."):
        cells = [_printed(row, key) for _, key, _ in columns.values()]
        steady = (_printed(row, "mfip"), _printed(row, "lte")) if film else ()
        rows.append((said, (*steady, *cells)))
    heads = (*(("mFIP", "#LTE") if film else ()), *columns)
    note = _LTE_NOTE.format(whose=group.whose) if film else f"Mean ± SD, over {group.whose}."
    return Table("In the form of Smistad et al. 2021, table I", heads, tuple(rows) if columns else (), note)


def views_table(group: Group) -> Table:
    """Accuracy, Dice, distances of the LV and the view, in the form of tables 2 and 3 of Li et al. 2019."""
    if "lv" not in group.structures and "view_right" not in group.columns():
        return Table("", (), ())
    columns = {
        "Accuracy": ("accuracy", "accuracy", 4),
        "Dice": ("dice_lv", "dice", 3),
        f"HD ({group.unit})": ("hausdorff_lv", "hd", 2),
        f"MAD ({group.unit})": ("mad_lv", "mad", 2),
    }
    rows = []
    for model in group.models:
        view = group.interval(model, "view_right").value
        cells = [_of(group, model, column, digits) for column, _, digits in columns.values()]
        rows.append((model, (*cells, Cell(f"{view:.3f}") if math.isfinite(view) else _NONE)))
    published = _published(VIEWS, "2", "Li et al.") + _published(VIEWS, "3", "Li et al.")
    for said, row in dict(published).items():
        cells = [_printed(row, key) for _, key, _ in columns.values()]
        rows.append((said, (*cells, _printed(row, "view"))))
    note = (
        f"Of the LV, mean ± SD over {group.whose}; accuracy of all labels. MAD: mean absolute distance of the borders. "
        "View: share of clips, or of stills, whose view is named rightly. The papers’ rows are of their own sequences."
    )
    return Table("In the form of Li et al. 2019, tables 2 and 3", (*columns, "View"), tuple(rows), note)


def indices_table(group: Group) -> Table:
    """Correlation, bias and error of volumes and EF, in the form of table 4 of Li et al. 2019."""
    rows = []
    for model in group.models:
        cells: list[Cell] = []
        for name in ("edv", "esv", "ef"):
            agreement = group.agreement(model, name, f"{name}_true")
            if agreement is None:
                cells += [_NONE] * 3
                continue
            limits = agreement.limits
            correlation = agreement.correlation.value
            cells.append(Cell(f"{correlation:.3f}".replace("-", "−") if math.isfinite(correlation) else "–"))
            cells.append(Cell(f"{signed(limits.bias.value)} ± {limits.sd:.1f}"))
            cells.append(Cell(f"{agreement.error:.1f}"))
        if any(cell is not _NONE for cell in cells):
            rows.append((model, tuple(cells)))
    if not rows:
        return Table("", (), ())
    for said, row in _published(VIEWS, "4", "Li et al."):
        cells = []
        for name in ("edv", "esv", "ef"):
            cells.append(_printed(row, f"{name}_corr"))
            bias, sd = row.get(f"{name}_bias"), row.get(f"{name}_bias_sd")
            cells.append(_NONE if bias is None else Cell(f"{signed(float(bias))} ± {sd}"))
            cells.append(_printed(row, f"{name}_mae"))
        rows.append((said, tuple(cells)))
    heads = [
        f"{name} {what}" for name in ("EDV", "ESV", "EF") for what in ("corr", f"bias ± SD ({_unit(name)})", "MAE")
    ]
    note = (
        "Against the same discs in the same plane on the true masks; MAE in mL and points. The paper's volumes are the "
        "data set's own, its EF is biplane where two views are there."
    )
    return Table("In the form of Li et al. 2019, table 4", tuple(heads), tuple(rows), note)


def proposals_table(group: Group) -> Table:
    """Which views each model names: rows are models and what the clips show, columns what was named."""
    if "view_found" not in group.rows:
        return Table("", (), ())
    known = group.rows.dropna(subset=["view_found"])
    named = sorted(set(known["view_found"]) | set(known["view"]))
    rows = []
    for model in group.models:
        of_model = known[known["model"] == model]
        for shown in sorted(set(of_model["view"])):
            counts = of_model[of_model["view"] == shown]["view_found"].value_counts()
            cells = (Cell(shown), *(Cell(str(int(counts.get(one, 0))), best=one == shown) for one in named))
            rows.append((model, cells))
    heads = ("shown", *(f"named {one}" for one in named))
    return Table("Views named, in clips", heads, tuple(rows), "Of stills, the view that most of a clip's are named.")


def paper_tables(group: Group) -> list[Table]:
    """All of them that have a number."""
    made = (temporal_table(group), views_table(group), indices_table(group), proposals_table(group))
    return [table for table in made if table.rows]


def _steady(group: Group, model: str) -> tuple[Cell, Cell]:
    mfip = group.interval(model, "mfip").value
    rows = group.of(model)
    known = int(rows["lte"].notna().sum()) if "lte" in rows else 0
    errors = Cell(f"{int(rows['lte'].sum())} of {known}") if known else _NONE
    return Cell(f"{mfip:.4f}") if math.isfinite(mfip) else _NONE, errors


def _of(group: Group, model: str, column: str, digits: int) -> Cell:
    """Mean and spread over patients."""
    mean, sd = group.spread(model, column)
    if not math.isfinite(mean):
        return _NONE
    return Cell(f"{mean:.{digits}f} ± {sd:.{digits}f}" if math.isfinite(sd) else f"{mean:.{digits}f}")


def _short(figure: str) -> str:
    return "hd" if figure == "hausdorff" else figure


def _unit(index: str) -> str:
    return "points" if index == "EF" else "mL"


def _published(page: str, number: str, authors: str) -> Sequence[tuple[str, Mapping[str, str]]]:
    """Rows of a paper's table, by what they are called among ours; values with as many decimals as their column has."""
    found = []
    for table in published_tables(page, (number,)):
        digits = {key: max(_decimals(row.get(key)) for row in table.rows) for key in table.columns}
        for row in table.rows:
            values = {k: f"{v:.{digits[k]}f}" if isinstance(v, float) else str(v) for k, v in row.items()}
            found.append((f"{authors}: {row['method']}", values))
    return found


def _decimals(value: Any) -> int:
    return len(str(value).partition(".")[2]) if isinstance(value, float) else 0


def _printed(row: Mapping[str, str], key: str) -> Cell:
    """A published value, with its spread where one is printed, digit by digit."""
    if key not in row:
        return _NONE
    return Cell(f"{row[key]} ± {row[f'{key}_sd']}" if f"{key}_sd" in row else row[key].replace("-", "−"))
