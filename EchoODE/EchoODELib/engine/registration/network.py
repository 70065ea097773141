"""The velocity network of paper 001: a U-Net that sees a frame, the source's mask and the time.

Layers follow the paper: an encoder of 16, 32, 32, 32 and a decoder of 32 x 5, 16, 16 channels, a cosine encoding of
the time added to the latent features, and in the decoder a normalisation whose scale and offset come from the mask
and the time (after Park et al., CVPR 2019). The paper names neither kernels nor activations: 3 x 3 and leaky ReLU
here, halving in every level of the encoder, the decoder's first levels doubling and taking the encoder's features,
its last ones refining at full size, as in VoxelMorph, whose channels these are.
"""

from __future__ import annotations

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .settings import NetworkSettings

_SLOPE = 0.2
_POSITIONS = 100.0  # positions of the encoding from the leg's source to its end
_LONGEST = 10_000.0  # the encoding's longest period over its shortest (Vaswani et al., NeurIPS 2017)
_FIRST_MODULATION = 1e-2  # spread of the weights that scale and offset start from
_FIRST_VELOCITY = 1e-4  # spread of the last layer's weights: the flow starts at rest


def encode_time(times: Tensor, width: int) -> Tensor:
    """Sines and cosines (B, ``width``) of times (B,) from 0, the leg's source, to 1, its end."""
    periods = torch.arange((width + 1) // 2, device=times.device, dtype=torch.float32)
    frequencies = torch.exp(-math.log(_LONGEST) * 2 * periods / width)
    phases = _POSITIONS * times[:, None] * frequencies
    return torch.cat([phases.cos(), phases.sin()], dim=1)[:, :width]


class ConditionedNorm(nn.Module):
    """Instance normalisation, then scale and offset at every pixel from the source's mask and the time."""

    def __init__(self, channels: int, labels: int, settings: NetworkSettings) -> None:
        super().__init__()
        self.from_mask = nn.Conv2d(labels, settings.hidden, 3, padding=1)
        self.from_time = nn.Linear(settings.encoding, settings.hidden)
        self.modulation = nn.Conv2d(settings.hidden, 2 * channels, 3, padding=1)
        nn.init.normal_(self.modulation.weight, std=_FIRST_MODULATION)
        nn.init.constant_(cast(Tensor, self.modulation.bias), 0.0)

    def forward(self, features: Tensor, mask: Tensor, encoding: Tensor) -> Tensor:
        """Features (B, c, h, w), mask (1, C, H, W), time encoding (B, e)."""
        small = F.interpolate(mask, features.shape[-2:], mode="area")
        hidden = F.relu(self.from_mask(small) + self.from_time(encoding)[:, :, None, None])
        scale, offset = self.modulation(hidden).chunk(2, dim=1)
        return torch.as_tensor(F.instance_norm(features) * (1 + scale) + offset)


class VelocityNetwork(nn.Module):
    """V(p, t) of paper 001 for ``labels`` labels above the background."""

    def __init__(self, labels: int, settings: NetworkSettings) -> None:
        super().__init__()
        self.width = settings.encoding
        sizes = (1, *settings.encoder)
        self.encoder = nn.ModuleList(
            nn.Conv2d(here, there, 3, stride=2, padding=1) for here, there in zip(sizes, settings.encoder, strict=False)
        )
        self.latent_time = nn.Linear(settings.encoding, settings.encoder[-1])
        skips = sizes[-2::-1]
        self.decoder, self.norms = nn.ModuleList(), nn.ModuleList()
        channels = settings.encoder[-1]
        for number, out in enumerate(settings.decoder):
            self.decoder.append(nn.Conv2d(channels, out, 3, padding=1))
            self.norms.append(ConditionedNorm(out, labels, settings))
            channels = out + (skips[number] if number < len(skips) else 0)
        self.velocity = nn.Conv2d(channels, 2, 3, padding=1)
        nn.init.normal_(self.velocity.weight, std=_FIRST_VELOCITY)
        nn.init.constant_(cast(Tensor, self.velocity.bias), 0.0)

    def forward(self, images: Tensor, mask: Tensor, times: Tensor) -> Tensor:
        """Velocities (B, 2, h, w), half extents per leg, of frames (B, 1, h, w) at times (B,) in [0, 1].

        ``mask`` (1, C, h, w) holds the source's label memberships.
        """
        encoding = encode_time(times, self.width)
        skips = []
        features = images
        for layer in self.encoder:
            skips.append(features)
            features = F.leaky_relu(layer(features), _SLOPE)
        features = features + self.latent_time(encoding)[:, :, None, None]
        for layer, norm in zip(self.decoder, self.norms, strict=True):
            features = F.leaky_relu(norm(layer(features), mask, encoding), _SLOPE)
            if skips:
                skip = skips.pop()
                features = torch.cat([F.interpolate(features, skip.shape[-2:], mode="nearest"), skip], dim=1)
        return torch.as_tensor(self.velocity(features))
