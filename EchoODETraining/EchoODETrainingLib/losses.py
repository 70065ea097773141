"""What training minimises.

Every part is a ratio of sums over the batch. ``share`` adds such sums up over the processes of a run, so
that many processes with a part of a batch each get the loss of one process with the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from EchoODELib.engine.models.clip_output import ClipOutput
from EchoODELib.engine.models.landmarks import heat_map_targets
from torch import Tensor
from torch.nn import functional

from .recipe import Losses
from .windows import IGNORED

GRAY_VARIANCE = 0.03
"""Of an echo's gray values in 0 to 1 over its sector; networks see images of variance 1."""

Sum = Callable[[Tensor], Tensor]


def alone(value: Tensor) -> Tensor:
    """The sum over the processes of a run that has one."""
    return value


def cross_entropy(logits: Tensor, masks: Tensor, share: Sum = alone) -> Tensor:
    """Mean cross entropy over the pixels that are labelled; 0 where none is.

    Parameters
    ----------
    logits: (N, K, H, W).
    masks: (N, H, W) int64, classes below K or :data:`IGNORED`.
    """
    total = functional.cross_entropy(logits.float(), masks, ignore_index=IGNORED, reduction="sum")
    count = (masks != IGNORED).sum().to(total.dtype)
    total, count = share(torch.stack((total, count)))
    mean: Tensor = total / count.clamp(min=1)
    return mean


def dice_loss(
    logits: Tensor, masks: Tensor, share: Sum = alone, *, squared: bool = True, background: bool = False
) -> Tensor:
    """1 - soft Dice, each class over the whole batch, so that a frame without a structure doesn't dominate.

    As MONAI's ``DiceLoss(batch=True, softmax=True)`` where nothing is missing; ``squared`` denominators are
    those of Milletari et al., "V-Net" (3DV 2016).

    Parameters
    ----------
    logits: (N, K, H, W).
    masks: (N, H, W) int64, classes below K or :data:`IGNORED`; what is missing counts for nothing.
    background: whether class 0 counts.
    """
    known = (masks != IGNORED)[:, None]
    probabilities = logits.float().softmax(1) * known
    truth = functional.one_hot(masks.where(known[:, 0], 0), logits.shape[1]).movedim(-1, 1) * known
    guessed = probabilities.square() if squared else probabilities
    sums = share(torch.stack([part.sum((0, 2, 3)) for part in (probabilities * truth, guessed, truth)]))
    hit, guess, real = sums[:, 0 if background else 1 :]
    loss: Tensor = (1 - (2 * hit + 1e-5) / (guess + real + 1e-5)).mean()
    return loss


def heat_map_loss(maps: Tensor, points: Tensor, share: Sum = alone, *, sigma: float = 2.0) -> Tensor:
    """Mean squared difference from Gaussians of height 1 at the points; missing points count for nothing.

    Background is most of a map: the mean is taken over the Gaussians' own area, 2 pi sigma^2 px a point.

    Parameters
    ----------
    maps: (N, P, H, W), each to be 1 at its point and 0 elsewhere.
    points: (N, P, 2), (row, column) px; NaN where missing.
    """
    present = points.isfinite().all(-1)
    wanted = heat_map_targets(points[:, :, None, None], (maps.shape[-2], maps.shape[-1]), sigma).flatten(1, 2)
    apart = (maps.float() - wanted.nan_to_num()).square().sum((-2, -1))
    total, count = share(torch.stack((apart.where(present, 0).sum(), present.sum().to(apart.dtype))))
    mean: Tensor = total / (count.clamp(min=1) * 2 * torch.pi * sigma**2)
    return mean


def view_loss(logits: Tensor, views: Tensor, share: Sum = alone) -> Tensor:
    """Mean cross entropy of the view over all frames of the clips whose view is known; 0 where none is.

    Parameters
    ----------
    logits: (B, S, V), one a frame.
    views: (B,) int64, channels below V or :data:`IGNORED`.
    """
    frames = logits.shape[1]
    known = (views != IGNORED).sum() * frames
    total = functional.cross_entropy(
        logits.float().flatten(0, 1), views.repeat_interleave(frames), ignore_index=IGNORED, reduction="sum"
    )
    total, count = share(torch.stack((total, known.to(total.dtype))))
    mean: Tensor = total / count.clamp(min=1)
    return mean


def temporal_loss(logits: Tensor, share: Sum = alone, *, threshold: float = 0.01) -> Tensor:
    """How much the masks change from frame to frame beyond what a beating heart needs; 0 for single frames.

    Paper 002, equation 1: clip(D, c, 1) - c, averaged over the pairs of consecutive frames. D is read as the Dice
    *loss*: as printed, with the Dice score, the sum would grow as frames become alike. So a change up to c is free.

    Parameters
    ----------
    logits: (B, S, K, H, W), S in order of time.
    threshold: c, 0 to 1: soft 1 - Dice of two frames' masks, mean over the structures, that costs nothing.
    """
    if logits.shape[1] < 2:
        return logits.new_zeros((), dtype=torch.float32)
    probabilities = logits.float().softmax(2)[:, :, 1:]
    size = probabilities.square().sum((-2, -1))
    common = (probabilities[:, 1:] * probabilities[:, :-1]).sum((-2, -1))
    # Squares in the denominator: soft masks that stay as they are have a Dice of 1, too.
    apart = 1 - (2 * common + 1e-5) / (size[:, 1:] + size[:, :-1] + 1e-5)
    beyond = apart.mean(2).clamp(threshold, 1) - threshold
    total, count = share(torch.stack((beyond.sum(), beyond.new_tensor(float(beyond.numel())))))
    mean: Tensor = total / count
    return mean


class Criterion:
    """The loss of a batch by a recipe's weights, and its parts.

    Paper 000: cross entropy + Dice + lambda times the reconstruction's mean squared error, lambda 10
    ("Echo-ODE: A dynamics modeling network with neural ODE for temporally consistent segmentation of video
    echocardiograms", section 2.5). Lambda is for images of 0 to 1; ours are standardised, and the error is brought
    to that scale.
    """

    def __init__(self, weights: Losses, share: Sum = alone) -> None:
        self.weights, self.share = weights, share

    def segmentation(self, logits: Tensor, masks: Tensor) -> Tensor:
        """Cross entropy plus Dice of (N, K, H, W) logits against (N, H, W) masks."""
        weights = self.weights
        return weights.cross_entropy * cross_entropy(logits, masks, self.share) + weights.dice * dice_loss(
            logits, masks, self.share, squared=weights.squared, background=weights.background
        )

    def of_frames(self, heads: Sequence[Tensor], masks: Tensor) -> dict[str, Tensor]:
        """Weighted mean over the heads of a deeply supervised network, each half (say) of the next finer one's weight.

        Parameters
        ----------
        heads: logits (N, K, H, W), the finest first.
        masks: (N, H, W) int64.
        """
        by_head = [self.weights.deep**k for k in range(len(heads))]
        total = sum(w * self.segmentation(one, masks) for w, one in zip(by_head, heads, strict=True)) / sum(by_head)
        return {"segmentation": torch.as_tensor(total)}

    def of_clips(self, output: ClipOutput, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The parts that the network's output has, weighted.

        Parameters
        ----------
        batch: "masks" (B, S, H, W), "targets" (B, S, C, H, W), "landmarks" (B, S, lines, 2, 2) and "view" (B,), as the
            window sampler makes them.
        """
        parts = {"segmentation": self.segmentation(output.logits.flatten(0, 1), batch["masks"].flatten(0, 1))}
        if self.weights.temporal > 0:
            threshold = self.weights.temporal_threshold
            parts["temporal"] = self.weights.temporal * temporal_loss(output.logits, self.share, threshold=threshold)
        if output.reconstruction is not None:
            apart = functional.mse_loss(output.reconstruction.float(), batch["targets"], reduction="sum")
            total, count = self.share(torch.stack((apart, apart.new_tensor(float(batch["targets"].numel())))))
            parts["reconstruction"] = self.weights.reconstruction * GRAY_VARIANCE * total / count
        if output.heat_maps is not None:
            points = batch["landmarks"].flatten(2, 3).flatten(0, 1)
            maps = output.heat_maps.flatten(0, 1)
            parts["heat_maps"] = self.weights.heat_maps * heat_map_loss(
                maps, points, self.share, sigma=self.weights.heat_map_sigma
            )
        if output.views is not None:
            parts["view"] = self.weights.view * view_loss(output.views, batch["view"], self.share)
        return parts
