"""UNet++: Zhou et al., "UNet++: A Nested U-Net Architecture for Medical Image Segmentation" (DLMIA 2018)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from .blocks import convolution_pair
from .frame_network import FrameNetwork


class UNetPlusPlus(FrameNetwork):
    """A U-Net whose skip connections are dense rows of convolution pairs.

    Parameters
    ----------
    in_channels: channels of the input.
    classes: channels of the output, background included.
    widths: channels of each level, the finest first.
    heads: nodes of the finest row that give logits while training, the last one counted first.
    normalisation: "batch", "group" or "none".

    Raises
    ------
    ValueError: fewer than two levels, or more heads than nodes.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 4,
        widths: Sequence[int] = (32, 64, 128, 256, 512),
        heads: int = 4,
        normalisation: str = "batch",
    ) -> None:
        super().__init__()
        if len(widths) < 2 or not 1 <= heads < len(widths):
            raise ValueError(f"widths {tuple(widths)} and heads {heads} don't make a UNet++")
        self.stride = 2 ** (len(widths) - 1)
        self.rows = nn.ModuleList()
        for level, width in enumerate(widths):
            first = convolution_pair(
                widths[level - 1] if level else in_channels, width, width, normalisation, pooled=level > 0
            )
            row = nn.ModuleList([first])
            for earlier in range(1, len(widths) - level):
                row.append(convolution_pair(earlier * width + widths[level + 1], width, width, normalisation))
            self.rows.append(row)
        self.heads = nn.ModuleList(nn.Conv2d(widths[0], classes, 1) for _ in range(heads))

    def outputs(self, x: Tensor, *, deep: bool) -> list[Tensor]:
        """Logits of the last node of the finest row, and with ``deep`` of the nodes before it."""
        nodes: list[list[Tensor]] = []
        for row in self.rows:
            x = row[0](x)  # type: ignore[index]
            nodes.append([x])
        for depth in range(1, len(nodes)):
            for level in range(len(nodes) - depth):
                below = nodes[level + 1][depth - 1]
                up = functional.interpolate(below, scale_factor=2, mode="bilinear", align_corners=False)
                nodes[level].append(self.rows[level][depth](torch.cat((*nodes[level], up), 1)))  # type: ignore[index]
        heads = self.heads if deep else self.heads[:1]
        return [head(features) for head, features in zip(heads, reversed(nodes[0]), strict=False)]
