"""The live benchmark counts what it says and runs from end to end, on a network so small that its times say nothing."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from EchoODELib.engine.export.clip import write_clip
from EchoODELib.engine.live.choice import LIVE_MODEL
from EchoODELib.engine.live.segmenter import StreamingSegmenter
from EchoODELib.engine.models import build_model
from EchoODELib.engine.weights import MODELS_VARIABLE, save_model
from engine.standins import a_card, a_clip, balance

from .live import live_row
from .live_timing import each_frame, figures, live_cases, pictures, played, prepared


@pytest.fixture
def a_video(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.mp4", a_clip(6, rate=30.0))


@pytest.fixture
def a_segmenter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StreamingSegmenter:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
    torch.manual_seed(1)
    network = build_model("unet", widths=[4, 4], heads=1)
    balance(network.eval(), network.heads[0])
    save_model(network, a_card("small", configuration={"widths": [4, 4], "heads": 1}), tmp_path)
    return StreamingSegmenter("small", "cpu")


def test_a_video_is_read_again_and_again_as_gray(a_video):
    frames = list(itertools.islice(pictures(a_video), 13))
    assert all(frame.shape == (48, 48) for frame in frames)
    assert np.array_equal(frames[0], frames[6])
    assert not np.array_equal(frames[0], frames[5])


def test_each_part_of_a_frame_is_timed_and_they_add_up(a_segmenter, a_video):
    times = each_frame(a_segmenter, a_video, 12)
    assert set(times) == {"reading", "before and after", "network", "beats", "all", "processor"}
    assert all(seconds.shape == (12,) and (seconds >= 0).all() for seconds in times.values())
    parts = times["reading"] + times["before and after"] + times["network"] + times["beats"]
    np.testing.assert_allclose(parts, times["all"], atol=1e-6)
    shown, dropped = played(a_segmenter, a_video, 12)
    assert shown + dropped == 12


def test_the_figures_are_medians_and_shares():
    seconds = np.full(100, 0.010)
    seconds[:3] = 0.050
    parts = dict.fromkeys(("reading", "before and after", "network", "beats", "all", "processor"), seconds)
    told = figures(parts, 90, 10)
    assert told["all"] == pytest.approx(10)
    assert told["slowest"] == pytest.approx(50)
    assert told["in time"] == pytest.approx(0.97)
    assert told["shown"] == pytest.approx(0.9)
    row = live_row(live_cases()[0], {**told, "load": 1.5})
    assert row[1:5] == ["10.0", "50.0", "97 %", "90 %"]


def test_cases_are_models_that_can_be_live(tmp_path, monkeypatch):
    keys = [case.key for case in live_cases()]
    assert keys[0] == LIVE_MODEL
    assert "echo-ode-camus-a4c" not in keys
    assert len(set(keys)) == len(keys)
    monkeypatch.setenv(MODELS_VARIABLE, "")
    assert prepared(LIVE_MODEL, tmp_path) == LIVE_MODEL
    assert not list(tmp_path.iterdir())
    made = StreamingSegmenter(prepared("multi_view_unet", tmp_path), "cpu")
    assert made.card.architecture == "multi_view_unet"
