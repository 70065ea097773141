"""A network that remembers, led through a clip frame by frame.

Its memory is of the frames before, so every frame is followed, whichever are asked for, a few at a time. Where a
film begins, its first frame is shown a few times first: so stills get masks as good as frames of a film do.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from .models.causal_network import CausalNetwork, Memory
from .models.inference import computing
from .streaming import MapSource, Question, ReadFrames
from .windows_over_time import ENOUGH_FRAMES, Share, frame_shares

FIRST_LOOKS = 4
"""How often in all a film's first frame is shown."""
LONGEST_GAP = 0.25
"""Seconds from one frame to the next beyond which no motion connects them."""


class Follower:
    """Follows a film and remembers.

    Parameters
    ----------
    network: in evaluation mode, on ``device``.
    long_axis: whether the view is the apical long axis (three chambers).
    mirror: whether to average with the left-right mirrored film, which has a memory of its own.
    half: whether to compute in bfloat16.

    Attributes
    ----------
    memory: after the last frame; None before the first.
    views: (T, views) float32, probabilities of views at the frames followed last; None of a network that tells none.
    """

    def __init__(
        self,
        network: CausalNetwork,
        *,
        device: torch.device,
        long_axis: bool = False,
        mirror: bool = False,
        half: bool = False,
    ) -> None:
        self._network, self._device, self._mirror, self._half = network, device, mirror, half
        self._long_axis = torch.full((2 if mirror else 1,), float(long_axis), device=device)
        self.memory: Memory | None = None
        self.views: NDArray[np.float32] | None = None

    def forget(self) -> None:
        """A new film begins."""
        self.memory = None

    def follow(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities (T, classes, rows, columns) of the film's next frames (T, rows, columns), standardised."""
        new = self.memory is None
        x = torch.from_numpy(frames).to(self._device)[None, :, None]
        if new:
            x = torch.cat((x[:, :1].expand(-1, FIRST_LOOKS - 1, -1, -1, -1), x), 1)
        if self._mirror:
            x = torch.cat((x, x.flip(-1)))
        with computing(self._device, self._half):
            output, memory = self._network.follow(x, self.memory, self._long_axis)
            first = FIRST_LOOKS - 1 if new else 0
            found = output.logits[:, first:].float().softmax(2)
            if self._mirror:
                found[0] = (found[0] + found[1].flip(-1)) / 2
            maps: NDArray[np.float32] = found[0].cpu().numpy()
            if output.views is not None:
                self.views = output.views[:, first:].float().softmax(2).mean(0).cpu().numpy()
        self.memory = memory
        return maps


class FollowSource(MapSource):
    """A network that remembers, over a clip.

    Parameters
    ----------
    follower: of the clip; it is led from the clip's start, once, in order.
    read: the clip's frames.
    times: (T,) seconds of the clip's frames.
    at_once: frames that are followed at once.
    """

    def __init__(self, follower: Follower, read: ReadFrames, times: NDArray[np.float64], *, at_once: int = 4) -> None:
        self._follower, self._read, self._times, self._at_once = follower, read, times, at_once
        self._starts = film_starts(times)
        self._next = 0

    def shares(self, time: float) -> list[Share]:
        """The frame at a time, or the two around it."""
        return frame_shares(self._times, time)

    def likeness(self, question: Question) -> object:
        """All frames are alike."""
        return None

    def answer(self, questions: Sequence[Question]) -> list[NDArray[np.float32]]:
        """The frames' maps, once for each time that each is asked for; frames are asked for in order."""
        wanted = {question.part: len(question.at) for question in questions}
        memory = self._follower.memory
        found = {}
        try:
            for frames in self._pieces(self._next, max(wanted) + 1):
                if frames[0] in self._starts:
                    self._follower.forget()
                maps = self._follower.follow(self._read(frames))
                found.update({frame: one for frame, one in zip(frames, maps, strict=True) if frame in wanted})
        except RuntimeError:
            self._follower.memory = memory  # memory ran out: fewer will be asked for, from here
            self._at_once = max(1, self._at_once // 2)
            raise
        self._next = max(wanted) + 1
        return [np.repeat(found[frame][None], count, 0) for frame, count in wanted.items()]

    def _pieces(self, start: int, stop: int) -> Iterator[list[int]]:
        """Frames ``start`` to ``stop``, some at once; a film's first frame begins a piece."""
        piece: list[int] = []
        for frame in range(start, stop):
            if piece and (frame in self._starts or len(piece) == self._at_once):
                yield piece
                piece = []
            piece.append(frame)
        yield piece


def film_starts(times: NDArray[np.float64]) -> frozenset[int]:
    """Frames at which a film begins, of a clip with times (T,): the first, those after a gap, all of a few stills."""
    if len(times) < ENOUGH_FRAMES:
        return frozenset(range(len(times)))
    return frozenset(itertools.chain([0], (np.flatnonzero(np.diff(times) > LONGEST_GAP) + 1).tolist()))
