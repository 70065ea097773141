"""What the networks that look at one frame share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from .blocks import at_frame_size, pad_to_multiple


class FrameNetwork(nn.Module, ABC):
    """From frames (B, in_channels, H, W) of any size to logits (B, classes, H, W)."""

    takes_clips: ClassVar[bool] = False
    stride: int
    """Frames are padded to a multiple of this."""

    @abstractmethod
    def outputs(self, x: Tensor, *, deep: bool) -> list[Tensor]:
        """Logits at some resolution of padded frames: the finest, and with ``deep`` the other heads' after it."""

    def deep_logits(self, x: Tensor) -> list[Tensor]:
        """Logits of every head at the frames' resolution, the finest head first."""
        return self._at_size(x, deep=True)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes, H, W) in float32."""
        return self._at_size(x, deep=False)[0]

    def _at_size(self, x: Tensor, *, deep: bool) -> list[Tensor]:
        found = self.outputs(pad_to_multiple(x, self.stride), deep=deep)
        return [at_frame_size(maps, (x.shape[-2], x.shape[-1]), self.stride) for maps in found]
