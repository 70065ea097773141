"""What a network gives for a clip, whatever its architecture."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass
class ClipOutput:
    """A clip network's answer at S output times.

    Attributes
    ----------
    logits: (B, S, classes, H, W).
    reconstruction: (B, S, channels, H, W), the images, in the input's units; None where a network makes none.
    heat_maps: (B, S, 2 * lines, H, W) in 0..1, start and end of each measurement line; None without lines.
    views: (B, S, views) logits of which standard view it is; None where a network does not tell.
    """

    logits: Tensor
    reconstruction: Tensor | None = None
    heat_maps: Tensor | None = None
    views: Tensor | None = None
