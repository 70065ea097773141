"""What networks of whole clips minimise: the error of their values, and an order among their embeddings.

As in :mod:`.losses` many processes with a part of a batch each get the loss of one process with all of it.
"""

from __future__ import annotations

import torch
from EchoODELib.engine.models.coreecho import ClipAnswer
from torch import Tensor
from torch.nn import functional

from .losses import Sum, alone
from .value_recipe import Answers


def rank_n_contrast(embeddings: Tensor, labels: Tensor, temperature: float = 1.0) -> Tensor:
    """For each clip and each other one: how likely that other is among all that are no nearer by their label.

    Zha et al., "Rank-N-Contrast: Learning Continuous Representations for Regression" (NeurIPS 2023), as paper 003
    (CoReEcho, equation 1) takes it: similarity is exp(-distance / temperature) with the Euclidean distance of
    embeddings, and labels are apart by their absolute difference.

    Parameters
    ----------
    embeddings: (N, E), N of 2 or more.
    labels: (N,).

    Returns
    -------
    The mean over all N (N - 1) ordered pairs; no less than 0.
    """
    count = len(embeddings)
    embeddings = embeddings.float()
    # A distance of 0, as a clip has from itself, has a gradient of 0 here.
    alike = -torch.linalg.vector_norm(embeddings[:, None] - embeddings[None], dim=-1) / temperature
    apart = (labels[:, None] - labels[None]).abs()
    oneself = torch.eye(count, dtype=torch.bool, device=labels.device)
    # [n, m, l]: whether l is no nearer to n than m is.
    rivals = (apart[:, None, :] >= apart[:, :, None]) & ~oneself[:, None, :]
    among = alike[:, None, :].masked_fill(~rivals, -torch.inf).logsumexp(-1)
    pairs = ~oneself
    mean: Tensor = (among - alike)[pairs].mean()
    return mean


def value_error(values: Tensor, wanted: Tensor, error: str, share: Sum = alone) -> Tensor:
    """Mean error of values (N, K) against what they should be (N, K): "l1", "l2" (squared) or "bce" (of logits)."""
    kinds = {
        "l1": functional.l1_loss,
        "l2": functional.mse_loss,
        "bce": functional.binary_cross_entropy_with_logits,
    }
    total = kinds[error](values.float(), wanted.float(), reduction="sum")
    total, count = share(torch.stack((total, total.new_tensor(float(values.numel())))))
    mean: Tensor = total / count
    return mean


class ValueCriterion:
    """The loss of a batch by a recipe's weights, and its parts.

    Parameters
    ----------
    weights: of the recipe.
    share: adds up over the processes of a run.
    rank, processes: of this process, and of all.
    """

    def __init__(self, weights: Answers, share: Sum = alone, rank: int = 0, processes: int = 1) -> None:
        self.weights, self.share, self.rank, self.processes = weights, share, rank, processes

    def of_answer(self, answer: ClipAnswer, wanted: Tensor, *, contrast: bool) -> dict[str, Tensor]:
        """The parts, weighted.

        Parameters
        ----------
        answer: of N clips.
        wanted: (N, K), what their values should be; the first column is their label.
        contrast: whether embeddings are learned, too.
        """
        weights = self.weights
        parts = {"error": value_error(answer.values, wanted, weights.error, self.share)}
        if contrast and weights.contrast > 0:
            everyone = self._everyone(torch.cat((answer.embedding.float(), wanted[:, :1].float()), 1))
            parts["contrast"] = weights.contrast * rank_n_contrast(
                everyone[:, :-1], everyone[:, -1], weights.temperature
            )
        return parts

    def _everyone(self, rows: Tensor) -> Tensor:
        """The rows (n, K) of all processes, (processes * n, K): each adds its own to the others' zeros."""
        before, after = len(rows) * self.rank, len(rows) * (self.processes - 1 - self.rank)
        return self.share(functional.pad(rows, (0, 0, before, after)))
