"""One JSON document, valid against its schema, without identifiers."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from EchoODELib.engine.export.results import results_document, results_schema, write_results
from EchoODELib.engine.measure import measure
from EchoODELib.engine.sequence import EchoSequence, Measurements, SegmentedSequence


def check(document: object) -> None:
    jsonschema.Draft202012Validator(results_schema()).validate(document)


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(results_schema())


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("calibrated", [True, False])
def test_documents_fulfil_the_schema(
    a_clip: EchoSequence, measured: Measurements, tmp_path: Path, beside: bool, calibrated: bool
) -> None:
    clip = a_clip if calibrated else a_clip.with_spacing(None)
    document = results_document(clip, measured, segmentation=measured if beside else None)
    check(document)
    again = json.loads(write_results(tmp_path / "r.json", document).read_text(encoding="utf-8"))
    check(again)
    assert again == json.loads(json.dumps(document))
    assert ("segmentation_only" in again) == beside


@pytest.mark.parametrize("calibrated", [True, False])
def test_what_measuring_gives_fulfils_the_schema(a_segmented_clip: SegmentedSequence, calibrated: bool) -> None:
    clip = a_segmented_clip.sequence.with_spacing((0.6, 0.4) if calibrated else None)
    segmented = replace(a_segmented_clip, sequence=clip)
    check(results_document(clip, measure(segmented)))


def test_values_units_and_gaps(a_clip: EchoSequence, measured: Measurements) -> None:
    document: Any = results_document(a_clip, measured)
    assert document["summary"]["ejection_fraction"] == {"mean": 48.25, "sd": None, "count": 1, "unit": "%"}
    beat = document["beats"][0]
    assert (beat["ed_frame"], beat["es_frame"], beat["next_ed_frame"]) == (0, 6, 11)
    assert beat["quantities"]["heart_rate"] == {"value": None, "unit": "bpm"}
    volumes = document["per_frame"]["lv_volume"]
    assert volumes["unit"] == "mL"
    assert volumes["values"][3] is None
    np.testing.assert_allclose(document["per_frame"]["time"]["values"], a_clip.times, rtol=1e-6)
    assert document["clip"]["pixel_size"] == {"row": 0.6, "column": 0.4, "unit": "mm"}
    provenance = document["provenance"]
    assert provenance["weights_sha256"] == "0f" * 32
    assert provenance["settings"] == {"preset": "fast", "levels": [{"size": 48}], "rate": 0.5}
    assert provenance["quality"]["odd"] is None


def test_no_identifiers_unless_asked(a_clip: EchoSequence, measured: Measurements) -> None:
    assert "DOE" not in json.dumps(results_document(a_clip, measured))
    named: Any = results_document(a_clip, measured, source_name=True)
    check(named)
    assert named["clip"]["name"] == a_clip.source.name


def test_the_clip_is_recognised_by_its_pixels(a_clip: EchoSequence, measured: Measurements) -> None:
    one: Any = results_document(a_clip, measured)
    frames = a_clip.frames.copy()
    frames[3, 50, 50] ^= 1
    other: Any = results_document(replace(a_clip, frames=frames), measured)
    assert one["clip"]["pixels_sha256"] != other["clip"]["pixels_sha256"]


def _drop(key: str) -> Callable[[Any], None]:
    return lambda document: document.pop(key)


def _set(path: str, value: object) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        *way, last = path.split(".")
        for part in way:
            document = document[int(part) if part.isdigit() else part]
        document[last] = value

    return change


@pytest.mark.parametrize(
    "spoil",
    [
        _drop("beats"),
        _drop("schema_version"),
        _set("schema_version", "2.0"),
        _set("extra", 1),
        _set("segmentation_only.extra", 1),
        _set("clip.patient_name", "Doe"),
        _set("clip.frames", 0),
        _set("summary.ejection_fraction.unit", "percent"),
        _set("summary.ejection_fraction.mean", "48"),
        _set("beats.0.ed_frame", -1),
        _set("provenance.weights_sha256", "abc"),
        _set("per_frame.lv_area.values", ["12"]),
    ],
)
def test_the_schema_can_fail(a_clip: EchoSequence, measured: Measurements, spoil: Callable[[Any], None]) -> None:
    document = copy.deepcopy(results_document(a_clip, measured, segmentation=measured))
    spoil(document)
    with pytest.raises(jsonschema.ValidationError):
        check(document)
