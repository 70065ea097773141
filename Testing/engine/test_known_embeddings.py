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


def in_a_row(count: int, seed: int, aside: float = 0.0) -> np.ndarray:
    """Embeddings (count, 4) along a line, as of a network that orders hearts by one number, or ``aside`` of it."""
    random = np.random.default_rng(seed)
    along = random.uniform(-5, 5, (count, 1)) * np.array([[2, 1, 0, 1]])
    return (along + random.normal(0, 0.1, (count, 4)) + np.array([0, 0, aside, 3])).astype(np.float32)


@pytest.fixture
def known() -> KnownEmbeddings:
    return KnownEmbeddings.of(in_a_row(200, 0), np.arange(200, dtype=np.float32), in_a_row(100, 1))


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
def test_the_distance_is_that_to_the_kth_nearest_where_all_directions_weigh_the_same(neighbours: int) -> None:
    learned = np.random.default_rng(2).normal(size=(4000, 3)).astype(np.float32)
    asked = 2 * in_a_row(7, 3)[:, :3]
    known = KnownEmbeddings(learned, np.zeros(4000, np.float32), 1.0, neighbours)
    plain = np.sort(np.linalg.norm(asked[:, None] - learned[None], axis=-1), axis=1)[:, neighbours - 1]
    np.testing.assert_allclose(known.distances(asked), plain / np.sqrt(1.1), rtol=0.05)
    assert known.distance(asked[3]) == pytest.approx(known.distances(asked)[3])


def test_units_of_single_numbers_do_not_matter(known) -> None:
    scale = np.array([1, 0.01, 30, 1], np.float32)
    scaled = KnownEmbeddings(known.embeddings * scale, known.values, known.threshold, known.neighbours)
    asked = in_a_row(20, 6, aside=0.3)
    np.testing.assert_allclose(scaled.distances(asked * scale), known.distances(asked), rtol=1e-3)


def test_one_in_twenty_of_its_kind_is_called_unlike_and_all_beside_the_line_are(known) -> None:
    ordinary, foreign = in_a_row(1000, 4), in_a_row(50, 5, aside=1.0)
    called = np.mean([known.unlike(one) for one in ordinary])
    assert 0.01 < called < 0.12
    assert all(known.unlike(one) for one in foreign)


def test_more_neighbours_than_there_are_recordings_are_all_of_them() -> None:
    few = KnownEmbeddings.of(in_a_row(3, 0), np.zeros(3, np.float32), in_a_row(2, 1))
    assert few.neighbours == 3
    assert few.distances(in_a_row(2, 1)).max() <= few.threshold * 2
    one = KnownEmbeddings.of(in_a_row(1, 0), np.zeros(1, np.float32), in_a_row(1, 0))
    assert one.threshold == 0


def test_what_is_written_is_read_again(models, known) -> None:
    card = write_known_embeddings(known, find_card("guess"))
    assert read_card(models / "guess.yaml") == card
    found = read_known_embeddings(card)
    assert found is not None
    np.testing.assert_array_equal(found.embeddings, known.embeddings)
    np.testing.assert_array_equal(found.values, known.values)
    assert (found.threshold, found.neighbours) == (pytest.approx(known.threshold, abs=1e-6), known.neighbours)


def test_other_known_embeddings_are_another_model_to_a_cohort(models, known) -> None:
    before = find_card("guess")
    assert before.checksum == before.sha256
    first = write_known_embeddings(known, before)
    again = write_known_embeddings(known, before)
    other = write_known_embeddings(replace(known, values=known.values + 1), before)
    assert len({before.checksum, first.checksum, other.checksum}) == 3
    assert again.checksum == first.checksum


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
