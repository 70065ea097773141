"""What is changed of a recipe, and how."""

from __future__ import annotations

from pathlib import Path

import pytest
from EchoODETrainingLib.module import recipes
from EchoODETrainingLib.module.data import DataChoice
from EchoODETrainingLib.module.recipes import Changes, Setup, UnusableRecipe

CONTENT = {
    "name": "a",
    "architecture": "unet",
    "size": [96, 96],
    "before": [{"size": [64, 64], "epochs": 2}],
    "epochs": 5,
    "batch": 8,
    "data": [
        {"kind": "camus", "split": "train"},
        {"kind": "camus", "split": "valid"},
        {"kind": "phantom", "split": "train", "share": 0.1, "options": {"clips": {"train": 5}}},
    ],
}


def test_nothing_is_changed_where_nothing_was_chosen() -> None:
    assert recipes.changed(CONTENT, Changes()) == CONTENT


def test_each_change_is_made() -> None:
    made = recipes.changed(CONTENT, Changes(name="b", size=(112, 112), epochs=7, batch=2))
    assert (made["name"], made["size"], made["epochs"], made["batch"]) == ("b", [112, 112], 7, 2)
    assert "before" not in made  # earlier stages had sizes and epochs of their own
    assert recipes.changed(CONTENT, Changes(minutes=3))["max_minutes"] == 3
    timed = {**CONTENT, "steps": 100, "epochs": None, "max_minutes": 2}
    assert {"steps", "max_minutes"}.isdisjoint(recipes.changed(timed, Changes(epochs=4)))


def test_chosen_data_take_the_recipes_place_and_keep_its_options() -> None:
    chosen = (DataChoice("exports", Path("/mine")), DataChoice("phantom"))
    data = recipes.changed(CONTENT, Changes(data=chosen))["data"]
    assert data == [
        CONTENT["data"][2],
        {"kind": "exports", "split": "train", "share": 0.1, "folder": "/mine"},
        {"kind": "exports", "split": "valid", "folder": "/mine"},
    ]
    camus = recipes.changed(CONTENT, Changes(data=(DataChoice("camus", Path("/c")),)))["data"]
    assert [one.get("folder") for one in camus] == ["/c", "/c", None]  # simulated hearts stay mixed in
    simulated = {**CONTENT, "data": CONTENT["data"][2:]}
    own = recipes.changed(simulated, Changes(data=(DataChoice("exports", Path("/mine")),)))["data"]
    assert {one["kind"] for one in own} == {"exports"}
    moved = {**CONTENT, "data": [{"kind": "pseudo_camus"}, *CONTENT["data"]]}
    made = recipes.changed(moved, Changes(data=(DataChoice("camus", Path("/c")),)))["data"]
    assert made[0] == {"kind": "pseudo_camus", "folder": "/c"}
    assert recipes.options_of(CONTENT) == {"phantom": {"clips": {"train": 5}}}
    assert recipes.needed_kinds(CONTENT) == ["camus", "phantom"]


def test_another_network_brings_its_own_settings() -> None:
    made = recipes.changed({**CONTENT, "labels": ["background", "lv"]}, Changes(architecture="conv_lstm"))
    assert made["architecture"] == "conv_lstm"
    assert made["configuration"]["classes"] == 2


def test_networks_of_whole_clips_keep_their_stages_and_take_other_clips() -> None:
    content = {
        **CONTENT,
        "task": "ejection_fraction",
        "epochs": 30,
        "head_epochs": 5,
        "clips": {"frames": 16, "clips": 3},
    }
    made = recipes.changed(content, Changes(epochs=12, frames=24))
    assert (made["epochs"], made["head_epochs"], made["clips"]) == (12, 2, {"frames": 24, "clips": 3})
    assert recipes.changed(content, Changes(epochs=2))["head_epochs"] == 1
    probe = {**content, "head_epochs": 30}
    assert recipes.changed(probe, Changes(epochs=7))["head_epochs"] == 7
    assert recipes.changed(content, Changes(minutes=5))["head_epochs"] == 5
    assert "clips" not in recipes.changed(CONTENT, Changes(frames=24))  # masks are drawn in windows


def test_every_shipped_recipe_of_whole_clips_can_be_shortened(tmp_path: Path) -> None:
    from EchoODETrainingLib.recipe import read_recipe

    found = [path for path in recipes.shipped_recipes() if recipes.task_of(recipes.read(path)) != "segmentation"]
    assert len(found) == 9
    for path in found:
        made = read_recipe(recipes.write_asked(tmp_path, Setup(path, Changes(epochs=2, frames=8))))
        assert (made.epochs, made.clips.frames) == (2, 8)
        assert ("probe" in path.stem) == (made.head_epochs == 2)


@pytest.mark.parametrize("text", ["a: [", "- only a list", "\x00"])
def test_what_is_no_recipe_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    with pytest.raises(UnusableRecipe, match=r"odd\.yaml"):
        recipes.write_asked(tmp_path, Setup(path))


def test_shipped_recipes_can_be_changed_and_are_understood(tmp_path: Path) -> None:
    from EchoODELib.engine.models.registry import ARCHITECTURES, OF_WHOLE_CLIPS
    from EchoODETrainingLib.recipe import read_recipe

    assert recipes.shipped_recipes()
    for path in recipes.shipped_recipes():
        changes = Changes(name="mine", size=(64, 64), minutes=2, batch=2, data=(DataChoice("phantom"),))
        made = read_recipe(recipes.write_asked(tmp_path, Setup(path, changes)))
        assert made.size == (64, 64)
        assert "phantom" in {source.kind for source in made.data}
        assert made.max_minutes == 2
    usual = next(path for path in recipes.shipped_recipes() if recipes.read(path)["architecture"] == "unet")
    for architecture in set(ARCHITECTURES) - OF_WHOLE_CLIPS:
        made = read_recipe(recipes.write_asked(tmp_path, Setup(usual, Changes(architecture=architecture))))
        assert made.architecture == architecture
