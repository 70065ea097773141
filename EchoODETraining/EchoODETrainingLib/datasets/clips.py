"""What every data set gives: a clip with what its experts marked on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from EchoODELib.engine.errors import UnsuitableMask
from EchoODELib.engine.sequence import Label, View
from numpy.typing import NDArray

LINES = ("ivs", "lvid", "lvpw")
ALL_LABELS = frozenset({Label.LV, Label.MYOCARDIUM, Label.LA})


@dataclass(frozen=True)
class LabelledClip:
    """A B-mode clip with masks or landmarks on some or all of its frames.

    Attributes
    ----------
    name: unique within its data set.
    patient: who it is of; no patient is in two splits.
    kind: "real", "pseudo" (moved from real frames) or "simulated".
    frames: (T, H, W) uint8, gray.
    times: (T,) float64 seconds, increasing.
    masks: (T, H, W) uint8 of ``EchoODELib.engine.sequence.Label``; zero on frames that are not labelled.
    labelled: (T,) bool, the frames that have a mask.
    sector: (H, W) bool, where there is ultrasound.
    spacing: (row, column) mm per pixel, or None.
    view: the standard view.
    ed_frame, es_frame: end-diastole and end-systole, 0-based, or None.
    ejection_fraction: percent, or None.
    infarction: whether there is a myocardial infarction, or None.
    landmarks: name of a line (:data:`LINES`) -> (T, 2, 2) float32, its end points as (row, column) px; NaN where
        missing.
    drawn: the labels that the data set's masks contain; where another one lies is not known.

    Raises
    ------
    UnsuitableMask: masks of another size than the frames, or with values that are no label of ``drawn``.
    """

    name: str
    patient: str
    kind: str
    frames: NDArray[np.uint8]
    times: NDArray[np.float64]
    masks: NDArray[np.uint8]
    labelled: NDArray[np.bool_]
    sector: NDArray[np.bool_]
    spacing: tuple[float, float] | None = None
    view: View = View.UNKNOWN
    ed_frame: int | None = None
    es_frame: int | None = None
    ejection_fraction: float | None = None
    infarction: bool | None = None
    landmarks: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    drawn: frozenset[int] = ALL_LABELS

    def __post_init__(self) -> None:
        if self.masks.shape != self.frames.shape:
            raise UnsuitableMask(
                f"The masks of {self.name} have shape {self.masks.shape}, its frames {self.frames.shape}: "
                "give masks that were drawn on these frames."
            )
        unknown = sorted({int(value) for value in np.unique(self.masks)} - {0} - {int(label) for label in self.drawn})
        if unknown:
            known = ", ".join(f"{int(label)} ({Label(label).name})" for label in sorted(self.drawn))
            raise UnsuitableMask(
                f"The mask of {self.name} holds the value {unknown[0]}, which is none of 0 (BACKGROUND), {known}: "
                "correct the file or leave it out."
            )

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def nbytes(self) -> int:
        """Of memory that its pixels take."""
        return self.frames.nbytes + self.masks.nbytes

    @property
    def marked(self) -> NDArray[np.bool_]:
        """(T,) the frames that have a mask or both ends of a line."""
        marked = self.labelled.copy()
        for ends in self.landmarks.values():
            marked |= np.isfinite(ends).all((1, 2))
        return marked

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(row0, row1, column0, column1), half-open, around the sector; the whole frame if that is empty."""
        rows, columns = np.flatnonzero(self.sector.any(1)), np.flatnonzero(self.sector.any(0))
        if not len(rows):
            return 0, self.frames.shape[1], 0, self.frames.shape[2]
        return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def lit_area(frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The sector (H, W) of frames (H, W) or (T, H, W) that have no text: what is ever lit, with small gaps closed."""
    lit = frames > 0 if frames.ndim == 2 else (frames > 0).any(0)
    padded = cv2.copyMakeBorder(lit.astype(np.uint8), 15, 15, 15, 15, cv2.BORDER_CONSTANT, value=0)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8))
    return closed[15:-15, 15:-15].astype(bool)
