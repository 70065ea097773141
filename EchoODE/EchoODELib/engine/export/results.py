"""Results as one JSON document, whose schema is shipped beside this file."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path

import numpy as np

from ... import __version__
from ..second_opinion import SecondOpinion
from ..sequence import EchoSequence, FrameSeries, Measurements, Provenance, Quantity, Summary
from . import DISCLAIMER
from .atomic import write_bytes
from .opinions import opinion_document

SCHEMA_VERSION = "1.2"
"""Raised in its first number when a reader of older documents would break, in its second when fields are added."""

Document = dict[str, object]


def results_schema() -> Document:
    """The JSON schema (draft 2020-12) that every results document fulfils."""
    text = resources.files(__package__).joinpath("results.schema.json").read_text(encoding="utf-8")
    document: Document = json.loads(text)
    return document


def results_document(
    sequence: EchoSequence,
    measurements: Measurements,
    *,
    segmentation: Measurements | None = None,
    corrected: Iterable[int] = (),
    source_name: bool = False,
    opinion: SecondOpinion | None = None,
) -> Document:
    """Everything that was measured, with units and provenance, in plain types.

    Parameters
    ----------
    sequence: the clip that was measured.
    measurements: the result that is reported.
    segmentation: what the frame-by-frame segmentation alone gave, to stand beside it.
    corrected: frames whose masks a person gave or corrected.
    source_name: put the file's name in; left out otherwise, since names often identify the patient. The clip is
        recognised by the checksum of its pixels.
    opinion: what a network said of the clip's ejection fraction, to stand beside the masks'.

    Returns
    -------
    a document as ``results.schema.json`` describes it; frames are 0-based, what has no value is null.
    """
    document: Document = {
        "schema": "echoode-results",
        "schema_version": SCHEMA_VERSION,
        "disclaimer": DISCLAIMER,
        "software": {"name": "EchoODE", "version": __version__},
        "clip": clip_document(sequence, source_name=source_name),
        "corrected_frames": sorted(int(frame) for frame in corrected),
        **_measured(sequence, measurements),
    }
    if segmentation is not None:
        document["segmentation_only"] = _measured(sequence, segmentation)
    if opinion is not None:
        document["second_opinion"] = opinion_document(measurements, opinion)
    return document


def write_results(path: str | os.PathLike[str], document: Mapping[str, object]) -> Path:
    """Write a results document as JSON (UTF-8).

    Raises
    ------
    OutputError: the place can't be written.
    """
    text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
    return write_bytes(path, (text + "\n").encode())


def clip_document(sequence: EchoSequence, *, source_name: bool = False) -> Document:
    """What was read, in plain types and without identifiers unless ``source_name`` asks for the file's name."""
    source = sequence.source
    document: Document = {
        "pixels_sha256": hashlib.sha256(np.ascontiguousarray(sequence.frames).data).hexdigest(),
        "format": source.format,
        "frames": len(sequence),
        "frame_rate": _quantity(Quantity(sequence.frame_rate, "Hz")),
        "duration": _quantity(Quantity(float(sequence.times[-1]), "s")),
        "rows": sequence.shape[0],
        "columns": sequence.shape[1],
        "calibrated": sequence.calibrated,
        "pixel_size": {"row": sequence.spacing[0], "column": sequence.spacing[1], "unit": "mm"}
        if sequence.spacing
        else None,
        "view": sequence.view.value,
        "colour_doppler": source.colour_doppler,
        "heart_rate_in_file": _quantity(Quantity(source.heart_rate, "bpm")) if source.heart_rate else None,
        "notes": list(source.notes),
    }
    if source_name:
        document["name"] = source.name
    return document


def provenance_document(provenance: Provenance) -> Document:
    """How a result was made, in plain types."""
    return {
        "method": provenance.method,
        "model": provenance.model,
        "weights_sha256": provenance.weights_sha256,
        "settings": _plain(provenance.settings),
        "software": provenance.software,
        "device": provenance.device,
        "quality": _plain(provenance.quality),
    }


def _measured(sequence: EchoSequence, measurements: Measurements) -> Document:
    times = sequence.times
    return {
        "provenance": provenance_document(measurements.provenance),
        "ed_frames": [int(frame) for frame in measurements.ed_frames],
        "es_frames": [int(frame) for frame in measurements.es_frames],
        "summary": {name: _summary(value) for name, value in measurements.summary.items()},
        "beats": [
            {
                "number": number,
                "ed_frame": int(beat.ed_frame),
                "es_frame": int(beat.es_frame),
                "next_ed_frame": None if beat.next_ed_frame is None else int(beat.next_ed_frame),
                "ed_time": _quantity(Quantity(times[beat.ed_frame], "s")),
                "es_time": _quantity(Quantity(times[beat.es_frame], "s")),
                "quantities": {name: _quantity(value) for name, value in beat.quantities.items()},
            }
            for number, beat in enumerate(measurements.beats, start=1)
        ],
        "per_frame": {
            "time": _series(FrameSeries(times, "s")),
            **{name: _series(series) for name, series in measurements.per_frame.items()},
        },
        "flags": [
            {"frame": int(flag.frame), "attribute": flag.attribute, "reason": flag.reason}
            for flag in measurements.flags
        ],
        "notes": list(measurements.notes),
    }


def _summary(summary: Summary) -> Document:
    return {
        "mean": _number(summary.mean),
        "sd": _number(summary.sd),
        "count": int(summary.count),
        "unit": summary.unit,
    }


def _quantity(quantity: Quantity) -> Document:
    return {"value": _number(quantity.value), "unit": quantity.unit}


def _series(series: FrameSeries) -> Document:
    return {"values": [_number(value) for value in series.values], "unit": series.unit}


def _number(value: float) -> float | None:
    # Seven digits are more than any of these numbers carries, and read better.
    return float(f"{value:.7g}") if math.isfinite(value) else None


def _plain(value: object) -> object:
    """``value`` in JSON's types; what has none of them becomes its text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_plain(item) for item in value]
    item = getattr(value, "item", None)
    if callable(item):
        value = item()
    if isinstance(value, int):
        return value
    return _number(value) if isinstance(value, float) else str(value)
