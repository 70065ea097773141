"""The stream: an example is decided by the seed and its number, whoever makes it."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections import Counter

import numpy as np
import pytest
import torch
from EchoODETrainingLib.datasets.clips import LabelledClip
from EchoODETrainingLib.errors import TrainingError
from EchoODETrainingLib.stream import Part, Stream, batches

from training.standins import Cutter, Discs, some_parts


class Named:
    """Gives the clip's number as a tensor."""

    def __call__(self, clip: LabelledClip, random: np.random.Generator) -> dict[str, torch.Tensor]:
        return {"clip": torch.tensor(int(clip.name.removeprefix("disc")))}


def a_stream(seed: int = 0, epoch: int = 8, parts: list[Part] | None = None) -> Stream:
    return Stream(parts or some_parts(), Cutter(), seed=seed, epoch=epoch)


def test_an_example_does_not_depend_on_who_makes_it_or_when() -> None:
    first, second = a_stream(), pickle.loads(pickle.dumps(a_stream()))
    for number in (5, 0, 12, 5):
        one, other = first[number].tensors, second[number].tensors
        assert all(torch.equal(value, other[name]) for name, value in one.items())
    assert not torch.equal(first[0].tensors["frames"], first[8].tensors["frames"])
    assert not torch.equal(first[0].tensors["frames"], a_stream(seed=1)[0].tensors["frames"])


@pytest.mark.parametrize(("processes", "workers"), [(1, 0), (2, 0), (1, 1)])
def test_batches_are_the_same_by_any_number_of_processes_and_from_any_step(processes: int, workers: int) -> None:
    whole = [batch["frames"] for batch, _ in batches(a_stream(), range(5), 4)]
    shares = [
        [
            batch["frames"]
            for batch, _ in batches(a_stream(), range(2, 5), 4, rank=rank, processes=processes, workers=workers)
        ]
        for rank in range(processes)
    ]
    for expected, found in zip(whole[2:], zip(*shares, strict=True), strict=True):
        assert torch.equal(expected, torch.cat(found))


def test_ctrl_c_in_a_terminal_does_not_end_the_processes_that_make_examples() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in a shell's background may ignore it
    try:
        feed = batches(a_stream(), range(6), 2, workers=1)
        for process in multiprocessing.active_children():
            os.kill(process.pid, signal.SIGINT)
        assert len([batch for batch, _ in feed]) == 6
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("shares", "expected"), [((3, 1), (15, 5)), ((1, 1), (10, 10)), ((0, 1), (0, 20)), ((2, 1), (13, 7))]
)
def test_each_part_has_its_share_of_every_epoch(shares: tuple[float, float], expected: tuple[int, int]) -> None:
    few, many = Discs(8), Discs(40)
    parts = [Part(few, few.entries("train")[:5], shares[0]), Part(many, many.entries("train")[20:], shares[1])]
    stream = Stream(parts, Named(), seed=0, epoch=20)
    for epoch in range(3):
        names = [int(stream[20 * epoch + k].tensors["clip"]) for k in range(20)]
        assert (sum(name < 5 for name in names), sum(name >= 20 for name in names)) == expected


def test_every_clip_comes_once_before_any_comes_again() -> None:
    stream = Stream(some_parts(), Named(), seed=3, epoch=4)
    laps = [[int(stream[6 * lap + k].tensors["clip"]) for k in range(6)] for lap in range(4)]
    assert all(Counter(lap) == Counter(range(6)) for lap in laps)
    assert len({tuple(lap) for lap in laps}) > 1


def test_what_can_not_be_read_is_named_and_the_next_clip_taken() -> None:
    discs = Discs(8, broken=["disc2", "disc4"])
    stream = Stream([Part(discs, discs.entries("train"), 1.0)], Named(), seed=0, epoch=6)
    examples = [stream[k] for k in range(12)]
    assert {int(example.tensors["clip"]) for example in examples} == {0, 1, 3, 5}
    skipped = {name: reason for example in examples for name, reason in example.skipped}
    assert set(skipped) == {"disc2", "disc4"}
    assert "damaged" in skipped["disc2"]


def test_nothing_to_learn_from_is_said() -> None:
    discs = Discs(8, broken=[f"disc{k}" for k in range(8)])
    with pytest.raises(TrainingError, match="None of the 6 clips of discs can be used: disc"):
        Stream([Part(discs, discs.entries("train"), 1.0)], Named(), seed=0, epoch=6)[0]
    with pytest.raises(TrainingError, match="nothing to learn from"):
        Stream([Part(discs, [], 1.0)], Named(), seed=0, epoch=6)
