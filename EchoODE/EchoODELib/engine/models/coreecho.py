"""CoReEcho: the ejection fraction straight from a clip, by way of an embedding in which like hearts lie together.

Maani et al., "CoReEcho: Continuous Representation Learning for 2D+time Echocardiography Analysis" (MICCAI 2024). The
same network with other training is EchoCoTr's (Muhtaseb and Yaqub, MICCAI 2022); with a head of its own it tells
infarction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor, nn

from .uniformer import UniFormer


@dataclass
class ClipAnswer:
    """What the network says of clips.

    Attributes
    ----------
    embedding: (B, E).
    values: (B, outputs): percent for an ejection fraction, a logit for a yes or no.
    """

    embedding: Tensor
    values: Tensor


class Learn(StrEnum):
    """Which parts gradients reach."""

    ALL = "all"
    APART = "apart"  # the encoder by its embedding alone: a stop-gradient lies between it and the head
    HEAD = "head"  # the encoder stays as it is, its running statistics too


class CoReEcho(nn.Module):
    """A UniFormer and a head of two layers with batch normalisation and dropout.

    Parameters
    ----------
    in_channels, depths, widths, head_width, expansion, encoder_dropout, drop_path: of the encoder, see
        :class:`~.uniformer.UniFormer`; the defaults are UniFormer-S.
    outputs: values a clip.
    dropout: before each of the head's layers.
    middle: what the untrained head answers about: the mean of EchoNet-Dynamic's ejection fractions, or 0 for a logit.
    scale: of the last layer's answer; above 1 a head learns a range of tens of percent in fewer steps.

    Raises
    ------
    ValueError: an encoder that can't be.
    """

    def __init__(
        self,
        in_channels: int = 1,
        depths: Sequence[int] = (3, 4, 8, 3),
        widths: Sequence[int] = (64, 128, 320, 512),
        head_width: int = 64,
        expansion: float = 4.0,
        encoder_dropout: float = 0.1,
        drop_path: float = 0.0,
        outputs: int = 1,
        dropout: float = 0.4,
        middle: float = 55.6,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.encoder = UniFormer(in_channels, depths, widths, head_width, expansion, encoder_dropout, drop_path)
        width = self.encoder.width
        self.head = nn.Sequential(
            nn.BatchNorm1d(width),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.BatchNorm1d(width),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(width, outputs),
        )
        self.middle, self.scale = middle, scale

    def forward(self, clips: Tensor, learn: Learn = Learn.ALL) -> ClipAnswer:
        """Embeddings and values of standardised clips (B, T, in_channels, H, W).

        Raises
        ------
        UnsuitableClip: frames of another number of channels, or smaller than 32 px.
        """
        embedding = self._as_it_is(clips) if learn == Learn.HEAD else self.encoder(clips)
        return ClipAnswer(embedding, self.answer(embedding.detach() if learn == Learn.APART else embedding))

    def answer(self, embedding: Tensor) -> Tensor:
        """Values (B, outputs) of embeddings (B, E)."""
        values: Tensor = self.middle + self.scale * self.head(embedding).float()
        return values

    def adopt_published(self, state: Mapping[str, Tensor]) -> None:
        """Take an encoder's published weights, see :meth:`~.uniformer.UniFormer.adopt_published`.

        Raises
        ------
        ValueError: a weight is missing, unknown or of another size.
        """
        self.encoder.adopt_published(state)

    @torch.no_grad()
    def _as_it_is(self, clips: Tensor) -> Tensor:
        training = self.encoder.training
        self.encoder.eval()
        embedding: Tensor = self.encoder(clips)
        self.encoder.train(training)
        return embedding
