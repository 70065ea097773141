"""What the networks that look at clips share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from .blocks import at_frame_size, pad_to_multiple
from .clip_output import ClipOutput
from .times import Blend, clip_times


class ClipNetwork(nn.Module, ABC):
    """From clips (B, T, in_channels, H, W) of any size to masks, images and heat maps at any times."""

    takes_clips: ClassVar[bool] = True
    stride: int
    """Frames are padded to a multiple of this."""

    @abstractmethod
    def levels(self, padded: Tensor) -> list[Tensor]:
        """What :meth:`outputs` needs of padded frames (N, in_channels, H, W), frame by frame, each (N, ...)."""

    @abstractmethod
    def outputs(
        self, encoded: Sequence[Tensor], given: Tensor, asked: Tensor, blend: Blend
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Logits, images and heat maps before their sigmoid, each (B * S, K, h, w) at some resolution, or None.

        Parameters
        ----------
        encoded: the frames' :meth:`levels`, each (B * T, ...).
        given, asked: times (B, T) and (B, S).
        blend: from the ones to the others.
        """

    def forward(self, frames: Tensor, input_times: Tensor, output_times: Tensor) -> ClipOutput:
        """Masks, images and heat maps at any times.

        Parameters
        ----------
        frames: (B, T, in_channels, H, W) of any size, standardised.
        input_times: (T,) or (B, T), ascending; a window as in training spans 0 to 1.
        output_times: (S,) or (B, S), in any order.

        Raises
        ------
        UnsuitableClip: shapes that don't go together, or input times that go back.
        """
        given, asked = clip_times(frames, input_times, output_times)
        return self.decode(self.encode(frames.flatten(0, 1)), given, asked, (frames.shape[-2], frames.shape[-1]))

    def encode(self, frames: Tensor) -> list[Tensor]:
        """What :meth:`decode` needs of frames (N, in_channels, H, W), frame by frame, each (N, ...).

        Windows that overlap can share it.
        """
        return self.levels(pad_to_multiple(frames.contiguous(memory_format=torch.channels_last), self.stride))

    def decode(self, encoded: Sequence[Tensor], given: Tensor, asked: Tensor, size: tuple[int, int]) -> ClipOutput:
        """Masks, images and heat maps of B clips at times ``asked`` (B, S).

        Parameters
        ----------
        encoded: of their frames, each (B * T, ...), see :meth:`encode`.
        given: (B, T), the frames' times, ascending.
        size: (H, W) of the frames.
        """

        def whole(maps: Tensor) -> Tensor:
            maps = at_frame_size(maps, size, self.stride)
            return maps.reshape(*asked.shape, *maps.shape[1:])

        logits, image, ends = self.outputs(encoded, given, asked, Blend(given, asked))
        return ClipOutput(
            whole(logits), None if image is None else whole(image), None if ends is None else whole(ends).sigmoid()
        )
