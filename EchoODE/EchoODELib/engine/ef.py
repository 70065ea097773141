"""The ejection fraction straight from a clip, without masks, by a trained network (paper 003, CoReEcho)."""

from __future__ import annotations

from .clip_estimator import ClipEstimate, ClipEstimator, card_for

EF_TASK = "ejection_fraction"
EfEstimate = ClipEstimate
"""Its answers are in percent."""


class EfEstimator(ClipEstimator):
    """Estimates ejection fractions with one model, which it keeps loaded."""

    task = EF_TASK


def default_ef_model() -> str:
    """The model that estimates ejection fractions where none is named.

    Raises
    ------
    WeightsError: there is none.
    """
    return card_for(EF_TASK).name
