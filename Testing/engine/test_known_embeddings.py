"""What a model's training recordings look like to it: distances, their threshold, and the file that keeps them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from EchoODELib.engine.ef import EfEstimator
from EchoODELib.engine.errors import UnsuitableClip, WeightsError
from EchoODELib.engine.known_embeddings import KnownEmbeddings, read_known_embeddings, write_known_embeddings
from EchoODELib.engine.weights import find_card, read_card
from engine.standins import a_clip, save_clip_model


def around(direction: list[float], count: int, seed: int) -> np.ndarray:
    """Embeddings of many lengths that point about where ``direction`` does."""
    random = np.random.default_rng(seed)
    points = np.array(direction) + random.normal(0, 0.1, (count, len(direction)))
    return (points * random.uniform(0.5, 4, (count, 1))).astype(np.float32)


@pytest.fixture
def known() -> KnownEmbeddings:
    learned = around([3, 1, 0, 1], 200, 0)
    return KnownEmbeddings.of(learned, np.arange(200, dtype=np.float32), around([3, 1, 0, 1], 100, 1))


@pytest.fixture(scope="module")
def guess(tmp_path_factory):
    """A folder with a model that nobody changes."""
    folder = tmp_path_factory.mktemp("guess")
    save_clip_model(folder)
    return folder


@pytest.fixture
def models(tmp_path, monkeypatch, guess):
    monkeypatch.setenv("ECHOODE_MODELS", str(tmp_path))
    return Path(shutil.copytree(guess, tmp_path, dirs_exist_ok=True))


@pytest.mark.parametrize("neighbours", [1, 4, 10])
def test_the_distance_is_that_to_the_kth_nearest_direction(neighbours: int) -> None:
    learned, asked = around([1, 2, 0], 40, 2), around([0, 1, 1], 7, 3)
    known = KnownEmbeddings(learned, np.zeros(40, np.float32), 1.0, neighbours)
    unit = [points / np.linalg.norm(points, axis=1, keepdims=True) for points in (learned, asked)]
    plain = np.sort(np.linalg.norm(unit[1][:, None] - unit[0][None], axis=-1), axis=1)[:, neighbours - 1]
    np.testing.assert_allclose(known.distances(asked), plain, atol=1e-5)
    assert known.distance(asked[3]) == pytest.approx(plain[3], abs=1e-5)
    np.testing.assert_allclose(known.distances(9 * asked), plain, atol=1e-5)


def test_one_in_twenty_of_its_kind_is_called_unlike_and_all_that_point_elsewhere_are(known) -> None:
    ordinary, foreign = around([3, 1, 0, 1], 1000, 4), around([0, 1, 3, 0], 50, 5)
    called = np.mean([known.unlike(one) for one in ordinary])
    assert 0.01 < called < 0.12
    assert all(known.unlike(one) for one in foreign)


def test_more_neighbours_than_there_are_recordings_are_all_of_them() -> None:
    few = KnownEmbeddings.of(around([1, 0], 3, 0), np.zeros(3, np.float32), around([1, 0], 2, 1))
    assert few.neighbours == 3
    assert few.distances(around([1, 0], 2, 1)).max() <= few.threshold * 2


def test_what_is_written_is_read_again(models, known) -> None:
    card = write_known_embeddings(known, find_card("guess"))
    assert read_card(models / "guess.yaml") == card
    found = read_known_embeddings(card)
    assert found is not None
    np.testing.assert_allclose(found.embeddings, known.embeddings, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(found.values, known.values)
    assert (found.threshold, found.neighbours) == (pytest.approx(known.threshold, abs=1e-6), known.neighbours)
    assert (models / "guess.known.safetensors").stat().st_size < 200 * 4 * 2 + 200 * 4 + 400


def test_missing_damaged_or_foreign_files_are_refused(models, known) -> None:
    card = write_known_embeddings(known, find_card("guess"))
    path = models / "guess.known.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"x")
    with pytest.raises(WeightsError, match="damaged"):
        EfEstimator("guess", "cpu")
    path.unlink()
    with pytest.raises(WeightsError, match="missing"):
        read_known_embeddings(card)
    path.write_bytes(whole)
    elsewhere = {**card.use["known"], "file": "../guess.known.safetensors"}
    for told in (elsewhere, {**card.use["known"], "neighbours": 0}, {**card.use["known"], "threshold": "far"}, "one"):
        with pytest.raises(WeightsError, match="get the model again"):
            read_known_embeddings(replace(card, use={**card.use, "known": told}))
    assert read_known_embeddings(replace(card, use={})) is None


def test_an_estimate_says_how_far_the_clip_lies_and_warns_of_one_that_is_unlike(models) -> None:
    clip = a_clip(40)
    plain = EfEstimator("guess", "cpu").estimate(clip, variations=False)
    assert (plain.distance, plain.unlike) == (None, False)
    near = plain.embedding + np.random.default_rng(0).normal(0, 1e-3, (12, 8)).astype(np.float32)
    for learned, unlike in ((near, False), (-near, True)):
        known = KnownEmbeddings.of(learned, np.full(12, 50, np.float32), learned + np.float32(0.01))
        write_known_embeddings(known, find_card("guess"))
        estimator = EfEstimator("guess", "cpu")
        assert estimator.known is not None
        found = estimator.estimate(clip, variations=False)
        assert found.distance == pytest.approx(estimator.known.distance(found.embedding))
        assert found.unlike is unlike
        assert any("unlike the training data of guess" in note for note in found.notes) is unlike


def test_each_beat_has_its_own_ejection_fraction(models) -> None:
    clip, estimator = a_clip(60), EfEstimator("guess", "cpu")
    beats = [(4, 16), (20, 50)]
    found = estimator.estimate(clip, beats=beats, variations=False)
    assert len(found.beats) == 2
    assert found.low <= min(found.beats) <= max(found.beats) <= found.high
    for beat, value in zip(beats, found.beats, strict=True):
        assert estimator.estimate(clip, beats=[beat], variations=False).beats == (pytest.approx(value, abs=1e-4),)
    changed = clip.frames.copy()
    changed[20:] = changed[20:][::-1]
    again = estimator.estimate(replace(clip, frames=changed), beats=beats, variations=False).beats
    assert again[0] == pytest.approx(found.beats[0], abs=1e-3)
    assert again[1] != pytest.approx(found.beats[1], abs=1e-3)
    assert estimator.estimate(clip, variations=False).beats == ()


@pytest.mark.parametrize("beat", [(-1, 8), (5, 5), (9, 4), (30, 60)])
def test_a_beat_that_the_clip_does_not_have_is_refused(models, beat) -> None:
    with pytest.raises(UnsuitableClip, match="no beat"):
        EfEstimator("guess", "cpu").estimate(a_clip(40), beats=[beat])
