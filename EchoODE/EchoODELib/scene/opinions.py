"""A second opinion on a clip's ejection fraction, kept with the clip, and its comparison with the masks' as a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer

from ..engine.second_opinion import LARGE_DIFFERENCE, Comparison, SecondOpinion
from .nodes import PREFIX, readValue, writeValue
from .tables import fillTable

if TYPE_CHECKING:
    from .study import Study

OPINION_TABLE = PREFIX + "OpinionTable"
_KEY = "SecondOpinion"


def writeOpinion(study: Study, opinion: SecondOpinion | None) -> None:
    """Keep what a network said of a clip; None takes it away, with its table."""
    told = None if opinion is None else {**_rounded(opinion), "frames": study.frameCount}
    writeValue(study.browserNode, _KEY, told)
    if opinion is None:
        _removeTable(study)


def readOpinion(study: Study) -> SecondOpinion | None:
    """What a network said of a clip; None if nothing, or if frames were added since."""
    told = readValue(study.browserNode, _KEY, {})
    return SecondOpinion.of_plain(told) if told.get("frames") == study.frameCount else None


def showComparison(study: Study, compared: Sequence[Comparison]) -> Any:
    """Fill the table node "… second opinion": the whole clip, then a row a beat.

    Returns
    -------
    The vtkMRMLTableNode; it is saved with the scene.
    """
    numbers = {
        "EF from masks": [one.masks for one in compared],
        "EF from clip": [one.clip for one in compared],
        "Lowest": [one.low for one in compared],
        "Highest": [one.high for one in compared],
        "Difference": [one.difference for one in compared],
    }
    check = f"more than {LARGE_DIFFERENCE:.0f} points apart"
    columns: list[tuple[str, str, Any]] = [
        ("Beat", "", ["Whole clip" if one.beat is None else str(one.beat) for one in compared])
    ]
    for title, values in numbers.items():
        known = [math.nan if value is None else value for value in values]
        columns.append((title, "points" if title == "Difference" else "%", np.round(np.array(known, float), 1)))
    columns.append(("To check", "", [check if one.large else "" for one in compared]))
    return fillTable(study, OPINION_TABLE, "second opinion", columns)


def _removeTable(study: Study) -> None:
    node = study.browserNode.GetNodeReference(OPINION_TABLE)
    if node is not None:
        slicer.mrmlScene.RemoveNode(node)
    study.browserNode.RemoveNodeReferenceIDs(OPINION_TABLE)


def _rounded(opinion: SecondOpinion) -> dict[str, object]:
    """Its plain values, with as many digits as matter."""
    return {**opinion.plain(), "embedding": [float(f"{value:.6g}") for value in opinion.embedding]}
