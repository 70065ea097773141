"""Examples for networks of whole clips: some clips of one recording, each changed in its own way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from EchoODELib.engine.clips_over_time import ENDED, ClipUse, resampled, with_black
from numpy.typing import NDArray
from torch import Tensor

from .augment import Augmentation, WindowAugmenter
from .datasets.recordings import Recording


class ClipSampler:
    """Cuts clips out of recordings, changes them at random and gives tensors.

    Parameters
    ----------
    size: (rows, columns) of the network's input.
    use: how clips are cut.
    task: what the network shall say, see :meth:`~.datasets.recordings.Recording.wanted`.
    a_recording: clips of each recording; paper 003 takes 2.
    own_starts: whether each of them starts at a frame of its own.
    augmentation: None for none, as for validation.
    """

    def __init__(
        self,
        size: tuple[int, int],
        use: ClipUse,
        task: str,
        *,
        a_recording: int = 2,
        own_starts: bool = True,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.size, self.use, self.task = size, use, task
        self.a_recording, self.own_starts = a_recording, own_starts
        self._augment = WindowAugmenter(augmentation, size, labels=())

    def __call__(self, clip: Recording, random: np.random.Generator) -> dict[str, Tensor]:
        """An example.

        Returns
        -------
        "clips" (a_recording, frames, 1, rows, columns) float32, standardised; "wanted" (1,) float32.

        Raises
        ------
        UnsuitableClip: what the network shall say is not known.
        """
        wanted = clip.wanted(self.task)
        starts = random.integers(self.use.starts(clip.times), size=self.a_recording)
        if not self.own_starts:
            starts[:] = starts[0]
        clips = np.stack([self.cut(clip, int(start), random) for start in starts])
        return {"clips": torch.from_numpy(clips[:, :, None]), "wanted": torch.tensor([wanted])}

    def at_use(self, clip: Recording) -> NDArray[np.float32]:
        """(n, frames, rows, columns), the clips whose answers are averaged at use."""
        unused = np.random.default_rng(0)
        return np.stack([self.cut(clip, start, unused) for start in self.use.spread(clip.times)])

    def cut(self, clip: Recording, start: int, random: np.random.Generator) -> NDArray[np.float32]:
        """(frames, rows, columns) of the clip that starts at a frame."""
        picks = self.use.picks(clip.times, start)
        if self.use.whole:
            clip = replace(clip, frames=resampled(clip.frames, self.use.frames))
        shown = picks[picks != ENDED]
        no_points = np.empty((len(shown), 0, 2, 2), np.float32)
        return with_black(self._augment(clip, shown, no_points, random).images, picks)  # type: ignore[arg-type]
