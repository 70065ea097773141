"""Training of networks of whole clips: from recordings to a model that estimates."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from EchoODELib.engine.clips_over_time import ClipUse
from EchoODELib.engine.ef import EfEstimator
from EchoODELib.engine.errors import WeightsError
from EchoODELib.engine.infarction import InfarctionEstimator
from EchoODELib.engine.models.coreecho import ClipAnswer, CoReEcho
from EchoODELib.engine.models.uniformer import UniFormer
from EchoODELib.engine.sequence import EchoSequence, View
from EchoODELib.engine.weights import load_model, read_card, save_model
from EchoODETrainingLib.clip_sampler import ClipSampler
from EchoODETrainingLib.datasets import base
from EchoODETrainingLib.datasets.recordings import as_recording
from EchoODETrainingLib.errors import RecipeError, TrainingError
from EchoODETrainingLib.fit import Run
from EchoODETrainingLib.gather import gather, sampler_of
from EchoODETrainingLib.judging import judge_of
from EchoODETrainingLib.machine import Machine
from EchoODETrainingLib.objective import first_network
from EchoODETrainingLib.recipe import RECIPES, Recipe, make_recipe, read_recipe
from EchoODETrainingLib.run_folder import RunFolder
from EchoODETrainingLib.timetable import Timetable
from EchoODETrainingLib.train import train
from EchoODETrainingLib.value_judge import ValueJudge, errors, no_or_yes
from safetensors.torch import save_file

from training.standins import CARD, Beating, a_clip
from training.test_fit import Diary

TINY = {"depths": [1, 1, 1, 1], "widths": [4, 4, 8, 8], "head_width": 4, "expansion": 2, "dropout": 0.0}
HERE = Machine("cpu", workers=0, threads=1, keep_seconds=0.0)


@pytest.fixture(autouse=True)
def a_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECHOODE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(base.KINDS, "beating", (Beating.__module__, "Beating"))


def a_recipe(**changes: Any) -> Recipe:
    content: dict[str, Any] = {
        "name": "tiny-ef",
        "task": "ejection_fraction",
        "architecture": "coreecho",
        "configuration": {**TINY, "middle": 45, "scale": 10},
        "size": [32, 32],
        "data": [{"kind": "beating", "folder": "."}, {"kind": "beating", "folder": ".", "split": "valid"}],
        "clips": {"frames": 4, "stride": 2},
        "augmentation": {"elastic": 0, "strength": 0},
        "answers": {"contrast": 1.0},
        "optimiser": {"learning_rate": 0.003},
        "epochs": 3,
        "head_epochs": 1,
        "batch": 3,
        "precision": "32-true",
        "average": 0.5,
        "card": CARD,
    }
    return make_recipe({**content, **changes}, "of this test")


def a_run(recipe: Recipe, folder: RunFolder | None = None, diary: Diary | None = None) -> Run:
    gathered = gather(recipe)
    judge = judge_of(recipe, gathered, {}, device=torch.device("cpu"))
    cut = lambda size: sampler_of(recipe, size)  # noqa: E731
    return Run(recipe, gathered.parts, cut, judge, machine=HERE, folder=folder, watcher=diary)


# --- figures


def test_figures_by_hand() -> None:
    said, wanted = np.array([50.0, 40.0, 66.0]), np.array([52.0, 44.0, 60.0])
    found = errors(said, wanted)
    assert found["mae"] == pytest.approx(4.0)
    assert found["rmse"] == pytest.approx(np.sqrt(56 / 3))
    assert found["r2"] == pytest.approx(1 - 56 / (0 + 64 + 64))
    assert "r2" not in errors(said[:1], wanted[:1])
    yes = no_or_yes(np.array([2.0, -1.0, 0.5, -3.0]), np.array([1.0, 1.0, 0.0, 0.0]))
    assert yes["accuracy"] == yes["f1"] == yes["sensitivity"] == yes["specificity"] == 0.5
    losses = [np.log1p(np.exp(-2)), np.log1p(np.exp(1)), np.log1p(np.exp(0.5)), np.log1p(np.exp(-3))]
    assert yes["bce"] == pytest.approx(np.mean(losses))
    assert "specificity" not in no_or_yes(np.array([1.0]), np.array([1.0]))


class Saying(torch.nn.Module):
    """Says the mean of a clip's first frame's number of bright pixels, so that figures are known."""

    def forward(self, clips):
        value = (clips > 0).float().mean((1, 2, 3, 4))[:, None]
        return ClipAnswer(embedding=value, values=value)


def test_a_judge_averages_the_clips_of_a_recording() -> None:
    sampler = ClipSampler((32, 32), ClipUse(4, 2), "ejection_fraction")
    shown = [replace(as_recording(a_clip(seed=k, frames=20), 64), ejection_fraction=0.5) for k in range(3)]
    judge = ValueJudge(shown, sampler, device=torch.device("cpu"))
    expected = [(sampler.at_use(one) > 0).mean() for one in shown]
    np.testing.assert_allclose(judge.look(Saying()), expected, rtol=1e-4)
    scores = judge(Saying())
    assert scores["mae"] == pytest.approx(np.abs(np.array(expected) - 0.5).mean(), rel=1e-4)
    assert judge.figure(scores) == -scores["mae"]


# --- runs


def test_the_second_stage_teaches_the_head_alone() -> None:
    network: dict[int, dict[str, torch.Tensor]] = {}

    class Keeping(Diary):
        def stepped(self, done: int, total: int, seconds_left: float | None) -> None:
            network[done] = {k: v.clone() for k, v in run.learner.network.state_dict().items()}

    run = a_run(a_recipe(epochs=4, head_epochs=2, data=a_recipe().model_dump()["data"][:1]), diary=Keeping())
    run.fit()
    turn = run.timetable.head_from(run.timetable.steps)
    assert (turn, run.timetable.steps) == (4, 8)

    def moved(one: int, other: int) -> set[str]:
        return {k.split(".")[0] for k, v in network[one].items() if not torch.equal(v, network[other][k])}

    assert moved(turn - 1, turn) == {"encoder", "head"}
    assert moved(turn, 8) == {"head"}


def test_the_schedule_begins_anew_for_the_head() -> None:
    recipe = a_recipe(epochs=30, head_epochs=5, schedule={"name": "step", "warm_up": 0, "at": 0.6})
    times = Timetable(recipe, gather(recipe).parts)
    rates = [recipe.schedule.factor(times.progress(step, times.steps)) for step in range(times.steps)]
    by_epoch = np.array(rates).reshape(30, -1)
    assert (by_epoch[:15] == 1).all()
    assert (by_epoch[15:25] == 0.1).all()
    assert (by_epoch[25:28] == 1).all()
    assert times.head_from(times.steps // 2) == times.steps // 2 - times.steps // 12  # a shortened run keeps its share


def test_a_stopped_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    recipe = a_recipe()
    whole = a_run(recipe).fit()
    folder = RunFolder.begin(tmp_path / "run", recipe)
    assert a_run(recipe, folder, Diary(stop_at=5)).fit().state == "stopped"
    again = a_run(recipe, folder)
    again.resume()
    for one, other in zip(whole.network.state_dict().values(), again.fit().network.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other)


def test_a_whole_training_gives_a_model_that_estimates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = a_recipe(epochs=4, head_epochs=1)
    folder = RunFolder.begin(tmp_path / "run", recipe)
    outcome = train(recipe, folder, machine=HERE)
    assert set(outcome.progress.best) == {"mae", "rmse", "r2"}
    rows = list(csv.DictReader((tmp_path / "run" / "metrics.csv").open()))
    found = [float(row["valid_mae"]) for row in rows]
    assert outcome.progress.best["mae"] == pytest.approx(min(found), rel=1e-4)
    assert not any(row["valid_lv"] for row in rows)
    assert all(float(row["valid_r2"]) <= 1 for row in rows)
    status = json.loads((tmp_path / "run" / "status.json").read_text())
    assert status["best"]["mae"] == pytest.approx(min(found), rel=1e-4)
    assert cv2.imread(str(tmp_path / "run" / "previews" / "epoch-004.png")) is not None
    card = read_card(tmp_path / "run" / "model" / "tiny-ef.yaml")
    assert (card.task, card.labels) == ("ejection_fraction", ("ejection_fraction",))
    assert ClipUse.of_card(card.use) == recipe.clips.use
    assert card.figures["valid_while_training"]["mae"] == pytest.approx(min(found), abs=1e-3)
    monkeypatch.setenv("ECHOODE_MODELS", str(tmp_path / "run" / "model"))
    clip = a_clip(frames=30)
    estimate = EfEstimator("tiny-ef", "cpu").estimate(EchoSequence(clip.frames, clip.times, clip.spacing, View.A4C))
    assert 0 < estimate.value < 100


def test_infarctions_are_told_by_cross_entropy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = a_recipe(
        name="tiny-mi",
        task="infarction",
        configuration={**TINY, "middle": 0},
        answers={"error": "bce"},
        head_epochs=0,
        epochs=1,
    )
    outcome = train(recipe, RunFolder.begin(tmp_path / "run", recipe), machine=HERE)
    assert {"bce", "accuracy"} <= set(outcome.progress.best)
    assert read_card(tmp_path / "run" / "model" / "tiny-mi.yaml").task == "infarction"
    with pytest.raises(WeightsError, match="is for infarction"):
        _estimator(tmp_path / "run" / "model", "tiny-mi")
    monkeypatch.setenv("ECHOODE_MODELS", str(tmp_path / "run" / "model"))
    clip = a_clip(frames=30)
    found = InfarctionEstimator("tiny-mi", "cpu").estimate(EchoSequence(clip.frames, clip.times, None, View.A4C))
    assert 0 < found.low <= found.value <= found.high < 1


def _estimator(folder: Path, name: str) -> EfEstimator:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECHOODE_MODELS", str(folder))
        return EfEstimator(name, "cpu")


# --- where a run begins


def test_a_new_head_on_an_encoder_of_another_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECHOODE_MODELS", str(tmp_path))
    torch.manual_seed(5)
    recipe = a_recipe()
    from EchoODETrainingLib.train import card_of

    save_model(CoReEcho(**{**TINY, "middle": 45, "scale": 10}), card_of(recipe, {}, {}), tmp_path)
    start, _ = load_model("tiny-ef")
    begun = first_network(a_recipe(start_from="tiny-ef", start_parts=["encoder"], name="next"))
    for name, value in begun.encoder.state_dict().items():
        torch.testing.assert_close(value, start.encoder.state_dict()[name])
    assert not torch.equal(begun.head[2].weight, start.head[2].weight)
    two = {**TINY, "outputs": 2}
    first_network(a_recipe(start_from="tiny-ef", start_parts=["encoder"], configuration=two))
    for changes in ({"configuration": two}, {"start_parts": ["decoder"]}):
        with pytest.raises(TrainingError, match="can't start from tiny-ef"):
            first_network(a_recipe(start_from="tiny-ef", **changes))


def test_published_weights_that_a_person_brings(tmp_path: Path) -> None:
    from engine.models.test_coreecho import published

    path = tmp_path / "uniformer.safetensors"
    colour = UniFormer(**{k: v for k, v in TINY.items() if k != "dropout"}, in_channels=3)
    save_file({name: value.contiguous() for name, value in published(colour).items()}, path)
    begun = first_network(a_recipe(start_from=str(path)))
    torch.testing.assert_close(begun.encoder.norm.weight, colour.norm.weight)
    first = begun.encoder.stages[0].embed.projection.weight
    torch.testing.assert_close(first, colour.stages[0].embed.projection.weight.sum(1, keepdim=True))
    with pytest.raises(TrainingError, match=r"don't fit.*size mismatch"):
        first_network(a_recipe(start_from=str(path), configuration={**TINY, "widths": [4, 4, 8, 12]}))
    with pytest.raises(TrainingError, match="can't be read"):
        first_network(a_recipe(start_from=str(tmp_path / "absent.safetensors")))


# --- recipes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head_epochs": 4}, "head_epochs"),
        ({"architecture": "unet"}, "the architecture unet is not for ejection_fraction"),
        ({"task": "segmentation"}, "the architecture coreecho is not for segmentation"),
        ({"clips": {"frames": 0}}, r"clips\.frames"),
        ({"answers": {"error": "l3"}}, r"answers\.error"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        a_recipe(**changes)


@pytest.mark.parametrize("name", sorted(path.name for path in RECIPES.glob("coreecho*.yaml")))
def test_shipped_recipes_are_consistent(name: str) -> None:
    recipe = read_recipe(Path(name))
    with torch.device("meta"):
        network = CoReEcho(**recipe.configuration).eval()
        network(torch.empty(1, recipe.clips.frames, 1, *recipe.size))
    sampler_of(recipe, recipe.size)
    assert recipe.chosen_on
    assert recipe.answers.contrast == 0 or recipe.clips.a_recording == 2
    assert ("probe" in name) == (recipe.head_epochs == recipe.epochs)
    if "camus" in name or "hmc" in name:
        folded = recipe.with_fold(3)
        assert {source.options["fold"] for source in folded.data} == {3}
        assert folded.name.endswith("-fold3")
    else:
        with pytest.raises(RecipeError, match="has no folds"):
            recipe.with_fold(0)


def test_the_papers_recipe_is_the_papers() -> None:
    recipe = read_recipe(Path("coreecho_paper.yaml"))
    assert (recipe.size, recipe.clips.frames, recipe.clips.stride, recipe.batch) == ((112, 112), 36, 4, 16)
    assert (recipe.epochs, recipe.head_epochs, recipe.optimiser.learning_rate) == (30, 5, 1e-4)
    assert recipe.configuration == {}
    assert recipe.answers.temperature == 1.0
