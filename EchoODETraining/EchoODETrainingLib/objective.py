"""What a run begins with: its network, what is asked of it, and how it is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from EchoODELib.engine.models import build_model
from EchoODELib.engine.models.causal_network import is_causal
from EchoODELib.engine.models.per_frame import takes_clips
from EchoODELib.engine.sequence import View
from EchoODELib.engine.weights import load_model
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .errors import TrainingError
from .losses import Criterion
from .recipe import Recipe
from .windows import view_of

Tensors = tuple[Tensor, ...] | list[Tensor]


class Objective(nn.Module):
    """A network and what is asked of it, so that one forward pass gives the loss."""

    def __init__(self, network: nn.Module, criterion: Criterion) -> None:
        super().__init__()
        self.network, self.criterion = network, criterion

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The weighted parts of the loss of a batch from the window sampler."""
        if takes_clips(self.network):
            told = {"long_axis": batch["view"] == view_of(View.A3C)} if is_causal(self.network) else {}
            output = self.network(batch["frames"], batch["input_times"], batch["output_times"], **told)
            return self.criterion.of_clips(output, batch)
        frames = batch["frames"].flatten(0, 1).contiguous(memory_format=torch.channels_last)
        heads = self.network.deep_logits(frames)  # type: ignore[operator]
        return self.criterion.of_frames(heads, batch["masks"].flatten(0, 1))


def first_network(recipe: Recipe) -> nn.Module:
    """The network that a run begins with: the model to start from, or an untrained one.

    Raises
    ------
    WeightsError: it can't be had.
    TrainingError: the model to start from has another architecture, and isn't one that this one adopts; or it is a
        file of weights that don't fit.
    """
    network = build_model(recipe.architecture, **recipe.configuration)
    if not recipe.start_from:
        return network
    if recipe.start_from.endswith(".safetensors"):
        return _with_published(network, recipe)
    start, card = load_model(recipe.start_from)
    try:
        if recipe.start_parts:
            for name in recipe.start_parts:
                network.get_submodule(name).load_state_dict(start.get_submodule(name).state_dict())
        elif card.architecture != recipe.architecture and hasattr(network, "adopt"):
            network.adopt(start)  # type: ignore[operator]  # a network that can be built around another one
        else:
            network.load_state_dict(start.state_dict())
    except (RuntimeError, ValueError, AttributeError) as error:
        raise TrainingError(
            f"The recipe {recipe.name} can't start from {card.name}, whose architecture or configuration doesn't fit; "
            "start from another model, or give both the same configuration."
        ) from error
    return network


def _with_published(network: nn.Module, recipe: Recipe) -> nn.Module:
    """The network with published weights that a person brought."""
    if not hasattr(network, "adopt_published"):
        raise TrainingError(f"A network {recipe.architecture} takes no published weights; name a model to start from.")
    try:
        network.adopt_published(load_file(recipe.start_from))  # type: ignore[operator]
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"The weights {recipe.start_from} can't be read ({error}); name another file.") from error
    except ValueError as error:
        told = str(error).splitlines()[:3]
        raise TrainingError(
            f"The weights {recipe.start_from} don't fit the network of {recipe.name}: {' '.join(map(str.strip, told))}"
        ) from error
    return network


def first_optimiser(recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    """The optimiser by the recipe."""
    settings = recipe.optimiser
    if settings.name == "sgd":
        return torch.optim.SGD(
            network.parameters(), settings.learning_rate, momentum=settings.momentum, weight_decay=settings.weight_decay
        )
    return torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """A copy that follows the network as an exponential moving average, normalisation's statistics too.

    Its memory grows with the number of steps, so that the start is forgotten.
    """
    return AveragedModel(network, multi_avg_fn=_ramped(decay), use_buffers=True)


def _ramped(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    def update(averages: Tensors, current: Tensors, count: Tensor | int) -> None:
        steps = float(count)
        mix = get_ema_multi_avg_fn(min(decay, (1 + steps) / (10 + steps)))  # type: ignore[no-untyped-call]
        mix(averages, current, count)

    return update
