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
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from .errors import UnsuitableClip, UnsuitableMask
from .progress import Monitor
from .propagation import anchor_frames, propagate_segmented
from .sequence import EchoSequence, Label, Measurements, SegmentedSequence

if TYPE_CHECKING:
    from .measure import MeasureSettings
    from .registration.settings import RegistrationSettings
    from .sector import Sector

Masks = NDArray[np.uint8]

NO_MASKS: Mapping[int, Masks] = {}
_RATE_DIFFERS = 0.25  # share by which the heart rate may differ from the file's before it is said


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
