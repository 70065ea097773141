"""Measurement lines of parasternal clips: septum, cavity and posterior wall in mm, against the experts' calipers."""

from __future__ import annotations

import math

import numpy as np
from EchoODELib.engine.measure import plax_landmarks
from EchoODELib.engine.measure.dimensions import plax_dimensions
from EchoODELib.engine.models.inference import choose_device
from EchoODELib.engine.models.per_frame import takes_clips
from EchoODELib.engine.sequence import Label
from EchoODELib.engine.weights import COMBINATION, find_card, load_model
from EchoODELib.engine.windows_over_time import WindowUse
from numpy.typing import NDArray

from ..datasets.clips import LINES, LabelledClip
from ..validate import DiceJudge, windows_of

# Marked frames of a clip that are looked at; more say little more.
_FRAMES = 24

Array = NDArray[np.float64]


class LineFinder:
    """A model that marks the ends of measurement lines by heat maps (Lu et al., sec. 3.2.6).

    Attributes
    ----------
    lines: names of the lines that it marks.
    """

    def __init__(self, model: str, device: str) -> None:
        self._device = choose_device(device)
        network, self._card = load_model(model)
        self._network = network.to(self._device)
        self._use = WindowUse.of_card(self._card.use) if takes_clips(network) else None
        self.lines = LINES[: int(self._card.configuration.get("lines", 0))]  # type: ignore[call-overload]

    def errors(self, clip: LabelledClip) -> dict[str, float]:
        """For each line "NAME_error" and "NAME_bias" in mm over marked frames, and "NAME_lost", frames without it."""
        shown = windows_of(clip, self._card.input_size, use=self._use, frames=_FRAMES, lines=self.lines)
        points = DiceJudge(shown, self._card.labels, device=self._device).look(self._network)[1]
        found = np.stack([_lengths(ends) * one.millimetres for ends, one in zip(points, shown, strict=True)])
        true = np.stack([_lengths(one.points) * one.millimetres for one in shown])
        return _compared(self.lines, found, true, "")


def line_finder(model: str, device: str) -> LineFinder | None:
    """The finder of a model that marks lines; None of one that doesn't."""
    card = find_card(model)
    if card.architecture == COMBINATION or not card.configuration.get("lines"):
        return None
    return LineFinder(model, device)


def has_lines(clip: LabelledClip) -> bool:
    """Whether a line is marked on any frame of a calibrated clip."""
    return clip.spacing is not None and any(np.isfinite(ends).all((1, 2)).any() for ends in clip.landmarks.values())


def line_errors(clip: LabelledClip, found: NDArray[np.uint8], finder: LineFinder | None) -> dict[str, float]:
    """How far lengths are from the experts', by heat maps, and from the masks ("NAME_masks_error" and so on)."""
    if not has_lines(clip):
        return {}
    row = {} if finder is None else finder.errors(clip)
    if (found == Label.LV).any():
        measured = plax_dimensions(plax_landmarks(found, clip.spacing), clip.spacing)
        from_masks = np.stack([getattr(measured, line) for line in LINES], axis=1)
        row |= _compared(LINES, from_masks, true_lengths(clip), "masks_")
    return row


def true_lengths(clip: LabelledClip) -> Array:
    """(T, lines) mm between the ends that experts marked, in the order of LINES; NaN where they did not."""
    lengths = np.full((len(clip), len(LINES)), np.nan)
    for number, line in enumerate(LINES):
        if line in clip.landmarks and clip.spacing is not None:
            ends = np.asarray(clip.landmarks[line], float) * np.array(clip.spacing)
            lengths[:, number] = np.linalg.norm(ends[:, 1] - ends[:, 0], axis=-1)
    return lengths


def _lengths(points: NDArray[np.float32] | None) -> Array:
    """(lines,) px between the ends (2 * lines, 2)."""
    assert points is not None
    pairs = np.asarray(points, float).reshape(-1, 2, 2)
    return np.linalg.norm(pairs[:, 1] - pairs[:, 0], axis=-1)


def _compared(lines: tuple[str, ...], found: Array, true: Array, by: str) -> dict[str, float]:
    row = {}
    for number, line in enumerate(lines):
        wanted = np.isfinite(true[:, number])
        apart = (found - true)[wanted, number]
        known = apart[np.isfinite(apart)]
        row[f"{line}_{by}error"] = float(np.abs(known).mean()) if len(known) else math.nan
        row[f"{line}_{by}bias"] = float(known.mean()) if len(known) else math.nan
        row[f"{line}_{by}lost"] = float(len(apart) - len(known))
    return row
