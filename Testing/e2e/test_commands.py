"""Each command does its job, speaks to people and to machines."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from EchoODELib import __version__
from EchoODELib.engine.export.results import results_schema
from EchoODELib.engine.io import read_clip, read_mask
from EchoODELib.engine.phantom import PhantomClip

COMMANDS = (
    "run",
    "batch",
    "info",
    "segment",
    "propagate",
    "measure",
    "export",
    "phantom",
    "models",
    "evaluate",
    "train",
    "live",
)


def test_help_names_every_command(echoode: Callable) -> None:
    done = echoode("--help")
    assert done.code == 0
    assert all(command in done.out for command in COMMANDS)
    assert "not a medical device" in done.out
    assert echoode("--version").out.strip() == f"echoode {__version__}"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(echoode: Callable, command: str) -> None:
    done = echoode(command, "--help")
    assert done.code == 0
    assert "--json" in done.out


def test_info_for_people(echoode: Callable, clip_file: Path) -> None:
    done = echoode("info", clip_file, "--view", "A4C")
    assert done.code == 0
    for words in ("A4C", "20, 20.0 per second", "112 x 112 px", "mm", "Colour Doppler", "no"):
        assert words in done.out


def test_info_for_machines(echoode: Callable, clip_file: Path, a_phantom: PhantomClip) -> None:
    document = echoode("info", clip_file, "--json").document
    assert (document["frames"], document["rows"], document["columns"]) == (20, 112, 112)
    assert document["frame_rate"] == {"value": pytest.approx(20, abs=0.01), "unit": "Hz"}
    assert document["pixel_size"]["row"] == pytest.approx(a_phantom.sequence.spacing[0], rel=1e-4)
    assert document["colour_doppler"] is False


@pytest.mark.parametrize(
    ("option", "value", "row", "column"),
    [
        ("--spacing", "0.5", 0.5, 0.5),
        ("--spacing", "0.5,0.25", 0.5, 0.25),
        ("--calibrate", "10,20,40,60,25", 0.5, 0.5),  # 30 rows and 40 columns: 50 px
    ],
)
def test_calibration_by_hand(
    echoode: Callable, clip_file: Path, option: str, value: str, row: float, column: float
) -> None:
    pixel = echoode("info", clip_file, option, value, "--json").document["pixel_size"]
    assert (pixel["row"], pixel["column"]) == (pytest.approx(row), pytest.approx(column))


def test_measure(echoode: Callable, clip_file: Path, mask_file: Path, a_phantom: PhantomClip) -> None:
    document = echoode("measure", clip_file, "--masks", mask_file, "--view", "A4C", "--json").document
    jsonschema.Draft202012Validator(results_schema()).validate(document)
    assert document["summary"]["ejection_fraction"]["mean"] == pytest.approx(a_phantom.ejection_fraction, abs=4)
    shown = echoode("measure", clip_file, "--masks", mask_file, "--view", "A4C")
    assert all(words in shown.out for words in ("EF", "mL", "ED frames", "Heart rate", "bpm"))


def test_measure_with_phases_by_hand(echoode: Callable, clip_file: Path, mask_file: Path) -> None:
    arguments = ("measure", clip_file, "--masks", mask_file, "--view", "A4C", "--json")
    document = echoode(*arguments, "--ed-frame", 1, "--es-frame", 6).document
    assert (document["ed_frames"], document["es_frames"]) == ([1], [6])


def test_measure_biplane(echoode: Callable, clip_file: Path, mask_file: Path, a_phantom: PhantomClip) -> None:
    done = echoode(
        *("measure", clip_file, "--masks", mask_file, "--view", "A4C", "--json"),
        *("--biplane", clip_file, "--biplane-masks", mask_file),
    )
    jsonschema.Draft202012Validator(results_schema()).validate(done.document)
    # Two equal planes: biplane volumes are the single plane's.
    assert done.document["summary"]["ejection_fraction"]["mean"] == pytest.approx(a_phantom.ejection_fraction, abs=4)


def test_export(echoode: Callable, clip_file: Path, mask_file: Path, tmp_path: Path, a_phantom: PhantomClip) -> None:
    names = ["m.seq.nrrd", "pngs", "o.mp4", "t.csv", "t.xlsx", "r.json", "frames.png", "curves.png"]
    outputs = [part for name in names for part in ("-o", tmp_path / name)]
    done = echoode("export", clip_file, "--masks", mask_file, "--view", "A4C", *outputs)
    assert done.code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    for name in ("m.seq.nrrd", "pngs"):
        np.testing.assert_array_equal(read_mask(tmp_path / name, shape=a_phantom.masks.shape), a_phantom.masks)
    jsonschema.Draft202012Validator(results_schema()).validate(json.loads((tmp_path / "r.json").read_text("utf-8")))


def test_export_of_one_frame(echoode: Callable, clip_file: Path, mask_file: Path, tmp_path: Path) -> None:
    done = echoode("export", clip_file, "--masks", mask_file, "-o", tmp_path / "es.seg.nrrd", "--frame", 6, "--json")
    assert done.document == {"written": [str(tmp_path / "es.seg.nrrd")]}


def test_phantom(echoode: Callable, tmp_path: Path) -> None:
    arguments = ("--frames", 12, "--frame-rate", 20, "--size", 96, "--ef", 45, "--seed", 3, "--json")
    truth = echoode("phantom", "-o", tmp_path / "a", *arguments).document
    assert truth["ejection_fraction"] == {"value": pytest.approx(45, abs=1), "unit": "%"}
    clip = read_clip(tmp_path / "a" / "clip.seq.nrrd")
    assert clip.frames.shape == (12, 96, 96)
    assert clip.calibrated
    masks = read_mask(tmp_path / "a" / "masks.seq.nrrd", shape=clip.frames.shape)
    assert set(np.unique(masks)) == {0, 1, 2, 3}
    assert json.loads((tmp_path / "a" / "truth.json").read_text("utf-8")) == truth


@pytest.mark.usefixtures("quick_registration")
def test_propagate(echoode: Callable, clip_file: Path, mask_file: Path, tmp_path: Path, a_phantom: PhantomClip) -> None:
    es = a_phantom.es_frames[0]
    done = echoode(
        *("propagate", clip_file, "--mask", mask_file, "--ed-frame", 0, "--guide", f"{es}={mask_file}"),
        *("-o", tmp_path / "m.nii.gz", "--motion", tmp_path / "d.seq.nrrd", "--device", "cpu", "--json"),
    )
    assert done.document["provenance"]["quality"]["folds"] == 0
    masks = read_mask(tmp_path / "m.nii.gz", shape=a_phantom.masks.shape)
    for frame in (0, es):
        np.testing.assert_array_equal(masks[frame], a_phantom.masks[frame])
    truth, carried = a_phantom.masks == 1, masks == 1
    assert 2 * (truth & carried).sum() / (truth.sum() + carried.sum()) > 0.9
    assert (tmp_path / "d.seq.nrrd").exists()


@pytest.mark.usefixtures("quick_registration")
def test_run(
    echoode: Callable, clip_file: Path, tmp_path: Path, the_truth_as_segmenter: Sequence[str], a_phantom: PhantomClip
) -> None:
    done = echoode("run", clip_file, "--view", "A4C", "-o", tmp_path / "results", "--device", "cpu")
    assert done.code == 0
    assert the_truth_as_segmenter == ["cpu"]
    for words in ("EF", "segmentation alone", "ED frames", "ES frames", "Heart rate", "overlay.mp4"):
        assert words in done.out
    document = json.loads((tmp_path / "results" / "results.json").read_text("utf-8"))
    jsonschema.Draft202012Validator(results_schema()).validate(document)
    assert document["summary"]["ejection_fraction"]["mean"] == pytest.approx(a_phantom.ejection_fraction, abs=4)
    assert "clip.seq" not in json.dumps(document)


@pytest.mark.usefixtures("quick_registration", "the_truth_as_segmenter")
def test_run_for_machines(echoode: Callable, clip_file: Path, tmp_path: Path) -> None:
    done = echoode("run", clip_file, "--view", "A4C", "-o", tmp_path / "r", "--only", "json", "--json", "--keep-name")
    assert done.document["results"]["clip"]["name"] == "clip.seq.nrrd"
    assert list(done.document["files"].values()) == [str(tmp_path / "r" / "results.json")]
    assert [path.name for path in (tmp_path / "r").iterdir()] == ["results.json"]


@pytest.mark.usefixtures("quick_registration", "the_truth_as_segmenter")
def test_run_biplane(echoode: Callable, clip_file: Path, tmp_path: Path) -> None:
    done = echoode(
        *("run", clip_file, "--view", "A4C", "--biplane", clip_file),
        *("-o", tmp_path, "--only", "json", "--json"),
    )
    jsonschema.Draft202012Validator(results_schema()).validate(done.document["biplane"])
    assert (tmp_path / "biplane.json").exists()
    assert (tmp_path / "a2c" / "results.json").exists()


def test_ctrl_c_cancels_cleanly(clip_file: Path, mask_file: Path, tmp_path: Path) -> None:
    """While the long part runs: exit 130, one sentence, no traceback, nothing written."""
    command = [
        *(sys.executable, "-m", "EchoODELib.cli", "propagate", str(clip_file), "--mask", str(mask_file)),
        *("-o", str(tmp_path / "m.nii.gz"), "--preset", "paper", "--device", "cpu"),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    assert process.stderr is not None
    assert process.stderr.readline() == "Registering ...\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert out == ""
    assert "ancelled" in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())
