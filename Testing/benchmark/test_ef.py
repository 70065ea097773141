"""The EF benchmark computes what it says and runs from end to end, on hearts so small that its figures say nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from EchoODELib.engine.models import build_model
from EchoODELib.engine.weights import ModelCard, save_model
from typer.testing import CliRunner

from . import ef
from .ef import Said, row

CARD = {
    "input_size": (32, 32),
    "views": ("A4C",),
    "weights": "",
    "sha256": "",
    "training_data": "none",
    "licence": "Apache-2.0",
    "citation": "none",
    "intended_use": "tests",
    "limits": "everything",
}
CLIPS = {"depths": [1, 1, 1, 1], "widths": [4, 4, 8, 8], "head_width": 4}
MASKS = {"widths": [4, 8, 8]}


@pytest.fixture
def two_models(tmp_path, monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setenv("ECHOODE_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("ECHOODE_CACHE", str(tmp_path / "cache"))
    use = {"clips": {"frames": 4, "stride": 1}}
    clips = ModelCard("by-clip", "ejection_fraction", "coreecho", CLIPS, labels=("ejection_fraction",), use=use, **CARD)
    masks = ModelCard(
        "by-masks", "segmentation", "unet", MASKS, labels=("background", "lv", "myocardium", "la"), **CARD
    )
    for card in (clips, masks):
        save_model(build_model(card.architecture, **card.configuration), card, tmp_path / "models")


def test_a_line_by_hand():
    said = [Said(50, 0.01, 0.03), Said(70, 0.03, 0.05), Said(math.nan, 0.02, 0.04)]
    cells = row("method", said, [54.0, 62.0, 40.0])
    assert cells[:2] == ["method", "3"]
    assert cells[2].startswith("6.0 (")
    assert cells[3] == f"{np.sqrt((16 + 64) / 2):.1f}"
    assert cells[4] == f"{1 - 80 / 32:.2f}"
    assert cells[5:] == ["1", "20.0", "40.0"]
    assert row("none", [Said(math.nan, math.nan, 0.1)] * 2, [1.0, 2.0])[2:6] == ["–", "–", "–", "2"]


def test_it_runs_from_end_to_end(two_models, tmp_path, monkeypatch):
    monkeypatch.setattr(ef, "HEARTS", {"views": ["A4C"], "frames": 8, "size": 64, "ejection_fraction": [10, 80]})
    asked = ["--models", "by-clip,by-masks", "--phantoms", "2", "--threads", "1", "--output", str(tmp_path / "out")]
    done = CliRunner().invoke(ef.app, asked)
    assert done.exit_code == 0, done.output
    text = (tmp_path / "out" / "ef.md").read_text()
    lines = {line.split(" | ")[0].strip("| "): line for line in text.splitlines() if line.startswith("| ")}
    assert {"All the same", "by-clip", "by-masks", "CoReEcho"} <= set(lines)
    assert " 0.00 |" in lines["All the same"]
    assert (tmp_path / "out" / "ef-simulated-hearts-by-clip.png").is_file()
    nothing = CliRunner().invoke(ef.app, ["--models", "by-clip", "--phantoms", "0"])
    assert nothing.exit_code == 2
