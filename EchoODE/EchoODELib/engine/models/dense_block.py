"""Dilated densely connected blocks, and the pyramid of them that finds features at several levels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .blocks import convolution


class DenseBlock(nn.Module):
    """Layers that each see what all before them found (Li et al., MICCAI 2019, eq. 1).

    A layer is batch normalisation, ReLU and a dilated 3x3 convolution to ``growth`` channels.

    Parameters
    ----------
    inputs: channels of the input.
    growth: channels that a layer adds.
    layers: how many.
    dilation: of the convolutions.
    """

    def __init__(self, inputs: int, growth: int, layers: int, dilation: int) -> None:
        super().__init__()
        self.outputs = inputs + growth * layers
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(inputs + growth * place),
                nn.ReLU(),
                nn.Conv2d(inputs + growth * place, growth, 3, padding=dilation, dilation=dilation, bias=False),
            )
            for place in range(layers)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, h, w) to (N, inputs + growth * layers, h, w)."""
        for layer in self.layers:
            x = torch.cat((x, layer(x)), 1)
        return x


class PlainBlock(nn.Module):
    """As many dilated convolutions without dense connections, to the same number of channels: the ablation.

    Parameters are those of :class:`DenseBlock`; the convolutions between are ``growth`` channels wide.
    """

    def __init__(self, inputs: int, growth: int, layers: int, dilation: int) -> None:
        super().__init__()
        self.outputs = inputs + growth * layers
        parts: list[nn.Module] = []
        for place in range(layers):
            before, after = inputs if place == 0 else growth, self.outputs if place == layers - 1 else growth
            parts += [convolution(before, after, dilation=dilation), nn.ReLU()]
        self.layers = nn.Sequential(*parts)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, h, w) to (N, inputs + growth * layers, h, w)."""
        found: Tensor = self.layers(x)
        return found


class FeaturePyramid(nn.Module):
    """A stem and blocks one after another, between them transition layers that change width and resolution.

    Parameters
    ----------
    in_channels: of the frames.
    stem, stem_stride: channels of the first convolution, and its stride.
    widths: channels into each block; a transition's 1x1 convolution gives them.
    growth, layers: of the blocks.
    dilations: of each block.
    pools: after each block but the last, whether the transition halves the resolution.
    features: channels of each block's features that are handed on, the finest first.
    dense: whether the blocks are densely connected.
    """

    def __init__(
        self,
        in_channels: int,
        stem: int,
        stem_stride: int,
        widths: Sequence[int],
        growth: int,
        layers: int,
        dilations: Sequence[int],
        pools: Sequence[bool],
        features: Sequence[int],
        *,
        dense: bool = True,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(*convolution(in_channels, stem, 3, stride=stem_stride), nn.ReLU())
        block = DenseBlock if dense else PlainBlock
        self.blocks = nn.ModuleList()
        self.transitions = nn.ModuleList()
        self.narrow = nn.ModuleList()
        before = stem
        for place, (width, dilation, outputs) in enumerate(zip(widths, dilations, features, strict=True)):
            parts: list[nn.Module] = [nn.Conv2d(before, width, 1, bias=False)]
            if place > 0 and pools[place - 1]:
                parts.append(nn.AvgPool2d(2))
            self.transitions.append(nn.Sequential(nn.BatchNorm2d(before), nn.ReLU(), *parts))
            made = block(width, growth, layers, dilation)
            self.blocks.append(made)
            before = made.outputs
            narrow = nn.Conv2d(before, outputs, 1)
            nn.init.kaiming_normal_(narrow.weight)
            self.narrow.append(nn.Sequential(nn.BatchNorm2d(before), nn.ReLU(), narrow))

    def forward(self, frames: Tensor) -> tuple[list[Tensor], Tensor]:
        """Features of each block, the finest first, and all channels of the last one.

        Parameters
        ----------
        frames: (N, in_channels, H, W).
        """
        x: Tensor = self.stem(frames)
        found: list[Tensor] = []
        for transition, block, narrow in zip(self.transitions, self.blocks, self.narrow, strict=True):
            x = block(transition(x))
            found.append(narrow(x))
        return found, x
