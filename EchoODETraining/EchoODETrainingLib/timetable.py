"""When a run does what: its epochs, its stages, and how it fits into the time that there is."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from .recipe import Recipe, Size
from .stream import Part

MEASURED_STEPS = (3, 13)
"""Steps whose pace decides how many fit into a recipe's ``max_minutes``."""


@dataclass(frozen=True)
class StageSteps:
    """The steps of a stage, half-open, and the size of its examples."""

    size: Size
    start: int
    stop: int


class Timetable:
    """Epochs and stages in steps.

    Attributes
    ----------
    epoch: steps of an epoch.
    stages: in order, without gaps.
    """

    def __init__(self, recipe: Recipe, parts: Sequence[Part]) -> None:
        examples = recipe.epoch_examples or sum(len(part.entries) for part in parts)
        self.epoch = max(1, math.ceil(examples / recipe.batch))
        self.stages: list[StageSteps] = []
        for stage in recipe.before:
            self._add(stage.size, stage.epochs * self.epoch)
        self._add(recipe.size, recipe.steps or (recipe.epochs or 0) * self.epoch)
        self._head = recipe.head_epochs * self.epoch / self.steps

    def _add(self, size: Size, steps: int) -> None:
        start = self.stages[-1].stop if self.stages else 0
        self.stages.append(StageSteps(size, start, start + steps))

    @property
    def steps(self) -> int:
        """Of the whole run."""
        return self.stages[-1].stop

    def stage_of(self, step: int) -> StageSteps:
        """The stage that a step to come belongs to."""
        return next(stage for stage in self.stages if step < stage.stop)

    def head_from(self, steps: int) -> int:
        """The first step of a run of ``steps`` in which only the head learns; ``steps`` if there is none.

        A shortened run keeps its share of such steps.
        """
        return steps - round(self._head * steps)

    def progress(self, done: int, steps: int) -> float:
        """What share, 0 to 1, of its part is done after ``done`` of ``steps``: of what comes before the head, or it."""
        turn = self.head_from(steps)
        if done < turn:
            return done / turn
        return (done - turn) / max(1, steps - turn)

    def in_last_stage(self, done: int) -> bool:
        """Whether the last of ``done`` steps was one at the final size."""
        return done > self.stages[-1].start

    def epochs_of(self, steps: int) -> int:
        """Epochs that so many steps have begun."""
        return math.ceil(steps / self.epoch)


class Pace:
    """How long steps take."""

    def __init__(self) -> None:
        self._seconds: list[float] = []

    def add(self, seconds: float) -> None:
        """A step was done."""
        self._seconds = [*self._seconds[-49:], seconds]

    def seconds_for(self, steps: int) -> float:
        """How long so many more steps will take, by the middle one of the last."""
        return statistics.median(self._seconds) * steps

    def fitting(self, minutes: float, spent: float) -> int:
        """Steps that fit into ``minutes`` of which ``spent`` seconds are gone; a tenth is left for validations."""
        first, last = MEASURED_STEPS
        pace = statistics.fmean(self._seconds[-(last - first) :])
        return max(1, int((54 * minutes - spent) / pace))
