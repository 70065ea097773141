"""Rows of clips to figures of models: means with the intervals that patients allow, EF, comparisons.

A group is one data set in one form; its clips are all real, all pseudo or all simulated. Nothing here joins groups.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from EchoODELib.engine.metrics import (
    BlandAltman,
    Interval,
    bland_altman,
    grouped_interval,
    grouped_ratio,
    mean_absolute_error,
    pearson,
)

from .scores import INDICES, STRUCTURES

#: Order in which groups are told: what happened in patients first.
KINDS = ("real", "pseudo", "simulated")
_PAIRED = ("dice", "hausdorff", "tc", "tcd")


@dataclass(frozen=True)
class Agreement:
    """What was found against a reference, over the clips that have both.

    Attributes
    ----------
    measured, reference: (N,) percent or mL.
    correlation: Pearson's, with its interval.
    limits: bias and limits of agreement in points or mL.
    error: mean absolute error in points or mL.
    """

    measured: np.ndarray
    reference: np.ndarray
    correlation: Interval
    limits: BlandAltman
    error: float


@dataclass(frozen=True)
class Group:
    """All models on one data set in one form.

    Attributes
    ----------
    data_set, kind, form, split: "camus", "real" | "pseudo" | "simulated", "film" | "stills", "valid".
    rows: a row a clip and model; columns of :func:`.scores.score` with model, clip, patient and unit.
    """

    data_set: str
    kind: str
    form: str
    split: str
    rows: pd.DataFrame

    @property
    def title(self) -> str:
        """The group as a person says it."""
        return f"{self.data_set}, {self.split}, {self.form}"

    @property
    def whose(self) -> str:
        """Whom the clips are of, several to one: "patients", or simulated "hearts"."""
        return "hearts" if self.kind == "simulated" else "patients"

    @property
    def models(self) -> list[str]:
        """In the order in which they were asked for."""
        return list(dict.fromkeys(self.rows["model"]))

    @property
    def structures(self) -> list[str]:
        """Those that the data set draws."""
        return [name for name in STRUCTURES if f"dice_{name}" in self.rows and self.rows[f"dice_{name}"].notna().any()]

    @property
    def unit(self) -> str:
        """Of distances: "mm", which leaves uncalibrated clips out of them, or "px" where none is calibrated."""
        return "mm" if "mm" in set(self.rows["unit"]) else "px"

    def of(self, model: str) -> pd.DataFrame:
        """The rows of one model."""
        return self.rows[self.rows["model"] == model]

    def in_one_unit(self, model: str, column: str) -> pd.DataFrame:
        """The rows of one model whose values of a column have one unit."""
        rows = self.of(model)
        return rows[rows["unit"] == self.unit] if column.startswith(("hausdorff", "mad")) else rows

    def interval(self, model: str, column: str) -> Interval:
        """Mean over clips with its 95 % interval over patients; NaN where there is none."""
        rows = self.in_one_unit(model, column)
        if column not in rows:
            return Interval(math.nan, math.nan, math.nan)
        return grouped_interval(rows[column].to_numpy(float), rows["patient"].to_numpy())

    def spread(self, model: str, column: str) -> tuple[float, float]:
        """Mean and standard deviation over patients of their clips' means; NaN where there is none."""
        rows = self.in_one_unit(model, column)
        if column not in rows:
            return math.nan, math.nan
        means = rows.groupby("patient")[column].mean().dropna()
        return float(means.mean()), float(means.std())

    def total(self, model: str, column: str) -> float:
        """Sum over clips."""
        rows = self.of(model)
        return float(rows[column].sum()) if column in rows else math.nan

    def ratio(self, model: str, to: str, column: str) -> Interval:
        """Mean of a model's values over that of another's, on the clips that both have."""
        ours, theirs = (self.in_one_unit(name, column).set_index("clip") for name in (model, to))
        if column not in ours:
            return Interval(math.nan, math.nan, math.nan)
        both = ours.index.intersection(theirs.index)
        return grouped_ratio(
            ours.loc[both, column].to_numpy(float),
            theirs.loc[both, column].to_numpy(float),
            ours.loc[both, "patient"].to_numpy(),
        )

    def ef(self, model: str, reference: str = "ef_true") -> Agreement | None:
        """How the EF from the masks found agrees with a column of references; None with fewer than three pairs."""
        return self.agreement(model, "ef", reference)

    def agreement(self, model: str, found: str, reference: str) -> Agreement | None:
        """How a column of what was found agrees with one of references; None with fewer than three pairs."""
        rows = self.of(model)
        if found not in rows or reference not in rows:
            return None
        measured, wanted = rows[found].to_numpy(float), rows[reference].to_numpy(float)
        known = np.isfinite(measured) & np.isfinite(wanted)
        if known.sum() < 3:
            return None
        measured, wanted = measured[known], wanted[known]
        return Agreement(
            measured,
            wanted,
            pearson(measured, wanted),
            bland_altman(measured, wanted),
            mean_absolute_error(measured, wanted),
        )

    def ef_references(self) -> dict[str, str]:
        """Columns of references for the EF, and what they are; the reported one only where it says something else."""
        said = {"ef_true": "EF from the experts’ masks, same discs"}
        if {"ef_true", "ef_reported"} <= set(self.rows):
            both = self.rows[["ef_true", "ef_reported"]].to_numpy(float)
            if not np.allclose(both[:, 0], both[:, 1], equal_nan=True):
                simulated = self.kind == "simulated"
                said["ef_reported"] = "EF that was simulated" if simulated else "EF as the data set reports it"
        return said

    def columns(self) -> list[str]:
        """The columns that have a value in any row and are worth a mean."""
        facts = {"model", "clip", "patient", "unit", "data_set", "kind", "form", "split", "view"}
        facts |= {"frames", "labelled_frames", "ef_reported", "view_found"}
        facts |= {f"{name}{of}" for name in INDICES for of in ("", "_true")}
        return [name for name in self.rows if name not in facts and self.rows[name].notna().any()]


def group_rows(rows: pd.DataFrame) -> list[Group]:
    """The groups in the rows, what is real first.

    Raises
    ------
    ValueError: a kind that is none of :data:`KINDS`.
    """
    unknown = set(rows["kind"]) - set(KINDS) if len(rows) else set()
    if unknown:
        raise ValueError(f"Clips are {', '.join(KINDS)}; got {', '.join(sorted(unknown))}.")
    found = []
    for kind in KINDS:
        of_kind = rows[rows["kind"] == kind]
        for data_set, form, split in dict.fromkeys(
            of_kind[["data_set", "form", "split"]].itertuples(index=False, name=None)
        ):
            mine = (of_kind["data_set"] == data_set) & (of_kind["form"] == form) & (of_kind["split"] == split)
            found.append(Group(data_set, kind, form, split, of_kind[mine].reset_index(drop=True)))
    return found


def compared(group: Group) -> list[tuple[str, str, str, Interval]]:
    """Each further model against the first: (model, figure, structure, ratio of the means), where there are two."""
    first, *others = group.models
    found = []
    for model in others:
        for figure in _PAIRED:
            for structure in group.structures:
                ratio = group.ratio(model, first, f"{figure}_{structure}")
                if math.isfinite(ratio.value):
                    found.append((model, figure, structure, ratio))
    return found


def card_figures(group: Group, model: str, *, clean: bool) -> Mapping[str, object]:
    """A model's means in the form of a card's ``figures``, under the data set's and the split's name."""
    rows = group.of(model)
    frames, patients = int(rows["labelled_frames"].sum()), rows["patient"].nunique()
    label = {"real": "", "pseudo": "pseudo-sequences, ", "simulated": "simulated, "}[group.kind]
    what = f"{label}{patients} patients, {len(rows)} clips, {frames} labelled frames at the files' own pixels"
    distance = (f"hausdorff_{group.unit}", 2)
    figures = {"dice": ("dice", 4), "hausdorff": distance, "tc": ("tc", 4), "tcd": ("tcd", 4)}
    means: dict[str, float] = {}
    for name in group.structures:
        for figure, (said, digits) in figures.items():
            value = group.interval(model, f"{figure}_{name}").value
            if math.isfinite(value):
                means[f"{name}_{said}"] = round(value, digits)
    return {f"{group.data_set}_{group.split}": {"what": what, "cleaned" if clean else "as_is": means}}
