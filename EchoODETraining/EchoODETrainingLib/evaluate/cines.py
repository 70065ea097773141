"""Clips without truth: how steady the masks are, what they measure, and which frames look wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from EchoODELib.engine.errors import UnsuitableClip, UnsuitableMask
from EchoODELib.engine.export.backdrop import backdrop
from EchoODELib.engine.export.results import clip_document
from EchoODELib.engine.io import read_clip
from EchoODELib.engine.measure import measure
from EchoODELib.engine.metrics import consecutive_hausdorff, mfip, tc
from EchoODELib.engine.segment import Segmenter
from EchoODELib.engine.sequence import Measurements
from numpy.typing import NDArray

from .scores import STRUCTURES, ef_of
from .trials import SHORTEST_FILM


@dataclass(frozen=True)
class Reading:
    """One model on one clip.

    Attributes
    ----------
    masks: (T, h, w), cut to the sector.
    measured: beats, curves and flags; None where the masks can't be measured.
    figures: tc_*, jump_* (largest Hausdorff distance between neighbours, in ``Cine.unit``), mfip, ef, flagged.
    """

    masks: NDArray[np.uint8]
    measured: Measurements | None
    figures: Mapping[str, float]


@dataclass(frozen=True)
class Cine:
    """A clip that nobody outlined, with what each model makes of it.

    Attributes
    ----------
    name: a number, not the file's name, which could tell who the patient is.
    facts: format, frames, calibration and checksum of the pixels.
    frames: (T, h, w) uint8, cut to the sector, black outside of it.
    times: (T,) s.
    spacing: mm per pixel, or None.
    readings: by model.
    """

    name: str
    facts: Mapping[str, object]
    frames: NDArray[np.uint8]
    times: NDArray[np.float64]
    spacing: tuple[float, float] | None
    readings: Mapping[str, Reading]

    @property
    def unit(self) -> str:
        """Of distances."""
        return "mm" if self.spacing else "px"

    @property
    def aspect(self) -> float:
        """Height of a pixel over its width."""
        return self.spacing[0] / self.spacing[1] if self.spacing else 1.0


def study(name: str, path: Path, segmenters: Mapping[str, Segmenter]) -> Cine:
    """Read a clip and segment it with every model.

    Raises
    ------
    UnreadableClip: the file can't be read.
    UnsuitableClip: fewer than five frames, or colour Doppler.
    """
    sequence = read_clip(path)
    if len(sequence) < SHORTEST_FILM:
        raise UnsuitableClip(f"A clip of {len(sequence)} frames shows no motion; give one of {SHORTEST_FILM} or more.")
    behind = backdrop(sequence)
    row0, row1, column0, column1 = behind.box
    here = np.s_[:, row0:row1, column0:column1]
    readings = {}
    for model, segmenter in segmenters.items():
        segmented = segmenter.segment(sequence)
        try:
            measured = measure(segmented)
        except (UnsuitableMask, UnsuitableClip):
            measured = None
        figures = {f"tc_{one}": tc(segmented.masks, label=label) for one, label in STRUCTURES.items()}
        for one, label in STRUCTURES.items():
            steps = consecutive_hausdorff(segmented.masks, label=label, spacing=sequence.spacing)
            steps = steps[np.isfinite(steps)]
            figures[f"jump_{one}"] = float(steps.max()) if len(steps) else math.nan
        figures["mfip"] = mfip(segmented.masks)
        figures["ef"] = ef_of(measured, sequence.view)
        figures["flagged"] = math.nan if measured is None else float(len({flag.frame for flag in measured.flags}))
        readings[model] = Reading(segmented.masks[here].copy(), measured, figures)
    facts = clip_document(sequence)
    return Cine(name, facts, behind.frames[here].copy(), sequence.times, sequence.spacing, readings)
