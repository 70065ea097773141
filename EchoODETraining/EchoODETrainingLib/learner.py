"""A network that learns: one step at a time, on one process or many."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

import torch
from EchoODELib.engine.errors import DeviceError
from EchoODELib.engine.models.inference import channels_innermost
from torch import Tensor, nn

from .checkpoint import Progress, State, capture, restore
from .errors import TrainingError
from .losses import Criterion
from .machine import Machine
from .objective import Objective, averaged, first_network, first_optimiser
from .recipe import Recipe
from .value_losses import ValueCriterion
from .value_objective import ValueObjective

T = TypeVar("T")


class Learner:
    """A recipe's network, its moving average and its optimiser, on a machine.

    Attributes
    ----------
    network: that learns.
    average: its moving average, which is what is kept.
    rank, processes: of this process, and of all.

    Raises
    ------
    DeviceError: the device is absent.
    WeightsError: the model to start from, or the architecture, can't be had.
    TrainingError: a batch that the processes can't share.
    """

    def __init__(self, recipe: Recipe, machine: Machine) -> None:
        self.recipe = recipe
        self.fabric = machine.fabric(recipe.precision, idle_parts=recipe.head_epochs > 0)
        self.rank, self.processes = self.fabric.global_rank, self.fabric.world_size
        if recipe.batch % self.processes:
            raise TrainingError(
                f"A batch of {recipe.batch} can't be shared by {self.processes} processes; change either."
            )
        torch.manual_seed(recipe.seed)
        network = first_network(recipe)
        if self.processes > 1 and self.device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        self.network = channels_innermost(network).train().to(self.device)
        self.average = averaged(self.network, recipe.average)
        objective: nn.Module
        if recipe.task == "segmentation":
            objective = Objective(self.network, Criterion(recipe.losses, self._sum))
        else:
            answers = ValueCriterion(recipe.answers, self._sum, self.rank, self.processes)
            objective = ValueObjective(self.network, answers)
        self._objective, self._optimiser = self.fabric.setup(objective, first_optimiser(recipe, self.network))

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.fabric.device

    def learn(
        self, batch: Mapping[str, Tensor], step: int, rate: float, *, head: bool = False
    ) -> dict[str, float] | None:
        """One step.

        Parameters
        ----------
        batch: this process's part, on the device.
        step: decides the random numbers inside the network.
        rate: the learning rate.
        head: whether the network's head learns alone.

        Returns
        -------
        The weighted parts of the loss over all processes, or None if one is no number.

        Raises
        ------
        DeviceError: the device's memory does not hold the batch.
        """
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        torch.manual_seed((self.recipe.seed * 1_000_003 + step) * 64 + self.rank)
        try:
            parts = self._objective(batch, head=True) if head else self._objective(batch)
            self._optimiser.zero_grad(set_to_none=True)
            self.fabric.backward(torch.stack(tuple(parts.values())).sum())
            limit = self.recipe.optimiser.clip
            norm = self.fabric.clip_gradients(
                self._objective, self._optimiser, max_norm=limit, error_if_nonfinite=False
            )
            self._optimiser.step()
        except RuntimeError as error:  # torch's out-of-memory errors; the CPU allocator raises a bare RuntimeError
            if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
                raise
            batch_size = self.recipe.batch
            raise DeviceError(
                f"The device's memory does not hold a batch of {batch_size}; begin a new run with --batch "
                f"{max(1, batch_size // 2)}, or choose another device."
            ) from error
        agreed = self.fabric.all_reduce(torch.stack([part.detach() for part in parts.values()]), reduce_op="mean")
        assert isinstance(agreed, Tensor) and norm is not None
        found = dict(zip(parts, agreed.tolist(), strict=True))
        # With 16-mixed, steps of infinite gradients are left out by the scaler.
        finite = self.recipe.precision == "16-mixed" or math.isfinite(float(norm))
        if not finite or not all(math.isfinite(value) for value in found.values()):
            return None
        self.average.update_parameters(self.network)
        return found

    def agree(self, value: T) -> T:
        """The first process's value, on all of them."""
        return self.fabric.broadcast(value) if self.processes > 1 else value

    def state(self, progress: Progress) -> State:
        """What a checkpoint holds."""
        return capture(self.network, self.average, self._optimiser.optimizer, progress)

    def restore(self, state: State) -> Progress:
        """Put a checkpoint's state back.

        Raises
        ------
        TrainingError: it is of another network.
        """
        return restore(state, self.network, self.average, self._optimiser.optimizer)

    def wait(self) -> None:
        """Until all processes are here."""
        self.fabric.barrier()

    def _sum(self, value: Tensor) -> Tensor:
        if self.processes == 1:
            return value
        summed: Tensor = _SumOverProcesses.apply(value)  # type: ignore[no-untyped-call]
        return summed


class _SumOverProcesses(torch.autograd.Function):
    """A sum over all processes that gradients go through."""

    @staticmethod
    def forward(ctx: object, value: Tensor) -> Tensor:
        total = value.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        torch.distributed.all_reduce(total)
        return total
