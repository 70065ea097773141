"""ENet: Paszke et al., "ENet: A Deep Neural Network Architecture for Real-Time Semantic Segmentation" (2016)."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from .blocks import convolution
from .frame_network import FrameNetwork

# The paper's stages 2 and 3: what the middle convolution of each bottleneck is.
_STAGE = [
    *[("plain", 1), ("dilated", 2), ("asymmetric", 5), ("dilated", 4)],
    *[("plain", 1), ("dilated", 8), ("asymmetric", 5), ("dilated", 16)],
]


def _unit(convolution: nn.Module, channels: int, *, rectified: bool) -> list[nn.Module]:
    """A convolution with its normalisation and activation: a PReLU, or a ReLU where ``rectified``."""
    return [convolution, nn.BatchNorm2d(channels), nn.ReLU(inplace=True) if rectified else nn.PReLU(channels)]


def _middle(kind: str, size: int, channels: int) -> list[nn.Module]:
    if kind == "asymmetric":
        half = size // 2
        return [
            nn.Conv2d(channels, channels, (size, 1), padding=(half, 0), bias=False),
            nn.Conv2d(channels, channels, (1, size), padding=(0, half), bias=False),
        ]
    return [nn.Conv2d(channels, channels, 3, padding=size, dilation=size, bias=False)]


class Bottleneck(nn.Module):
    """A narrow branch of three convolutions, added to the input.

    Parameters
    ----------
    inputs, outputs: channels; they differ where the resolution changes.
    kind, size: the middle convolution: "plain", "dilated" by ``size`` or "asymmetric" of ``size``.
    change: "none", "down" (halved, the maxima's places are handed out) or "up" (doubled, the places are taken in).
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        dropout: float,
        *,
        kind: str = "plain",
        size: int = 1,
        change: str = "none",
        rectified: bool = False,
    ) -> None:
        super().__init__()
        self.change, self.outputs = change, outputs
        narrow = max(1, inputs // 4)
        kernel = 2 if change == "down" else 1
        first = nn.Conv2d(inputs, narrow, kernel, stride=kernel, bias=False)
        if change == "up":
            middle: list[nn.Module] = [
                nn.ConvTranspose2d(narrow, narrow, 3, stride=2, padding=1, output_padding=1, bias=False)
            ]
        else:
            middle = _middle(kind, size, narrow)
        self.branch = nn.Sequential(
            *_unit(first, narrow, rectified=rectified),
            *middle[:-1],
            *_unit(middle[-1], narrow, rectified=rectified),
            nn.Conv2d(narrow, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.Dropout2d(dropout),
        )
        self.narrow: nn.Module = convolution(inputs, outputs, 1) if change == "up" else nn.Identity()
        self.activation = nn.ReLU() if rectified else nn.PReLU(outputs)

    def forward(self, x: Tensor, places: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """(B, outputs, ...) of (B, inputs, H, W), and the places of the maxima where it halves."""
        main, found = x, None
        if self.change == "down":
            main, found = functional.max_pool2d(x, 2, return_indices=True)
            main = functional.pad(main, (0, 0, 0, 0, 0, self.outputs - main.shape[1]))
        elif self.change == "up" and places is not None:
            main = functional.max_unpool2d(self.narrow(x), places, [2, 2])
        return self.activation(main + self.branch(x)), found


class ENet(FrameNetwork):
    """ENet from gray frames to class logits; 0.35 million parameters as published.

    Parameters
    ----------
    in_channels: channels of the input.
    classes: channels of the output, background included.
    widths: channels at a half, a quarter and an eighth of the resolution; each at least those before it.
    dropout: of the branches from stage 2 on; stage 1 has a tenth of it.

    Raises
    ------
    ValueError: widths that don't make an ENet.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 4,
        widths: tuple[int, int, int] = (16, 64, 128),
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if len(widths) != 3 or not in_channels < widths[0] <= widths[1] <= widths[2]:
            raise ValueError(f"widths {tuple(widths)} don't make an ENet")
        fine, middle, coarse = widths
        self.stride = 8
        self.initial = nn.Conv2d(in_channels, fine - in_channels, 3, stride=2, padding=1, bias=False)
        self.started = nn.Sequential(nn.BatchNorm2d(fine), nn.PReLU(fine))
        self.to_quarter = Bottleneck(fine, middle, dropout / 10, change="down")
        self.quarter = nn.ModuleList(Bottleneck(middle, middle, dropout / 10) for _ in range(4))
        self.to_eighth = Bottleneck(middle, coarse, dropout, change="down")
        self.eighth = nn.ModuleList(
            Bottleneck(coarse, coarse, dropout, kind=kind, size=size) for _ in range(2) for kind, size in _STAGE
        )
        self.from_eighth = Bottleneck(coarse, middle, dropout, change="up", rectified=True)
        self.up_quarter = nn.ModuleList(Bottleneck(middle, middle, dropout, rectified=True) for _ in range(2))
        self.from_quarter = Bottleneck(middle, fine, dropout, change="up", rectified=True)
        self.up_half = Bottleneck(fine, fine, dropout, rectified=True)
        self.head = nn.ConvTranspose2d(fine, classes, 2, stride=2)

    def outputs(self, x: Tensor, *, deep: bool) -> list[Tensor]:
        """The logits; there is one head."""
        x = self.started(torch.cat((self.initial(x), functional.max_pool2d(x, 2)), 1))
        x, at_half = self.to_quarter(x)
        for block in self.quarter:
            x, _ = block(x)
        x, at_quarter = self.to_eighth(x)
        for block in self.eighth:
            x, _ = block(x)
        x, _ = self.from_eighth(x, at_quarter)
        for block in self.up_quarter:
            x, _ = block(x)
        x, _ = self.from_quarter(x, at_half)
        x, _ = self.up_half(x)
        return [self.head(x)]
