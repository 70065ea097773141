"""The comparison of networks as tables: simulated and pseudo each for itself, the published figures beside."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from EchoODELib.engine.metrics import Interval, grouped_interval
from EchoODETrainingLib.evaluate.published import published_tables
from EchoODETrainingLib.evaluate.summary import Group

from .variants import VARIANTS, WHOLE, WHOLE_IN_ABLATION, Variant

_PAPER = "000_echo_ode_latent"
_STRUCTURES = ("lv", "myocardium", "la")
TITLES = {
    "simulated": "Simulated: phantoms of seeds never trained on",
    "pseudo": "Pseudo-sequences: pairs of CAMUS patients never trained on, in motion",
    "real": "Real stills: ED and ES of CAMUS patients never trained on, one frame at a time",
}
CAPTION = (
    "Each network had the same clips, input size, first-level width and amount of training, 42 labelled frames a step, "
    "and nothing was chosen on the clips of the tables. Means over clips, with the LV's 95 % interval "
    "over patients; masks as the networks give them. TC, TCD: mean over the structures, less is steadier; the true "
    "masks' own TC is in the last row. Phase errors in frames, over phases found within ten frames of the truth, with "
    "the share found. The columns “paper” are printed in Lu et al. 2025, tables 1, 3, 4 and 8, for six structures in "
    "PLAX clips of their own data after 100 epochs: the order of methods can be compared, the level can't."
)


@dataclass(frozen=True)
class Trained:
    """How large a variant is, in million parameters, and how many steps it was trained for."""

    parameters: float
    steps: int


def published_figures() -> dict[str, dict[str, float]]:
    """Paper's name of a method to "dice", "tc" and "phases", from tables 1, 3, 4 and 8."""
    wanted = {"1": {"dice_mean": "dice"}, "3": {"mean": "tc"}, "4": {"overall": "phases"}}
    wanted["8"] = {"dice_mean": "dice", "tc": "tc", "overall": "phases"}
    found: dict[str, dict[str, float]] = {}
    for number, columns in wanted.items():
        for table in published_tables(_PAPER, (number,)):
            for row in table.rows:
                known = {said: row[column] for column, said in columns.items() if column in row}
                found.setdefault(str(row["method"]), {}).update(known)
    return found


def table(group: Group, trained: Mapping[str, Trained], which: str) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Columns and rows of one data set; ``which`` is "peers" or "ablation", which ends with the whole Echo-ODE."""
    film = group.form == "film"
    columns = ["network", "M parameters", "steps", "Dice LV", "Dice myo", "Dice LA", "Dice", "IoU"]
    columns += ["TC", "TCD", "ED", "ES", "found"] if film else []
    columns += ["paper Dice", "paper TC", "paper phases"]
    beside = published_figures()
    rows = []
    for variant, published in _chosen(which):
        if variant.key not in trained or f"peer-{variant.key}" not in group.models:
            continue
        rows.append(_row(variant.name, group, f"peer-{variant.key}", trained[variant.key], beside.get(published, {})))
    if film and rows:
        own = _mean(group.rows, "tc_true")
        rows.append(("the true masks", *["–"] * 7, f"{own:.4f}", *["–"] * (len(columns) - 9)))
    return tuple(columns), rows


def _chosen(which: str) -> list[tuple[Variant, str]]:
    chosen = [(variant, variant.published) for variant in VARIANTS if variant.group == which]
    if which == "ablation":
        whole = next(variant for variant in VARIANTS if variant.key == WHOLE)
        chosen.insert(2, (whole, WHOLE_IN_ABLATION))
    return chosen


def _row(name: str, group: Group, model: str, trained: Trained, beside: Mapping[str, float]) -> tuple[str, ...]:
    rows = group.of(model)
    lv = group.interval(model, "dice_lv")
    cells = [name, f"{trained.parameters:.2f}", str(trained.steps), _spoken(lv)]
    cells += [f"{group.interval(model, f'dice_{one}').value:.3f}" for one in ("myocardium", "la")]
    cells += [f"{_mean(rows, 'dice'):.3f}", f"{_mean(rows, 'iou'):.3f}"]
    if group.form == "film":
        cells += [_number(_mean(rows, "tc"), 4), _number(_mean(rows, "tcd"), 4)]
        cells += [_number(group.interval(model, f"{phase}_error").value, 2) for phase in ("ed", "es")]
        found = np.nanmean([group.interval(model, f"{phase}_found").value for phase in ("ed", "es")])
        cells.append(_number(100 * found, 0) + " %")
    cells += [_number(beside.get("dice", math.nan), 3), _number(beside.get("tc", math.nan), 3)]
    return (*cells, _number(beside.get("phases", math.nan), 2))


def _mean(rows: pd.DataFrame, figure: str) -> float:
    """Mean over structures of the means over clips."""
    means = [
        grouped_interval(rows[f"{figure}_{one}"].to_numpy(float), rows["patient"].to_numpy(), resamples=1).value
        for one in _STRUCTURES
        if f"{figure}_{one}" in rows
    ]
    known = [mean for mean in means if math.isfinite(mean)]
    return float(np.mean(known)) if known else math.nan


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def _spoken(interval: Interval) -> str:
    if not math.isfinite(interval.low):
        return _number(interval.value, 3)
    return f"{interval.value:.3f} ({interval.low:.3f} to {interval.high:.3f})"
