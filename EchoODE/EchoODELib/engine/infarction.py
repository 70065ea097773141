"""Whether a clip shows an infarction, by a trained network (paper 003, CoReEcho, on HMC-QU)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from .clip_estimator import ClipEstimate, ClipEstimator

INFARCTION_TASK = "infarction"
InfarctionEstimate = ClipEstimate
"""Its answers are probabilities, 0 to 1; above 0.5 is a yes."""


class InfarctionEstimator(ClipEstimator):
    """Says how probable an infarction is, with one model, which it keeps loaded."""

    task = INFARCTION_TASK

    def meant(self, answers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities of logits (n,)."""
        said: NDArray[np.float64] = expit(answers)
        return said
