"""One labelled clip and one model: which masks it finds there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from EchoODELib.engine.progress import Monitor
from EchoODELib.engine.sequence import ClipSource, EchoSequence, Provenance, SegmentedSequence
from numpy.typing import NDArray

from ..datasets.clips import LabelledClip

#: Fewer frames than this are phases of a beat, not a film: each is segmented by itself, as a still.
SHORTEST_FILM = 5


class Segments(Protocol):
    """What finds masks; :class:`EchoODELib.engine.segment.Segmenter` does."""

    def segment(self, sequence: EchoSequence, *, monitor: Monitor | None = None) -> SegmentedSequence:
        """Masks on every frame."""


@dataclass(frozen=True)
class Trial:
    """A clip with the masks that a model found.

    Attributes
    ----------
    clip: with the truth.
    found: (T, H, W) uint8 of labels; of a still clip only the labelled frames are filled.
    seconds: for a frame.
    """

    clip: LabelledClip
    found: NDArray[np.uint8]
    seconds: float

    @property
    def form(self) -> str:
        """ "film" or "stills"."""
        return form_of(self.clip)


def form_of(clip: LabelledClip) -> str:
    """ "film" where the frames follow each other in time, "stills" where they are phases of a beat."""
    return "film" if len(clip) >= SHORTEST_FILM else "stills"


def as_sequence(clip: LabelledClip, frames: list[int] | None = None) -> EchoSequence:
    """The clip, or some frames of it, as the engine takes it; nothing of what the experts marked goes along."""
    chosen = list(range(len(clip))) if frames is None else frames
    return EchoSequence(
        clip.frames[chosen], clip.times[chosen], clip.spacing, clip.view, ClipSource(clip.name, clip.kind)
    )


def with_masks(clip: LabelledClip, masks: NDArray[np.uint8], frames: list[int] | None = None) -> SegmentedSequence:
    """The clip, or some frames of it, with masks (T, H, W) of the whole clip."""
    chosen = list(range(len(clip))) if frames is None else frames
    return SegmentedSequence(as_sequence(clip, chosen), masks[chosen], Provenance(method="given"))


def try_model(segmenter: Segments, clip: LabelledClip, *, monitor: Monitor | None = None) -> Trial:
    """Segment a clip: a film as a whole, stills one by one.

    Raises
    ------
    EchoODEError: as the segmenter says.
    """
    found = np.zeros(clip.masks.shape, np.uint8)
    start = time.perf_counter()
    if form_of(clip) == "film":
        found[:] = segmenter.segment(as_sequence(clip), monitor=monitor).masks
        count = len(clip)
    else:
        chosen = [int(frame) for frame in np.flatnonzero(clip.labelled)]
        for frame in chosen:
            found[frame] = segmenter.segment(as_sequence(clip, [frame]), monitor=monitor).masks[0]
        count = len(chosen)
    return Trial(clip, found, (time.perf_counter() - start) / max(1, count))
