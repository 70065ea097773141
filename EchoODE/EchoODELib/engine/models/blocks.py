"""Pieces that the networks share: normalised convolutions, encoder, decoder, padding and back."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

NORMALISATIONS = ("batch", "group", "none")


def convolution(inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """A convolution that keeps the size (but for its stride), and its batch normalisation."""
    padding = dilation * (kernel // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=padding, dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
    )


def normalised(inputs: int, outputs: int, normalisation: str, *, stride: int = 1) -> list[nn.Module]:
    """A 3x3 convolution, its normalisation ("batch", "group" of eight or "none") and a ReLU, to put in a row.

    Raises
    ------
    ValueError: another normalisation.
    """
    if normalisation not in NORMALISATIONS:
        raise ValueError(f"normalisation is one of {', '.join(NORMALISATIONS)}, not {normalisation}")
    parts: list[nn.Module] = [nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=normalisation == "none")]
    if normalisation == "batch":
        parts.append(nn.BatchNorm2d(outputs))
    elif normalisation == "group":
        parts.append(nn.GroupNorm(math.gcd(8, outputs), outputs))
    return [*parts, nn.ReLU(inplace=True)]


def convolution_pair(
    inputs: int, between: int, outputs: int, normalisation: str, *, stride: int = 1, pooled: bool = False
) -> nn.Sequential:
    """Two normalised 3x3 convolutions, after a halving by the maximum where ``pooled``."""
    pool = [nn.MaxPool2d(2)] if pooled else []
    return nn.Sequential(
        *pool,
        *normalised(inputs, between, normalisation, stride=stride),
        *normalised(between, outputs, normalisation),
    )


class Encoder(nn.Module):
    """A pair of convolutions a level, each level half as large as the one before.

    Parameters
    ----------
    in_channels: channels of the frames.
    widths: channels of each level, the finest first.
    stride: 1, or 2 to run the finest level at half the frames' resolution.
    """

    def __init__(self, in_channels: int, widths: Sequence[int], normalisation: str, stride: int = 1) -> None:
        super().__init__()
        first = convolution_pair(in_channels, widths[0], widths[0], normalisation, stride=stride)
        self.levels = nn.ModuleList([first])
        for inputs, outputs in itertools.pairwise(widths):
            self.levels.append(convolution_pair(inputs, outputs, outputs, normalisation, pooled=True))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features of every level, the finest first, of frames (N, in_channels, H, W)."""
        features: list[Tensor] = []
        for level in self.levels:
            x = level(x)
            features.append(x)
        return features


class Decoder(nn.Module):
    """Doubles bilinearly and convolves, level by level, with what skip connections bring at the same level.

    Parameters
    ----------
    inputs: channels of the coarsest features.
    widths: channels of each decoder level, the finest first; a skip connection has as many at its level.
    skips: number of skip connections a level.
    """

    def __init__(self, inputs: int, widths: Sequence[int], normalisation: str, skips: int = 0) -> None:
        super().__init__()
        self.levels = nn.ModuleList()
        for width in reversed(widths):
            joined = inputs + skips * width
            self.levels.append(convolution_pair(joined, joined // 2, width, normalisation))
            inputs = width

    def forward(self, x: Tensor, *skips: Sequence[Tensor]) -> list[Tensor]:
        """Features of every level, the finest first, of (N, inputs, h, w); ``skips`` are the finest first, too."""
        features: list[Tensor] = []
        for index, level in enumerate(self.levels):
            x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            brought = [skip[-1 - index] for skip in skips]
            x = level(torch.cat((*brought, x), 1) if brought else x)
            features.insert(0, x)
        return features


def pad_to_multiple(frames: Tensor, multiple: int) -> Tensor:
    """Frames (N, C, H, W) with their last row and column repeated until both sides are multiples of ``multiple``."""
    rows, columns = (-side % multiple for side in frames.shape[-2:])
    return functional.pad(frames, (0, columns, 0, rows), mode="replicate") if rows or columns else frames


def at_frame_size(maps: Tensor, size: tuple[int, int], multiple: int) -> Tensor:
    """What was made of frames of :func:`pad_to_multiple`, at the frames' own size.

    Parameters
    ----------
    maps: (N, K, h, w) over the padded frames, at any resolution.
    size: (H, W) of the frames before they were padded.

    Returns
    -------
    (N, K, H, W) float32, linearly interpolated.
    """
    padded = tuple(side + -side % multiple for side in size)
    maps = maps.float()
    if maps.shape[-2:] != padded:
        maps = functional.interpolate(maps, size=padded, mode="bilinear", align_corners=False)
    return maps[..., : size[0], : size[1]]
