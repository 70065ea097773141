"""Checkpoints: damage is noticed, the one before is used, and a full disk loses nothing."""

from __future__ import annotations

import json
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from EchoODELib.engine.errors import OutputError
from EchoODETrainingLib.checkpoint import Checkpoints, Progress, State, capture, restore
from EchoODETrainingLib.errors import TrainingError
from torch import nn
from torch.optim.swa_utils import AveragedModel


def a_state(step: int) -> State:
    return State({"network.weight": torch.full((64, 64), float(step))}, Progress(step=step, steps=9), {})


def step_of(checkpoints: Checkpoints) -> int:
    """The step of what is loaded, numbers and tensors alike."""
    state = checkpoints.load()
    assert state.tensors["network.weight"][0, 0] == state.progress.step
    return state.progress.step


@pytest.fixture
def two_states(tmp_path: Path) -> Checkpoints:
    made = Checkpoints(tmp_path)
    for step in (1, 2, 3):
        made.save(a_state(step))
    return made


def test_the_last_two_are_kept(two_states: Checkpoints, tmp_path: Path) -> None:
    assert step_of(two_states) == 3
    names = {f"{name}.{kind}" for name in ("last", "previous") for kind in ("json", "safetensors")}
    assert {path.name for path in tmp_path.iterdir()} == names
    (tmp_path / "last.json").unlink()
    assert step_of(two_states) == 2


@pytest.mark.parametrize("kind", ["json", "safetensors"])
@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_last_one_is_passed_over_with_a_word(
    two_states: Checkpoints, tmp_path: Path, kind: str, damage: str
) -> None:
    path = tmp_path / f"last.{kind}"
    content = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "json":
        document = json.loads(content)
        document["sha256"] = document["sha256"][::-1]
        path.write_text(json.dumps(document))
    else:
        content[-1] ^= 1
        path.write_bytes(content)
    said: list[str] = []
    state = two_states.load(said.append)
    assert state.progress.step == state.tensors["network.weight"][0, 0] == 2
    assert said == ["The last checkpoint is damaged; the one before it, of step 2, is used."]


def test_nothing_whole_is_said(two_states: Checkpoints, tmp_path: Path) -> None:
    for path in tmp_path.glob("*.safetensors"):
        path.write_bytes(b"")
    with pytest.raises(TrainingError, match="no whole checkpoint"):
        two_states.load()
    assert Checkpoints(tmp_path / "absent").empty


@pytest.mark.parametrize("moves", range(5))
def test_a_kill_at_any_move_leaves_a_whole_state(
    two_states: Checkpoints, tmp_path: Path, moves: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    real, done = Path.replace, []

    def replace(path: Path, target: Path) -> Path:
        if len(done) == moves:
            raise Killed
        done.append(target)
        return real(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    try:
        two_states.save(a_state(4))
    except Killed:
        assert moves < 4
    said: list[str] = []
    assert two_states.load(said.append).progress.step == 4
    assert said == []


@contextmanager
def a_full_disk(room: int) -> Iterator[None]:
    """No file may grow beyond ``room`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [0, 8000])
def test_a_full_disk_is_said_and_loses_nothing(two_states: Checkpoints, tmp_path: Path, room: int) -> None:
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with a_full_disk(room), pytest.raises(OutputError, match="make room on the disk and go on with --resume"):
        two_states.save(a_state(4))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_the_best_is_kept_beside_the_last(two_states: Checkpoints, tmp_path: Path) -> None:
    assert two_states.load_best() is None
    two_states.save(a_state(2), best=True)
    best = two_states.load_best()
    assert best is not None and best.progress.step == 2
    assert step_of(two_states) == 3
    shutil.copy(tmp_path / "last.safetensors", tmp_path / "best.safetensors")
    assert two_states.load_best() is None


@pytest.mark.parametrize("optimiser", [torch.optim.AdamW, lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9)])
def test_what_is_restored_learns_on_alike(tmp_path: Path, optimiser) -> None:
    def fresh() -> tuple[nn.Module, AveragedModel, torch.optim.Optimizer]:
        network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
        return network, AveragedModel(network, use_buffers=True), optimiser(network.parameters(), lr=0.1)

    def learn(network: nn.Module, average: AveragedModel, steps: torch.optim.Optimizer, seed: int) -> None:
        torch.manual_seed(seed)
        network(torch.randn(5, 3)).square().sum().backward()
        steps.step()
        steps.zero_grad()
        average.update_parameters(network)

    one, other = fresh(), fresh()
    learn(*one, seed=1)
    Checkpoints(tmp_path).save(capture(*one, Progress(step=1, best={"lv": 0.5}, best_figure=0.5)))
    progress = restore(Checkpoints(tmp_path).load(), *other)
    assert progress == Progress(step=1, best={"lv": 0.5}, best_figure=0.5)
    for parts in (one, other):
        learn(*parts, seed=2)
    for first, second in zip(one[:2], other[:2], strict=True):
        for name, value in first.state_dict().items():
            torch.testing.assert_close(value, second.state_dict()[name], rtol=0, atol=0)


def test_a_state_of_another_network_is_refused(tmp_path: Path) -> None:
    small, large = nn.Linear(2, 2), nn.Linear(3, 3)
    Checkpoints(tmp_path).save(capture(small, AveragedModel(small), torch.optim.SGD(small.parameters()), Progress()))
    with pytest.raises(TrainingError, match="another network"):
        restore(Checkpoints(tmp_path).load(), large, AveragedModel(large))
