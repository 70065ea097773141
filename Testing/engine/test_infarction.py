"""An infarction is a probability, of the clips' mean logit, and models of single beats look at beats."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from EchoODELib.cli.app import app
from EchoODELib.engine.clip_estimator import card_for
from EchoODELib.engine.clips_over_time import ClipUse
from EchoODELib.engine.ef import EfEstimator
from EchoODELib.engine.errors import UnsuitableClip, WeightsError
from EchoODELib.engine.explain import explain
from EchoODELib.engine.infarction import InfarctionEstimator
from EchoODELib.engine.models import build_model
from EchoODELib.engine.sector import find_sector
from EchoODELib.engine.sequence import View
from EchoODELib.engine.weights import save_model
from engine.standins import TINY_COREECHO, TINY_UNET, a_card, a_clip, save_clip_model
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Holds "guess" for infarctions, whose clips are three of a recording, and "tiny", which segments."""
    folder = tmp_path_factory.mktemp("models")
    logit = {**TINY_COREECHO, "middle": 0.3, "scale": 2.0}  # neither all yes nor all no
    save_clip_model(folder, task="infarction", configuration=logit)
    save_model(build_model("unet", **TINY_UNET), a_card(), folder)
    return folder


@pytest.fixture
def models(folder, monkeypatch):
    monkeypatch.setenv("ECHOODE_MODELS", str(folder))
    return folder


@pytest.fixture
def estimator(models):
    return InfarctionEstimator("guess", "cpu")


@pytest.fixture
def of_beats(estimator):
    estimator.use = ClipUse(4, whole=True, clips=1)
    return estimator


def logits(estimator, clips):
    """What the bare network says of cut clips."""
    with torch.inference_mode():
        shown = torch.from_numpy(np.stack([clip.images for clip in clips]))[:, :, None]
        return estimator.network(shown).values[:, 0].numpy()


def test_the_answer_is_the_probability_of_the_mean_logit(estimator) -> None:
    clip = a_clip(40)
    bare = logits(estimator, estimator.cut(clip, find_sector(clip)))
    found = estimator.estimate(clip)
    assert len(found.clips) == len(bare) == 3
    np.testing.assert_allclose(found.clips, 1 / (1 + np.exp(-bare)), atol=1e-5)
    assert found.value == pytest.approx(1 / (1 + np.exp(-bare.mean())), abs=1e-5)
    assert 0 < found.low <= found.value <= found.high < 1
    assert found.low == min(found.value, *found.clips, *found.variations)
    assert found.notes == ("guess was not validated on patients.",)


def test_a_beat_is_looked_at_by_itself(of_beats) -> None:
    clip = a_clip(40)
    found = of_beats.estimate(clip, beats=[(2, 14), (14, 30)])
    for answer, (first, last) in zip(found.beats, [(2, 14), (14, 30)], strict=True):
        part = slice(first, last + 1)
        alone = of_beats.estimate(replace(clip, frames=clip.frames[part], times=clip.times[part]))
        assert answer == pytest.approx(alone.value, abs=0.02)  # the sector is found anew in the part
    assert found.clips == pytest.approx(found.beats, abs=1e-6)  # and the recording as a whole is not
    mean = np.mean([np.log(one / (1 - one)) for one in found.beats])
    assert found.value == pytest.approx(1 / (1 + np.exp(-mean)), abs=1e-5)


def test_more_than_a_beat_at_once_is_noted(of_beats) -> None:
    assert "takes single beats, and was shown 1.8 s at once" in of_beats.estimate(a_clip(91)).notes[0]
    for found in (of_beats.estimate(a_clip(40)), of_beats.estimate(a_clip(91), beats=[(0, 40)])):
        assert found.notes == ("guess was not validated on patients.",)


def test_what_an_infarction_was_seen_by_can_be_shown(estimator) -> None:
    clip = a_clip(20)
    heat = explain(estimator, clip)
    assert heat.maps.shape == clip.frames.shape
    assert heat.seen.any()


def test_other_views_and_what_shows_no_motion(estimator) -> None:
    notes = estimator.estimate(a_clip(12, view=View.A2C), variations=False).notes
    assert notes[-1] == "The view is A2C; guess was trained on A4C."
    with pytest.raises(UnsuitableClip, match="motion"):
        estimator.estimate(a_clip(1))


def test_models_for_something_else_are_refused(models, monkeypatch) -> None:
    with pytest.raises(WeightsError, match="tiny is for segmentation; choose one for infarction"):
        InfarctionEstimator("tiny", "cpu")
    with pytest.raises(WeightsError, match="guess is for infarction; choose one for ejection_fraction"):
        EfEstimator("guess", "cpu")
    monkeypatch.setattr("EchoODELib.engine.weights.model_folders", lambda: [models])
    assert card_for("infarction").name == "guess"
    with pytest.raises(WeightsError, match=r"No model for ejection fractions.*coreecho_small"):
        card_for("ejection_fraction")
    monkeypatch.setattr("EchoODELib.engine.weights.model_folders", list)
    with pytest.raises(WeightsError, match=r"No model for infarctions.*coreecho_hmc_qu_finetune"):
        card_for("infarction")


def test_the_command_says_probability_and_range(models, tmp_path) -> None:
    for number, frame in enumerate(a_clip(20).frames):
        cv2.imwrite(str(tmp_path / f"{number:03d}.png"), frame)
    asked = ["infarction", str(tmp_path), "--model", "guess", "--view", "A4C", "--device", "cpu", "--frame-rate", "50"]
    asked += ["--beat", "0,9", "--beat", "9,19"]
    said = CliRunner().invoke(app, [*asked, "--json"])
    assert said.exit_code == 0, said.output
    document = json.loads(said.stdout)
    answer = document["infarction"]
    assert 0 <= answer["low"] <= answer["value"] <= answer["high"] <= 1
    assert len(document["beats"]) == 2
    assert document["unlike_training_data"] is None
    spoken = CliRunner().invoke(app, asked)
    low, value, high = (100 * answer[name] for name in ("low", "value", "high"))
    assert f"{value:.0f} %, from {low:.0f} to {high:.0f} %" in spoken.stdout
    assert "not validated" in spoken.output
    wrong = CliRunner().invoke(app, [*asked, "--beat", "0.5,9"])
    assert wrong.exit_code == 2
    assert "two frames" in wrong.output
