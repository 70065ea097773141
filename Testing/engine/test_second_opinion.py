"""Two ejection fractions side by side: which beats, how far apart, and how much of a heat map lies where."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise

import jsonschema
import numpy as np
import pytest
from EchoODELib.engine.errors import UnsuitableMask
from EchoODELib.engine.export.opinions import opinion_document, opinion_table
from EchoODELib.engine.export.results import results_document, results_schema
from EchoODELib.engine.measure import measure
from EchoODELib.engine.phantom import PhantomClip, PhantomSettings, simulate
from EchoODELib.engine.second_opinion import (
    LARGE_DIFFERENCE,
    BeatEf,
    Comparison,
    SecondOpinion,
    compare,
    share_in,
    whole_beats,
)
from EchoODELib.engine.sequence import Label, Measurements, Provenance, SegmentedSequence

OPINION = SecondOpinion(
    value=52.0, low=44.5, high=58.0, clips=(50.0, 54.0), variations=(44.5, 58.0), beats=(), embedding=(0.5, -1.0),
    distance=0.25, unlike=False, model="a-network", weights_sha256="ab" * 32, validated=False,
    notes=("a-network was not validated on patients.",),
)  # fmt: skip


@pytest.fixture(scope="module")
def heart() -> PhantomClip:
    """Two beats and a bit."""
    return simulate(PhantomSettings(frames=40, frame_rate=20.0, size=96, beats=2.2, seed=3))


@pytest.fixture(scope="module")
def measured(heart: PhantomClip) -> Measurements:
    segmented = SegmentedSequence(heart.sequence, heart.masks, Provenance("truth"))
    return measure(segmented, ed_frames=heart.ed_frames, es_frames=heart.es_frames)


def test_whole_beats_end_where_the_next_begins(measured: Measurements) -> None:
    beats = whole_beats(measured)
    assert len(beats) >= 2
    assert all(last == first for (_, last), (first, _) in pairwise(beats))
    cut = replace(measured, beats=(replace(measured.beats[0], next_ed_frame=None), *measured.beats[1:]))
    assert whole_beats(cut) == beats[1:]
    assert whole_beats(None) == ()


def test_each_beat_is_compared_with_itself(measured: Measurements) -> None:
    first, second = whole_beats(measured)[:2]
    opinion = replace(OPINION, beats=(BeatEf(*second, 41.0), BeatEf(first[0], first[1] + 1, 10.0)))
    whole, *beats = compare(measured, opinion)
    assert (whole.beat, whole.clip, whole.low, whole.high) == (None, 52.0, 44.5, 58.0)
    assert whole.masks == measured.summary["ejection_fraction"].mean
    assert whole.difference == pytest.approx(52.0 - whole.masks)
    assert [one.beat for one in beats] == list(range(1, len(measured.beats) + 1))
    assert [one.clip for one in beats[:2]] == [None, 41.0]  # ED was moved since the first was asked for
    assert beats[0].difference is None and not beats[0].large
    assert beats[1].difference == pytest.approx(41.0 - measured.beats[1].quantities["ejection_fraction"].value)


def test_either_may_be_missing(measured: Measurements) -> None:
    (alone,) = compare(None, OPINION)
    assert (alone.masks, alone.difference, alone.large) == (None, None, False)
    masks = compare(measured, None)
    assert masks[0].clip is None
    assert len(masks) == 1 + len(measured.beats)
    assert compare(None, None) == ()


@pytest.mark.parametrize(("clip", "large"), [(60.6, True), (60.4, False), (39.6, False), (39.4, True)])
def test_a_difference_is_large_in_either_direction(clip: float, large: bool) -> None:
    assert LARGE_DIFFERENCE == 10
    assert Comparison(1, 50.0, clip).large is large


def test_an_opinion_survives_being_kept_as_text() -> None:
    opinion = replace(OPINION, beats=(BeatEf(0, 9, 51.5),), distance=None)
    assert SecondOpinion.of_plain(json.loads(json.dumps(opinion.plain()))) == opinion
    for told in (None, [], {}, {"value": 3.0}):
        assert SecondOpinion.of_plain(told) is None


def test_the_share_of_heat_is_that_of_its_sum() -> None:
    masks = np.zeros((2, 4, 4), np.uint8)
    masks[:, 1:3, 1:3], masks[0, 0, 0] = Label.LV, Label.LA
    heat = np.zeros((2, 4, 4), np.uint8)
    heat[0, 1, 1], heat[1, 0, 3], heat[0, 0, 0] = 200, 40, 10
    assert share_in(heat, masks) == pytest.approx(0.8)
    assert share_in(heat, masks, Label.LA) == pytest.approx(0.04)
    assert share_in(np.full((2, 4, 4), 255, np.uint8), masks) == pytest.approx(0.25)
    assert math.isnan(share_in(np.zeros_like(heat), masks))
    with pytest.raises(UnsuitableMask):
        share_in(heat, masks[:1])


def test_documents_and_tables_say_the_same(heart: PhantomClip, measured: Measurements) -> None:
    opinion = replace(OPINION, value=20.0, low=15.0, beats=(BeatEf(*whole_beats(measured)[0], 55.0),), unlike=True)
    document = results_document(heart.sequence, measured, opinion=opinion)
    jsonschema.validate(document, results_schema())
    told = opinion_document(measured, opinion)
    assert document["second_opinion"] == told
    table = opinion_table(measured, opinion)
    assert list(table["beat"]) == ["whole clip", *(str(number) for number in range(1, len(measured.beats) + 1))]
    for row, one in zip(table.to_dict("records"), told["compared"], strict=True):
        for column, key in (("EF from masks (%)", "from_masks"), ("EF from clip (%)", "from_clip")):
            assert (row[column] == pytest.approx(one[key])) if one[key] is not None else math.isnan(row[column])
        assert bool(row["to check"]) == one["large"]
    assert table["to check"][0] == "differs by more than 10 points"
    assert table["model"][0] == "a-network"
    assert told["unlike_training_data"] and not told["validated_on_patients"]
