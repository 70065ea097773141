"""What of a clip pictures show: the sector, cut out, with everything else blanked.

Text burned in beside the sector often names the patient, so it never reaches a picture unless asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..sector import Sector, find_sector
from ..sequence import EchoSequence

# The gray level that the brightest hundredth of the sector is brought up to, and by how much at most.
_BRIGHT, _LARGEST_GAIN = 170.0, 2.5


@dataclass(frozen=True)
class Backdrop:
    """The part of the clip that pictures show.

    Attributes
    ----------
    frames: (T, H, W) uint8, black outside the sector; dark clips are brightened, by one factor for all frames.
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
    frames = _brightened(sequence.frames, found.mask)
    if whole_frame:
        return Backdrop(frames, found.mask, (0, sequence.shape[0], 0, sequence.shape[1]))
    return Backdrop(np.where(found.mask, frames, np.uint8(0)), found.mask, found.box)


def _brightened(frames: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Clips recorded at low gain get the gain that a reader would turn up to; others stay as they are."""
    sample = frames[:: max(1, len(frames) // 10)][:, inside]
    level = float(np.percentile(sample, 99.0)) if sample.size else 255.0
    gain = float(np.clip(_BRIGHT / max(level, 1.0), 1.0, _LARGEST_GAIN))
    table = np.minimum(np.arange(256) * gain, 255).astype(np.uint8)
    return np.asarray(table[frames]) if gain > 1.05 else frames
