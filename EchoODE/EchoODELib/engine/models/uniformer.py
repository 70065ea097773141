"""UniFormer for video: convolutions look around in the first stages, attention over space and time in the last.

Li et al., "UniFormer: Unified Transformer for Efficient Spatial-Temporal Representation Learning" (ICLR 2022); the
defaults are its small form, whose embedding CoReEcho regresses from. A relation aggregator (MHRA) of the first two
stages weighs a neighbourhood of 5x5x5 by learned weights alone, which is a depthwise convolution; one of the last two
weighs all positions by how alike they are.

What differs from the published network: frames have one channel (gray; a network of three, as published, has 6,144
weights more), there is no classifier behind the embedding, and frames of any size are taken.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import UnsuitableClip
from .depthwise import DepthwiseConv3d

#: Published names of weights, as in the authors' own files -> ours; ``head`` and ``pre_logits`` are left out.
PUBLISHED_NAMES = (
    (r"^patch_embed(\d)\.proj\.", r"stages.\1.embed.projection."),
    (r"^patch_embed(\d)\.norm\.", r"stages.\1.embed.norm."),
    (r"^blocks(\d)\.(\d+)\.pos_embed\.", r"stages.\1.blocks.\2.place."),
    (r"^blocks([12])\.(\d+)\.norm1\.", r"stages.\1.blocks.\2.look.0."),
    (r"^blocks([12])\.(\d+)\.conv1\.", r"stages.\1.blocks.\2.look.1."),
    (r"^blocks([12])\.(\d+)\.attn\.", r"stages.\1.blocks.\2.look.2."),
    (r"^blocks([12])\.(\d+)\.conv2\.", r"stages.\1.blocks.\2.look.3."),
    (r"^blocks([34])\.(\d+)\.norm1\.", r"stages.\1.blocks.\2.look.norm."),
    (r"^blocks([34])\.(\d+)\.attn\.qkv\.", r"stages.\1.blocks.\2.look.asked."),
    (r"^blocks([34])\.(\d+)\.attn\.proj\.", r"stages.\1.blocks.\2.look.given."),
    (r"^blocks(\d)\.(\d+)\.norm2\.", r"stages.\1.blocks.\2.think.0."),
    (r"^blocks(\d)\.(\d+)\.mlp\.fc1\.", r"stages.\1.blocks.\2.think.1."),
    (r"^blocks(\d)\.(\d+)\.mlp\.fc2\.", r"stages.\1.blocks.\2.think.4."),
)


class UniFormer(nn.Module):
    """From clips to one embedding each.

    Parameters
    ----------
    in_channels: of a frame.
    depths: blocks of each of the four stages; the first two are local, the last two global.
    widths: channels of each stage; the last is the embedding's size.
    head_width: channels of one attention head.
    expansion: channels inside of a block's perceptron, relative to the block's own.
    dropout: of the perceptrons' and attentions' outputs.
    drop_path: probability at which the last block is left out for a clip while training; it rises from 0 at the first.

    Raises
    ------
    ValueError: not four stages, or a global stage whose channels are no multiple of ``head_width``.
    """

    def __init__(
        self,
        in_channels: int = 1,
        depths: Sequence[int] = (3, 4, 8, 3),
        widths: Sequence[int] = (64, 128, 320, 512),
        head_width: int = 64,
        expansion: float = 4.0,
        dropout: float = 0.1,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        if len(depths) != 4 or len(widths) != 4:
            raise ValueError("depths and widths need four numbers each")
        if any(width % head_width for width in widths[2:]):
            raise ValueError(f"the widths {list(widths[2:])} are no multiples of head_width {head_width}")
        self.in_channels, self.width = in_channels, widths[-1]
        rates = iter(drop_path * block / max(1, sum(depths) - 1) for block in range(sum(depths)))
        stages, before = [], in_channels
        for number, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            hidden = round(width * expansion)
            blocks = [
                _LocalBlock(width, hidden, dropout, next(rates))
                if number < 2
                else _GlobalBlock(width, hidden, dropout, next(rates), width // head_width)
                for _ in range(depth)
            ]
            stages.append(_Stage(_Embedding(before, width, first=number == 0), blocks, dropout if number == 0 else 0.0))
            before = width
        self.stages = nn.ModuleList(stages)
        self.norm = nn.BatchNorm3d(self.width)
        self.apply(_start)

    def forward(self, frames: Tensor) -> Tensor:
        """Embeddings (B, widths[-1]) of frames (B, T, in_channels, H, W), T and sides of any size from (1, 32, 32)."""
        return self.pooled(self.maps(frames)[-1])

    def maps(self, frames: Tensor) -> list[Tensor]:
        """What each stage sees, (B, widths[k], t, h, w); the last is normalised.

        ``t`` is half of T, rounded up; sides shrink by 4, 8, 16 and 32, rounded down.

        Raises
        ------
        UnsuitableClip: frames of another number of channels, or smaller than 32 px.
        """
        if frames.ndim != 5 or frames.shape[2] != self.in_channels or min(frames.shape[3:]) < 32:
            raise UnsuitableClip(
                f"The encoder takes clips (B, T, {self.in_channels}, H, W) of 32 px or more a side, not "
                f"{tuple(frames.shape)}."
            )
        seen, maps = frames.transpose(1, 2), []
        for stage in self.stages:
            seen = stage(seen)
            maps.append(seen)
        maps[-1] = self.norm(seen)
        return maps

    @staticmethod
    def pooled(last: Tensor) -> Tensor:
        """The embedding (B, E) of the last map (B, E, t, h, w)."""
        return last.flatten(2).mean(-1)

    def adopt_published(self, state: Mapping[str, Tensor]) -> None:
        """Take weights by the authors' names (:data:`PUBLISHED_NAMES`), as of Kinetics-400.

        Filters of three colours are added up where frames are gray: that is what a gray picture in colour gives.

        Raises
        ------
        ValueError: a weight is missing, unknown or of another size.
        """
        renamed = {_our_name(name): value for name, value in state.items() if not name.startswith(("head", "pre_log"))}
        first = "stages.0.embed.projection.weight"
        if self.in_channels == 1 and first in renamed:
            renamed[first] = renamed[first].sum(1, keepdim=True)
        try:
            self.load_state_dict(renamed)
        except RuntimeError as error:
            raise ValueError(str(error)) from error


def _our_name(published: str) -> str:
    for pattern, ours in PUBLISHED_NAMES:
        if re.match(pattern, published):
            renamed = re.sub(pattern, ours, published)
            return re.sub(r"^stages\.(\d)", lambda found: f"stages.{int(found[1]) - 1}", renamed)
    return published


class _Stage(nn.Module):
    def __init__(self, embed: _Embedding, blocks: Sequence[nn.Module], dropout: float) -> None:
        super().__init__()
        self.embed, self.dropout, self.blocks = embed, nn.Dropout(dropout), nn.Sequential(*blocks)

    def forward(self, maps: Tensor) -> Tensor:
        seen: Tensor = self.blocks(self.dropout(self.embed(maps)))
        return seen


class _Embedding(nn.Module):
    """Patches to vectors: the first 4x4 px and three frames, every second of them; then 2x2 of a frame."""

    def __init__(self, before: int, width: int, *, first: bool) -> None:
        super().__init__()
        kernel, stride, padding = ((3, 4, 4), (2, 4, 4), (1, 0, 0)) if first else ((1, 2, 2), (1, 2, 2), (0, 0, 0))
        self.projection = nn.Conv3d(before, width, kernel, stride, padding)
        self.norm = nn.LayerNorm(width)

    def forward(self, maps: Tensor) -> Tensor:
        normed: Tensor = self.norm(self.projection(maps).movedim(1, -1))
        # Of a single clip, torch's batch normalisation returns wrong gradients for other arrangements (2.13, CPU).
        return normed.movedim(-1, 1).contiguous()


class _LocalBlock(nn.Module):
    """Place, neighbourhood, thought: all by convolution, (B, C, t, h, w) to the same."""

    def __init__(self, width: int, hidden: int, dropout: float, drop_path: float) -> None:
        super().__init__()
        self.place = DepthwiseConv3d(width, 3)
        self.look = nn.Sequential(
            nn.BatchNorm3d(width),
            nn.Conv3d(width, width, 1),
            DepthwiseConv3d(width, 5),
            nn.Conv3d(width, width, 1),
        )
        self.think = nn.Sequential(
            nn.BatchNorm3d(width),
            nn.Conv3d(width, hidden, 1),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Conv3d(hidden, width, 1),
            nn.Dropout(dropout),
        )
        self.skip = _DropPath(drop_path)

    def forward(self, maps: Tensor) -> Tensor:
        maps = maps + self.place(maps)
        maps = maps + self.skip(self.look(maps))
        seen: Tensor = maps + self.skip(self.think(maps))
        return seen


class _GlobalBlock(nn.Module):
    """Place by convolution, then attention over all positions of the clip and thought, (B, C, t, h, w) to the same."""

    def __init__(self, width: int, hidden: int, dropout: float, drop_path: float, heads: int) -> None:
        super().__init__()
        self.place = DepthwiseConv3d(width, 3)
        self.look = _Attention(width, heads, dropout)
        self.think = nn.Sequential(
            nn.LayerNorm(width, eps=1e-6),
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, width),
            nn.Dropout(dropout),
        )
        self.skip = _DropPath(drop_path)

    def forward(self, maps: Tensor) -> Tensor:
        maps = maps + self.place(maps)
        tokens = maps.flatten(2).transpose(1, 2)
        tokens = tokens + self.skip(self.look(tokens))
        tokens = tokens + self.skip(self.think(tokens))
        seen: Tensor = tokens.transpose(1, 2).contiguous().view(maps.shape)
        return seen


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.asked = nn.Linear(width, 3 * width)
        self.given = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        batch, count, width = tokens.shape
        asked = self.asked(self.norm(tokens)).reshape(batch, count, 3, self.heads, width // self.heads)
        query, key, value = asked.permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(query, key, value)
        seen: Tensor = self.dropout(self.given(found.transpose(1, 2).reshape(batch, count, width)))
        return seen


class _DropPath(nn.Module):
    """Leaves a block out of a clip at a probability while training, and scales it up where it stays."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, branch: Tensor) -> Tensor:
        if not self.training or self.probability == 0:
            return branch
        kept = 1 - self.probability
        shape = (len(branch),) + (1,) * (branch.ndim - 1)
        stays = torch.full(shape, kept, device=branch.device, dtype=branch.dtype).bernoulli()
        return branch * stays / kept


def _start(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        nn.init.zeros_(module.bias)
