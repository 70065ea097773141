"""Which standard view a frame shows, from the features of a network that segments it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from .blocks import convolution


class ViewBranch(nn.Module):
    """The classification branch of recurrent aggregation learning (Li et al., MICCAI 2019).

    Starting from the last block's features, a convolution and a pooling at each level take in what the segmentation
    branch has made there, the coarsest level first; fully connected layers give the view.

    Parameters
    ----------
    inputs: channels of the last block's features.
    levels: channels of the segmentation branch at each level, the coarsest first.
    width: channels inside.
    views: number of views to tell apart.
    dropout: of the fully connected layers' input, while training.
    """

    def __init__(self, inputs: int, levels: Sequence[int], width: int, views: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.steps = nn.ModuleList()
        before = inputs
        for level in levels:
            self.steps.append(nn.Sequential(*convolution(before + level, width), nn.ReLU()))
            before = width
        self.decide = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, views))

    def forward(self, features: Tensor, levels: Sequence[Tensor]) -> Tensor:
        """Logits (N, views).

        Parameters
        ----------
        features: (N, inputs, h, w) of the last block.
        levels: of the segmentation branch, each (N, channels, h', w'), the coarsest first.
        """
        x = features
        for step, level in zip(self.steps, levels, strict=True):
            seen = functional.adaptive_avg_pool2d(level, (x.shape[-2], x.shape[-1]))
            x = step(torch.cat((x, seen), 1))
            if min(x.shape[-2:]) > 2:
                x = functional.max_pool2d(x, 2)
        decided: Tensor = self.decide(x.mean((-2, -1)))
        return decided
