"""A network of whole clips and what is asked of it."""

from __future__ import annotations

from collections.abc import Mapping

from EchoODELib.engine.models.coreecho import Learn
from torch import Tensor, nn

from .value_losses import ValueCriterion


class ValueObjective(nn.Module):
    """One forward pass gives the loss, in the first stage of paper 003 (CoReEcho, section 2.2) and in the second.

    In the first the encoder learns by its embeddings and the head by its error, with a stop-gradient between them;
    where there is no contrast, as in EchoCoTr, all learn by the error. In the second the head learns alone, from one
    clip a recording.
    """

    def __init__(self, network: nn.Module, criterion: ValueCriterion) -> None:
        super().__init__()
        self.network, self.criterion = network, criterion

    def forward(self, batch: Mapping[str, Tensor], *, head: bool = False) -> dict[str, Tensor]:
        """The weighted parts of the loss of a batch from the clip sampler.

        Parameters
        ----------
        head: whether the head learns alone.
        """
        clips = batch["clips"][:, :1] if head else batch["clips"]
        contrasted = self.criterion.weights.contrast > 0
        learn = Learn.HEAD if head else Learn.APART if contrasted else Learn.ALL
        answer = self.network(clips.flatten(0, 1), learn)
        wanted = batch["wanted"].repeat_interleave(clips.shape[1], 0)
        return self.criterion.of_answer(answer, wanted, contrast=not head)
