"""What training minimises."""

from __future__ import annotations

from collections.abc import Sequence

from monai.losses import DiceCELoss
from torch import Tensor, nn


class DeepDiceCrossEntropy(nn.Module):
    """Soft Dice plus cross entropy (MONAI's), on every head of a deeply supervised network.

    The Dice part is Milletari et al., "V-Net" (3DV 2016), with squared denominators as there, over the
    foreground classes and the whole batch, so that a frame without a structure doesn't dominate.

    Parameters
    ----------
    decay: weight of each head relative to the next finer one.
    """

    def __init__(self, decay: float = 0.5) -> None:
        super().__init__()
        self.decay = decay
        self.loss = DiceCELoss(include_background=False, to_onehot_y=True, softmax=True, squared_pred=True, batch=True)

    def forward(self, logits: Sequence[Tensor], masks: Tensor) -> Tensor:
        """Weighted mean over heads: ``logits`` heads x (B, classes, H, W), the finest first; ``masks`` (B, H, W)."""
        labels = masks[:, None]
        weights = [self.decay**k for k in range(len(logits))]
        total: Tensor = sum(w * self.loss(one, labels) for w, one in zip(weights, logits, strict=True)) / sum(weights)
        return total
