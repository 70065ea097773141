"""One training loop for every architecture, on Lightning Fabric.

A run is decided by its recipe: examples are a function of the step, and so are the learning rate and the
random numbers inside the network, so that a run that was killed goes on to the same weights.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from .checkpoint import Checkpoints, Progress
from .errors import TrainingError
from .judging import Judge
from .learner import Learner
from .machine import Machine
from .recipe import Recipe, Size
from .run_files import State
from .run_folder import RunFolder
from .stream import Part, Sampler, Stream, batches
from .timetable import MEASURED_STEPS, Pace, StageSteps, Timetable
from .watch import Tally, Watcher

_ROW_STEPS = 20
"""Steps between two rows of figures, at most."""


@dataclass
class Outcome:
    """What a run came to: the averaged network at its best, on the CPU, and how it ended.

    Attributes
    ----------
    state: DONE or STOPPED.
    message: why it ended before its last step; empty if it didn't.
    """

    network: nn.Module
    progress: Progress
    state: State
    message: str


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
        self.learner = Learner(recipe, self.machine)
        self.first = self.learner.rank == 0
        self.timetable = Timetable(recipe, parts)
        self.progress = Progress(steps=self.timetable.steps)
        self.checkpoints = Checkpoints(folder.checkpoints) if folder else None
        self._best: dict[str, Tensor] | None = None
        self._tally, self._pace = Tally(), Pace()
        self._skipped: set[str] = set()

    def resume(self) -> None:
        """Go on from the last whole checkpoint.

        Raises
        ------
        TrainingError: there is none, or it is of another network.
        """
        if self.checkpoints is None:
            raise TrainingError("A run without a folder can't be resumed.")
        if self.checkpoints.empty:
            self.watcher.line("There is no checkpoint yet: beginning anew.")
            return
        self._restore()
        best = self.checkpoints.load_best()
        if best is not None and self.progress.best_figure is not None:
            self._best = best.averaged()
        self.watcher.line(f"Going on from step {self.progress.step} of {self.progress.steps}.")

    def fit(self) -> Outcome:
        """Train to the end, or until somebody stops it.

        Raises
        ------
        TrainingError: the loss became NaN twice, or nothing can be read.
        DeviceError: the device's memory does not hold a batch.
        OutputError: a checkpoint could not be written.
        """
        if self.progress.step == 0:
            self._keep()
        ending = None
        while ending is None and self.progress.step < self.progress.steps:
            ending = self._stage(self.timetable.stage_of(self.progress.step))
        self._keep()
        average = self.learner.average.module
        if self._best is not None:
            average.load_state_dict(self._best)
        network = copy.deepcopy(average).cpu().eval()
        state, message = ending or (State.DONE, "")
        return Outcome(network, self.progress, state, message)

    def pace(self, steps: int) -> float:
        """Seconds a step, measured on a few at the final size that nothing is kept of; the first isn't counted."""
        feed = self._feed(self.timetable.stages[-1])
        for _ in range(steps + 1):
            began = time.monotonic()
            self._learn(self._next(feed))
            self._pace.add(time.monotonic() - began)
        return self._pace.seconds_for(1)

    # --- steps

    def _stage(self, stage: StageSteps) -> tuple[State, str] | None:
        """Steps of one size; (state, message) if the run ends before its last step, None to go on."""
        feed, kept_at = self._feed(stage), time.monotonic()
        while self.progress.step < min(stage.stop, self.progress.steps):
            if self._told_to_stop():
                return State.STOPPED, f"Stopped at step {self.progress.step} of {self.progress.steps}."
            began = time.monotonic()
            parts = self._learn(self._next(feed))
            if parts is None:
                self._rescue()
                return None
            self._book(parts, time.monotonic() - began)
            early = self._end_epoch() if self._at_epoch_end() else ""
            last = self.progress.step == self.progress.steps
            if last or time.monotonic() - kept_at >= self.machine.keep_seconds:
                self._keep()
                kept_at = time.monotonic()
            if early:
                return State.DONE, early
        return None

    def _feed(self, stage: StageSteps) -> Iterator[Any]:
        epoch = self.timetable.epoch * self.recipe.batch
        stream = Stream(self.parts, self.sampler_of(stage.size), seed=self.recipe.seed, epoch=epoch)
        device, processes = self.learner.device, self.learner.processes
        return batches(
            stream,
            range(max(stage.start, self.progress.step), min(stage.stop, self.progress.steps)),
            self.recipe.batch,
            rank=self.learner.rank,
            processes=processes,
            workers=self.machine.workers_for(device, processes),
            pinned=device.type == "cuda",
        )

    def _next(self, feed: Iterator[Any]) -> dict[str, Tensor]:
        batch, skipped = next(feed)
        for name, reason in skipped:
            if name not in self._skipped:
                self._skipped.add(name)
                self.watcher.line(f"Skipped ({len(self._skipped)} so far): {reason}")
        return {name: value.to(self.learner.device, non_blocking=True) for name, value in batch.items()}

    def _learn(self, batch: Mapping[str, Tensor]) -> dict[str, float] | None:
        step, steps = self.progress.step, self.progress.steps
        return self.learner.learn(batch, step, self._rate(), head=step >= self.timetable.head_from(steps))

    def _rate(self) -> float:
        """The learning rate of the step to come."""
        progress = self.progress
        factor = self.recipe.schedule.factor(self.timetable.progress(progress.step, progress.steps))
        return self.recipe.optimiser.learning_rate * factor * progress.rate_factor

    # --- beside the steps

    def _book(self, parts: Mapping[str, float], seconds: float) -> None:
        progress = self.progress
        progress.step += 1
        progress.seconds += seconds
        self._tally.add(parts)
        progress.losses += sum(parts.values())
        progress.loss_count += 1
        self._pace.add(seconds)
        self._fit_into_time()
        self.watcher.stepped(progress.step, progress.steps, self._pace.seconds_for(progress.steps - progress.step))
        if progress.loss_count == _ROW_STEPS and not self._at_epoch_end():
            self._measured({})

    def _measured(self, scores: Mapping[str, float]) -> None:
        progress = self.progress
        row: dict[str, float | int | None] = {
            "step": progress.step,
            "epoch": self.timetable.epochs_of(progress.step),
            "seconds": progress.seconds,
            "loss": progress.losses / progress.loss_count if progress.loss_count else None,
            "learning_rate": self._rate(),
            **{f"valid_{name}": value for name, value in scores.items()},
        }
        progress.losses, progress.loss_count = 0.0, 0
        self.watcher.measured(row, self._tally.take())

    def _fit_into_time(self) -> None:
        minutes, progress = self.recipe.max_minutes, self.progress
        if minutes is None:
            return
        if progress.step == MEASURED_STEPS[1]:
            fitting = progress.step + self._pace.fitting(minutes, progress.seconds)
            progress.steps = self.learner.agree(min(progress.steps, fitting))
        elif self.learner.agree(progress.seconds > 60 * minutes):
            progress.steps = progress.step

    def _at_epoch_end(self) -> bool:
        return self.progress.step % self.timetable.epoch == 0 or self.progress.step == self.progress.steps

    def _end_epoch(self) -> str:
        """Judge the averaged network if it is time to; a sentence if the run should end here."""
        progress, settings = self.progress, self.recipe.validation
        epoch, last = self.timetable.epochs_of(progress.step), progress.step == progress.steps
        if self.judge is None or not (last or epoch % settings.every_epochs == 0):
            self._measured({})
            return ""
        began = time.monotonic()
        average = self.learner.average.module
        scores = self.learner.agree(self.judge(average) if self.first else {})
        figure = self.judge.figure(scores)
        counts = self.timetable.in_last_stage(progress.step)
        better = counts and (progress.best_figure is None or figure > progress.best_figure)
        progress.looks_since_best = 0 if better else progress.looks_since_best + int(counts)
        if better:
            progress.best, progress.best_figure = dict(scores), figure
            self._best = {key: value.detach().to("cpu", copy=True) for key, value in average.state_dict().items()}
            if self.checkpoints is not None and self.first:
                self.checkpoints.save(self.learner.state(progress), best=True)
        progress.seconds += time.monotonic() - began
        self._measured(scores)
        self.watcher.judged(average, scores, epoch, better)
        if 0 < settings.patience <= progress.looks_since_best and not last:
            return f"Ended early: no better figure in {progress.looks_since_best} validations."
        return ""

    def _told_to_stop(self) -> bool:
        """Whether to stop before this step; waits as long as the run is paused."""
        word = self._word()
        if word == "pause":
            self._keep()
            self.watcher.paused()
            while (word := self._word()) == "pause":
                time.sleep(0.2)
        return word == "stop"

    def _word(self) -> str:
        word = ""
        if self.first:
            word = self.folder.control() if self.folder is not None else ""
            word = "stop" if self.watcher.wants_stop() else word
        return self.learner.agree(word)

    # --- keeping

    def _keep(self) -> None:
        if self.checkpoints is not None and self.first:
            self.checkpoints.save(self.learner.state(self.progress))

    def _restore(self) -> None:
        """Back to the last whole checkpoint, and no row of figures after it."""
        assert self.checkpoints is not None and self.folder is not None
        self.progress = self.learner.restore(self.checkpoints.load(self.watcher.line))
        if self.first:
            self.folder.forget_after(self.progress.step)

    def _rescue(self) -> None:
        """Back to the last good state, once, and on with half the learning rate."""
        at = self.progress.step
        if self.progress.rate_factor < 1 or self.checkpoints is None:
            raise TrainingError(
                f"The loss became NaN at step {at}; lower optimiser.learning_rate, or set precision to 32-true."
            )
        self.learner.wait()
        self._restore()
        self.progress.rate_factor = 0.5
        self._keep()
        self.learner.wait()
        self._tally = Tally()
        self.watcher.line(
            f"The loss became NaN at step {at}: back to step {self.progress.step} with half the learning rate."
        )
