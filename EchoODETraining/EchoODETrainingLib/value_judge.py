"""How good a network of whole clips is while it learns: errors on recordings that it doesn't learn from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import torch
from EchoODELib.engine.metrics import mean_absolute_error, r_squared, root_mean_square_error
from numpy.typing import NDArray
from torch import nn

from .clip_sampler import ClipSampler
from .datasets.recordings import Recording
from .preview import write_agreement

_BATCH = 8


class ValueJudge:
    """Errors of what a bare network says of recordings, each the mean of its clips as at use.

    Parameters
    ----------
    shown: what is looked at; what the network should say is known of each.
    sampler: without augmentation.
    device: where the network is.
    half: whether to compute in bfloat16.
    """

    def __init__(
        self, shown: Iterable[Recording], sampler: ClipSampler, *, device: torch.device, half: bool = False
    ) -> None:
        self.shown, self.sampler, self.device, self.half = list(shown), sampler, device, half
        self.wanted = np.array([one.wanted(sampler.task) for one in self.shown])
        self._said = np.full(len(self.shown), np.nan)

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Of ejection fractions "mae" and "rmse" in points and "r2"; of a yes or no "bce" of its probability, and
        "accuracy", "f1", "sensitivity" and "specificity", 0 to 1, at a probability of 0.5.

        What makes no sense, for want of recordings, is left out.
        """
        self._said = said = self.look(network)
        return no_or_yes(said, self.wanted) if self.sampler.task == "infarction" else errors(said, self.wanted)

    def figure(self, scores: Mapping[str, float]) -> float:
        """The higher the better: the mean error, or cross entropy, below zero."""
        return -scores.get("mae", scores.get("bce", 0.0))

    def look(self, network: nn.Module) -> NDArray[np.float64]:
        """What the network says of each recording: percent, or a logit."""
        training = network.training
        network.eval()
        said = [look_at(network, one, self.sampler, self.device, half=self.half)[0] for one in self.shown]
        network.train(training)
        return np.array(said)

    def preview(self, network: nn.Module, path: Path) -> None:
        """A picture of what was said at the last look over what should have been.

        Raises
        ------
        OutputError: it can't be written.
        """
        title = "infarction (logit)" if self.sampler.task == "infarction" else "ejection fraction (%)"
        write_agreement(path, self.wanted, self._said, title)


def look_at(
    network: nn.Module, recording: Recording, sampler: ClipSampler, device: torch.device, *, half: bool = False
) -> tuple[float, NDArray[np.float32]]:
    """What a network, set to evaluate, says of a recording, and its embedding (E,): the means of its clips', as at use.

    Parameters
    ----------
    sampler: without augmentation.
    device, half: where the network is, and whether to compute in bfloat16.
    """
    clips = torch.from_numpy(sampler.at_use(recording))[:, :, None]
    values, embeddings = [], []
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16) if half else nullcontext():
        for some in clips.split(_BATCH):
            answer = network(some.to(device))
            values.append(answer.values[:, 0].float().cpu())
            embeddings.append(answer.embedding.float().cpu())
    return float(torch.cat(values).mean()), torch.cat(embeddings).mean(0).numpy()


def errors(said: NDArray[np.float64], wanted: NDArray[np.float64]) -> dict[str, float]:
    """ "mae", "rmse" and "r2" of numbers (N,), N of 1 or more."""
    if not len(wanted):
        return {}
    found = {"mae": mean_absolute_error(said, wanted), "rmse": root_mean_square_error(said, wanted)}
    return found | ({"r2": r_squared(said, wanted)} if len(np.unique(wanted)) > 1 else {})


def no_or_yes(logits: NDArray[np.float64], wanted: NDArray[np.float64]) -> dict[str, float]:
    """ "bce", "accuracy", "f1", "sensitivity" and "specificity" of logits (N,) for 0 or 1 (N,), N of 1 or more."""
    if not len(wanted):
        return {}
    yes, true = logits > 0, wanted > 0.5
    hits, lost, false = np.sum(yes & true), np.sum(~yes & true), np.sum(yes & ~true)
    found = {
        "bce": float(np.mean(np.logaddexp(0, np.where(true, -logits, logits)))),
        "accuracy": float(np.mean(yes == true)),
    }
    if hits + lost + false:
        found["f1"] = float(2 * hits / (2 * hits + lost + false))
    if true.any():
        found["sensitivity"] = float(hits / true.sum())
    if not true.all():
        found["specificity"] = float(np.mean(~yes[~true]))
    return found
