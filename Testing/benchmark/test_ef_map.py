"""The benchmark of embeddings computes what it says, on hearts so small that its figures say nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from EchoODELib.engine.ef import EfEstimator
from EchoODELib.engine.known_embeddings import KnownEmbeddings, write_known_embeddings
from EchoODELib.engine.models import build_model
from EchoODELib.engine.sequence import EchoSequence, View
from EchoODELib.engine.weights import ModelCard, save_model
from typer.testing import CliRunner

from . import ef_map
from .ef_map import CHANGES, Seen, along, changed, look, order, unlike_row
from .test_ef import CARD, CLIPS


@pytest.fixture
def model(tmp_path, monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setenv("ECHOODE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("ECHOODE_CACHE", str(tmp_path / "cache"))
    use = {"clips": {"frames": 4, "stride": 1}}
    card = ModelCard("by-clip", "ejection_fraction", "coreecho", CLIPS, labels=("ejection_fraction",), use=use, **CARD)
    card = save_model(build_model("coreecho", **CLIPS), card, tmp_path / "models")
    far = np.random.default_rng(0).normal(50, 1, (20, 8)).astype(np.float32)
    write_known_embeddings(KnownEmbeddings.of(far, np.linspace(10, 80, 20).astype(np.float32), far), card)


def a_film(count: int = 8) -> EchoSequence:
    frames = np.random.default_rng(1).integers(0, 255, (count, 40, 40)).astype(np.uint8)
    return EchoSequence(frames, np.arange(count) / 30, None, View.A4C)


def test_foreign_clips_are_counted_and_stills_refused(model) -> None:
    estimator = EfEstimator("by-clip", "cpu")
    film = a_film()
    seen = look(estimator, iter([(film, 50.0), (film, 60.0)]))
    assert seen.unlike.all()
    assert unlike_row("films", seen)[:4] == ["films", "2", "2 of 2", "0"]
    still = look(estimator, changed([(film, 50.0)], CHANGES["standing still"]))
    assert unlike_row("still", still) == ["still", "1", "0 of 0", "1", "–", "–"]


@pytest.mark.parametrize("name", CHANGES)
def test_changes_keep_a_clip_a_clip_and_change_it(name) -> None:
    film = a_film()
    ((found, true),) = changed([(film, 44.0)], CHANGES[name])
    assert true == 44.0
    assert found.frames.shape == film.frames.shape
    assert not np.array_equal(found.frames, film.frames)


def test_a_line_of_distances_by_hand() -> None:
    seen = Seen(np.zeros((3, 2), np.float32), np.array([50.0, 60, 70]), np.array([52.0, 60, 66]),
                np.array([1.0, 3, 9]), np.array([False, False, True]), 1)  # fmt: skip
    assert unlike_row("some", seen) == ["some", "4", "1 of 3", "1", "3.0", "2.0"]


def test_order_is_one_where_neighbours_tell_the_value_and_none_where_they_do_not() -> None:
    random = np.random.default_rng(0)
    values = np.r_[np.linspace(10, 80, 80), random.uniform(15, 75, 30)]
    points = np.stack([values, random.normal(0, 1, 110)], 1)
    assert min(order(points, values, 80)) > 0.98
    assert max(map(abs, order(random.permutation(points), values, 80))) < 0.4
    assert abs(np.corrcoef(along(points), values)[0, 1]) > 0.99


@pytest.mark.long
def test_it_runs_from_end_to_end(model, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(ef_map, "HEARTS", {"views": ["A4C"], "frames": 8, "size": 64, "ejection_fraction": [10, 80]})
    asked = ["--phantoms", "6", "--foreign", "2", "--threads", "1", "--output", str(tmp_path / "out")]
    done = CliRunner().invoke(ef_map.app, asked)
    assert done.exit_code == 0, done.output
    text = (tmp_path / "out" / "ef-map.md").read_text()
    assert "| hearts, standing still | 2 | 0 of 0 | 2 |" in text
    assert (tmp_path / "out" / "ef-map-by-clip.png").is_file()
