"""Frame times from what a file says about them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import UnsuitableClip

# Taken where a file names no frame rate; the notes say so.
ASSUMED_FRAME_RATE = 30.0
# Echo runs at 5 to 500 frames a second; ultrafast imaging reaches some thousands.
_PLAUSIBLE_RATE = (0.5, 10_000.0)


def plausible_rate(rate: float) -> bool:
    """Whether ``rate`` (frames per second) can be a clip's."""
    return bool(np.isfinite(rate)) and _PLAUSIBLE_RATE[0] <= rate <= _PLAUSIBLE_RATE[1]


def given_rate(rate: float | None) -> float | None:
    """Check a frame rate given by hand (frames per second); raises UnsuitableClip if it can't be."""
    if rate is not None and not plausible_rate(rate):
        raise UnsuitableClip(f"A frame rate of {rate} Hz can't be right; give frames per second, such as 50.")
    return rate


def regular_times(count: int, rate: float | None, notes: list[str]) -> NDArray[np.float64]:
    """Times (T,) in seconds at ``rate`` frames per second; an absent or impossible rate is replaced, with a note."""
    if rate is None or not plausible_rate(rate):
        if count > 1:
            notes.append(
                f"The file names no usable frame rate; {ASSUMED_FRAME_RATE:g} Hz is assumed: give the true one."
            )
        rate = ASSUMED_FRAME_RATE
    return np.arange(count, dtype=np.float64) / rate


def repaired_times(times: ArrayLike, notes: list[str]) -> NDArray[np.float64] | None:
    """Times (T,) in seconds that start at 0 and increase, or None if they can't be mended.

    Up to a fifth of the steps may be zero, negative or missing; those take the median step, with a note.
    """
    given = np.asarray(times, np.float64)
    if len(given) < 2:
        return np.zeros(len(given))
    steps = np.diff(given)
    bad = ~(np.isfinite(steps) & (steps > 0))
    if bad.sum() > max(1, 0.2 * len(steps)) or bad.all():
        return None
    if bad.any():
        steps = np.where(bad, np.median(steps[~bad]), steps)
        notes.append(f"{int(bad.sum())} frame times did not increase and were replaced by the median frame time.")
    if not plausible_rate(1.0 / float(np.median(steps))):
        return None
    return np.concatenate([[0.0], np.cumsum(steps)])
