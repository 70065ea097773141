"""A second opinion on the ejection fraction, beside what the masks give, in tables and documents."""

from __future__ import annotations

import math

import pandas as pd

from ..second_opinion import LARGE_DIFFERENCE, Comparison, SecondOpinion, compare
from ..sequence import Measurements

_TO_CHECK = f"differs by more than {LARGE_DIFFERENCE:.0f} points"


def opinion_table(measurements: Measurements, opinion: SecondOpinion) -> pd.DataFrame:
    """One row for the whole clip and one a beat: the two ejection fractions, the range, the difference, what to check.

    The model and what is to be doubted stand in the row of the whole clip.
    """
    rows = [_row(one, opinion) for one in compare(measurements, opinion)]
    return pd.DataFrame(rows)


def opinion_document(measurements: Measurements, opinion: SecondOpinion) -> dict[str, object]:
    """The same in plain types, as ``results.schema.json`` describes it."""
    return {
        "model": opinion.model,
        "weights_sha256": opinion.weights_sha256,
        "validated_on_patients": opinion.validated,
        "unlike_training_data": opinion.unlike,
        "distance": _number(opinion.distance),
        "compared": [
            {
                "beat": one.beat,
                "from_masks": _number(one.masks),
                "from_clip": _number(one.clip),
                "low": _number(one.low),
                "high": _number(one.high),
                "difference": _number(one.difference),
                "large": one.large,
                "unit": "%",
            }
            for one in compare(measurements, opinion)
        ],
        "notes": list(opinion.notes),
    }


def _row(one: Comparison, opinion: SecondOpinion) -> dict[str, object]:
    whole = one.beat is None
    return {
        "beat": "whole clip" if whole else str(one.beat),
        "EF from masks (%)": _number(one.masks),
        "EF from clip (%)": _number(one.clip),
        "lowest (%)": _number(one.low),
        "highest (%)": _number(one.high),
        "difference (points)": _number(one.difference),
        "to check": _TO_CHECK if one.large else "",
        "model": opinion.model if whole else "",
        "notes": " ".join(opinion.notes) if whole else "",
    }


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(f"{value:.7g}")
