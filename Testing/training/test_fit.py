"""The loop: the loss falls, the best network is kept, and an interrupted run ends where another would have."""

from __future__ import annotations

import csv
import resource
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from EchoODELib.engine.errors import DeviceError, OutputError
from EchoODELib.engine.weights import MODELS_VARIABLE, save_model
from EchoODETrainingLib.errors import TrainingError
from EchoODETrainingLib.fit import Outcome, Run
from EchoODETrainingLib.machine import Machine
from EchoODETrainingLib.objective import first_network
from EchoODETrainingLib.recipe import Recipe
from EchoODETrainingLib.run_folder import RunFolder
from EchoODETrainingLib.train import card_of
from EchoODETrainingLib.validate import DiceJudge, windows_of
from EchoODETrainingLib.watch import Watcher

from training.standins import Cutter, Discs, a_recipe, some_parts

HERE = Machine("cpu", workers=0, threads=1, keep_seconds=0.0)
CLIPS = {
    "architecture": "echo_ode",
    "configuration": {"width": 4, "hidden": 8, "solver": "euler", "steps": 2},
    "losses": {"reconstruction": 10.0},
    "window": {"inputs": 2, "outputs": 3},
}


class Diary(Watcher):
    def __init__(self, stop_at: int = 10**9) -> None:
        self.lines: list[str] = []
        self.rows: list[dict[str, float | int | None]] = []
        self.done, self.stop_at = 0, stop_at

    def line(self, text: str) -> None:
        self.lines.append(text)

    def stepped(self, done: int, total: int, seconds_left: float | None) -> None:
        self.done = done

    def measured(self, row: Mapping[str, float | int | None], parts: Mapping[str, float]) -> None:
        self.rows.append(dict(row))

    def wants_stop(self) -> bool:
        return self.done >= self.stop_at


def a_run(recipe: Recipe, folder: RunFolder | None = None, diary: Diary | None = None, judged: bool = False) -> Run:
    window, discs = recipe.window, Discs()
    judge = None
    if judged:
        seen = [shown for entry in discs.entries("valid") for shown in windows_of(discs.load(entry), recipe.size)]
        judge = DiceJudge(seen, recipe.labels, device=torch.device("cpu"))
    return Run(
        recipe,
        some_parts(),
        lambda size: Cutter(size, window.inputs, window.outputs),
        judge,
        machine=HERE,
        folder=folder,
        watcher=diary,
    )


def same(one: Outcome, other: Outcome) -> None:
    for (name, first), second in zip(
        one.network.state_dict().items(), other.network.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(first, second, msg=name)


@pytest.mark.parametrize("changes", [{}, CLIPS], ids=["frames", "clips"])
def test_the_loss_falls(changes: Mapping[str, object]) -> None:
    diary = Diary()
    a_run(a_recipe(**changes, epochs=8), diary=diary).fit()
    losses = [float(row["loss"] or 0) for row in diary.rows]
    assert losses[-1] < 0.8 * losses[0]


def test_the_kept_network_is_the_best_on_valid() -> None:
    run = a_run(a_recipe(epochs=6), judged=True)
    outcome = run.fit()
    assert run.judge is not None
    scores = run.judge(outcome.network)
    assert scores == pytest.approx(outcome.progress.best)
    assert run.judge.figure(scores) == pytest.approx(outcome.progress.best_figure)
    assert scores["lv"] > 0.3


@pytest.mark.parametrize("changes", [{}, CLIPS, {"optimiser": {"name": "sgd", "learning_rate": 0.01}}])
@pytest.mark.parametrize("stop_at", [1, 3])
def test_a_stopped_run_goes_on_to_the_same_weights(changes: dict[str, object], stop_at: int, tmp_path) -> None:
    recipe = a_recipe(**changes)
    whole = a_run(recipe).fit()
    folder = RunFolder.begin(tmp_path / "run", recipe)
    stopped = a_run(recipe, folder, Diary(stop_at)).fit()
    assert (stopped.state, stopped.progress.step) == ("stopped", stop_at)
    again = a_run(recipe, folder)
    again.resume()
    resumed = again.fit()
    assert resumed.state == "done"
    same(whole, resumed)


def test_another_seed_gives_other_weights() -> None:
    one, other = (a_run(a_recipe(seed=seed, epochs=1)).fit() for seed in (1, 2))
    with pytest.raises(AssertionError):
        same(one, other)


def test_a_coarser_stage_comes_first() -> None:
    sizes = []
    run = a_run(a_recipe(before=[{"size": [16, 16], "epochs": 1}], epochs=1))
    cut = run.sampler_of
    run.sampler_of = lambda size: (sizes.append(size), cut(size))[1]
    assert run.fit().progress.step == 2 * run.timetable.epoch
    assert sizes == [(16, 16), (32, 32)]


def test_a_loss_that_is_no_number_goes_back_once_and_then_stops(tmp_path) -> None:
    recipe = a_recipe(optimiser={"learning_rate": 1e30}, schedule={"name": "constant", "warm_up": 0})
    diary = Diary()
    with pytest.raises(TrainingError, match=r"NaN at step \d+; lower optimiser\.learning_rate"):
        a_run(recipe, RunFolder.begin(tmp_path / "run", recipe), diary).fit()
    assert [line for line in diary.lines if "half the learning rate" in line]


def test_a_run_that_went_back_tells_no_step_twice(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder.begin(tmp_path / "run", a_recipe())

    class Writing(Diary):
        def measured(self, row: Mapping[str, float | int | None], parts: Mapping[str, float]) -> None:
            folder.measured(row)

    run = a_run(a_recipe(), folder, Writing())
    run.machine = replace(HERE, keep_seconds=1e9)
    learn, calls = run.learner.learn, []

    def once_no_number(*arguments: Any, **options: Any) -> dict[str, float] | None:
        calls.append(arguments)
        return None if len(calls) == 5 else learn(*arguments, **options)

    monkeypatch.setattr(run.learner, "learn", once_no_number)
    assert run.fit().progress.step == 6
    rows = csv.DictReader((folder.path / "metrics.csv").open())
    assert [int(row["step"]) for row in rows] == [2, 4, 6]


def test_a_run_ends_early_when_nothing_gets_better() -> None:
    recipe = a_recipe(epochs=50, optimiser={"learning_rate": 1e-9}, validation={"patience": 2}, average=0.0)
    outcome = a_run(recipe, judged=True).fit()
    assert outcome.progress.step < outcome.progress.steps
    assert "no better figure in 2 validations" in outcome.message


def test_a_disk_that_fills_up_stops_a_run_that_goes_on_later(tmp_path) -> None:
    recipe = a_recipe()
    whole = a_run(recipe).fit()
    folder, limits = RunFolder.begin(tmp_path / "run", recipe), resource.getrlimit(resource.RLIMIT_FSIZE)

    class Filling(Diary):
        def stepped(self, done: int, total: int, seconds_left: float | None) -> None:
            if done == 3:
                resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))

    try:
        with pytest.raises(OutputError, match="make room on the disk"):
            a_run(recipe, folder, Filling()).fit()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    again = a_run(recipe, folder)
    again.resume()
    assert again.progress.step == 2
    same(whole, again.fit())


def test_memory_that_does_not_hold_a_batch_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    run = a_run(a_recipe())

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(run.learner.network, "deep_logits", full)
    with pytest.raises(DeviceError, match="does not hold a batch of 4; begin a new run with --batch 2"):
        run.fit()


def test_a_run_fits_into_its_minutes() -> None:
    whole = a_run(a_recipe(epochs=10_000, max_minutes=0.02)).fit()
    assert 13 < whole.progress.step == whole.progress.steps < 1000
    assert whole.progress.seconds < 3 * 1.2


def test_a_batch_that_two_processes_can_not_share_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lightning_fabric.Fabric.world_size", 3)
    with pytest.raises(TrainingError, match="batch of 4 can't be shared by 3"):
        a_run(a_recipe())


def test_a_run_starts_from_a_model(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = a_run(a_recipe(epochs=1)).fit()
    save_model(first.network, card_of(a_recipe(), {}, {}), tmp_path)
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
    start = first_network(a_recipe(start_from="tiny"))
    for name, value in first.network.state_dict().items():
        torch.testing.assert_close(value, start.state_dict()[name], atol=1e-2, rtol=1e-2)
    with pytest.raises(TrainingError, match="can't start from tiny"):
        first_network(a_recipe(start_from="tiny", **CLIPS))
    widths = {"widths": [4, 8], "stem_stride": 1}
    around = first_network(a_recipe(start_from="tiny", architecture="echo_ode_unet", configuration=widths))
    torch.testing.assert_close(around.unet.stem[0].weight, start.stem[0].weight)
