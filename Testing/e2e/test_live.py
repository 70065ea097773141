"""``echoode live``, as a person and as a machine run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from EchoODELib.engine.export.clip import write_clip
from EchoODELib.engine.io import read_mask
from EchoODELib.engine.models import build_model
from EchoODELib.engine.phantom import PhantomClip, PhantomSettings, simulate
from EchoODELib.engine.weights import MODELS_VARIABLE, save_model
from engine.standins import a_card
from quick_network import save_quick_model

MODEL = ("--model", "unet-camus-a4c", "--device", "cpu")


@pytest.fixture(scope="module")
def heart() -> PhantomClip:
    return simulate(PhantomSettings(frames=40, frame_rate=20.0, size=112, beats=2.4, seed=5))


@pytest.fixture(scope="module")
def two_beats(heart: PhantomClip, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("live") / "clip.seq.nrrd", heart.sequence)


@pytest.fixture(scope="module")
def quick(heart: PhantomClip, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    """A network so small that a busy machine, too, sees most frames."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MODELS_VARIABLE, str(folder))
        yield "--model", save_quick_model(heart, folder), "--device", "cpu"


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_machines_get_a_line_for_each_frame_and_beat(
    echoode: Callable, two_beats: Path, quick: tuple[str, ...]
) -> None:
    done = echoode("live", two_beats, *quick, "--json", "--speed", 0.5)
    assert done.code == 0
    told = lines(done.out)
    frames = [one for one in told if one["event"] == "frame"]
    beats = [one for one in told if one["event"] == "beat"]
    (summary,) = [one for one in told if one["event"] == "summary"]
    assert told[-1] is summary
    assert frames[-1]["shown"] + frames[-1]["dropped"] == 40
    assert (summary["shown"], summary["dropped"]) == (len(frames), frames[-1]["dropped"])
    assert all(one["lv_area"]["unit"] == "mm²" for one in frames)
    assert 1 <= len(beats) == summary["beats"]
    assert 30 < beats[0]["quantities"]["ejection_fraction"]["value"] < 80
    assert beats[0]["quantities"]["end_diastolic_volume"]["unit"] == "mL"
    assert beats[0]["ed_time"] < beats[0]["es_time"] < beats[0]["next_ed_time"]


def test_people_get_beats_and_a_summary_and_what_was_seen(
    echoode: Callable, two_beats: Path, quick: tuple[str, ...], tmp_path: Path
) -> None:
    masks, video = tmp_path / "masks.nii.gz", tmp_path / "seen.mp4"
    done = echoode(
        "live", two_beats, *quick, "--speed", 0.5, "--smoothing", "wma:3", "--record", masks, "--record", video
    )
    assert done.code == 0
    recorded = int(done.out.split("Frames")[1].split(" in ")[0])
    for words in ("beat 1", "EF", "skipped to keep time", "ms", "seen.mp4"):
        assert words in done.out
    assert video.stat().st_size > 1000
    assert len(read_mask(masks, shape=(recorded, 112, 112))) == recorded
    assert sorted(path.name for path in tmp_path.iterdir()) == ["masks.nii.gz", "seen.mp4"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "--camera"),
        (("CLIP", "--camera", "0"), 2, "--camera"),
        (("--camera", "CLIP"), 2, "is a file"),
        (("--camera", "97"), 9, "no camera 97"),
        (("CLIP", "--model", "echo-ode-camus-a4c"), 7, "can't be used live"),
        (("CLIP", "--smoothing", "0.05"), 4, "looks ahead"),
        (("CLIP", "--speed", "0"), 4, "speed"),
        (("CLIP", "--record", "/proc/none/out.mp4"), 8, "can't be written"),
    ],
)
def test_what_can_not_be_is_said_in_a_sentence(
    echoode: Callable, clip_file: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = echoode("live", *(clip_file if one == "CLIP" else one for one in arguments))
    assert done.code == code
    assert words in done.err


def test_views_are_told_by_a_model_that_tells_them(
    echoode: Callable, clip_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    small = {"growth": 2, "layers": 1, "dilations": [1, 1], "stem": 4, "widths": [4, 4], "pools": [True]}
    small |= {"features": [4, 4], "hidden": [4, 4], "view_width": 4}
    network = build_model("ral", **small).eval()
    save_model(network, a_card("tells-views", architecture="ral", configuration=small), tmp_path)
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
    done = echoode("live", clip_file, "--model", "tells-views", "--json")
    views = lines(done.out)[0]["views"]
    assert list(views) == ["A2C", "A3C", "A4C", "PLAX", "other"]
    assert sum(views.values()) == pytest.approx(1, abs=1e-5)
    assert "so look at its masks" in echoode("live", clip_file, "--model", "tells-views", "--view", "PLAX").err


def test_masks_of_any_model_can_be_smoothed(echoode: Callable, clip_file: Path, tmp_path: Path) -> None:
    done = echoode("segment", clip_file, "-o", tmp_path / "m.nii.gz", *MODEL, "--smoothing", "wma:6", "--json")
    assert done.document["provenance"]["settings"]["smoothing_wma_frames"] == 6
    assert echoode("segment", clip_file, "-o", tmp_path / "m.nii.gz", "--smoothing", "much").code == 4


def test_ctrl_c_ends_it_with_a_summary(two_beats: Path) -> None:
    command = [sys.executable, "-m", "EchoODELib.cli", "live", str(two_beats), *MODEL, "--loop", "--json"]
    path = os.pathsep.join([str(Path(__file__).resolve().parents[2] / "EchoODE"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        for _ in range(3):
            assert json.loads(process.stdout.readline())["event"] == "frame"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        assert process.wait(20) == 0
    assert lines(rest)[-1]["event"] == "summary"
