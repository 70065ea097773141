"""What the worker can be asked to do.

Arrays in tasks must not be changed in place until the job has finished; a clip's frames never, since a clip that
was sent once is not sent again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..engine.sequence import EchoSequence, SegmentedSequence


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
    """

    segmented: SegmentedSequence
    segmentation: SegmentedSequence | None
    ed_frames: tuple[int, ...]
    es_frames: tuple[int, ...]
    folder: Path
    kinds: tuple[str, ...] | None = None
    source_name: bool = False


Task = WarmUp | Segment | Propagate | Export
