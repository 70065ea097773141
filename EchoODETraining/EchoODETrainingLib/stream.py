"""The endless stream of a run's examples: example k is decided by the seed and k alone.

So it doesn't matter how many processes make the examples, how many share a batch, or whether the run was
interrupted: the same examples come in the same order.
"""

from __future__ import annotations

import signal
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np
import torch
from EchoODELib.engine.errors import EchoODEError
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .datasets.base import DataSet, Entry
from .datasets.clips import LabelledClip
from .errors import TrainingError

_KEPT_BYTES = 2**30
"""Clips that a process keeps in memory, at most."""


class Sampler(Protocol):
    """Cuts an example out of a clip."""

    def __call__(self, clip: LabelledClip, random: np.random.Generator) -> dict[str, Tensor]:
        """Tensors by name, of the same shapes for each clip."""
        ...


@dataclass
class Part:
    """Entries of one data set that are learned from.

    Attributes
    ----------
    share: of the examples, relative to the other parts'.
    """

    data: DataSet
    entries: Sequence[Entry]
    share: float


@dataclass
class Example:
    """Tensors of one example, and what could not be read on the way to it."""

    tensors: dict[str, Tensor]
    skipped: list[tuple[str, str]] = field(default_factory=list)


class Stream(Dataset[Example]):
    """Examples by number.

    In each epoch every part gives its share, as exactly as whole examples allow, in an order of its own; a part's
    clips come once each before any comes again.

    Parameters
    ----------
    parts: what is learned from.
    sampler: makes an example of a clip.
    seed: of order and random changes.
    epoch: examples in an epoch.
    """

    def __init__(self, parts: Sequence[Part], sampler: Sampler, *, seed: int, epoch: int) -> None:
        self.parts, self.sampler, self.seed, self.epoch = parts, sampler, seed, epoch
        shares = np.array([part.share if part.entries else 0.0 for part in parts])
        if shares.sum() <= 0:
            raise TrainingError("There is nothing to learn from: no clip of the data is in the split train.")
        self._counts = tuple(_whole_shares(shares / shares.sum(), epoch).tolist())
        self._kept: OrderedDict[tuple[int, int], LabelledClip] = OrderedDict()
        self._bytes = 0

    def __getstate__(self) -> dict[str, object]:
        """Without the clips in memory: another process reads its own."""
        return {**self.__dict__, "_kept": OrderedDict(), "_bytes": 0}

    def __getitem__(self, number: int) -> Example:
        """Example ``number``, 0 or more.

        Raises
        ------
        TrainingError: no clip of the part can be read.
        """
        epoch, place = divmod(number, self.epoch)
        order = _order(self.seed, epoch, self._counts)
        which = int(order[place])
        before = int(np.count_nonzero(order[:place] == which))
        part = self.parts[which]
        ordinal = epoch * self._counts[which] + before
        skipped: list[tuple[str, str]] = []
        for trial in range(len(part.entries)):
            lap, position = divmod(ordinal + trial, len(part.entries))
            entry = int(_lap(self.seed, which, lap, len(part.entries))[position])
            try:
                clip = self._clip(which, entry)
                tensors = self.sampler(clip, np.random.default_rng((self.seed, 1, number)))
            except EchoODEError as error:
                skipped.append((part.entries[entry].name, str(error)))
                continue
            return Example(tensors, skipped)
        raise TrainingError(f"None of the {len(part.entries)} clips of {part.data.kind} can be used: {skipped[0][1]}")

    def _clip(self, which: int, entry: int) -> LabelledClip:
        key = which, entry
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        part = self.parts[which]
        clip = self._kept[key] = part.data.load(part.entries[entry])
        self._bytes += clip.nbytes
        while self._bytes > _KEPT_BYTES and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= gone.nbytes
        return clip


def _whole_shares(shares: NDArray[np.float64], total: int) -> NDArray[np.int64]:
    """Whole numbers near ``shares * total`` whose sum is ``total``: the largest remainders are rounded up."""
    exact = shares * total
    counts = np.floor(exact).astype(np.int64)
    largest = np.argsort(-(exact - counts), kind="stable")
    counts[largest[: total - int(counts.sum())]] += 1
    return counts


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, counts: tuple[int, ...]) -> NDArray[np.int64]:
    """(sum of counts,) the part that gives each example of an epoch."""
    return np.random.default_rng((seed, 2, epoch)).permutation(np.repeat(np.arange(len(counts)), counts))


@lru_cache(maxsize=8)
def _lap(seed: int, which: int, lap: int, count: int) -> NDArray[np.int64]:
    """(count,) the order of a part's clips, each once."""
    return np.random.default_rng((seed, 3, which, lap)).permutation(count)


def collate(examples: Sequence[Example]) -> tuple[dict[str, Tensor], list[tuple[str, str]]]:
    """A batch of examples, and what was skipped."""
    names = examples[0].tensors
    skipped = [one for example in examples for one in example.skipped]
    return {name: torch.stack([example.tensors[name] for example in examples]) for name in names}, skipped


class _Numbers:
    """Numbers of the examples of each step, for one of ``processes``."""

    def __init__(self, steps: range, batch: int, rank: int, processes: int) -> None:
        self.steps, self.batch, self.rank, self.processes = steps, batch, rank, processes

    def __iter__(self) -> Iterator[range]:
        own = self.batch // self.processes
        for step in self.steps:
            start = step * self.batch + self.rank * own
            yield range(start, start + own)

    def __len__(self) -> int:
        return len(self.steps)


def batches(
    stream: Stream,
    steps: range,
    batch: int,
    *,
    rank: int = 0,
    processes: int = 1,
    workers: int = 0,
    pinned: bool = False,
) -> Iterator[tuple[Mapping[str, Tensor], list[tuple[str, str]]]]:
    """The batches of ``steps``, this process's part of each.

    Parameters
    ----------
    batch: examples a step over all ``processes``; a multiple of them.
    workers: processes that make examples ahead; 0 makes them in this one.
    pinned: whether to copy to a GPU without waiting.
    """
    # Forked workers can inherit a lock of OpenCV's thread pool, which nobody will release there.
    loader = DataLoader(
        stream,
        batch_sampler=_Numbers(steps, batch, rank, processes),  # type: ignore[arg-type]
        num_workers=workers,
        collate_fn=collate,
        multiprocessing_context="spawn" if workers else None,
        prefetch_factor=4 if workers else None,
        worker_init_fn=_be_modest if workers else None,
        pin_memory=pinned,
    )
    with _deaf_to_interrupts():
        return iter(loader)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Processes begun in here don't end at Ctrl-C, which a terminal sends to all: this one ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _be_modest(_: int) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
