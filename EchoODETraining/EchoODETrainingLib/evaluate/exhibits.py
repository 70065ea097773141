"""What the report shows of single clips: the worst frames, and one film with all models on it."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from EchoODELib.engine.metrics import dice
from numpy.typing import NDArray

from .scores import drawn_structures
from .trials import Trial

Masks = NDArray[np.uint8]


@dataclass(frozen=True)
class Exhibit:
    """One labelled frame with what was found on it and what is true.

    Attributes
    ----------
    clip, frame: which.
    image: (h, w) uint8, cut to what was found and what is true, black outside of the sector.
    found, truth: (h, w) masks.
    dice: of each structure drawn.
    aspect: height of a pixel over its width.
    """

    clip: str
    frame: int
    image: NDArray[np.uint8]
    found: Masks
    truth: Masks
    dice: Mapping[str, float]
    aspect: float

    @property
    def mean(self) -> float:
        """Mean Dice over the structures."""
        return float(np.mean(list(self.dice.values())))


@dataclass
class Film:
    """A film of a data set with the truth and the masks of each model.

    Attributes
    ----------
    clip: name.
    frames: (T, h, w) uint8, cut to the sector, black outside of it.
    times: (T,) s.
    truth: (T, h, w), or None without one; ``labelled`` (T,) says where it holds.
    found: model to (T, h, w).
    spacing: mm per pixel, or None.
    """

    clip: str
    frames: NDArray[np.uint8]
    times: NDArray[np.float64]
    truth: Masks
    labelled: NDArray[np.bool_]
    spacing: tuple[float, float] | None
    found: dict[str, Masks] = field(default_factory=dict)

    @property
    def aspect(self) -> float:
        """Height of a pixel over its width."""
        return self.spacing[0] / self.spacing[1] if self.spacing else 1.0


class Worst:
    """Keeps the worst frames of each group and model, one a clip."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._kept: dict[tuple[str, ...], list[tuple[float, int, Exhibit]]] = {}
        self._order = itertools.count()

    def offer(self, key: tuple[str, ...], trial: Trial) -> None:
        """Take the clip's worst frame if it is among the worst so far."""
        shown = _worst_frame(trial) if self.count else None
        if shown is None:
            return
        heap = self._kept.setdefault(key, [])
        item = (-shown.mean, next(self._order), shown)
        if len(heap) < self.count:
            heapq.heappush(heap, item)
        else:
            heapq.heappushpop(heap, item)

    def of(self, key: tuple[str, ...]) -> list[Exhibit]:
        """The frames kept, the worst first."""
        return [shown for _, _, shown in sorted(self._kept.get(key, []), key=lambda item: -item[0])]


def cut(trial: Trial, masks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames or masks (T, H, W) of a clip, cut to its sector."""
    row0, row1, column0, column1 = trial.clip.box
    return masks[:, row0:row1, column0:column1]


def film_of(trial: Trial) -> Film:
    """A film without models yet."""
    clip = trial.clip
    frames = cut(trial, np.where(clip.sector, clip.frames, np.uint8(0)))
    return Film(clip.name, frames, clip.times, cut(trial, clip.masks), clip.labelled, clip.spacing)


def _worst_frame(trial: Trial) -> Exhibit | None:
    clip, known = trial.clip, np.flatnonzero(trial.clip.labelled)
    drawn = drawn_structures(clip)
    if not len(known) or not drawn:
        return None
    scores = {name: dice(trial.found[known], clip.masks[known], label=label) for name, label in drawn.items()}
    worst = int(np.argmin(np.mean(list(scores.values()), axis=0)))
    frame = int(known[worst])
    here = _around(trial.found[frame] | clip.masks[frame], clip.box)
    return Exhibit(
        clip=clip.name,
        frame=frame,
        image=np.where(clip.sector, clip.frames[frame], np.uint8(0))[here],
        found=trial.found[frame][here].copy(),
        truth=clip.masks[frame][here].copy(),
        dice={name: float(values[worst]) for name, values in scores.items()},
        aspect=clip.spacing[0] / clip.spacing[1] if clip.spacing else 1.0,
    )


def _around(shown: Masks, box: tuple[int, int, int, int]) -> tuple[slice, slice]:
    """Where masks are, with a margin, as far as the sector's box reaches; the box where they are empty."""
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    if not len(rows):
        return np.s_[box[0] : box[1], box[2] : box[3]]
    margin = max(8, round(0.16 * max(np.ptp(rows), np.ptp(columns))))
    return np.s_[
        max(box[0], rows[0] - margin) : min(box[1], rows[-1] + margin + 1),
        max(box[2], columns[0] - margin) : min(box[3], columns[-1] + margin + 1),
    ]
