"""A 2D U-Net with residual, batch-normalised blocks.

The encoder-decoder with skip connections is Ronneberger et al., "U-Net: Convolutional Networks for
Biomedical Image Segmentation" (MICCAI 2015); the blocks are the residual ones of He et al., "Deep
Residual Learning for Image Recognition" (CVPR 2016); the extra heads follow "Deeply-Supervised
Nets" (Lee et al., AISTATS 2015). The stem may halve the resolution once, which makes the finest level four
times cheaper; echo's speckle is wider than a pixel.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from .blocks import convolution
from .frame_network import FrameNetwork


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions added to their input; a 1x1 convolution matches it where widths or strides differ."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = convolution(inputs, outputs, stride=stride)
        self.second = convolution(outputs, outputs)
        same = inputs == outputs and stride == 1
        self.shortcut: nn.Module = nn.Identity() if same else convolution(inputs, outputs, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / stride, W / stride)."""
        y = self.second(functional.relu(self.first(x), inplace=True))
        return functional.relu(y + self.shortcut(x), inplace=True)


class UNet(FrameNetwork):
    """U-Net from gray frames to class logits.

    Parameters
    ----------
    in_channels: channels of the input.
    classes: channels of the output, background included.
    widths: channels of each level, the finest first; the network is ``len(widths) - 1`` halvings deep.
    stem_stride: 1, or 2 to run the finest level at half the input's resolution.
    blocks: residual blocks per encoder level.
    heads: decoder levels that give logits while training (deep supervision), the finest counted first.

    Raises
    ------
    ValueError: fewer than two levels, another stem stride, or more heads than decoder levels.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 4,
        widths: Sequence[int] = (32, 64, 96, 160, 256),
        stem_stride: int = 2,
        blocks: int = 1,
        heads: int = 2,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if len(widths) < 2 or stem_stride not in (1, 2) or blocks < 1 or not 1 <= heads < len(widths):
            raise ValueError(
                f"widths {tuple(widths)}, stem_stride {stem_stride}, blocks {blocks}, heads {heads} don't make a U-Net"
            )
        self.stride = stem_stride * 2 ** (len(widths) - 1)
        self.stem = convolution(in_channels, widths[0], 3 if stem_stride == 1 else 5, stride=stem_stride)
        self.encoder = nn.ModuleList()
        for level, width in enumerate(widths):
            first = ResidualBlock(widths[max(0, level - 1)], width, stride=1 if level == 0 else 2)
            self.encoder.append(nn.Sequential(first, *(ResidualBlock(width, width) for _ in range(blocks - 1))))
        # Narrowed before it is enlarged: the 1x1 convolution costs a quarter there.
        self.narrow = nn.ModuleList(nn.Conv2d(w1, w0, 1) for w0, w1 in itertools.pairwise(widths))
        self.decoder = nn.ModuleList(ResidualBlock(2 * width, width) for width in widths[:-1])
        self.heads = nn.ModuleList(nn.Conv2d(width, classes, 1) for width in widths[:heads])
        self.dropout = nn.Dropout2d(dropout)

    def encode(self, x: Tensor) -> list[Tensor]:
        """Features of each encoder level, the finest first, from (B, in_channels, H, W)."""
        x = functional.relu(self.stem(x), inplace=True)
        levels: list[Tensor] = []
        for level in self.encoder:
            x = level(x)
            levels.append(x)
        return levels

    def expand(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Features of each decoder level, the finest first, from those of :meth:`encode`."""
        *skips, x = levels
        x = self.dropout(x)
        features: list[Tensor] = []
        for level_index in reversed(range(len(skips))):
            skip = skips[level_index]
            x = functional.interpolate(
                self.narrow[level_index](x), size=skip.shape[-2:], mode="bilinear", align_corners=False
            )
            x = self.decoder[level_index](torch.cat((x, skip), 1))
            features.insert(0, x)
        return features

    def outputs(self, x: Tensor, *, deep: bool) -> list[Tensor]:
        """Logits of the finest head, and with ``deep`` of the coarser ones, each at its level's resolution."""
        heads = self.heads if deep else self.heads[:1]
        return [head(features) for head, features in zip(heads, self.expand(self.encode(x)), strict=False)]
