"""Which clips of a recording a network of clips sees, in training and at use.

Networks that answer about a whole clip take a fixed number of frames. As in paper 003 (CoReEcho, section 2.1) they are
every ``stride``-th frame from some start on, and black where the recording ends before. Recordings differ in frame
rate: by ``interval``, clips show the same time of all. Recordings of one beat are shown ``whole``, their frames
interpolated to the number that is needed, as the paper does for CAMUS and HMC-QU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_interp_spline

from .errors import UnsuitableClip, WeightsError

#: In place of a frame's number: a black frame, after the recording's end.
ENDED = -1


@dataclass(frozen=True)
class ClipUse:
    """How clips are cut out of a recording.

    Attributes
    ----------
    frames: of a clip.
    stride: frames of the recording from one of the clip's to the next.
    interval: seconds from one to the next, in place of ``stride``; the nearest frames are taken.
    whole: show all of the recording, in place of ``stride``.
    clips: of a recording whose answers are averaged at use.

    Raises
    ------
    UnsuitableClip: numbers that make no clip.
    """

    frames: int = 36
    stride: int = 4
    interval: float | None = None
    whole: bool = False
    clips: int = 3

    def __post_init__(self) -> None:
        counts = (self.frames, self.stride, self.clips)
        timed = self.interval is None or (type(self.interval) in (int, float) and 0 < self.interval < 10)
        if not all(type(count) is int and count >= 1 for count in counts) or not timed:
            raise UnsuitableClip("Clips need frames, a stride and a number of 1 or more, and an interval above 0 s.")

    @classmethod
    def of_card(cls, use: Mapping[str, Any]) -> ClipUse:
        """What a model card's ``use`` says under ``clips``: this class's fields.

        Raises
        ------
        WeightsError: fields that there aren't, or numbers that make no clip.
        """
        given = use.get("clips", {})
        try:
            return cls(**given)
        except (TypeError, UnsuitableClip) as error:
            raise WeightsError(f"The model card's use makes no clips ({error}); correct it.") from error

    def starts(self, times: NDArray[np.float64]) -> int:
        """At how many of a recording's frames, from the first on, a clip can start; 1 or more.

        Parameters
        ----------
        times: (T,) seconds, of the recording's frames.
        """
        if self.whole:
            return 1
        if self.interval is None:
            return max(1, len(times) - (self.frames - 1) * self.stride)
        return max(1, int(np.searchsorted(times, times[-1] - (self.frames - 1) * self.interval + 1e-6, "right")))

    def spread(self, times: NDArray[np.float64]) -> list[int]:
        """The starts of up to ``clips`` clips, spread over the recording."""
        last = self.starts(times) - 1
        if self.clips == 1:
            return [last // 2]
        spread: list[int] = np.unique(np.linspace(0, last, self.clips).round().astype(int)).tolist()
        return spread

    def around(self, times: NDArray[np.float64], first: int, last: int) -> list[int]:
        """The starts of clips that show the beat from one frame to another: one clip with the beat in its middle, or
        one from its beginning and one up to its end where it is longer than a clip; as far as the recording goes.
        """
        places = np.arange(len(times), dtype=float) if self.interval is None else times
        length = (self.frames - 1) * (self.stride if self.interval is None else self.interval)
        spare = places[last] - places[first] - length
        wished = [places[first], places[last] - length] if spare > 0 else [places[first] + spare / 2]
        nearest = [int(np.abs(places - wish).argmin()) for wish in wished]
        return sorted({min(start, self.starts(times) - 1) for start in nearest})

    def picks(self, times: NDArray[np.float64], start: int) -> NDArray[np.intp]:
        """(frames,) numbers of the frames of the clip that starts at ``start``, :data:`ENDED` after the last.

        With ``whole``, those of the recording that :func:`resampled` gives.
        """
        if self.whole:
            return np.arange(self.frames)
        if self.interval is None:
            picked = start + self.stride * np.arange(self.frames)
            return np.where(picked < len(times), picked, ENDED)
        wanted = times[start] + self.interval * np.arange(self.frames)
        after = np.clip(np.searchsorted(times, wanted), 1, max(1, len(times) - 1))
        before = after - 1
        after = np.minimum(after, len(times) - 1)
        picked = np.where(wanted - times[before] <= times[after] - wanted, before, after)
        half = (times[-1] - times[0]) / max(1, len(times) - 1) / 2
        return np.where(wanted <= times[-1] + half + 1e-9, picked, ENDED)


def resampled(frames: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """(count, H, W) of (T, H, W) frames, evenly spread from the first to the last, by cubic splines along time."""
    if len(frames) == 1:
        return np.repeat(frames, count, axis=0)
    spline = make_interp_spline(np.linspace(0, 1, len(frames)), frames.astype(np.float32), k=min(3, len(frames) - 1))
    moments: NDArray[np.float64] = spline(np.linspace(0, 1, count))
    return np.clip(np.rint(moments), 0, 255).astype(np.uint8)


def with_black(images: NDArray[np.float32], picks: NDArray[np.intp]) -> NDArray[np.float32]:
    """(N, rows, columns): standardised images (M, rows, columns) of the picks that are frames, the others black."""
    whole = np.full((len(picks), *images.shape[1:]), images.min(), np.float32)
    whole[picks != ENDED] = images
    return whole
