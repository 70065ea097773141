"""The parts of a training are left out as the paper leaves them out, and what is trained is not trained again."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from EchoODETrainingLib.recipe import read_recipe
from typer.testing import CliRunner

from . import ef, ef_parts
from .ef_parts import PARTS

HEARTS = {"views": ["A4C"], "frames": 8, "size": 64, "ejection_fraction": [10, 80]}
TINY = {
    "name": "tiny",
    "task": "ejection_fraction",
    "architecture": "coreecho",
    "configuration": {"depths": [1, 1, 1, 1], "widths": [4, 4, 8, 8], "head_width": 4},
    "size": [32, 32],
    "data": [
        {"kind": "phantom", "options": {"clips": {"train": 2, "valid": 1}, **HEARTS}},
        {"kind": "phantom", "split": "valid", "options": {"clips": {"train": 2, "valid": 1}, **HEARTS}},
    ],
    "clips": {"frames": 4, "stride": 1},
    "augmentation": {"elastic": 0, "strength": 0},
    "answers": {"contrast": 1.0},
    "epochs": 2,
    "head_epochs": 1,
    "batch": 2,
    "precision": "32-true",
    "card": {
        "views": ["A4C"],
        "training_data": "none",
        "licence": "Apache-2.0",
        "citation": "none",
        "intended_use": "tests",
        "limits": "everything",
    },
}


def test_each_part_leaves_out_what_it_says() -> None:
    recipe = read_recipe(Path("coreecho_small"))
    made = {part.key: part.of(recipe) for part in PARTS}
    assert len({one.name for one in made.values()}) == len(PARTS)
    assert made["whole"].model_dump(exclude={"name"}) == recipe.model_dump(exclude={"name"})
    assert {key for key, one in made.items() if one.head_epochs} == {"whole"}
    assert {key for key, one in made.items() if not one.answers.contrast} == {"l1"}
    assert {key for key, one in made.items() if not one.clips.own_starts} == {"one-start"}
    assert {key for key, one in made.items() if one.augmentation["strength"] == 0} == {"plain"}
    assert all(one.clips.frames == recipe.clips.frames and one.epochs == recipe.epochs for one in made.values())


def test_it_trains_once_and_compares(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECHOODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ECHOODE_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(ef, "HEARTS", HEARTS)
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(TINY))
    asked = [
        "--recipe",
        str(tmp_path / "tiny.yaml"),
        "--only",
        "whole",
        "--phantoms",
        "2",
        "--threads",
        "1",
        "--epochs",
        "3",
    ]
    asked += ["--workers", "0", "--output", str(tmp_path / "out")]
    for more in ([], [], ["--seed", "8"]):
        done = CliRunner().invoke(ef_parts.app, [*asked, *more])
        assert done.exit_code == 0, done.output
    runs = sorted(path.name for path in (tmp_path / "out" / "ef-parts").iterdir())
    assert runs == ["tiny-seed8-whole", "tiny-whole"]
    assert (tmp_path / "out" / "ef-parts" / "tiny-whole" / "log.txt").read_text().count("Done:") == 1
    text = (tmp_path / "out" / "ef-parts.md").read_text()
    assert "| L1 + contrast + second stage | 3 | 2 |" in text  # epochs of one step each, recordings
    assert "L1 + contrast + K400" in text  # the paper's own, beside
