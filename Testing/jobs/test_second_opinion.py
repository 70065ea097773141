"""Ejection fractions straight from the clip through the worker: the engine's own answers, and its own errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from EchoODELib.engine.ef import EfEstimator
from EchoODELib.engine.errors import UnsuitableClip, WeightsError
from EchoODELib.engine.explain import explain
from EchoODELib.engine.phantom import PhantomClip
from EchoODELib.engine.second_opinion import BeatEf
from EchoODELib.jobs import EstimateEf, ExplainEf, MapEmbeddings, Worker
from engine.standins import save_clip_model


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """One among whose models is an untrained "guess"."""
    folder: Path = tmp_path_factory.mktemp("models")
    save_clip_model(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECHOODE_MODELS", str(folder))
        worker = Worker()
        yield worker
        worker.close()


def test_an_opinion_is_what_the_engine_says(worker: Worker, a_phantom: PhantomClip) -> None:
    beats = ((0, 7), (7, 15))
    told = worker.wait(worker.submit(EstimateEf(a_phantom.sequence, beats, "guess", "cpu")))
    direct = EfEstimator("guess", "cpu").estimate(a_phantom.sequence, beats=beats)
    assert told.value == pytest.approx(direct.value, abs=1e-3)
    assert told.low <= told.value <= told.high
    assert told.clips == pytest.approx(direct.clips, abs=1e-3)
    assert told.variations == pytest.approx(direct.variations, abs=1e-3)
    assert told.beats == tuple(
        BeatEf(*beat, pytest.approx(ef, abs=1e-3)) for beat, ef in zip(beats, direct.beats, strict=True)
    )
    assert told.embedding == pytest.approx(direct.embedding, abs=1e-4)
    assert (told.model, told.notes, told.distance, told.unlike) == ("guess", direct.notes, None, False)
    assert not told.validated
    assert len(told.weights_sha256) == 64


def test_heat_is_what_the_engine_finds(worker: Worker, a_phantom: PhantomClip) -> None:
    seen = worker.wait(worker.submit(ExplainEf(a_phantom.sequence, "guess", "cpu")))
    direct = explain(EfEstimator("guess", "cpu"), a_phantom.sequence)
    assert seen.maps.shape == a_phantom.sequence.frames.shape
    assert np.abs(seen.maps.astype(int) - direct.maps).max() <= 2
    np.testing.assert_array_equal(seen.seen, direct.seen)


def test_what_can_not_be_comes_back_as_a_sentence(worker: Worker, a_phantom: PhantomClip) -> None:
    clip = a_phantom.sequence
    cases = [
        (EstimateEf(clip, model="nonesuch"), WeightsError, "no model “nonesuch”"),
        (EstimateEf(clip, model="unet-camus-a4c"), WeightsError, "is for segmentation"),
        (EstimateEf(clip, ((9, 9),), "guess"), UnsuitableClip, "correct ED"),
        (MapEmbeddings(np.zeros((1, 8), np.float32), "guess"), UnsuitableClip, "doesn't bring"),
    ]
    for task, kind, words in cases:
        with pytest.raises(kind, match=words):
            worker.wait(worker.submit(task))
