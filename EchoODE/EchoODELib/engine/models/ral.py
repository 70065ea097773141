"""Recurrent aggregation learning: one network for all views, which says which view it sees."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from .blocks import at_frame_size, convolution, pad_to_multiple
from .causal_network import CausalNetwork, Memory
from .clip_output import ClipOutput
from .dense_block import FeaturePyramid
from .view_branch import ViewBranch

VIEWS = 5  # the known views and "other"
_KEPT = 3  # tensors that a level keeps: hidden state, cell, output


class AggregationLevel(nn.Module):
    """One ConvLSTM of the hierarchy (eq. 2 to 4): it sees the level above it and its own past.

    Its input joins the features, the coarser level's output and its own last output; its state joins the coarser
    level's hidden state and its own last one. The output is a normalised 1x1 convolution of the hidden state.

    Parameters
    ----------
    features: channels of this level's features.
    above: channels of the coarser level's hidden state and of its output; 0 without it.
    hidden: channels of hidden state, cell and output.
    temporal: whether it remembers.
    """

    def __init__(self, features: int, above: int, hidden: int, *, temporal: bool = True) -> None:
        super().__init__()
        self.hidden = hidden
        self.of_frame = nn.Conv2d(features + 2 * above, 4 * hidden, 3, padding=1)
        self.of_past = nn.Conv2d(2 * hidden, 4 * hidden, 3, padding=1, bias=False) if temporal else None
        # A hidden state is small: five levels of them, not normalised, hand on next to nothing.
        self.output = nn.Sequential(*convolution(hidden, hidden, 1), nn.ReLU())
        nn.init.kaiming_normal_(self.of_frame.weight, nonlinearity="linear")
        assert self.of_frame.bias is not None
        nn.init.ones_(self.of_frame.bias[hidden : 2 * hidden])  # at first it forgets slowly

    def forward(
        self, features: Tensor, above: tuple[Tensor, Tensor] | None, memory: Memory | None, batch: int
    ) -> tuple[Tensor, Tensor, Memory]:
        """Hidden states and outputs (B * T, hidden, h, w) of features (B * T, ...), and what is kept of the last frame.

        Parameters
        ----------
        above: hidden states and outputs of the coarser level, at any resolution; None for the coarsest.
        memory: hidden state, cell and output (B, hidden, h, w) of the frame before; None at the start.
        """
        size = (features.shape[-2], features.shape[-1])
        joined = [features, *(_enlarged(one, size) for one in above or ())]
        # What doesn't depend on the past is convolved for all frames at once.
        seen = self.of_frame(torch.cat(joined, 1)).unflatten(0, (batch, -1))
        hidden, cell, output = memory or (seen.new_zeros(batch, self.hidden, *size),) * _KEPT
        states, outputs = [], []
        for frame in range(seen.shape[1]):
            gates = seen[:, frame]
            if self.of_past is not None:
                gates = gates + self.of_past(torch.cat((output, hidden), 1))
            into, forget, out, new = gates.float().chunk(4, 1)
            fresh = torch.sigmoid(into) * torch.tanh(new)
            cell = fresh if self.of_past is None else torch.sigmoid(forget) * cell + fresh
            hidden = torch.sigmoid(out) * torch.tanh(cell)
            output = self.output(hidden)
            states.append(hidden)
            outputs.append(output)
        kept = (hidden, cell, output)
        return torch.stack(states, 1).flatten(0, 1), torch.stack(outputs, 1).flatten(0, 1), kept


class RAL(CausalNetwork):
    """Recurrent aggregation learning (Li et al., "Recurrent Aggregation Learning for Multi-View Echocardiographic
    Sequences Segmentation", MICCAI 2019).

    Five blocks of dilated, densely connected convolutions find features at several levels and scales. From the
    coarsest to the finest, a ConvLSTM a level joins them in space and in time; the finest one gives the masks. A
    branch from the last block takes in all of them and gives the view. Growth and widths are not printed in the
    paper; the defaults are small enough for a CPU.

    Parameters
    ----------
    in_channels: channels of a frame.
    classes: label classes.
    views: that the view branch tells apart, in the order of ``KNOWN_VIEWS``, then "other".
    growth, layers: of the blocks.
    dilations: of the blocks, one each.
    stem, stem_stride: channels of the first convolution, and 2 to run the finest level at half the resolution.
    widths: channels into each block.
    pools: after each block but the last, whether the resolution is halved.
    features: channels of each level's features for its ConvLSTM, the finest first.
    hidden: channels of each level's ConvLSTM, the finest first.
    view_width: channels of the view branch.
    classification: whether there is a view branch.
    blocks: whether the blocks are densely connected.
    temporal, spatial: whether the ConvLSTMs see the frame before, and the coarser level. Without the latter the
        masks come from all levels' outputs together.

    Raises
    ------
    ValueError: numbers of levels that differ.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 4,
        views: int = VIEWS,
        growth: int = 8,
        layers: int = 6,
        dilations: Sequence[int] = (1, 1, 2, 4, 8),
        stem: int = 16,
        stem_stride: int = 2,
        widths: Sequence[int] = (16, 24, 32, 40, 40),
        pools: Sequence[bool] = (True, True, False, False),
        features: Sequence[int] = (12, 16, 24, 24, 24),
        hidden: Sequence[int] = (12, 16, 24, 24, 24),
        view_width: int = 48,
        classification: bool = True,
        blocks: bool = True,
        temporal: bool = True,
        spatial: bool = True,
    ) -> None:
        super().__init__()
        levels = len(dilations)
        if not levels == len(widths) == len(features) == len(hidden) == len(pools) + 1 or stem_stride not in (1, 2):
            raise ValueError(
                f"dilations, widths, features and hidden need a number a level, pools one less; stem_stride is 1 or 2: "
                f"{dilations}, {widths}, {features}, {hidden}, {pools}, {stem_stride}"
            )
        self.stride = stem_stride * 2 ** sum(map(bool, pools))
        self.spatial = spatial
        self.pyramid = FeaturePyramid(
            in_channels, stem, stem_stride, widths, growth, layers, dilations, pools, features, dense=blocks
        )
        self.levels = nn.ModuleList()
        for level in reversed(range(levels)):
            above = hidden[level + 1] if spatial and level + 1 < levels else 0
            self.levels.append(AggregationLevel(features[level], above, hidden[level], temporal=temporal))
        self.head = nn.Conv2d(hidden[0] if spatial else sum(hidden), classes, 1)
        last = widths[-1] + growth * layers
        self.view_branch = ViewBranch(last, hidden[::-1], view_width, views) if classification else None

    def follow(
        self, frames: Tensor, memory: Memory | None = None, long_axis: Tensor | None = None
    ) -> tuple[ClipOutput, Memory]:
        """Masks and views frame by frame, and the memory: hidden state, cell and output of each level, coarse to fine.

        See :meth:`CausalNetwork.follow`; there is no view bit.
        """
        batch, size = frames.shape[0], (frames.shape[-2], frames.shape[-1])
        flat = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        features, deepest = self.pyramid(pad_to_multiple(flat, self.stride))
        above: tuple[Tensor, Tensor] | None = None
        outputs: list[Tensor] = []
        kept: list[Tensor] = []
        for place, level in enumerate(self.levels):
            known = None if memory is None else memory[_KEPT * place : _KEPT * (place + 1)]
            states, output, last = level(features[-1 - place], above if self.spatial else None, known, batch)
            above = states, output
            outputs.append(output)
            kept += last
        finest = outputs[-1]
        if not self.spatial:
            finest = torch.cat([_enlarged(one, (finest.shape[-2], finest.shape[-1])) for one in outputs], 1)
        logits = at_frame_size(self.head(finest), size, self.stride)
        logits = logits.reshape(batch, -1, *logits.shape[1:])
        views = None
        if self.view_branch is not None:
            views = self.view_branch(deepest, outputs).float().unflatten(0, (batch, -1))
        return ClipOutput(logits, views=views), tuple(kept)


def _enlarged(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Maps (N, C, h, w) at another resolution, bilinearly."""
    if maps.shape[-2:] == size:
        return maps
    return functional.interpolate(maps, size=size, mode="bilinear", align_corners=False)
