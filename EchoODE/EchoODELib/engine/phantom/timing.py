"""The cardiac cycle: when the heart contracts, fills and opens its mitral valve.

Systolic intervals follow Weissler, Harris and Schoenfeld (Circulation 1968;37:149): left ventricular
ejection time 413 - 1.7 HR ms. With 45 ms of isovolumic contraction systole takes a third of the cycle
at 60 beats per minute and nearly half of it at 100.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from .settings import PhantomSettings

_ISOVOLUMIC_CONTRACTION = 0.045
Times = NDArray[np.float64]


@dataclass(frozen=True)
class Rhythm:
    """The beats under a clip.

    Attributes
    ----------
    onsets: (K + 1,) s, the end-diastoles, from one before the clip to one after it.
    filling: (K + 1,) contraction state at each onset (0 full, above 0 less than full).
    strokes: (K,) contraction state at each end-systole (1 is the stroke that meets the EF asked for).
    first_frame: the frame of the first end-diastole inside the clip; it is the reference.
    """

    onsets: Times
    filling: Times
    strokes: Times
    first_frame: int

    def state(self, times: Times, lag: float = 0.0) -> Times:
        """Contraction state at ``times`` (s): 0 at a full end-diastole, 1 at the nominal end-systole.

        A region that contracts ``lag`` seconds late still shares the others' end-diastole.
        """
        result = np.zeros_like(times)
        for k in range(len(self.strokes)):
            inside = (times >= self.onsets[k]) & (times < self.onsets[k + 1])
            if not inside.any():
                continue
            length = self.onsets[k + 1] - self.onsets[k]
            shape, end_systole = _cycle(length)
            t = times[inside] - self.onsets[k]
            t = t - lag * np.clip(np.minimum(t, length - t) / (0.2 * length), 0, 1)
            rest = np.where(t < end_systole, self.filling[k], self.filling[k + 1])
            result[inside] = rest + (self.strokes[k] - rest) * shape(t)
        return result

    def valve(self, times: Times) -> Times:
        """Opening of the mitral valve at ``times`` (s), 0 closed to 1 wide open: E wave, diastasis, A wave."""
        result = np.zeros_like(times)
        for k in range(len(self.strokes)):
            inside = (times >= self.onsets[k]) & (times < self.onsets[k + 1])
            length = self.onsets[k + 1] - self.onsets[k]
            opens, early, atrial = _diastole(length)
            knots = [0.0, opens, opens + 0.35 * (early - opens), early, max(atrial, early + 1e-3)]
            knots += [0.55 * atrial + 0.45 * length, length - 0.01]
            levels = [0.0, 0.0, 1.0, 0.42, 0.35, 0.75, 0.0]
            result[inside] = np.interp(times[inside] - self.onsets[k], knots, levels)
        return result

    def end_systole(self, beat: int) -> float:
        """Time (s) at which beat ``beat`` contracts most."""
        return float(self.onsets[beat]) + _systole(float(self.onsets[beat + 1] - self.onsets[beat]))


def make_rhythm(settings: PhantomSettings, rng: np.random.Generator) -> Rhythm:
    """Lay out the beats so that an end-diastole falls on a frame and the mean length is as asked."""
    cycle, rate = settings.cycle, settings.frame_rate
    first = 0 if settings.start in (0.0, 1.0) else max(1, round((1 - settings.start) * cycle * rate))
    first = min(first, settings.frames - 1)  # less than a beat: the clip ends with the end-diastole at the latest
    whole = int(np.ceil(settings.beats - first / rate / cycle - 1e-9)) + 1
    lengths = np.full(max(whole, 1), cycle)
    if settings.arrhythmia:
        spread = np.clip(1 + settings.arrhythmia * rng.standard_normal(len(lengths)), 0.55, 1.7)
        inside = max(1, int(np.floor(settings.beats + 1e-9)))
        lengths = cycle * spread / spread[:inside].mean()
    lengths = np.maximum(lengths, 0.25)
    # One beat ahead of the first end-diastole and one to spare after the clip.
    lengths = np.concatenate([[max(cycle, first / rate + 0.05)], lengths, [cycle]])
    onsets = first / rate - lengths[0] + np.concatenate([[0.0], np.cumsum(lengths)])
    onsets[1] = first / rate
    short = np.clip(1 - lengths / cycle, -0.5, 0.5)
    filling = np.concatenate([[0.0, 0.0], 0.35 * short[1:]])
    # After a short diastole less is ejected (Frank and Starling), after a long one more.
    strokes = np.concatenate([[1.0, 1.0], 1 - 0.45 * short[1:-1]])
    return Rhythm(onsets, filling, strokes, first)


def _systole(length: float) -> float:
    ejection = 0.413 - 0.0017 * 60.0 / length
    return float(np.clip(ejection + _ISOVOLUMIC_CONTRACTION, 0.28 * length, 0.52 * length))


def _diastole(length: float) -> tuple[float, float, float]:
    """Times (s) after onset at which the mitral valve opens, the E wave ends, the A wave starts."""
    systole = _systole(length)
    rest = length - systole
    opens = systole + min(0.075, 0.18 * rest)
    early = opens + min(0.20, 0.38 * rest)
    return opens, early, max(early + 0.02 * rest, length - min(0.13, 0.26 * rest))


def _cycle(length: float) -> tuple[PchipInterpolator, float]:
    """Shape of one cycle, 0 at both ends and 1 at end-systole, and the time of end-systole."""
    systole = _systole(length)
    opens, early, atrial = _diastole(length)
    knots = [
        (0.0, 0.0),
        (_ISOVOLUMIC_CONTRACTION * systole / 0.35, 0.025),
        (0.36 * systole, 0.34),
        (0.62 * systole, 0.77),
        (0.85 * systole, 0.965),
        (systole, 1.0),
        (opens, 0.985),
        (opens + 0.5 * (early - opens), 0.62),
        (early, 0.29),
        (atrial, 0.235),
        (0.5 * (atrial + length), 0.10),
        (length, 0.0),
    ]
    x, y = zip(*knots, strict=True)
    return PchipInterpolator(x, y), systole
