"""Tables in the form of papers: scores are kept, groups stay apart, ablations differ in one part."""

from __future__ import annotations

import os

import pandas as pd
import pytest
import torch
from EchoODELib.engine.models import build_model
from EchoODELib.engine.weights import MODELS_VARIABLE, ModelCard, save_model
from EchoODETrainingLib.evaluate.summary import Group
from rich.console import Console

from .in_form import Clips, missing, over_the_cycle, score, tell
from .ral_ablation import PARTS, AblationBudget, recipe_of
from .temporal import WITH, WITHOUT, app, steadier
from .views import app as views_app


@pytest.fixture
def a_model(tmp_path, monkeypatch):
    torch.manual_seed(0)
    configuration = {"widths": [4, 6, 8]}
    card = ModelCard(
        "tiny", "segmentation", "unet", configuration, (32, 32), ("background", "lv", "myocardium", "la"), ("A4C",),
        "", "", "nothing", "Apache-2.0", "none", "tests", "everything",
    )  # fmt: skip
    save_model(build_model("unet", **configuration), card, tmp_path / "models")
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "models"))
    monkeypatch.setenv("ECHOODE_TEST_DATA", str(tmp_path / "none"))
    monkeypatch.setenv("ECHOODE_CACHE", str(tmp_path / "cache"))
    return "tiny"


def test_scores_are_kept_by_weights_and_clips(a_model, tmp_path):
    clips = Clips("hearts", "phantom", None, {"clips": {"test": 1}, "frames": 6, "size": 64, "views": ["A4C"]}, "test")
    console = Console(quiet=True)
    first = score([a_model, f"{a_model}+wma:2"], clips, tmp_path / "kept", "cpu", console)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.json")}
    assert len(kept) == 2
    again = score([a_model, f"{a_model}+wma:2"], clips, tmp_path / "kept", "cpu", console)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").rglob("*.json")} == kept
    (group,) = again.groups
    assert group.models == ["tiny", "tiny+wma:2"]
    pd.testing.assert_frame_equal(group.rows, first.groups[0].rows)
    assert over_the_cycle(again.courses).rows == over_the_cycle(first.courses).rows


def test_memory_is_held_against_what_has_none():
    rows = [
        {"model": model, "clip": f"c{n}", "patient": f"p{n}", "unit": "mm", "mfip": value, "mfip_true": 0.01}
        for model, value in ((WITHOUT, 0.03), (WITH, 0.02))
        for n in range(3)
    ]
    table = steadier(Group("phantom", "simulated", "film", "test", pd.DataFrame(rows)))
    ((_, cells),) = table.rows
    assert [cell.text for cell in cells] == ["−33 %", "−33 to −33 %", "−50 %"]
    assert steadier(Group("phantom", "simulated", "film", "test", pd.DataFrame(rows[:3]))).rows == ()
    assert tell(steadier(Group("x", "simulated", "stills", "test", pd.DataFrame(rows))), "##", Console()) == []


@pytest.mark.long
def test_the_command_writes_what_it_can_tell(a_model, tmp_path):
    document = tmp_path / "temporal.md"
    arguments = ["--models", "tiny,absent-model", "--hearts", "2", "--frames", "8", "--threads", "1"]
    app([*arguments, "--output", str(tmp_path / "out"), "--document", str(document)], standalone_mode=False)
    text = document.read_text(encoding="utf-8")
    assert "| Smistad et al.: temporal ConvLSTM | 0.007 | 1 |" in text
    assert "Simulated: hearts" in text
    assert "Real" not in text
    assert missing(["tiny", "absent-model", "tiny+wma:6"]) == ["absent-model"]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.key)
def test_ablations_lack_one_part_and_are_trained_alike(part, tmp_path):
    recipe, whole = (recipe_of(one, AblationBudget(), tmp_path) for one in (part, PARTS[0]))
    free = {"name", "configuration", "losses"}
    assert recipe.model_dump(exclude=free) == whole.model_dump(exclude=free)
    assert len(recipe.configuration.items() - whole.configuration.items()) == (0 if part is PARTS[0] else 1)
    build_model("ral", **{**recipe.configuration, "growth": 2})
    assert recipe.data[0].split == "train"


@pytest.mark.long
def test_the_ablation_is_trained_scored_and_labelled(a_model, tmp_path):
    document = tmp_path / "views.md"
    arguments = ["--models", "", "--patients", "0", "--hearts", "4", "--ablation", "--steps", "2", "--size", "32"]
    arguments += ["--growth", "2", "--learn-from", "4", "--threads", "1", "--output", str(tmp_path / "out")]
    before = os.environ[MODELS_VARIABLE]
    views_app([*arguments, "--document", str(document)], standalone_mode=False)
    os.environ[MODELS_VARIABLE] = before
    text = document.read_text(encoding="utf-8")
    assert all(f"| {part.model} |" in text for part in PARTS)
    assert "2 steps" in text
    assert "| Li et al.: without spatial |" in text
