"""Where septum, cavity and posterior wall of a parasternal clip are measured, for pictures and video."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..measure import plax_lines
from ..sequence import SegmentedSequence, View


def calipers(segmented: SegmentedSequence, frame: int) -> list[NDArray[np.float64]]:
    """The lines (2, 2) px (x, y) that a frame's septum, cavity and posterior wall are measured along, as far as seen.

    Clips of other views have none.
    """
    if segmented.sequence.view is not View.PLAX:
        return []
    here = slice(frame, frame + 1)
    marked = None if segmented.lines is None else segmented.lines[here]
    corrected = [0] if frame in segmented.guides else []
    ends = plax_lines(segmented.masks[here], segmented.sequence.spacing, marked, corrected).reshape(3, 2, 2)
    return [line for line in ends if np.isfinite(line).all()]
