"""What the worker can be asked to do.

Arrays in tasks must not be changed in place until the job has finished; a clip's frames never, since a clip that
was sent once is not sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..engine.second_opinion import SecondOpinion
from ..engine.sequence import EchoSequence, Provenance, Quantity, SegmentedSequence, View
from .ef_tasks import EstimateEf, ExplainEf, MapEmbeddings


@dataclass(frozen=True)
class WarmUp:
    """Load PyTorch and a model, so that the next task starts at once. Gives None.

    Other tasks may be submitted meanwhile; they run right after.
    """

    model: str = ""
    device: str = "auto"


@dataclass(frozen=True)
class Segment:
    """Give frames masks by a network. Gives a :class:`SegmentedSequence` whose sequence has the clip's own frames.

    Attributes
    ----------
    sequence: the clip.
    model: name of a model; "" for the engine's default.
    device: "auto", "cpu" or "cuda".
    frames: only these, 0-based, the others' masks are empty; None for all.
    """

    sequence: EchoSequence
    model: str = ""
    device: str = "auto"
    frames: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Propagate:
    """Carry the masks along the motion, see :func:`~EchoODELib.engine.pipeline.propagate_segmented`.

    Gives a :class:`SegmentedSequence` with motion.

    Attributes
    ----------
    segmented: masks of the segmentation with the corrected frames put in, those named as guides.
    ed_frames, es_frames: phases, 0-based.
    preset: "fast", "fine" or "paper".
    es_guides: tie the motion to the masks at ES.
    anchors: tie it on a few frames between, too.
    previous: an earlier result of the same clip and settings, of which is kept what ``changed`` leaves untouched.
    changed: frames whose masks changed since ``previous``.
    device: "auto", "cpu" or "cuda".
    """

    segmented: SegmentedSequence
    ed_frames: tuple[int, ...]
    es_frames: tuple[int, ...]
    preset: str = "fast"
    es_guides: bool = True
    anchors: bool = True
    previous: SegmentedSequence | None = None
    changed: tuple[int, ...] = ()
    device: str = "auto"


@dataclass(frozen=True)
class Export:
    """Measure and write results into a folder. Gives the files' paths by what they are.

    Attributes
    ----------
    segmented: the result: masks, and motion where there is any; corrected frames named as guides.
    segmentation: the segmentation alone, to stand beside it, or None.
    ed_frames, es_frames: phases, 0-based; empty to find them.
    folder: made where absent.
    kinds: what to write, of :data:`~EchoODELib.engine.export.folder.KINDS`; None for all.
    source_name: put the clip's file name into JSON and tables.
    opinion: what a network said of the clip's ejection fraction, to stand beside the masks', or None.
    """

    segmented: SegmentedSequence
    segmentation: SegmentedSequence | None
    ed_frames: tuple[int, ...]
    es_frames: tuple[int, ...]
    folder: Path
    kinds: tuple[str, ...] | None = None
    source_name: bool = False
    opinion: SecondOpinion | None = None


@dataclass(frozen=True)
class Live:
    """Segment frames as they come, without ever looking ahead.

    A conversation: it is told :class:`FrameShown` and answers :class:`FrameSegmented`, until it is cancelled.

    Attributes
    ----------
    opening: (n, H, W) uint8, some frames of the clip, from which its sector and brightness are found.
    model: name of a model that can be used live; "" for the engine's own choice.
    device: "auto", "cpu" or "cuda".
    spacing: (row, column) mm per pixel, or None when uncalibrated.
    view: of the clip.
    """

    opening: NDArray[np.uint8]
    model: str = ""
    device: str = "auto"
    spacing: tuple[float, float] | None = None
    view: View = View.UNKNOWN


@dataclass(frozen=True)
class FrameShown:
    """A frame on its way to :class:`Live`.

    Attributes
    ----------
    index: names it to whoever sent it; the answer has the same.
    time: seconds; where it goes back, a clip begins anew.
    frame: (H, W) uint8.
    """

    index: str
    time: float
    frame: NDArray[np.uint8]


@dataclass(frozen=True)
class BeatSeen:
    """A heart beat that :class:`Live` has seen to its end.

    Attributes
    ----------
    ed_time, es_time, next_ed_time: seconds.
    quantities: as those of :class:`~..engine.sequence.Beat`.
    """

    ed_time: float
    es_time: float
    next_ed_time: float
    quantities: Mapping[str, Quantity] = field(default_factory=dict)


@dataclass(frozen=True)
class FrameSegmented:
    """What :class:`Live` says of a frame.

    Attributes
    ----------
    index, time: of the frame.
    mask: (H, W) uint8 of labels.
    lv_area: mm², or px² when uncalibrated; NaN without an LV.
    seconds: that it took.
    beats: those that ended with this frame.
    provenance: how masks are made; comes with the first one.
    """

    index: str
    time: float
    mask: NDArray[np.uint8]
    lv_area: float
    seconds: float
    beats: tuple[BeatSeen, ...] = ()
    provenance: Provenance | None = None


@dataclass(frozen=True)
class ProposeView:
    """Tell the standard view of a clip. Gives a :class:`SeenView`.

    Other tasks may be submitted meanwhile, as with :class:`WarmUp`.

    Attributes
    ----------
    sequence: the clip.
    device: "auto", "cpu" or "cuda".
    """

    sequence: EchoSequence
    device: str = "cpu"


@dataclass(frozen=True)
class SeenView:
    """What a network takes a clip's view for.

    Attributes
    ----------
    view: the most probable one.
    probability: of it, 0 to 1; None where no network that tells views is installed.
    """

    view: View
    probability: float | None


Task = WarmUp | Segment | Propagate | Export | Live | ProposeView | EstimateEf | ExplainEf | MapEmbeddings

BACKGROUND = (WarmUp, ProposeView)
"""Tasks that nobody waits for."""
