"""A frame network in a clip network's clothes, so that one interface serves all."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from .clip_output import ClipOutput
from .times import Blend, clip_times


class PerFrame(nn.Module):
    """Gives a frame network the clip interface; between two frames their logits are blended linearly.

    Only frames that an output time needs are looked at.

    Parameters
    ----------
    network: (N, channels, H, W) to logits (N, classes, H, W).
    """

    takes_clips: ClassVar[bool] = True

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor, input_times: Tensor, output_times: Tensor) -> ClipOutput:
        """Logits (B, S, classes, H, W) of frames (B, T, channels, H, W), as :class:`~.clip_network.ClipNetwork` gives.

        Raises
        ------
        UnsuitableClip: shapes that don't go together, or input times that go back.
        """
        blend = Blend(*clip_times(frames, input_times, output_times))
        flat = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        wanted = torch.cat((blend.before, blend.after)) if blend.between else blend.nearest
        seen, places = torch.unique(wanted, return_inverse=True)
        logits: Tensor = self.network(flat if len(seen) == len(flat) else flat.index_select(0, seen))
        if blend.between:
            before, after = places.chunk(2)
            logits = blend.mix(logits.index_select(0, before), logits.index_select(0, after))
        else:
            logits = logits.index_select(0, places)
        return ClipOutput(logits.reshape(*blend.shape, *logits.shape[1:]))


def takes_clips(network: nn.Module) -> bool:
    """Whether a network goes from clips to a :class:`~.clip_output.ClipOutput` rather than from frames to logits."""
    return bool(getattr(network, "takes_clips", False))


def as_clip_network(network: nn.Module) -> nn.Module:
    """The network itself if it takes clips, else :class:`PerFrame` of it, sharing its weights."""
    return network if takes_clips(network) else PerFrame(network)
