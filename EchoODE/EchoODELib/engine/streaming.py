"""Class probabilities (and images) at any times of a clip, in order, in memory that doesn't grow with the clip.

A frame network looks at single frames; a clip network at overlapping windows, see :mod:`.windows_over_time`. Both
are sources of maps for :func:`moments`, which asks for what the wanted times need, batch after batch, blends it
along time and gives each moment out as soon as nothing more can add to it. A clip network that can encode frames
one by one does so once for each frame, however many windows see it.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .models.clip_output import ClipOutput
from .models.inference import Batches, computing
from .windows_over_time import Share, WindowPlan, frame_shares

ReadFrames = Callable[[Sequence[int]], NDArray[np.float32]]
"""Standardised frames (n, rows, columns) by their indices, read when they are needed."""


@runtime_checkable
class EncodesFrames(Protocol):
    """A clip network whose encoder sees each frame by itself."""

    def encode(self, frames: Tensor) -> Sequence[Tensor]:
        """All that is needed of frames (N, C, H, W), each (N, ...)."""

    def decode(self, encoded: Sequence[Tensor], given: Tensor, asked: Tensor, size: tuple[int, int]) -> ClipOutput:
        """The output at times (B, S) from what was encoded, each (B * T, ...), at times (B, T); ``size`` is (H, W)."""


@dataclass(frozen=True)
class Moment:
    """What a network says of a clip at one time.

    Attributes
    ----------
    probabilities: (classes, rows, columns) float32, summing to 1 over classes.
    image: (rows, columns) float32, the network's own picture of that time, standardised as its inputs are; None
        where it makes none.
    heat_maps: (2 * lines, rows, columns) float32 in 0..1, begin and end of each measurement line; None without lines.
    """

    probabilities: NDArray[np.float32]
    image: NDArray[np.float32] | None = None
    heat_maps: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Question:
    """What is asked of one frame or window: its index, and the network's times that are wanted."""

    part: int
    at: tuple[float, ...]


class MapSource(ABC):
    """Computes maps of parts of a clip: of its frames, or of its windows, in order of time."""

    @abstractmethod
    def shares(self, time: float) -> list[Share]:
        """The parts that count at a time, seconds, with weights that sum to 1."""

    @abstractmethod
    def likeness(self, question: Question) -> object:
        """Questions of equal likeness can be computed at once."""

    @abstractmethod
    def answer(self, questions: Sequence[Question]) -> list[NDArray[np.float32]]:
        """For each question (S, channels, rows, columns): classes, the image and heat maps where there are any."""


def moments(
    source: MapSource, times: Sequence[float], batches: Batches, *, classes: int, lines: int = 0
) -> Iterator[Moment]:
    """The moments at ``times``, one after another.

    Parameters
    ----------
    source: a network over a clip.
    times: seconds within the clip, ascending.
    batches: how many frames or windows are computed at once.
    classes: of the network; what follows them is the image, if it makes one, and the lines' heat maps.
    lines: that the network marks.

    Raises
    ------
    DeviceError: not even one frame or window fits in the device's memory.
    """
    asked: dict[int, list[tuple[int, Share]]] = {}
    last = []
    for number, time in enumerate(times):
        shares = source.shares(time)
        last.append(max(share.window for share in shares))
        for share in shares:
            asked.setdefault(share.window, []).append((number, share))
    questions = [Question(part, tuple(share.at for _, share in asked[part])) for part in sorted(asked)]
    sums: dict[int, NDArray[np.float32]] = {}
    ready = 0
    for _, alike in itertools.groupby(questions, source.likeness):
        group = list(alike)
        answers = itertools.chain.from_iterable(batches.run(source.answer, group))
        for question, maps in zip(group, answers, strict=True):
            for (number, share), values in zip(asked.pop(question.part), maps, strict=True):
                weighted = np.float32(share.weight) * values
                sums[number] = sums[number] + weighted if number in sums else weighted
            while ready < len(times) and last[ready] <= question.part:
                yield _moment(sums.pop(ready), classes, lines)
                ready += 1


def _moment(values: NDArray[np.float32], classes: int, lines: int) -> Moment:
    ends = len(values) - 2 * lines
    return Moment(values[:classes], values[classes] if ends > classes else None, values[ends:] if lines else None)


class FrameSource(MapSource):
    """A frame network: each frame by itself; between two frames, both, linearly.

    Parameters
    ----------
    network: in evaluation mode, on ``device``; (B, 1, rows, columns) to logits (B, classes, rows, columns).
    read: the clip's frames.
    times: (T,) seconds of the clip's frames.
    mirror: whether to average with the left-right mirrored frame.
    half: whether to compute in bfloat16.
    """

    def __init__(
        self,
        network: nn.Module,
        read: ReadFrames,
        times: NDArray[np.float64],
        *,
        device: torch.device,
        mirror: bool = False,
        half: bool = False,
    ) -> None:
        self._network, self._read, self._times = network, read, times
        self._device, self._mirror, self._half = device, mirror, half

    def shares(self, time: float) -> list[Share]:
        """The frame at a time, or the two around it."""
        return frame_shares(self._times, time)

    def likeness(self, question: Question) -> object:
        """All frames are alike."""
        return None

    def answer(self, questions: Sequence[Question]) -> list[NDArray[np.float32]]:
        """A frame's maps, once for each time that it is asked for."""
        with computing(self._device, self._half):
            x = _to_device(self._read([question.part for question in questions])[:, None], self._device)
            found: Tensor = self._network(x).float().softmax(1)
            if self._mirror:
                found = (found + self._network(x.flip(-1)).float().softmax(1).flip(-1)) / 2
            maps: NDArray[np.float32] = found.cpu().numpy()
        return [np.repeat(one[None], len(question.at), 0) for one, question in zip(maps, questions, strict=True)]


class WindowSource(MapSource):
    """A clip network over the windows of a plan; parameters are as those of :class:`FrameSource`.

    Parameters
    ----------
    network: in evaluation mode, on ``device``; frames (B, T, 1, rows, columns), times (B, T) and (B, S) to a
        :class:`~.models.clip_output.ClipOutput`.
    """

    def __init__(
        self,
        network: nn.Module,
        read: ReadFrames,
        plan: WindowPlan,
        *,
        device: torch.device,
        mirror: bool = False,
        half: bool = False,
    ) -> None:
        self._network, self._read, self._plan = network, read, plan
        self._device, self._mirror, self._half = device, mirror, half
        self._shared = isinstance(network, EncodesFrames)
        self._size = (0, 0)
        self._known: dict[tuple[int, bool], list[Tensor]] = {}

    def shares(self, time: float) -> list[Share]:
        """The windows that count at a time."""
        return self._plan.shares(time)

    def likeness(self, question: Question) -> object:
        """Windows with as many inputs and outputs are alike."""
        return len(self._plan.windows[question.part].inputs), len(question.at)

    def answer(self, questions: Sequence[Question]) -> list[NDArray[np.float32]]:
        """Maps of windows at the times asked of each."""
        windows = [self._plan.windows[question.part] for question in questions]
        inputs = [window.inputs for window in windows]
        given = torch.tensor([window.input_times for window in windows], device=self._device)
        asked = torch.tensor([question.at for question in questions], device=self._device)
        with computing(self._device, self._half):
            found = self._maps(inputs, given, asked, mirrored=False)
            if self._mirror:
                found = (found + self._maps(inputs, given, asked, mirrored=True)) / 2
            return list(found.cpu().numpy())

    def _maps(self, inputs: list[tuple[int, ...]], given: Tensor, asked: Tensor, *, mirrored: bool) -> Tensor:
        if self._shared:
            encoded, size = self._encoded(inputs, mirrored)
            output = cast(EncodesFrames, self._network).decode(encoded, given, asked, size)
        else:
            frames = np.stack([self._read(window) for window in inputs])[:, :, None]
            x = torch.from_numpy(frames).to(self._device)
            output = self._network(x.flip(-1) if mirrored else x, given, asked)
        maps = output.logits.float().softmax(2)
        if output.reconstruction is not None:
            maps = torch.cat((maps, output.reconstruction[:, :, :1].float()), 2)
        if output.heat_maps is not None:
            maps = torch.cat((maps, output.heat_maps.float()), 2)
        return maps.flip(-1) if mirrored else maps

    def _encoded(self, inputs: list[tuple[int, ...]], mirrored: bool) -> tuple[list[Tensor], tuple[int, int]]:
        """What is encoded of the windows' frames; those that the windows before have seen are known."""
        needed = sorted({frame for window in inputs for frame in window})
        for frame, side in list(self._known):
            if frame < needed[0]:
                del self._known[frame, side]
        new = [frame for frame in needed if (frame, mirrored) not in self._known]
        if new:
            x = _to_device(self._read(new)[:, None], self._device)
            self._size = (x.shape[-2], x.shape[-1])
            encoded = cast(EncodesFrames, self._network).encode(x.flip(-1) if mirrored else x)
            for place, frame in enumerate(new):
                self._known[frame, mirrored] = [level[place : place + 1] for level in encoded]
        order = [self._known[frame, mirrored] for window in inputs for frame in window]
        return [torch.cat(level) for level in zip(*order, strict=True)], self._size


def _to_device(frames: NDArray[np.float32], device: torch.device) -> Tensor:
    return torch.from_numpy(frames).to(device).contiguous(memory_format=torch.channels_last)
