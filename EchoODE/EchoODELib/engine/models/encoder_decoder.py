"""The frame of Echo-ODE and its peers: encoder, something that goes through time, two decoders."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .blocks import Decoder, Encoder
from .clip_network import ClipNetwork
from .times import Blend

SKIPS = {"none": (), "reconstruction": ("reconstruction",), "frames": ("frames",), "both": ("frames", "reconstruction")}
LEVELS = 4


class EncoderDecoder(ClipNetwork):
    """Encoder, time, reconstruction decoder and target decoder; what time is, the subclass says.

    Parameters
    ----------
    in_channels: channels of a frame.
    classes: channels of the logits, background included.
    width: channels of the finest of four levels; each level has twice those of the one before.
    hidden: channels of the state, at an eighth of the resolution; None for 8 * width.
    reconstruction: whether the images are reconstructed, too.
    skips: what the target decoder gets at each level: "none", "reconstruction" (the reconstruction decoder's
        features, the paper's choice), "frames" (the encoder's, blended linearly between frames) or "both".
    lines: measurement lines whose two ends get heat maps.
    normalisation: "batch" (as published), "group" or "none".
    stem_stride: 1 as published, or 2 to run the finest level at half the resolution.

    Raises
    ------
    ValueError: settings that make no network.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 4,
        width: int = 32,
        hidden: int | None = None,
        reconstruction: bool = True,
        skips: str = "reconstruction",
        lines: int = 0,
        normalisation: str = "batch",
        stem_stride: int = 1,
    ) -> None:
        super().__init__()
        if skips not in SKIPS:
            raise ValueError(f"skips is one of {', '.join(SKIPS)}, not {skips}")
        if "reconstruction" in SKIPS[skips] and not reconstruction:
            raise ValueError(f"skips {skips} needs the reconstruction")
        if min(in_channels, classes, width) < 1 or lines < 0 or stem_stride not in (1, 2):
            raise ValueError(f"width {width}, lines {lines}, stem_stride {stem_stride} don't make a clip network")
        widths = [width * 2**level for level in range(LEVELS)]
        self.stride = stem_stride * 2 ** (LEVELS - 1)
        self.skips = SKIPS[skips]
        self.features = widths[-1]
        self.hidden = hidden or widths[-1]
        self.encoder = Encoder(in_channels, widths, normalisation, stem_stride)
        self.reconstructor = Decoder(self.hidden, widths[:-1], normalisation) if reconstruction else None
        self.image = nn.Conv2d(width, in_channels, 1) if reconstruction else None
        self.decoder = Decoder(self.hidden, widths[:-1], normalisation, len(self.skips))
        self.head = nn.Conv2d(width, classes, 1)
        self.ends = nn.Conv2d(width, 2 * lines, 1) if lines else None

    @abstractmethod
    def through_time(self, features: Tensor, input_times: Tensor, output_times: Tensor, blend: Blend) -> Tensor:
        """States (B * S, hidden, h, w) at (B, S) of features (B * T, features, h, w) at (B, T)."""

    def levels(self, padded: Tensor) -> list[Tensor]:
        """Features of padded frames (N, in_channels, H, W), the finest first, or the deepest alone without skips."""
        found: list[Tensor] = self.encoder(padded)
        return found if "frames" in self.skips else found[-1:]

    def outputs(
        self, encoded: Sequence[Tensor], given: Tensor, asked: Tensor, blend: Blend
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Logits, images and heat maps before their sigmoid, see :meth:`ClipNetwork.outputs`."""
        *levels, features = encoded
        states = self.through_time(features, given, asked, blend).contiguous(memory_format=torch.channels_last)
        brought: list[list[Tensor]] = [[blend(level) for level in levels]] if levels else []
        image: Tensor | None = None
        if self.reconstructor is not None and self.image is not None:
            made = self.reconstructor(states)
            image = self.image(made[0])
            if "reconstruction" in self.skips:
                brought.append(made)
        target = self.decoder(states, *brought)[0]
        return self.head(target), image, None if self.ends is None else self.ends(target)
