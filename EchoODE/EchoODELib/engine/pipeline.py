"""The whole job: a clip in, masks, motion and measurements out.

The order follows how a reader works: outline the LV on every frame, find ED and ES on its area, then let the
registration neural ODE carry one ED outline through the clip, held by the outlines at ES, at further EDs and at
a few frames between.
What is reported comes from the carried masks, which move as tissue does; the segmentation's own numbers stand
beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from .errors import UnsuitableClip, UnsuitableMask
from .progress import Monitor
from .sequence import EchoSequence, Label, Measurements, Provenance, SegmentedSequence

if TYPE_CHECKING:
    from .measure import MeasureSettings
    from .registration.settings import RegistrationSettings
    from .sector import Sector

Masks = NDArray[np.uint8]

NO_MASKS: Mapping[int, Masks] = {}
_RATE_DIFFERS = 0.25  # share by which the heart rate may differ from the file's before it is said

# Fewer frames than this between two guides leave nothing for the motion to find.
_ANCHOR_GAP = 3


class SegmentsClips(Protocol):
    """What :func:`analyse` asks of a segmenter."""

    def segment(self, sequence: EchoSequence, *, monitor: Monitor | None = None) -> SegmentedSequence:
        """Give every frame a mask."""


@dataclass(frozen=True)
class Analysis:
    """What :func:`analyse` gives.

    Attributes
    ----------
    sector: where the clip shows tissue.
    segmented: masks of the frame-by-frame segmentation.
    propagated: masks carried along the motion, with the motion.
    measurements: the result: measured on ``propagated``.
    segmentation_measurements: measured on ``segmented`` at the same ED and ES frames, for comparison.
    """

    sector: Sector
    segmented: SegmentedSequence
    propagated: SegmentedSequence
    measurements: Measurements
    segmentation_measurements: Measurements

    @property
    def sequence(self) -> EchoSequence:
        """The clip."""
        return self.propagated.sequence


def analyse(
    sequence: EchoSequence,
    *,
    segmenter: SegmentsClips | None = None,
    registration: RegistrationSettings | None = None,
    settings: MeasureSettings | None = None,
    ed_frames: Iterable[int] | None = None,
    es_frames: Iterable[int] | None = None,
    corrected: Mapping[int, Masks] = NO_MASKS,
    anchors: bool = True,
    device: str = "auto",
    monitor: Monitor | None = None,
) -> Analysis:
    """Segment a clip, find ED and ES, propagate, measure.

    Parameters
    ----------
    sequence: a B-mode clip of two frames or more.
    segmenter: the shipped model by default.
    registration: the fast preset by default.
    settings: of the measurement.
    ed_frames, es_frames: phases set by hand, 0-based; found otherwise, on the segmentation's LV area.
    corrected: masks (H, W) that a person drew or corrected, by frame; they replace the segmentation there and are
        met exactly.
    anchors: tie the motion to the segmentation on a few frames between ED and ES, too, see :func:`anchor_frames`.
    device: "auto", "cpu" or "cuda".
    monitor: progress and cancel.

    Returns
    -------
    :class:`Analysis`; ED and ES frames are the same in both measurements.

    Raises
    ------
    UnsuitableClip: one frame, colour Doppler, or phases outside the clip.
    UnsuitableMask: a corrected mask of another size, or no LV was found anywhere.
    DeviceError, WeightsError, RunCancelled: as their rooms say.
    """
    from .measure import MeasureSettings, measure
    from .sector import find_sector

    require_b_mode(sequence)
    monitor = monitor or Monitor()
    if segmenter is None:
        from .segment import Segmenter

        segmenter = Segmenter(device=device)
    settings = settings or MeasureSettings()
    segmented = with_corrections(segmenter.segment(sequence, monitor=monitor), corrected)
    if not (segmented.masks == Label.LV).any():
        raise UnsuitableMask("No LV was found; check that the clip shows an apical view, or draw the LV by hand.")
    alone = measure(segmented, settings=settings, ed_frames=ed_frames, es_frames=es_frames)
    propagated = propagate_segmented(
        segmented,
        ed_frames=alone.ed_frames,
        es_frames=alone.es_frames,
        anchors=anchor_frames(alone, len(sequence)) if anchors else (),
        registration=registration,
        device=device,
        monitor=monitor,
    )
    # The phases found on the segmentation: ED and ES stay the frames that the motion was tied to.
    measurements = measure(
        propagated, settings=settings, ed_frames=alone.ed_frames or None, es_frames=alone.es_frames or None
    )
    return Analysis(
        sector=find_sector(sequence),
        segmented=segmented,
        propagated=propagated,
        measurements=_with_notes(measurements, _doubts(segmented, alone, measurements)),
        segmentation_measurements=alone,
    )


def require_b_mode(sequence: EchoSequence) -> None:
    """Refuse what can't be analysed.

    Raises
    ------
    UnsuitableClip: a single frame, or colour Doppler over the B-mode.
    """
    if len(sequence) < 2:
        raise UnsuitableClip("This is a single frame; give a clip that shows at least one heart beat.")
    if sequence.source.colour_doppler:
        raise UnsuitableClip("The clip shows colour Doppler, which hides the walls; give the B-mode clip.")


def with_corrections(segmented: SegmentedSequence, corrected: Mapping[int, Masks]) -> SegmentedSequence:
    """The sequence with masks drawn by hand put in; those frames become guides.

    Raises
    ------
    UnsuitableClip: a frame outside the clip.
    UnsuitableMask: a mask of another size than the frames.
    """
    if not corrected:
        return segmented
    masks = segmented.masks.copy()
    for frame, mask in corrected.items():
        if not 0 <= frame < len(masks):
            raise UnsuitableClip(f"Frame {frame} is outside the clip, whose frames are 0 to {len(masks) - 1}.")
        if mask.shape != masks.shape[1:]:
            raise UnsuitableMask(
                f"The mask for frame {frame} has {mask.shape[0]}x{mask.shape[1]} pixels, the clip "
                f"{masks.shape[1]}x{masks.shape[2]}: draw it on this clip's frames."
            )
        masks[frame] = mask
    return replace(segmented, masks=masks, guides=tuple(sorted({*segmented.guides, *corrected})))


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
    segmented: the segmentation with corrected frames put in (see :func:`with_corrections`); ``guides`` are those.
        Frames without an LV guide nothing, so a mask on one ED frame is enough.
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
    return replace(carried, sequence=segmented.sequence, provenance=how, guides=tuple(sorted(segmented.guides)))


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


def _doubts(segmented: SegmentedSequence, alone: Measurements, measurements: Measurements) -> tuple[str, ...]:
    """What a reader should know before trusting the numbers."""
    notes = []
    tied = {*alone.ed_frames, *alone.es_frames} - set(segmented.guides)
    doubtful = sorted({flag.frame for flag in alone.flags} & tied)
    if doubtful:
        frames = ", ".join(str(frame) for frame in doubtful)
        notes.append(f"The segmentation is doubtful at ED or ES (frame {frames}): check and correct it there first.")
    folds = measurements.provenance.quality.get("folds", 0.0)
    if folds > 0:
        notes.append(f"The motion folds in {folds:.0f} places: don't trust the strain, and try the fine preset.")
    told, found = segmented.sequence.source.heart_rate, measurements.summary.get("heart_rate")
    if told and found is not None and abs(found.mean - told) > _RATE_DIFFERS * told:
        notes.append(
            f"The file says {told:.0f} bpm, the beats seen {found.mean:.0f} bpm: the frame times may be of a slowed "
            "replay, or a beat was missed; give the frame rate if you know it."
        )
    ef = measurements.summary.get("ejection_fraction")
    if ef is not None and not 5.0 <= ef.mean <= 85.0:
        notes.append("The ejection fraction is outside of what is plausible: check the contours at ED and ES.")
    return tuple(notes)


def _with_notes(measurements: Measurements, notes: tuple[str, ...]) -> Measurements:
    known = [note for note in notes if note not in measurements.notes]
    return replace(measurements, notes=(*measurements.notes, *known))
