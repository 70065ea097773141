"""One training loop for every architecture, on Lightning Fabric: CPU, one GPU, or many through ``torchrun``.

A run is decided by its recipe: examples are a function of the step, and so are the learning rate and the
random numbers inside the network, so that a run that was killed goes on to the same weights.
"""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from EchoODELib.engine.errors import DeviceError
from EchoODELib.engine.models import build_model
from EchoODELib.engine.models.inference import choose_device
from EchoODELib.engine.weights import load_model
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from .checkpoint import Checkpoints, Progress, capture, restore
from .errors import TrainingError
from .losses import Criterion
from .recipe import Recipe, Size
from .run_folder import RunFolder
from .stream import Part, Sampler, Stream, batches

_MEASURED_STEPS = (3, 13)
"""Steps whose pace decides how many fit into ``max_minutes``."""


class Judge(Protocol):
    """Says how good a network is while it learns."""

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Figures by name; "lv", "myocardium" and "la" are Dice."""
        ...

    def figure(self, scores: Mapping[str, float]) -> float:
        """The one number that is compared; more is better."""
        ...


class Watcher:
    """Told of what happens in a run; this one looks away."""

    def line(self, text: str) -> None:
        """Something that a person should read."""

    def stepped(self, done: int, total: int, seconds_left: float | None) -> None:
        """A step was done."""

    def measured(self, row: Mapping[str, float | int | None], parts: Mapping[str, float]) -> None:
        """Losses, or a validation's figures, of a step."""

    def judged(self, network: nn.Module, scores: Mapping[str, float], epoch: int, better: bool) -> None:
        """The averaged network was judged."""

    def wants_stop(self) -> bool:
        """Whether a person asks to stop here."""
        return False


@dataclass(frozen=True)
class Machine:
    """Where a run computes.

    Attributes
    ----------
    device: "auto", "cpu" or "cuda".
    workers: processes that make examples; None: one beside a CPU, up to eight beside a GPU.
    threads: of the CPU; None for torch's own choice.
    keep_seconds: time between two checkpoints.
    """

    device: str = "auto"
    workers: int | None = None
    threads: int | None = None
    keep_seconds: float = 120.0

    def fabric(self, precision: str) -> Fabric:
        """A fabric; over all processes of ``torchrun``, where that started this one."""
        chosen = choose_device(self.device)
        processes = int(os.environ.get("WORLD_SIZE", "1"))
        if processes > 1 and "TORCHELASTIC_RUN_ID" in os.environ:
            here = int(os.environ["LOCAL_WORLD_SIZE"])
            made = Fabric(
                accelerator=chosen.type, devices=here, num_nodes=processes // here, strategy="ddp", precision=precision
            )
        else:
            devices: Any = [chosen.index or 0] if chosen.type == "cuda" else 1
            made = Fabric(accelerator=chosen.type, devices=devices, precision=precision)
        made.launch()
        return made

    def workers_for(self, device: torch.device, processes: int) -> int:
        """Processes that make examples for one process that learns."""
        if self.workers is not None:
            return self.workers
        return 1 if device.type == "cpu" else max(1, min(8, (os.cpu_count() or 2) // processes - 1))


class Objective(nn.Module):
    """A network and what is asked of it, so that one forward pass gives the loss."""

    def __init__(self, network: nn.Module, criterion: Criterion) -> None:
        super().__init__()
        self.network, self.criterion = network, criterion
        self.takes_clips = bool(getattr(network, "takes_clips", False))

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The weighted parts of the loss of a batch from the window sampler."""
        if self.takes_clips:
            output = self.network(batch["frames"], batch["input_times"], batch["output_times"])
            return self.criterion.of_clips(output, batch)
        frames = batch["frames"].flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return self.criterion.of_frames(self.network.deep_logits(frames), batch["masks"].flatten(0, 1))


@dataclass
class Outcome:
    """What a run came to: the averaged network at its best, on the CPU, and how it ended.

    Attributes
    ----------
    state: "done" or "stopped".
    """

    network: nn.Module
    progress: Progress
    state: str
    message: str


@dataclass
class _Tally:
    """Parts of the loss since they were last written down."""

    sums: dict[str, float] = field(default_factory=dict)
    count: int = 0

    def add(self, parts: Mapping[str, float]) -> None:
        for name, value in parts.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.count += 1

    def take(self) -> dict[str, float]:
        means = {name: value / max(1, self.count) for name, value in self.sums.items()}
        self.sums, self.count = {}, 0
        return means


class Run:
    """A training run, from its beginning or its last checkpoint to its end.

    Parameters
    ----------
    recipe: what to do.
    parts: what is learned from.
    sampler_of: makes the examples of an input size.
    judge: judges the averaged network; None to keep the last one.
    machine: where to compute.
    folder: of the run; None keeps nothing but what is in memory.
    watcher: told what happens.

    Raises
    ------
    DeviceError: the device is absent.
    WeightsError: the model to start from, or the architecture, can't be had.
    TrainingError: a batch that the processes can't share.
    """

    def __init__(
        self,
        recipe: Recipe,
        parts: Sequence[Part],
        sampler_of: Callable[[Size], Sampler],
        judge: Judge | None = None,
        *,
        machine: Machine | None = None,
        folder: RunFolder | None = None,
        watcher: Watcher | None = None,
    ) -> None:
        self.recipe, self.judge, self.folder = recipe, judge, folder
        self.parts, self.sampler_of = parts, sampler_of
        self.machine, self.watcher = machine or Machine(), watcher or Watcher()
        if self.machine.threads:
            torch.set_num_threads(self.machine.threads)
        self.fabric = self.machine.fabric(recipe.precision)
        self.first = self.fabric.global_rank == 0
        processes = self.fabric.world_size
        if recipe.batch % processes:
            raise TrainingError(f"A batch of {recipe.batch} can't be shared by {processes} processes; change either.")
        self.epoch_steps = epoch_steps(recipe, parts)
        self.stages = _stages(recipe, self.epoch_steps)

        torch.manual_seed(recipe.seed)
        network = first_network(recipe)
        if processes > 1 and self.fabric.device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        network = network.to(memory_format=torch.channels_last).train()
        self.network = network.to(self.fabric.device)
        self.average = AveragedModel(self.network, multi_avg_fn=_ramped_average(recipe.average), use_buffers=True)
        optimiser = _optimiser(recipe, self.network)
        objective = Objective(self.network, Criterion(recipe.losses, self._sum))
        self.objective, self.optimiser = self.fabric.setup(objective, optimiser)
        self.progress = Progress(steps=self.stages[-1][2])
        self.checkpoints = Checkpoints(folder.checkpoints) if folder else None
        self._best: dict[str, Tensor] | None = None
        self._tally = _Tally()
        self._skipped: set[str] = set()
        self._paces: list[float] = []

    def resume(self) -> None:
        """Go on from the last whole checkpoint.

        Raises
        ------
        TrainingError: there is none, or it is of another network.
        """
        if self.checkpoints is None or self.folder is None:
            raise TrainingError("A run without a folder can't be resumed.")
        if self.checkpoints.empty:
            self.watcher.line("There is no checkpoint yet: beginning anew.")
            return
        self._restore()
        best = self.checkpoints.load_best()
        if best is not None:
            own = "average.module."
            self._best = {key.removeprefix(own): value for key, value in best.tensors.items() if key.startswith(own)}
        if self.first:
            self.folder.forget_after(self.progress.step)
        self.watcher.line(f"Going on from step {self.progress.step} of {self.progress.steps}.")

    def fit(self) -> Outcome:
        """Train to the end, or until somebody stops it.

        Raises
        ------
        TrainingError: the loss became NaN twice, or nothing can be read.
        DeviceError: the device's memory does not hold a batch.
        OutputError: a checkpoint could not be written.
        """
        progress = self.progress
        if progress.step == 0:
            self._keep()
        kept_at, message = time.monotonic(), ""
        state = "done"
        while self.progress.step < self.progress.steps and not message:
            size, start, stop = next(s for s in self.stages if s[1] <= self.progress.step < s[2])
            feed = self._feed(size, start, min(stop, self.progress.steps))
            while self.progress.step < min(stop, self.progress.steps):
                word = self._obey()
                if word == "stop":
                    state, message = "stopped", f"Stopped at step {self.progress.step} of {self.progress.steps}."
                    break
                began = time.monotonic()
                batch = self._next(feed)
                parts = self._step(batch)
                if parts is None:
                    self._rescue()
                    break
                self.progress.step += 1
                self.progress.seconds += time.monotonic() - began
                self._book(parts, time.monotonic() - began)
                if self.progress.step % self.epoch_steps == 0 or self.progress.step == self.progress.steps:
                    message = self._end_epoch()
                if self.progress.loss_count >= 20:
                    self.watcher.measured(self._row(), self._tally.take())
                if time.monotonic() - kept_at >= self.machine.keep_seconds or self.progress.step == self.progress.steps:
                    self._keep()
                    kept_at = time.monotonic()
                if message:
                    break
        self._keep()
        if self._best is not None:
            self.average.module.load_state_dict(self._best)
        network = copy.deepcopy(self.average.module).cpu().eval()
        return Outcome(network, self.progress, state, message)

    # --- a step

    def _feed(self, size: Size, start: int, stop: int) -> Iterator[Any]:
        epoch = self.epoch_steps * self.recipe.batch
        stream = Stream(self.parts, self.sampler_of(size), seed=self.recipe.seed, epoch=epoch)
        device = self.fabric.device
        return batches(
            stream,
            range(max(start, self.progress.step), stop),
            self.recipe.batch,
            rank=self.fabric.global_rank,
            processes=self.fabric.world_size,
            workers=self.machine.workers_for(device, self.fabric.world_size),
            pinned=device.type == "cuda",
        )

    def _next(self, feed: Iterator[Any]) -> dict[str, Tensor]:
        batch, skipped = next(feed)
        for name, reason in skipped:
            if name not in self._skipped:
                self._skipped.add(name)
                self.watcher.line(f"Skipped: {reason}")
        return {name: value.to(self.fabric.device, non_blocking=True) for name, value in batch.items()}

    def _step(self, batch: Mapping[str, Tensor]) -> dict[str, float] | None:
        """Learn from a batch; the parts of its loss, or None if it is no number."""
        recipe, progress = self.recipe, self.progress
        rate = self.rate()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        torch.manual_seed((recipe.seed * 1_000_003 + progress.step) * 64 + self.fabric.global_rank)
        try:
            parts = self.objective(batch)
            loss = torch.stack(tuple(parts.values())).sum()
            self.optimiser.zero_grad(set_to_none=True)
            self.fabric.backward(loss)
            norm = self.fabric.clip_gradients(
                self.objective, self.optimiser, max_norm=recipe.optimiser.clip, error_if_nonfinite=False
            )
            self.optimiser.step()
        except RuntimeError as error:  # torch's out-of-memory errors; the CPU allocator raises a bare RuntimeError
            if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
                raise
            raise DeviceError(
                f"The device's memory does not hold a batch of {recipe.batch}; begin a new run with --batch "
                f"{max(1, recipe.batch // 2)}, or choose another device."
            ) from error
        agreed = self.fabric.all_reduce(torch.stack([part.detach() for part in parts.values()]), reduce_op="mean")
        found = dict(zip(parts, agreed.tolist(), strict=True))
        # With 16-mixed, steps of infinite gradients are left out by the scaler.
        finite = recipe.precision == "16-mixed" or math.isfinite(float(norm))
        if not (finite and all(math.isfinite(value) for value in found.values())):
            return None
        self.average.update_parameters(self.network)
        return found

    def rate(self) -> float:
        """The learning rate of the step to come."""
        progress = self.progress
        factor = self.recipe.schedule.factor(progress.step / max(1, progress.steps))
        return self.recipe.optimiser.learning_rate * factor * progress.rate_factor

    def _sum(self, value: Tensor) -> Tensor:
        if self.fabric.world_size == 1:
            return value
        import torch.distributed.nn.functional as distributed

        return distributed.all_reduce(value)  # type: ignore[no-any-return]

    # --- beside the steps

    def _book(self, parts: Mapping[str, float], seconds: float) -> None:
        progress = self.progress
        self._tally.add(parts)
        progress.losses += sum(parts.values())
        progress.loss_count += 1
        self._paces = [*self._paces[-49:], seconds]
        self._fit_into_time()
        left = sorted(self._paces)[len(self._paces) // 2] * (progress.steps - progress.step)
        self.watcher.stepped(progress.step, progress.steps, left)

    def _row(self) -> dict[str, float | int | None]:
        progress = self.progress
        row: dict[str, float | int | None] = {
            "step": progress.step,
            "epoch": math.ceil(progress.step / self.epoch_steps),
            "seconds": progress.seconds,
            "loss": progress.losses / progress.loss_count if progress.loss_count else None,
            "learning_rate": self.rate(),
        }
        progress.losses, progress.loss_count = 0.0, 0
        return row

    def _fit_into_time(self) -> None:
        minutes, progress = self.recipe.max_minutes, self.progress
        if minutes is None:
            return
        first, last = _MEASURED_STEPS
        if progress.step == last:
            pace = sum(self._paces[-(last - first) :]) / (last - first)
            fitting = last + int((0.9 * 60 * minutes - progress.seconds) / pace)
            progress.steps = int(self.fabric.broadcast(max(last + 1, min(progress.steps, fitting))))
        elif self.fabric.broadcast(progress.seconds > 60 * minutes):
            progress.steps = progress.step

    def _end_epoch(self) -> str:
        """Judge the averaged network if it is time to; a sentence if the run should end here."""
        progress, recipe = self.progress, self.recipe
        epoch, last = math.ceil(progress.step / self.epoch_steps), progress.step >= progress.steps
        if self.judge is None or not (last or epoch % recipe.validation.every_epochs == 0):
            self.watcher.measured(self._row(), self._tally.take())
            return ""
        in_last_stage = self.stages[-1][1] < progress.step
        began = time.monotonic()
        scores = self.judge(self.average.module) if self.first else {}
        scores = self.fabric.broadcast(scores)
        self.average.module.train()
        better = in_last_stage and (
            progress.best_figure is None or self.judge.figure(scores) > progress.best_figure + 1e-9
        )
        if better:
            progress.best, progress.best_figure = dict(scores), self.judge.figure(scores)
            progress.looks_since_best = 0
            self._best = {k: v.detach().to("cpu", copy=True) for k, v in self.average.module.state_dict().items()}
            if self.checkpoints is not None and self.first:
                self.checkpoints.save(self._captured(), best=True)
        elif in_last_stage:
            progress.looks_since_best += 1
        progress.seconds += time.monotonic() - began
        row: dict[str, float | int | None] = {f"valid_{name}": value for name, value in scores.items()}
        self.watcher.measured({**self._row(), **row}, self._tally.take())
        self.watcher.judged(self.average.module, scores, epoch, better)
        if 0 < recipe.validation.patience <= progress.looks_since_best and not last:
            return f"Ended early: no better figure in {progress.looks_since_best} validations."
        return ""

    def _obey(self) -> str:
        """What is asked for at this step: "" or "stop"; waits as long as the run is paused."""
        word = self._asked()
        if word == "pause":
            self._keep()
            if self.folder is not None and self.first:
                self.folder.status(state="paused", message="Paused.", seconds_left=None)
            while (word := self._asked()) == "pause":
                time.sleep(0.2)
            if self.folder is not None and self.first and word != "stop":
                self.folder.status(state="running", message="")
        return "stop" if word == "stop" else ""

    def _asked(self) -> str:
        word = ""
        if self.first:
            word = self.folder.control() if self.folder is not None else ""
            word = "stop" if self.watcher.wants_stop() else word
        return str(self.fabric.broadcast(word)) if self.fabric.world_size > 1 else word

    # --- keeping

    def _captured(self) -> Any:
        return capture(self.network, self.average, self.optimiser.optimizer, self.progress)

    def _keep(self) -> None:
        if self.checkpoints is not None and self.first:
            self.checkpoints.save(self._captured())

    def _restore(self) -> None:
        assert self.checkpoints is not None
        state = self.checkpoints.load(self.watcher.line)
        self.progress = restore(state, self.network, self.average, self.optimiser.optimizer)

    def _rescue(self) -> None:
        """Back to the last good state, once, and on with half the learning rate."""
        at = self.progress.step
        advice = "lower optimiser.learning_rate, or set precision to 32-true"
        if self.progress.rate_factor < 1 or self.checkpoints is None:
            raise TrainingError(f"The loss became NaN at step {at}; {advice}.")
        self.fabric.barrier()
        self._restore()
        self.progress.rate_factor = 0.5
        self._keep()
        self.fabric.barrier()
        self._tally = _Tally()
        self.watcher.line(
            f"The loss became NaN at step {at}: back to step {self.progress.step} with half the learning rate."
        )


def epoch_steps(recipe: Recipe, parts: Sequence[Part]) -> int:
    """Steps of an epoch."""
    examples = recipe.epoch_examples or sum(len(part.entries) for part in parts)
    return max(1, math.ceil(examples / recipe.batch))


def first_network(recipe: Recipe) -> nn.Module:
    """The network that a run begins with: the model to start from, or an untrained one.

    Raises
    ------
    WeightsError: it can't be had.
    TrainingError: the model to start from has another architecture.
    """
    network = build_model(recipe.architecture, **recipe.configuration)
    if not recipe.start_from:
        return network
    start, card = load_model(recipe.start_from)
    try:
        network.load_state_dict(start.state_dict())
    except RuntimeError as error:
        raise TrainingError(
            f"The recipe {recipe.name} starts from {card.name}, which has another architecture or configuration; "
            "give both the same."
        ) from error
    return network


def _stages(recipe: Recipe, epoch_steps: int) -> list[tuple[Size, int, int]]:
    """(size, first step, step after the last) of each stage."""
    found, start = [], 0
    for stage in recipe.before:
        found.append((stage.size, start, start + stage.epochs * epoch_steps))
        start = found[-1][2]
    last = recipe.steps if recipe.epochs is None else recipe.epochs * epoch_steps
    assert last is not None
    return [*found, (recipe.size, start, start + last)]


def _optimiser(recipe: Recipe, network: nn.Module) -> torch.optim.Optimizer:
    settings = recipe.optimiser
    if settings.name == "sgd":
        return torch.optim.SGD(
            network.parameters(), settings.learning_rate, momentum=settings.momentum, weight_decay=settings.weight_decay
        )
    return torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)


def _ramped_average(decay: float) -> Callable[[list[Tensor], list[Tensor], Tensor | int], None]:
    """Exponential moving average whose memory grows with the number of steps, so that the start is forgotten."""

    def update(averaged: list[Tensor], current: list[Tensor], count: Tensor | int) -> None:
        steps = float(count)
        get_ema_multi_avg_fn(min(decay, (1 + steps) / (10 + steps)))(averaged, current, count)

    return update
