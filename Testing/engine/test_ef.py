"""Clips are cut out of a recording as in training, and an ejection fraction is their mean with an honest range."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from EchoODELib.cli.app import app
from EchoODELib.engine.clips_over_time import ENDED, ClipUse, resampled, with_black
from EchoODELib.engine.ef import EF_TASK, EfEstimator, default_ef_model
from EchoODELib.engine.errors import UnsuitableClip, WeightsError
from EchoODELib.engine.models import build_model
from EchoODELib.engine.sector import find_sector
from EchoODELib.engine.segment import Segmenter
from EchoODELib.engine.sequence import ClipSource, View
from EchoODELib.engine.weights import DEFAULT_EF_MODEL, models_for, save_model
from engine.standins import TINY_UNET, a_card, a_clip
from typer.testing import CliRunner

TINY = {"depths": [1, 1, 1, 1], "widths": [4, 4, 8, 8], "head_width": 4, "scale": 40.0}
USE = {"clips": {"frames": 6, "stride": 2, "clips": 3}}


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A folder of models with an untrained "guess" for ejection fractions and a "tiny" that segments."""
    torch.manual_seed(0)
    monkeypatch.setenv("ECHOODE_MODELS", str(tmp_path))
    card = a_card(
        "guess",
        task="ejection_fraction",
        architecture="coreecho",
        configuration=TINY,
        labels=("ejection_fraction",),
        input_size=(32, 32),
        use=USE,
    )
    network = build_model("coreecho", **TINY)
    for _ in range(20):  # so that batch normalisation knows what it sees
        network.encoder(torch.randn(4, 6, 1, 32, 32))
    save_model(network, card, tmp_path)
    save_model(build_model("unet", **TINY_UNET), a_card(), tmp_path)
    return tmp_path


@pytest.mark.parametrize(("count", "starts"), [(200, 60), (141, 1), (142, 2), (30, 1)])
def test_the_papers_clip_is_36_frames_of_every_fourth(count: int, starts: int) -> None:
    use, times = ClipUse(), np.arange(count) / 50
    assert use.starts(times) == starts
    picks = use.picks(times, starts - 1)
    there = picks != ENDED
    assert len(picks) == 36
    assert np.array_equal(picks[there], starts - 1 + 4 * np.arange(there.sum()))
    assert picks[there].max() < count
    assert there.all() or picks[there].max() + 4 >= count
    assert not there[there.argmin() :].any() or there.all()  # black frames come last


@pytest.mark.parametrize("rate", [20.0, 33.3, 50.0, 80.0])
def test_an_interval_shows_the_same_time_at_all_frame_rates(rate: float) -> None:
    use, times = ClipUse(frames=9, interval=0.08), np.arange(round(2 * rate)) / rate
    last = use.starts(times) - 1
    for start in (0, last // 2, last):
        picks = use.picks(times, start)
        assert (picks != ENDED).all()
        assert np.abs(times[picks] - times[start] - 0.08 * np.arange(9)).max() <= 0.5 / rate + 1e-9
    assert times[last] + 8 * 0.08 <= times[-1] + 1e-6 < times[last] + 8 * 0.08 + 1 / rate + 1e-6


def test_an_interval_and_a_stride_agree_where_they_mean_the_same() -> None:
    times = np.arange(150) / 50
    for start in (0, 7, 40):
        by_frames, by_time = ClipUse().picks(times, start), ClipUse(interval=0.08).picks(times, start)
        assert np.array_equal(by_frames, by_time)


def test_starts_are_spread_and_none_comes_twice() -> None:
    assert ClipUse().spread(np.arange(240) / 50) == [0, 50, 99]
    assert ClipUse(clips=1).spread(np.arange(240) / 50) == [49]
    assert ClipUse().spread(np.arange(30) / 50) == [0]
    assert ClipUse(whole=True).spread(np.arange(300) / 50) == [0]


def test_a_whole_beat_is_interpolated_by_splines() -> None:
    moments = np.linspace(0, 1, 25)
    course = 120 + 80 * np.sin(2 * np.pi * moments)
    frames = np.rint(course)[:, None, None].repeat(3, 1).repeat(2, 2).astype(np.uint8)
    found = resampled(frames, 16)
    assert found.shape == (16, 3, 2)
    assert np.abs(found[:, 0, 0] - (120 + 80 * np.sin(2 * np.pi * np.linspace(0, 1, 16)))).max() < 1.5
    assert np.array_equal(resampled(frames, 25), frames)
    assert np.array_equal(resampled(frames[:1], 4), frames[:1].repeat(4, 0))
    assert len(resampled(frames[:2], 5)) == 5


def test_black_fills_what_is_missing() -> None:
    images = np.array([[[1.0, 2]], [[3, -1]]], np.float32)
    found = with_black(images, np.array([0, 4, ENDED, ENDED]))
    assert np.array_equal(found, [[[1, 2]], [[3, -1]], [[-1, -1]], [[-1, -1]]])


@pytest.mark.parametrize("given", [{"frames": 0}, {"stride": 0}, {"interval": -1}, {"clips": 0}, {"odd": 1}])
def test_a_card_that_makes_no_clips_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(WeightsError, match="makes no clips"):
        ClipUse.of_card({"clips": given})


def test_an_estimate_is_the_mean_of_its_clips_within_its_range(models) -> None:
    estimator = EfEstimator("guess", "cpu")
    found = estimator.estimate(a_clip(40))
    assert len(found.clips) == 3
    assert len(found.variations) == 4
    assert found.value == pytest.approx(np.mean(found.clips))
    assert found.low == min(*found.clips, *found.variations)
    assert found.high == max(*found.clips, *found.variations)
    assert found.low < found.value < found.high
    assert found.embedding.shape == (8,)
    assert found.seconds > 0
    assert not found.validated
    assert found.notes == ("guess was not validated on patients.",)
    plain = estimator.estimate(a_clip(40), variations=False)
    assert plain.clips == pytest.approx(found.clips, abs=1e-4)
    assert not plain.variations


def test_clips_are_those_of_their_own_frames(models) -> None:
    clip, estimator = a_clip(40), EfEstimator("guess", "cpu", clips=2)
    first, last = (one.images for one in estimator.cut(clip, find_sector(clip)))
    assert first.shape == (6, 32, 32)
    other = replace(clip, frames=np.concatenate([clip.frames[:12], clip.frames[12:][::-1]]))
    again, another = (one.images for one in estimator.cut(other, find_sector(clip)))
    np.testing.assert_allclose(again, first, atol=1e-5)
    assert np.abs(another - last).max() > 0.1


def test_a_whole_recording_is_one_clip(models) -> None:
    estimator = EfEstimator("guess", "cpu")
    estimator.use = ClipUse(frames=16, whole=True)
    clip = a_clip(23)
    (cut,) = estimator.cut(clip, find_sector(clip))
    assert cut.images.shape == (16, 32, 32)
    np.testing.assert_allclose(cut.times, np.linspace(0, clip.times[-1], 16))
    assert len(estimator.estimate(clip).clips) == 1


def test_what_shows_no_motion_is_refused(models) -> None:
    estimator = EfEstimator("guess", "cpu")
    with pytest.raises(UnsuitableClip, match="motion"):
        estimator.estimate(a_clip(1))
    with pytest.raises(UnsuitableClip, match="colour"):
        estimator.estimate(replace(a_clip(8), source=ClipSource(colour_doppler=True)))


def test_another_view_is_noted(models) -> None:
    notes = EfEstimator("guess", "cpu").estimate(a_clip(12, view=View.PLAX), variations=False).notes
    assert notes[-1] == "The view is PLAX; guess was trained on A4C."


def test_a_short_recording_is_noted(models) -> None:
    found = EfEstimator("guess", "cpu").estimate(a_clip(7), variations=False)
    assert found.notes[0] == "The recording is shorter than the clips of guess: 2 frames are black."
    assert len(found.clips) == 1


def test_models_for_something_else_are_refused(models, monkeypatch) -> None:
    with pytest.raises(WeightsError, match="is for segmentation"):
        EfEstimator("tiny", "cpu")
    with pytest.raises(WeightsError, match="is for ejection_fraction"):
        Segmenter("guess", "cpu")
    monkeypatch.setattr("EchoODELib.engine.weights.model_folders", lambda: [models])
    assert default_ef_model() == "guess"
    for name in ("a-first", DEFAULT_EF_MODEL):
        text = (models / "guess.yaml").read_text().replace("name: guess", f"name: {name}")
        (models / f"{name}.yaml").write_text(text)
        assert default_ef_model() == name
    assert [card.name for card in models_for(EF_TASK)] == [DEFAULT_EF_MODEL, "a-first", "guess"]
    for path in models.glob("*.yaml"):
        path.unlink()
    with pytest.raises(WeightsError, match=r"No model for ejection fractions.*coreecho_small"):
        default_ef_model()


def test_the_command_says_value_and_range(models, tmp_path) -> None:
    folder = tmp_path / "film"
    folder.mkdir()
    for number, frame in enumerate(a_clip(20).frames):
        cv2.imwrite(str(folder / f"{number:03d}.png"), frame)
    asked = ["ef", str(folder), "--model", "guess", "--view", "A4C", "--device", "cpu", "--frame-rate", "50"]
    said = CliRunner().invoke(app, [*asked, "--json"])
    assert said.exit_code == 0, said.output
    document = json.loads(said.stdout)
    fraction = document["ejection_fraction"]
    assert fraction["low"] <= fraction["value"] <= fraction["high"]
    assert document["validated_on_patients"] is False
    spoken = CliRunner().invoke(app, asked)
    assert f"{fraction['value']:.0f} %, from {fraction['low']:.0f} to {fraction['high']:.0f} %" in spoken.stdout
    assert "not validated" in spoken.output


def test_a_picture_that_stands_still_is_refused(models, tmp_path) -> None:
    clip = a_clip(12)
    still = replace(clip, frames=np.repeat(clip.frames[:1], 12, axis=0))
    with pytest.raises(UnsuitableClip, match="stands still"):
        EfEstimator("guess", "cpu").estimate(still)
