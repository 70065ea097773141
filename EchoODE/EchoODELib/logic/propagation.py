"""What to ask the worker for when masks are propagated: from what, and how much of it anew."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..engine.errors import UnsuitableMask
from ..engine.pipeline import with_corrections
from ..engine.sequence import Label, Provenance, SegmentedSequence
from ..jobs.tasks import Propagate
from .options import PropagateOptions

if TYPE_CHECKING:
    from ..scene.study import Study

_KEY = "tied_to"  # in the provenance's settings: what the motion was tied to, to know later what changed


@dataclass(frozen=True)
class Plan:
    """A task, and the record of what it starts from."""

    task: Propagate
    record: Mapping[str, object]


def plan(study: Study, options: PropagateOptions) -> Plan:
    """The task that brings a study's motion up to date.

    It starts from the segmentation network's masks (or from drawn ones alone) with the corrected frames put in. If
    all that changed since the last propagation are corrections, only their beats are computed anew.

    Raises
    ------
    UnsuitableMask: there is no LV anywhere to start from.
    """
    start = _start(study)
    corrected = {frame: mask for frame in study.correctedFrames if (mask := study.mask(frame)) is not None}
    segmented = with_corrections(start, corrected)
    if not (segmented.masks == Label.LV).any():
        raise UnsuitableMask("There is no LV to carry: segment the sequence, or draw the LV on the ED frame first.")
    drawn = {str(frame): zlib.crc32(np.ascontiguousarray(mask)) for frame, mask in corrected.items()}
    record: dict[str, object] = {
        "corrected": drawn,
        "ed_frames": list(study.edFrames),
        "es_frames": list(study.esFrames),
        "start": zlib.crc32(np.ascontiguousarray(start.masks)),
        "options": {key: value for key, value in asdict(options).items() if key != "device"},
    }
    previous, changed = _untouched(study, record)
    task = Propagate(
        segmented,
        ed_frames=study.edFrames,
        es_frames=study.esFrames,
        preset=options.preset,
        es_guides=options.esGuide,
        anchors=options.anchors,
        previous=previous,
        changed=changed,
        device=options.device,
    )
    return Plan(task, record)


def signed(result: SegmentedSequence, made: Plan) -> SegmentedSequence:
    """The result with the plan's record in its provenance."""
    provenance = result.provenance
    return replace(result, provenance=replace(provenance, settings={**provenance.settings, _KEY: dict(made.record)}))


def _start(study: Study) -> SegmentedSequence:
    """Masks that were not themselves carried."""
    kept = study.segmented()
    if kept is not None:
        return kept
    provenance, masks = study.provenance(), study.masks()
    if masks is None or (provenance is not None and "propagate" in provenance.method):
        masks = np.zeros(study.sequence().frames.shape, np.uint8)
    return SegmentedSequence(study.sequence(), masks, Provenance("manual"))


def _untouched(study: Study, record: Mapping[str, object]) -> tuple[SegmentedSequence | None, tuple[int, ...]]:
    """The last propagation and the frames corrected since, or (None, ()) where all has to be computed."""
    provenance = study.provenance()
    before = provenance.settings.get(_KEY) if provenance is not None else None
    if not isinstance(before, Mapping) or any(before.get(key) != record[key] for key in record if key != "corrected"):
        return None, ()
    then, now = dict(before.get("corrected", {})), dict(record["corrected"])  # type: ignore[call-overload]
    changed = tuple(sorted(int(frame) for frame in {*then, *now} if then.get(frame) != now.get(frame)))
    previous = study.result() if changed else None
    if previous is None or previous.displacement is None:
        return None, ()
    return previous, changed
