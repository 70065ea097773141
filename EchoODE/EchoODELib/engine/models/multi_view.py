"""The multi-view network and its form with memory, for live use.

Smistad et al., "Real-time temporal coherent left ventricle segmentation using convolutional LSTMs" (IEEE IUS 2021), on
the network of Smistad et al., "Real-Time Automatic Ejection Fraction and Foreshortening Detection Using Deep Learning"
(IEEE TUFFC 67, 2020).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from ..errors import UnsuitableClip
from .blocks import at_frame_size, pad_to_multiple
from .causal_network import CausalNetwork, Memory
from .clip_output import ClipOutput
from .memory_blocks import MemoryBlock, State

PLACES = ("none", "encoder", "decoder", "last", "bottleneck")
"""Where a network remembers: all of the encoder above the bottleneck, all of the decoder, its finest level alone, or
the bottleneck alone."""


class MultiViewUNet(CausalNetwork):
    """An encoder-decoder of pairs of 3x3 convolutions that is told whether it sees a long-axis view.

    Six levels, maxima in the encoder, repeated pixels in the decoder, and about two million parameters are the
    paper's (1,995,924 by default). It names neither the widths nor where the view bit enters nor the skip
    connections' form: here the bit is one more channel at the bottleneck, and skip connections are concatenated. The
    paper divides gray values by 255; here they are standardised, as for all networks.

    Parameters
    ----------
    in_channels: channels of the frames.
    classes: channels of the output, background included.
    widths: channels of each level, the finest first; the last is the bottleneck's.
    normalisation: "none" as in the paper, "batch" or "group".
    stride: 1 as in the paper; 2 lets the first convolution halve the resolution, and logits are enlarged twofold.

    Raises
    ------
    ValueError: settings that make no network.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 4,
        widths: Sequence[int] = (8, 16, 32, 64, 88, 328),
        normalisation: str = "none",
        stride: int = 1,
    ) -> None:
        super().__init__()
        self._build(in_channels, classes, tuple(widths), normalisation, stride, "none", "lstm")

    def _build(
        self,
        in_channels: int,
        classes: int,
        widths: tuple[int, ...],
        normalisation: str,
        stride: int,
        recurrent: str,
        cell: str,
    ) -> None:
        if len(widths) < 2 or stride not in (1, 2) or recurrent not in PLACES:
            raise ValueError(f"widths {widths}, stride {stride}, recurrent {recurrent} don't make a multi-view network")
        self.stride = stride * 2 ** (len(widths) - 1)

        def block(inputs: int, outputs: int, place: str, step: int = 1) -> MemoryBlock:
            remembers = recurrent in (place, "last" if place == "decoder" and outputs == widths[0] else place)
            return MemoryBlock(inputs, outputs, normalisation, stride=step, remembers=remembers, cell=cell)

        *fine, deepest = widths
        self.encoder = nn.ModuleList([block(in_channels, fine[0], "encoder", stride)])
        self.encoder.extend(block(inputs, outputs, "encoder") for inputs, outputs in itertools.pairwise(fine))
        self.bottleneck = block(fine[-1], deepest, "bottleneck")
        self.decoder = nn.ModuleList()
        inputs = deepest + 1
        for width in reversed(fine):
            self.decoder.append(block(inputs + width, width, "decoder"))
            inputs = width
        self.head = nn.Conv2d(fine[0], classes, 1)

    def follow(
        self, frames: Tensor, memory: Memory | None = None, long_axis: Tensor | None = None
    ) -> tuple[ClipOutput, Memory]:
        """Logits at each frame, and what is remembered; see :class:`~.causal_network.CausalNetwork`.

        Raises
        ------
        UnsuitableClip: frames that are no clips, or a memory of frames of another size.
        """
        if frames.ndim != 5:
            raise UnsuitableClip(f"Frames of shape {tuple(frames.shape)} are no clips; give (B, T, channels, H, W).")
        batch, size = len(frames), (frames.shape[-2], frames.shape[-1])
        states = _States(memory)
        x = pad_to_multiple(frames.flatten(0, 1).contiguous(memory_format=torch.channels_last), self.stride)
        skips: list[Tensor] = []
        for level in self.encoder:
            x = states.through(level, functional.max_pool2d(x, 2) if skips else x, batch)
            skips.append(x)
        x = states.through(self.bottleneck, functional.max_pool2d(x, 2), batch)
        x = torch.cat((x, _plane(long_axis, x, batch)), 1)
        for level, skip in zip(self.decoder, reversed(skips), strict=True):
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = states.through(level, torch.cat((skip, x), 1), batch)
        logits = at_frame_size(self.head(x), size, self.stride)
        return ClipOutput(logits.reshape(batch, -1, *logits.shape[1:])), states.memory

    def adopt(self, still: nn.Module) -> None:
        """Begin with the weights of a network of the same widths that has no memory.

        Raises
        ------
        ValueError: another kind of network, or other widths.
        """
        if not isinstance(still, MultiViewUNet):
            raise ValueError("only a multi-view network can be adopted")
        blocks = (*still.encoder, still.bottleneck, *still.decoder)
        for own, given in zip((*self.encoder, self.bottleneck, *self.decoder), blocks, strict=True):
            assert isinstance(own, MemoryBlock) and isinstance(given, MemoryBlock)
            own.adopt(given)
        self.head.load_state_dict(still.head.state_dict())


class MultiViewConvLSTM(MultiViewUNet):
    """The network of which each block's first convolution is a convolutional LSTM, where it remembers.

    In the encoder, which the paper found best, it has 2,696,028 parameters by default; the paper's has about 2.7
    million.

    Parameters
    ----------
    in_channels, classes, widths, normalisation, stride: as of :class:`MultiViewUNet`.
    recurrent: one of :data:`PLACES`.
    cell: "lstm" as in the paper, or "coupled", see :data:`~.memory_blocks.CELLS`.

    Raises
    ------
    ValueError: settings that make no network.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 4,
        widths: Sequence[int] = (8, 16, 32, 64, 88, 328),
        normalisation: str = "none",
        stride: int = 1,
        recurrent: str = "encoder",
        cell: str = "lstm",
    ) -> None:
        nn.Module.__init__(self)
        self._build(in_channels, classes, tuple(widths), normalisation, stride, recurrent, cell)


class _States:
    """The blocks' states on the way through the network, two tensors a block that remembers."""

    def __init__(self, memory: Memory | None) -> None:
        self._given = None if memory is None else iter(memory)
        self._after: list[Tensor] = []

    def through(self, block: nn.Module, x: Tensor, batch: int) -> Tensor:
        assert isinstance(block, MemoryBlock)
        before: State | None = None
        if block.remembers and self._given is not None:
            before = next(self._given), next(self._given)
        x, after = block(x, batch, before)
        self._after.extend(after or ())
        return x

    @property
    def memory(self) -> Memory:
        return tuple(self._after)


def _plane(long_axis: Tensor | None, x: Tensor, batch: int) -> Tensor:
    """The view bit (B,) as a channel (B * T, 1, h, w) of features ``x`` (B * T, ..., h, w)."""
    bits = x.new_zeros(batch) if long_axis is None else long_axis.to(x)
    return bits.repeat_interleave(len(x) // batch).view(-1, 1, 1, 1).expand(-1, 1, *x.shape[-2:])
