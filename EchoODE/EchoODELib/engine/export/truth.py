"""What is known of a simulated clip, as files."""

from __future__ import annotations

from ... import __version__
from ..phantom import PhantomClip
from ..sequence import Provenance, SegmentedSequence
from . import DISCLAIMER


def truth_of(clip: PhantomClip) -> SegmentedSequence:
    """The phantom's true masks and motion, from its first ED."""
    return SegmentedSequence(
        sequence=clip.sequence,
        masks=clip.masks,
        provenance=Provenance(method="simulated", software=__version__),
        reference_frame=clip.ed_frames[0],
        displacement=clip.displacement,
        pull_back=clip.pull_back,
    )


def truth_document(clip: PhantomClip) -> dict[str, object]:
    """EF, phases and volumes of the phantom in plain types."""
    return {
        "schema": "echoode-phantom",
        "schema_version": "1.0",
        "disclaimer": DISCLAIMER,
        "software": {"name": "EchoODE", "version": __version__},
        "view": clip.sequence.view.value,
        "seed": clip.settings.seed,
        "quality": clip.settings.quality,
        "ejection_fraction": {"value": round(float(clip.ejection_fraction), 3), "unit": "%"},
        "beat_ejection_fractions": {
            "values": [round(float(value), 3) for value in clip.beat_ejection_fractions],
            "unit": "%",
        },
        "ed_frames": [int(frame) for frame in clip.ed_frames],
        "es_frames": [int(frame) for frame in clip.es_frames],
        "volume": {"values": [round(float(value), 3) for value in clip.volumes_ml], "unit": "mL"},
    }
