"""Recipes: the shipped ones can be read, wrong ones are said by field."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from EchoODELib.engine.models import build_model
from EchoODETrainingLib.augment import PAPER_002
from EchoODETrainingLib.errors import RecipeError
from EchoODETrainingLib.gather import sampler_of
from EchoODETrainingLib.recipe import RECIPES, Schedule, make_recipe, read_recipe

from training.standins import CARD, a_recipe

PLAIN = {
    "name": "a",
    "architecture": "unet",
    "size": [32, 32],
    "data": [{"kind": "phantom"}],
    "epochs": 1,
    "card": CARD,
}


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_recipes_describe_what_can_be_trained(path: Path) -> None:
    recipe = read_recipe(Path(path.stem))
    network = build_model(recipe.architecture, **recipe.configuration)
    assert sum(parameter.numel() for parameter in network.parameters()) > 1000
    sampler = sampler_of(recipe, recipe.size)
    if recipe.task == "segmentation":
        assert sampler.inputs == recipe.window.inputs
    takes_clips = getattr(network, "takes_clips", False)
    assert takes_clips or recipe.window.inputs == 1
    assert recipe.chosen_on
    if any(source.kind in ("camus", "pseudo_camus") for source in recipe.data):
        assert recipe.card["licence"] == "CC BY-NC-SA 4.0"
        assert "Leclerc" in recipe.card["citation"]


def test_the_live_papers_recipe_is_as_published() -> None:
    recipe = read_recipe(Path("live_paper"))
    assert (recipe.size, recipe.batch, recipe.window.inputs, recipe.window.outputs) == ((256, 256), 2, 20, 20)
    assert recipe.window.stride == (1, 2)
    assert (recipe.losses.dice, recipe.losses.temporal, recipe.losses.temporal_threshold) == (0.4, 0.6, 0.01)
    assert recipe.losses.cross_entropy == 0
    assert recipe.augmentation["rotation"] == 10
    assert set(recipe.augmentation["chances"]) == set(PAPER_002)
    network = build_model(recipe.architecture, **recipe.configuration)
    assert 2.6e6 < sum(parameter.numel() for parameter in network.parameters()) < 2.8e6


def test_the_papers_recipe_is_as_published() -> None:
    recipe = read_recipe(Path("echo_ode_paper"))
    assert (recipe.window.inputs, recipe.window.outputs, recipe.size) == (4, 7, (112, 112))
    assert recipe.optimiser.model_dump() == {
        "name": "sgd",
        "learning_rate": 0.05,
        "weight_decay": 5e-4,
        "momentum": 0.9,
        "clip": 5.0,
    }
    assert (recipe.epochs, recipe.batch, recipe.losses.reconstruction) == (100, 16, 10)
    assert (recipe.schedule.name, recipe.configuration["solver"]) == ("polynomial", "dopri5")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"colour": 1}, "colour: there is no such field"),
        ({"size": None}, r"size: "),
        ({"size": [32]}, r"size\.1: this field is missing"),
        ({"size": [8, 32]}, r"size\.0: .*16"),
        ({"batch": 0}, "batch: .*1"),
        ({"batch": "many"}, "batch: .*integer"),
        (
            {"architecture": "perceptron"},
            "architecture: there is no architecture “perceptron”; choose one of: conv_lstm",
        ),
        ({"epochs": None}, "one of epochs and steps"),
        ({"steps": 5}, "one of epochs and steps"),
        ({"optimiser": {"name": "adam"}}, r"optimiser\.name: .*sgd"),
        ({"optimiser": {"taste": 1}}, r"optimiser\.taste: there is no such field"),
        ({"data": []}, "data: "),
        ({"data": [{"folder": "x"}]}, r"data\.0\.kind: this field is missing"),
        ({"data": [{"kind": "phantom", "split": "valid"}]}, "none of them is learned from"),
        ({"data": [{"kind": "phantom", "share": 0}]}, "shares are 0"),
        ({"labels": ["background", "lv"], "configuration": {"classes": 4}}, "configuration.classes is 4"),
        ({"name": "../a"}, "name: "),
        ({"card": {"views": ["A4C"]}}, "card: it lacks citation, intended_use"),
        ({"card": {**CARD, "taste": ""}}, "card: it has unknown taste"),
    ],
)
def test_a_wrong_recipe_is_said_by_field(tmp_path: Path, changes: dict[str, object], match: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump({**PLAIN, **changes}))
    with pytest.raises(RecipeError, match=match) as caught:
        read_recipe(path)
    assert "wrong.yaml" in str(caught.value)


@pytest.mark.parametrize(("content", "match"), [("a: [", "YAML"), ("- a", "list of fields"), ("\x00", "YAML")])
def test_what_is_no_recipe_is_said(tmp_path: Path, content: str, match: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(content)
    with pytest.raises(RecipeError, match=match):
        read_recipe(path)
    with pytest.raises(RecipeError, match=r"unet_camus\.yaml"):
        read_recipe(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"augmentation": {"taste": 1}}, "augmentation or window"),
        ({"lines": ["aorta"]}, "aorta"),
        ({"labels": ["background", "aorta"], "configuration": {}}, "labels: there is no aorta; use .*lv"),
    ],
)
def test_what_only_data_can_judge_is_said_too(changes: dict[str, object], match: str) -> None:
    recipe = a_recipe(**changes)
    with pytest.raises(RecipeError, match=match):
        sampler_of(recipe, recipe.size)


def test_folders_come_from_the_command_line(tmp_path: Path) -> None:
    recipe = a_recipe(data=[{"kind": "camus"}, {"kind": "camus", "split": "valid"}, {"kind": "phantom"}])
    filled = recipe.with_folders({"camus": tmp_path})
    assert [source.folder for source in filled.data] == [tmp_path, tmp_path, None]
    with pytest.raises(RecipeError, match="takes no data ted; it takes camus, phantom"):
        recipe.with_folders({"ted": tmp_path})


def test_a_recipe_is_written_as_it_is_read(tmp_path: Path) -> None:
    recipe = read_recipe(Path("unet_camus")).with_folders({"camus": tmp_path})
    assert make_recipe(yaml.safe_load(recipe.written())) == recipe
    changed = recipe.changed(batch=3, epochs=None)
    assert (changed.batch, changed.epochs) == (3, recipe.epochs)
    with pytest.raises(RecipeError, match="batch"):
        recipe.changed(batch=0)


@pytest.mark.parametrize("name", ["cosine", "polynomial", "constant"])
def test_the_learning_rate_rises_then_falls(name: str) -> None:
    schedule = Schedule(name=name, warm_up=0.1)
    rates = [schedule.factor(step / 100) for step in range(101)]
    assert all(rate >= 0 for rate in rates)
    assert max(rates) == pytest.approx(1) == pytest.approx(rates[10])
    assert rates[0] < 0.1
    assert rates == sorted(rates[:11]) + sorted(rates[11:], reverse=True)
    assert rates[100] == (1 if name == "constant" else pytest.approx(0, abs=1e-4))
