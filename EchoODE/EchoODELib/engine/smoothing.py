"""Averaging probabilities along time, so that masks flicker less: a post-process of any model.

Two ways. A Gaussian around each frame looks ahead as far as back; it suits clips. A weighted moving average over the
last frames, the newest counting most, never looks ahead, so it serves live use, too; it lags behind a little. Frames'
weights there are n, n - 1, ..., 1 from the newest back, with n = 6 in Smistad et al., "Real-time temporal coherent left
ventricle segmentation using convolutional LSTMs", IEEE IUS 2021, which names the window and not the weights: these
are the ones that usually go by the name.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .errors import UnsuitableClip
from .windows_over_time import ENOUGH_FRAMES

#: Frames of the moving average in the paper.
PAPER_WINDOW = 6
_LONGEST_WINDOW = 60


@dataclass(frozen=True)
class Smoothing:
    """How probabilities are averaged along time; at most one of the two is set, none means not at all.

    Attributes
    ----------
    seconds: standard deviation of a Gaussian around each frame.
    window: frames of a weighted moving average that ends with each frame.
    """

    seconds: float = 0.0
    window: int = 1

    @classmethod
    def of(cls, given: float | str | Smoothing) -> Smoothing:
        """Read "none", "wma" (6 frames), "wma:4", or the seconds of a Gaussian, as text or number.

        Raises
        ------
        UnsuitableClip: anything else, seconds outside 0 to 1, or a window outside 1 to 60 frames.
        """
        if isinstance(given, Smoothing):
            return given
        text = str(given).strip().lower()
        name, colon, number = text.partition(":")
        if name == "wma" and (number.isdigit() or not colon):
            window = int(number) if colon else PAPER_WINDOW
            if 1 <= window <= _LONGEST_WINDOW:
                return cls(window=window)
            raise UnsuitableClip(f"A moving average over {window} frames makes no sense; give 1 to {_LONGEST_WINDOW}.")
        try:
            seconds = 0.0 if text == "none" else float(text)
        except ValueError:
            raise UnsuitableClip(
                f"There is no smoothing {given!r}; give none, seconds such as 0.03, or wma:6 for a moving average."
            ) from None
        if not 0 <= seconds < 1:
            raise UnsuitableClip(f"Smoothing over {seconds} s makes no sense; give 0 to 1 s.")
        return cls(seconds=seconds)

    @property
    def settings(self) -> Mapping[str, float]:
        """For a result's provenance."""
        return {"smoothing_s": self.seconds} if self.window == 1 else {"smoothing_wma_frames": self.window}

    def over(self, count: int, frame_rate: float) -> Mixture:
        """What is mixed on a clip of ``count`` frames; phases of a beat that make no film are left alone."""
        sigma = self.seconds * frame_rate
        if count >= ENOUGH_FRAMES and self.window > 1:
            return Mixture(wma_weights(self.window), ahead=0, repeats=False)
        if count < ENOUGH_FRAMES or sigma < 0.1:
            return Mixture(np.ones(1, np.float32), ahead=0, repeats=True)
        reach = max(1, round(2.5 * sigma))
        weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
        return Mixture(np.asarray(weights / weights.sum(), np.float32), ahead=reach, repeats=True)


@dataclass(frozen=True)
class Mixture:
    """Which frames of a clip are mixed at each.

    Attributes
    ----------
    weights: of the frames from the earliest to the last, summing to 1.
    ahead: how many of these lie after the frame.
    repeats: beyond the clip's ends the end frame counts again; else what lies there counts nothing.
    """

    weights: NDArray[np.float32]
    ahead: int
    repeats: bool

    def at(self, frame: int, count: int) -> tuple[list[int], NDArray[np.float32]]:
        """Frames and their weights, which sum to 1."""
        last = frame + self.ahead
        frames = np.arange(last - len(self.weights) + 1, last + 1)
        if self.repeats:
            return np.clip(frames, 0, count - 1).tolist(), self.weights
        there = (frames >= 0) & (frames < count)
        return frames[there].tolist(), self.weights[there] / self.weights[there].sum()


def mixed(neighbours: Sequence[NDArray[np.float16]], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """A frame's probabilities (labels, rows, columns): its neighbours' and its own, mixed by ``weights``."""
    if len(weights) == 1:
        return np.asarray(neighbours[0], np.float32)
    return np.asarray(np.tensordot(weights, np.stack(neighbours).astype(np.float32), axes=1))


class MovingAverage:
    """The same weighted moving average, one frame after another.

    Parameters
    ----------
    window: frames; 1 leaves all as it is.
    """

    def __init__(self, window: int) -> None:
        self._weights = wma_weights(window)
        self.kept: deque[NDArray[np.float32]] = deque(maxlen=window)

    def __call__(self, newest: NDArray[np.float32]) -> NDArray[np.float32]:
        """The average of the frames up to and with the newest, of its shape."""
        self.kept.append(newest)
        if len(self.kept) == 1:
            return newest
        weights = self._weights[-len(self.kept) :]
        total = weights[0] * self.kept[0]
        for weight, one in zip(weights[1:], list(self.kept)[1:], strict=True):
            total += weight * one
        return np.asarray(total / weights.sum(), np.float32)


def wma_weights(window: int) -> NDArray[np.float32]:
    """(window,) float32, rising evenly to the newest frame's, summing to 1."""
    return np.arange(1, window + 1, dtype=np.float32) / np.float32(math.comb(window + 1, 2))
