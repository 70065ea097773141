"""The comparison of networks: equal terms, tables that keep apart what is not alike, runs that go on."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest
from EchoODELib.engine.models import build_model
from EchoODETrainingLib.evaluate.summary import group_rows

from .networks import app
from .peer_tables import Trained, published_figures, table
from .variants import VARIANTS, Budget, recipe_of

SCORES = ("dice_lv", "dice_myocardium", "dice_la", "iou_lv", "tc_lv", "tc_true_lv", "tcd_lv", "ed_error", "es_error")


def rows_of(kind: str, values: dict[str, float]) -> list[dict]:
    """Two clips a network, all of whose scores are one number."""
    named = {"kind": kind, "form": "film", "split": "valid", "unit": "mm", "data_set": kind}
    scores = {**dict.fromkeys(SCORES, 0.0), "ed_found": 1.0, "es_found": 0.5}
    return [
        {**named, **scores, "model": f"peer-{key}", "clip": f"c{n}", "patient": f"p{n}"}
        | dict.fromkeys(SCORES, value + 0.1 * n)
        for key, value in values.items()
        for n in range(2)
    ]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.key)
def test_every_network_can_be_built_and_trained_by_its_recipe(variant, tmp_path):
    network = build_model(variant.architecture, **variant.configuration(4))
    assert bool(network.takes_clips) == variant.takes_clips
    assert recipe_of(variant, Budget(), tmp_path, tmp_path).configuration == variant.configuration(12)


def test_all_are_trained_on_equal_terms(tmp_path):
    free = {"name", "architecture", "configuration", "window", "batch"}
    recipes = [recipe_of(variant, Budget(), tmp_path, tmp_path).model_dump(exclude=free) for variant in VARIANTS]
    assert all(recipe == recipes[0] for recipe in recipes)
    full = [recipe_of(variant, Budget(), tmp_path, tmp_path) for variant in VARIANTS]
    assert {recipe.batch * recipe.window.outputs for recipe in full} == {42}
    by_steps = recipe_of(VARIANTS[0], Budget(steps=70), None, tmp_path)
    assert (by_steps.steps, by_steps.max_minutes) == (70, None)
    assert all(source["split"] == "train" for source in recipes[0]["data"])  # nothing is chosen on what is scored
    assert [s.kind for s in recipe_of(VARIANTS[0], Budget(), None, tmp_path).data] == ["phantom"]


def test_ablations_differ_from_the_whole_in_one_thing():
    whole = next(variant for variant in VARIANTS if variant.key == "echo-ode").configuration(8)
    for variant in VARIANTS:
        if variant.group == "ablation":
            own = variant.configuration(8)
            changed = {key for key in own if own[key] != whole.get(key)}
            assert changed <= {"skips", "reconstruction"} or len(changed) == 1


def test_a_table_has_one_kind_and_the_published_figures_beside():
    rows = pd.DataFrame(rows_of("simulated", {"unet": 0.5, "echo-ode": 0.7}) + rows_of("pseudo", {"unet": 0.1}))
    groups = group_rows(rows)
    assert [group.kind for group in groups] == ["pseudo", "simulated"]
    trained = {"unet": Trained(1.5, 300), "echo-ode": Trained(2.5, 90)}
    columns, found = table(groups[1], trained, "peers")
    assert [row[0] for row in found] == ["U-Net", "Echo-ODE", "the true masks"]
    by_name = dict(zip(columns, found[0], strict=True))
    assert by_name["Dice LV"].startswith("0.550 (0.500 to 0.600)")
    assert (by_name["steps"], by_name["M parameters"], by_name["found"]) == ("300", "1.50", "75 %")
    assert (by_name["paper Dice"], by_name["paper TC"], by_name["paper phases"]) == ("0.832", "0.355", "2.13")
    assert dict(zip(columns, found[-1], strict=True))["TC"] == "0.6500"
    assert len(table(groups[0], trained, "peers")[1]) == 2
    assert [row[0] for row in table(groups[1], trained, "ablation")[1]] == ["Echo-ODE", "the true masks"]


def test_published_figures_come_from_the_seeds():
    figures = published_figures()
    assert figures["Echo-ODE"] == {"dice": 0.834, "tc": 0.283, "phases": 1.79}
    assert figures["baseline + reconstruction + skips"] == {"dice": 0.834, "tc": 0.2832, "phases": 1.7}


@pytest.mark.long
def test_the_command_trains_scores_and_takes_up_what_is_there(tmp_path, capsys):
    arguments = ["--steps", "3", "--size", "32", "--width", "4", "--phantoms", "2", "--held-out", "2"]
    arguments += ["--patients", "0", "--only", "unet,echo-ode", "--output", str(tmp_path)]
    arguments += ["--document", str(tmp_path / "peers.md"), "--threads", "1"]
    app(arguments, standalone_mode=False)
    text = (tmp_path / "peers.md").read_text(encoding="utf-8")
    assert re.search(r"^\| U-Net \| \d", text, re.MULTILINE)
    assert "Simulated" in text
    assert "Pseudo" not in text
    kept = sorted((tmp_path / "peers").glob("*/scores-*.json"))
    assert len(kept) == 2
    assert json.loads(kept[0].read_text(encoding="utf-8"))["trained"]["steps"] == 3
    before = [path.stat().st_mtime_ns for path in kept]
    app([*arguments, "--stored"], standalone_mode=False)
    assert [path.stat().st_mtime_ns for path in kept] == before
    assert (tmp_path / "peers.md").read_text(encoding="utf-8") == text
