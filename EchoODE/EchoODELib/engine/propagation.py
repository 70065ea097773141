"""Carrying a segmentation's ED outline through the clip: what holds the motion, and what an earlier result saves.

:func:`propagate_segmented` is the door, for the whole job (:mod:`.pipeline`) and for a person who corrects and
propagates again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .errors import UnsuitableClip, UnsuitableMask
from .progress import Monitor
from .sequence import Label, Measurements, Provenance, SegmentedSequence

if TYPE_CHECKING:
    from .registration.settings import RegistrationSettings

# Fewer frames than this between two guides leave nothing for the motion to find.
_ANCHOR_GAP = 3


def anchor_frames(measurements: Measurements, count: int) -> tuple[int, ...]:
    """Frames between ED and ES at which the segmentation ties the motion down, too.

    Tied at ED and ES alone, a registration smooths over the quick filling after ES and the atrial kick before ED,
    which a reader looks for in the curve: in systole its middle, in diastole its thirds, and the clip's ends where
    they lie outside of a beat. On simulated clips this halves the error of the volume between the phases.

    Parameters
    ----------
    measurements: of the segmentation; its flagged frames are passed over for a neighbour.
    count: frames of the clip.

    Returns
    -------
    0-based, increasing, none nearer than three frames to a phase or to each other.
    """
    flagged = {flag.frame for flag in measurements.flags}
    phases = sorted({*measurements.ed_frames, *measurements.es_frames})
    if not phases:
        return ()
    wanted = [0, count - 1]
    for start, stop in pairwise(phases):
        shares = (0.5,) if start in measurements.ed_frames else (1 / 3, 2 / 3)
        wanted += [round(start + share * (stop - start)) for share in shares]
    kept: list[int] = []
    for frame in wanted:
        for near in (frame, frame - 1, frame + 1):
            free = all(abs(near - taken) >= _ANCHOR_GAP for taken in (*phases, *kept))
            if 0 <= near < count and near not in flagged and free:
                kept.append(near)
                break
    return tuple(sorted(kept))


def propagate_segmented(
    segmented: SegmentedSequence,
    *,
    ed_frames: Iterable[int],
    es_frames: Iterable[int],
    es_guides: bool = True,
    anchors: bool | Iterable[int] = True,
    previous: SegmentedSequence | None = None,
    changed: Iterable[int] = (),
    registration: RegistrationSettings | None = None,
    device: str = "auto",
    monitor: Monitor | None = None,
) -> SegmentedSequence:
    """Carry one ED outline of a segmentation through the clip, held by its outlines at other frames.

    Parameters
    ----------
    segmented: the segmentation with corrected frames put in (see :func:`.pipeline.with_corrections`), which are its
        ``guides``. Frames without an LV guide nothing, so a mask on one ED frame is enough.
    ed_frames, es_frames: the phases, 0-based. Without an ED frame the frame of the largest LV is the reference, and
        the other end-diastoles are found on the images.
    es_guides: tie the motion to the segmentation at ES; without it, to EDs and corrected frames alone.
    anchors: tie it to the segmentation on a few frames between the phases, too (see :func:`anchor_frames`), or on
        the frames given; only with ``es_guides``.
    previous: an earlier result on this clip. Beats without a change are taken from it, see
        :func:`.registration.update.update`; its anchors are kept.
    changed: frames whose mask was corrected, or whose correction was taken back, since ``previous``.
    registration: the fast preset by default.
    device: "auto", "cpu" or "cuda".
    monitor: progress and cancel.

    Returns
    -------
    Masks and motion on all frames; ``guides`` are the corrected frames, whose masks are met exactly, and
    ``provenance.settings["guides"]`` all frames that the motion was tied to.

    Raises
    ------
    UnsuitableClip: one frame, or phases outside the clip.
    UnsuitableMask: no frame has an LV.
    DeviceError, RunCancelled: as their rooms say.
    """
    from .registration.propagate import propagate
    from .registration.update import update

    ed_frames, es_frames = tuple(sorted(set(ed_frames))), tuple(sorted(set(es_frames)))
    areas = (segmented.masks == Label.LV).sum(axis=(1, 2))
    if not areas.any():
        raise UnsuitableMask("No frame has an LV mask; segment the clip or draw the LV at end-diastole first.")
    for frame in (*ed_frames, *es_frames, *changed):
        if not 0 <= frame < len(areas):
            raise UnsuitableClip(f"Frame {frame} is outside the clip, whose frames are 0 to {len(areas) - 1}.")
    reference = _reference_frame(areas, ed_frames, es_frames, previous)
    held = _held_frames(segmented, ed_frames, es_frames, anchors, previous) if es_guides else ()
    tied = {*ed_frames, *segmented.guides, *(es_frames if es_guides else ()), *held}
    guides = {frame: segmented.masks[frame] for frame in sorted(tied - {reference}) if areas[frame]}
    mask = segmented.masks[reference]
    if previous is not None and previous.reference_frame == reference:
        carried = update(
            previous,
            ed_mask=mask,
            guides=guides,
            changed=tuple(changed),
            settings=registration,
            ed_frames=ed_frames,
            es_frames=es_frames,
            device=device,
            monitor=monitor,
        )
    else:
        carried = propagate(
            segmented.sequence,
            mask,
            ed_frame=reference,
            guides=guides,
            settings=registration,
            ed_frames=ed_frames,
            es_frames=es_frames,
            device=device,
            monitor=monitor,
        )
    how = _joined(segmented.provenance, carried.provenance)
    chosen = {"anchors": list(held)} if es_guides and anchors else {}
    how = replace(how, settings={**how.settings, "guides": list(guides), **chosen})
    return replace(
        carried,
        sequence=segmented.sequence,
        provenance=how,
        guides=tuple(sorted(segmented.guides)),
        lines=segmented.lines,
    )


def _reference_frame(
    areas: NDArray[np.int_],
    ed_frames: tuple[int, ...],
    es_frames: tuple[int, ...],
    previous: SegmentedSequence | None,
) -> int:
    """The earlier reference while it is an ED with an LV; else the ED of the first whole beat, the first ED."""
    drawn = [frame for frame in ed_frames if areas[frame]]
    if previous is not None and previous.reference_frame in drawn:
        return previous.reference_frame
    for frame, after in pairwise(ed_frames):
        if areas[frame] and any(frame < es < after for es in es_frames):
            return frame
    return drawn[0] if drawn else int(areas.argmax())


def _held_frames(
    segmented: SegmentedSequence,
    ed_frames: tuple[int, ...],
    es_frames: tuple[int, ...],
    anchors: bool | Iterable[int],
    previous: SegmentedSequence | None,
) -> tuple[int, ...]:
    """The anchors between the phases: given, kept from an earlier result with these phases, or chosen."""
    if not isinstance(anchors, bool):
        return tuple(anchors)
    if not anchors:
        return ()
    if previous is not None:
        earlier = previous.provenance.settings.get("propagate")
        kept = previous.provenance.settings.get("anchors")
        same = isinstance(earlier, Mapping) and _phases_of(earlier) == (ed_frames, es_frames)
        if same and isinstance(kept, list | tuple):
            # A correction moves the flags, and with them the choice; other beats shall not change for that.
            return tuple(int(frame) for frame in kept)
    if not (segmented.masks == Label.LV).any(axis=(1, 2)).all():
        return ()
    from .measure import measure

    found = measure(segmented, ed_frames=ed_frames or None, es_frames=es_frames or None)
    return anchor_frames(found, len(segmented.masks))


def _phases_of(record: Mapping[str, object]) -> tuple[tuple[int, ...], ...]:
    values = [record.get(name, ()) for name in ("ed_frames", "es_frames")]
    return tuple(tuple(value) if isinstance(value, list | tuple) else () for value in values)


def _joined(first: Provenance, second: Provenance) -> Provenance:
    """How a propagation of a segmentation was made: both, in order."""
    return Provenance(
        method=f"{first.method} + {second.method}",
        model=first.model,
        weights_sha256=first.weights_sha256,
        settings={first.method: dict(first.settings), second.method: dict(second.settings)},
        software=second.software,
        device=second.device or first.device,
        quality={**{f"{first.method}_{key}": value for key, value in first.quality.items()}, **second.quality},
    )
