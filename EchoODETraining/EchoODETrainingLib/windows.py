"""Training windows: a few frames in, more frames out, cut of a clip as paper 000 samples them.

There, 4 input frames are every second of 7 and the network answers at all 7; the labelled frame has a random place
among the inputs, and times run from 0 to 1. A window of one frame trains a frame network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from EchoODELib.engine.errors import UnsuitableClip
from EchoODELib.engine.sequence import View, view_channel
from numpy.typing import NDArray
from torch import Tensor

from .augment import Augmentation, WindowAugmenter
from .datasets.clips import LINES, LabelledClip

#: The class of what teaches nothing: pixels without a mask or of a structure that the data set does not draw, clips
#: whose view is not known.
IGNORED = 255
_SLOWEST = 0.15  # s between frames beyond which there is no motion to follow from one to the next


@dataclass(frozen=True)
class Window:
    """Frames of a window, in order of showing.

    Attributes
    ----------
    frames: (N,) indices into the clip.
    times: (N,) from 0 to 1; 0 alone for a single frame.
    """

    frames: NDArray[np.intp]
    times: NDArray[np.float32]


class WindowSampler:
    """Cuts windows out of clips, changes them at random and gives tensors.

    Parameters
    ----------
    size: (rows, columns) of the network's input.
    inputs, outputs: number of frames in and of answers out; the fewer are spread evenly over the more.
    stride: (least, most) frames of the clip from one to the next, so that windows cover shorter and longer parts
        of the beat; less where the clip is shorter.
    static: probability of a window that shows one frame all the time.
    reverse: probability of a window that runs backwards.
    labels: that the network learns, as ``Label`` values; class k + 1 is ``labels[k]``.
    lines: names of landmarks to give, see :data:`.datasets.clips.LINES`.
    augmentation: None for none, as for validation.
    seed: of the sampler's own stream.
    """

    def __init__(
        self,
        size: tuple[int, int],
        inputs: int = 4,
        outputs: int = 7,
        *,
        stride: tuple[float, float] = (1.0, 3.0),
        static: float = 0.05,
        reverse: float = 0.0,
        labels: Sequence[int] = (1, 2, 3),
        lines: Sequence[str] = (),
        augmentation: Augmentation | None = None,
        seed: int = 0,
    ) -> None:
        if inputs < 1 or outputs < 1 or not 0 < stride[0] <= stride[1]:
            raise UnsuitableClip("A window needs an input, an output and a stride above 0.")
        if unknown := sorted(set(lines) - set(LINES)):
            raise UnsuitableClip(f"There is no line {unknown[0]!r}; use {', '.join(LINES)}.")
        self.size, self.inputs, self.outputs, self.stride = size, inputs, outputs, stride
        self.static, self.reverse, self.labels, self.lines = static, reverse, tuple(labels), tuple(lines)
        self.count = max(inputs, outputs)
        self._input_at = _spread(inputs, self.count)
        self._output_at = _spread(outputs, self.count)
        self._augment = WindowAugmenter(augmentation, size, labels)
        self._random = np.random.default_rng(seed)

    def __call__(self, clip: LabelledClip, random: np.random.Generator | None = None) -> dict[str, Tensor]:
        """One window of a clip.

        Parameters
        ----------
        random: the stream to draw from; the sampler's own by default.

        Returns
        -------
        "frames" (T, 1, rows, columns) float32, "input_times" (T,), "output_times" (S,), "targets" (S, 1, rows,
        columns) float32: the images at the output times; "masks" (S, rows, columns) int64 with :data:`IGNORED`
        where nothing is known; "landmarks" (S, lines, 2, 2) float32 as (row, column) px of the input, NaN where
        missing; "view" () int64, see :func:`view_of`.
        """
        random = self._random if random is None else random
        window = self.draw(clip, random)
        ends = np.full((len(clip), len(self.lines), 2, 2), np.nan, np.float32)
        for number, line in enumerate(self.lines):
            if line in clip.landmarks:
                ends[:, number] = clip.landmarks[line]
        example = self._augment(clip, window.frames, ends[window.frames], random)
        masks = example.masks[self._output_at].astype(np.int64)
        if not set(self.labels) <= set(clip.drawn):
            masks[masks == 0] = IGNORED  # another structure may lie there that this data set leaves out
        masks[~clip.labelled[window.frames[self._output_at]]] = IGNORED
        images, times = torch.from_numpy(example.images[:, None]), torch.from_numpy(window.times)
        return {
            "frames": images[self._input_at],
            "input_times": times[self._input_at],
            "targets": images[self._output_at],
            "output_times": times[self._output_at],
            "masks": torch.from_numpy(masks),
            "landmarks": torch.from_numpy(example.points[self._output_at]),
            "view": torch.tensor(view_of(clip.view)),
        }

    def draw(self, clip: LabelledClip, random: np.random.Generator) -> Window:
        """Choose the frames of a window; it shows a labelled frame where the clip has any."""
        known = np.flatnonzero(clip.marked)
        sparse = len(clip) < 2 or float(np.median(np.diff(clip.times))) > _SLOWEST
        if self.count == 1 or sparse or random.random() < self.static:
            frame = int(random.choice(known)) if len(known) else int(random.integers(len(clip)))
            return Window(np.full(self.count, frame), np.linspace(0, 1, self.count, dtype=np.float32))
        frames = self._moving(clip, known, random)
        times = clip.times[frames] - clip.times[frames[0]]
        # Frames that repeat, in a clip shorter than the window, are spread over their time.
        times = times / times[-1] if (np.diff(times) > 0).all() else np.linspace(0, 1, self.count)
        if random.random() < self.reverse:
            frames, times = frames[::-1], 1 - times[::-1]
        return Window(np.ascontiguousarray(frames), times.astype(np.float32))

    def _moving(self, clip: LabelledClip, known: NDArray[np.intp], random: np.random.Generator) -> NDArray[np.intp]:
        last, steps = len(clip) - 1, self.count - 1
        stride = min(float(random.uniform(*self.stride)), last / steps)
        if len(known) in (0, len(clip)):
            start = random.uniform(0, last - stride * steps)
            return np.rint(start + stride * np.arange(self.count)).astype(np.intp)
        ed, es = clip.ed_frame, clip.es_frame
        both = ed is not None and es is not None and {ed, es} <= set(known.tolist()) and abs(es - ed) >= 2
        if both and random.random() < 0.5:
            return np.rint(np.linspace(min(ed, es), max(ed, es), self.count)).astype(np.intp)
        # As in paper 000 a labelled frame has a random place, here one for which the clip reaches far enough.
        frame = int(random.choice(known))
        places = self._output_at.astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            before = np.where(places > 0, frame / places, np.inf)
            after = np.where(places < steps, (last - frame) / (steps - places), np.inf)
        room = np.minimum(before, after)
        fitting = np.flatnonzero(room >= min(1.0, stride) - 1e-9)
        place = int(random.choice(fitting)) if len(fitting) else int(room.argmax())
        offsets = min(stride, float(room[place])) * (np.arange(self.count) - places[place])
        return np.clip(np.rint(frame + offsets), 0, last).astype(np.intp)


def view_of(view: View) -> int:
    """A clip's class for a view branch: the view's channel, or :data:`IGNORED` where it is not known."""
    channel = view_channel(view)
    return IGNORED if channel is None else channel


def _spread(count: int, total: int) -> NDArray[np.intp]:
    """Places of ``count`` frames among ``total``, even, from the first to the last; the last alone for one."""
    return np.rint(np.linspace(0, total - 1, count)).astype(np.intp) if count > 1 else np.array([total - 1])
