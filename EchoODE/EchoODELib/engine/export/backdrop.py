"""What of a clip pictures show: the sector, cut out, with everything else blanked.

Text burned in beside the sector often names the patient, so it never reaches a picture unless asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..sector import Sector, find_sector
from ..sequence import EchoSequence


@dataclass(frozen=True)
class Backdrop:
    """The part of the clip that pictures show.

    Attributes
    ----------
    frames: (T, H, W) uint8, black outside the sector.
    inside: (H, W) bool, the sector.
    box: (row0, row1, column0, column1), half-open, in the clip's own pixels.
    """

    frames: NDArray[np.uint8]
    inside: NDArray[np.bool_]
    box: tuple[int, int, int, int]


def backdrop(sequence: EchoSequence, *, sector: Sector | None = None, whole_frame: bool = False) -> Backdrop:
    """Prepare a clip for drawing.

    Parameters
    ----------
    sector: if it is known already; found otherwise.
    whole_frame: show everything, burned-in text included.
    """
    found = find_sector(sequence) if sector is None else sector
    if whole_frame:
        return Backdrop(sequence.frames, found.mask, (0, sequence.shape[0], 0, sequence.shape[1]))
    return Backdrop(np.where(found.mask, sequence.frames, np.uint8(0)), found.mask, found.box)
