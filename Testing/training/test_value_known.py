"""A trained network of whole clips brings what its training recordings look like to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from EchoODELib.cli.app import app
from EchoODELib.engine.ef import EfEstimator
from EchoODELib.engine.known_embeddings import read_known_embeddings
from EchoODELib.engine.sector import Sector
from EchoODELib.engine.sequence import EchoSequence, View
from EchoODELib.engine.weights import read_card, write_card
from EchoODETrainingLib.datasets import base
from EchoODETrainingLib.errors import TrainingError
from EchoODETrainingLib.gather import gather
from EchoODETrainingLib.run_folder import RunFolder
from EchoODETrainingLib.train import train
from EchoODETrainingLib.value_known import write_known
from typer.testing import CliRunner

from training.standins import Beating
from training.test_whole_clips import HERE, a_recipe


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The run of a tiny network."""
    monkeypatch.setenv("ECHOODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(base.KINDS, "beating", ("training.standins", "Beating"))
    recipe = a_recipe(epochs=2)
    train(recipe, RunFolder.begin(tmp_path / "run", recipe), machine=HERE)
    return tmp_path / "run"


def test_a_run_ends_with_the_embeddings_of_what_it_learned_from(trained: Path, monkeypatch) -> None:
    card = read_card(trained / "model" / "tiny-ef.yaml")
    known = read_known_embeddings(card)
    assert known is not None
    recipe = a_recipe()
    ((data, learned),) = gather(recipe).learned()
    np.testing.assert_array_equal(known.values, [data.load(entry).ejection_fraction for entry in learned])
    monkeypatch.setenv("ECHOODE_MODELS", str(trained / "model"))
    estimator, beating = EfEstimator("tiny-ef", "cpu"), Beating()
    np.testing.assert_allclose(_seen(estimator, beating, learned[1]), known.embeddings[1], atol=5e-3)
    distances = [known.distance(_seen(estimator, beating, entry)) for entry in beating.entries("valid")]
    assert known.threshold == pytest.approx(np.quantile(distances, 0.95), abs=5e-3)


def _seen(estimator: EfEstimator, beating: Beating, entry: base.Entry) -> np.ndarray:
    """The embedding of a clip, whose sector is known, as it is at use."""
    clip = beating.load(entry)
    sequence = EchoSequence(clip.frames, clip.times, clip.spacing, View.A4C)
    cut = np.stack([one.images for one in estimator.cut(sequence, Sector(clip.sector, clip.box))])
    with torch.inference_mode():
        return estimator.network(torch.from_numpy(cut)[:, :, None]).embedding.mean(0).numpy()


def test_older_weights_can_be_completed(trained: Path) -> None:
    path = trained / "model" / "tiny-ef.yaml"
    card = read_card(path)
    before = read_known_embeddings(card)
    (trained / "model" / "tiny-ef.known.safetensors").unlink()
    write_card(replace(card, use={key: value for key, value in card.use.items() if key != "known"}))
    said = CliRunner().invoke(app, ["models", "complete", str(trained), "--device", "cpu"])
    assert said.exit_code == 0, said.output
    after = read_known_embeddings(read_card(path))
    assert before is not None
    assert after is not None
    np.testing.assert_array_equal(after.embeddings, before.embeddings)
    assert read_card(path) == card


def test_many_recordings_are_thinned_out_evenly(trained: Path) -> None:
    recipe = a_recipe()
    card = write_known(read_card(trained / "model" / "tiny-ef.yaml"), recipe, device="cpu", most=2)
    known = read_known_embeddings(card)
    assert known is not None
    ((data, learned),) = gather(recipe).learned()
    assert known.values.tolist() == [data.load(learned[place]).ejection_fraction for place in (0, -1)]


def test_it_needs_a_recipe_of_whole_clips_with_something_held_out(trained: Path) -> None:
    card = read_card(trained / "model" / "tiny-ef.yaml")
    with pytest.raises(TrainingError, match="didn't make tiny-ef"):
        write_known(card, a_recipe(task="infarction", answers={"error": "bce"}))
    alone = a_recipe(data=a_recipe().model_dump()["data"][:1])
    with pytest.raises(TrainingError, match="split: valid"):
        write_known(card, alone, device="cpu")
    assert read_card(trained / "model" / "tiny-ef.yaml") == card
