"""What the networks that follow a clip frame by frame and remember share.

Such a network never looks ahead: what it says of a frame depends on that frame and on what it keeps of those before.
So one set of weights serves training, where a batch of sequences goes through at once, and live use, where one
frame comes at a time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn

from .clip_output import ClipOutput
from .times import Blend, clip_times

Memory = tuple[Tensor, ...]
"""What a network keeps of the frames that it has seen: tensors (B, ...) of a number and shapes of its own."""


class CausalNetwork(nn.Module, ABC):
    """From clips (B, T, in_channels, H, W) of any size to masks, frame after frame."""

    takes_clips: ClassVar[bool] = True
    causal: ClassVar[bool] = True
    stride: int
    """Frames are padded to a multiple of this."""

    @abstractmethod
    def follow(
        self, frames: Tensor, memory: Memory | None = None, long_axis: Tensor | None = None
    ) -> tuple[ClipOutput, Memory]:
        """The output at each frame, and what is remembered after the last one.

        Going on with that memory gives what all frames at once would have given.

        Parameters
        ----------
        frames: (B, T, in_channels, H, W) of any size, standardised, T at least 1.
        memory: of the frames before, None at the start of a clip.
        long_axis: (B,) 1 for apical long-axis (three-chamber) clips, 0 for others; None for 0. Networks without
            a view bit ignore it.

        Returns
        -------
        A :class:`~.clip_output.ClipOutput` at the T frames, and the memory.
        """

    def forward(
        self, frames: Tensor, input_times: Tensor, output_times: Tensor, long_axis: Tensor | None = None
    ) -> ClipOutput:
        """Masks at any times, between two frames linearly of both; see :class:`~.clip_network.ClipNetwork`.

        Raises
        ------
        UnsuitableClip: shapes that don't go together, or input times that go back.
        """
        blend = Blend(*clip_times(frames, input_times, output_times))
        output, _ = self.follow(frames, None, long_axis)

        def asked(maps: Tensor) -> Tensor:
            blended: Tensor = blend(maps.flatten(0, 1))
            return blended.reshape(*blend.shape, *maps.shape[2:])

        return ClipOutput(asked(output.logits), views=None if output.views is None else asked(output.views))


def is_causal(network: nn.Module | type[nn.Module]) -> bool:
    """Whether a network, or its class, follows a clip frame by frame, as a :class:`CausalNetwork` does."""
    return bool(getattr(network, "causal", False))
