"""What a recipe would train and how long it would take, before it begins."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from EchoODELib.engine.progress import Monitor

from .fit import Run
from .gather import Gathered, gather, sampler_of, window_use
from .judging import judge_of
from .machine import Machine
from .recipe import Recipe

_STEPS = 3


@dataclass(frozen=True)
class Plan:
    """A run that has not begun.

    Attributes
    ----------
    name, architecture, size, batch, start_from: as in the recipe.
    device: where it would run.
    parameters: of the network.
    data: for each source what it is "for" (train, valid), its kind, clips and patients.
    epochs, steps: in all.
    seconds_a_step: measured on a few.
    seconds: in all, with validations and the making of clips.
    """

    name: str
    architecture: str
    size: tuple[int, int]
    device: str
    parameters: int
    data: list[dict[str, object]]
    epochs: int
    steps: int
    batch: int
    start_from: str
    seconds_a_step: float
    seconds: float

    def document(self) -> dict[str, Any]:
        """For machines."""
        return asdict(self)

    def facts(self) -> dict[str, str]:
        """For people."""
        facts = {
            "Network": f"{self.architecture}, {self.parameters:,} parameters, {self.size[0]} x {self.size[1]} px"
            + (f", from {self.start_from}" if self.start_from else ""),
            "Device": self.device,
        }
        for row in self.data:
            use = "Learned from" if row["for"] == "train" else "Chosen on"
            told = f"{row['kind']}: {row['clips']} clips of {row['patients']} patients"
            facts[use] = f"{facts[use]}\n{told}" if use in facts else told
        facts["Length"] = f"{self.epochs} epochs, {self.steps:,} steps of {self.batch} examples"
        facts["Takes"] = f"about {spoken_time(self.seconds)} ({self.seconds_a_step:.2g} s a step)"
        return facts


def spoken_time(seconds: float) -> str:
    """Seconds as a person says them."""
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    minutes = seconds / 60
    return f"{minutes:.0f} minutes" if minutes < 90 else f"{minutes / 60:.1f} hours"


def make_plan(recipe: Recipe, machine: Machine | None = None, monitor: Monitor | None = None) -> Plan:
    """Open the data, take a few steps that nothing is kept of, and reckon.

    Raises
    ------
    TrainingError, RecipeError, UnreadableClip, UnsuitableClip, WeightsError, DeviceError: as the run itself would.
    """
    machine = machine or Machine()
    stage = (monitor or Monitor()).stage("Measuring", 3)
    gathered = gather(recipe)
    making = _seconds_to_make(gathered)
    stage.advance()
    run = Run(recipe, gathered.parts, lambda size: sampler_of(recipe, size), machine=replace(machine, workers=0))
    a_step = run.pace(_STEPS)
    stage.advance()
    seconds = 0.0
    for part in run.timetable.stages:
        area = part.size[0] * part.size[1] / (recipe.size[0] * recipe.size[1])
        seconds += a_step * area * (part.stop - part.start)
    epochs = run.timetable.epochs_of(run.timetable.steps)
    seconds += epochs // recipe.validation.every_epochs * _seconds_to_judge(recipe, gathered, run)
    if recipe.max_minutes is not None:
        seconds = min(seconds, 60 * recipe.max_minutes)
    stage.advance()
    return Plan(
        name=recipe.name,
        architecture=recipe.architecture,
        size=recipe.size,
        device=str(run.learner.device),
        parameters=sum(parameter.numel() for parameter in run.learner.network.parameters()),
        data=gathered.summary(),
        epochs=epochs,
        steps=run.timetable.steps,
        batch=recipe.batch,
        start_from=recipe.start_from,
        seconds_a_step=a_step,
        seconds=seconds + making,
    )


def _seconds_to_make(gathered: Gathered) -> float:
    """To read the clips that are made, by the first of each source; most of it if they aren't there yet."""
    seconds = 0.0
    for data, entries in gathered.all_entries():
        if data.made and entries:
            began = time.monotonic()
            data.load(entries[-1])
            seconds += (time.monotonic() - began) * len(entries)
    return seconds


def _seconds_to_judge(recipe: Recipe, gathered: Gathered, run: Run) -> float:
    """To judge once, by one clip of each source."""
    few = Gathered([], [(data, entries[:1]) for data, entries in gathered.valid if entries])
    count = sum(len(entries) for _, entries in gathered.valid)
    if not few.valid:
        return 0.0
    judge = judge_of(recipe, few, {**window_use(recipe, gathered), **recipe.use}, device=run.learner.device)
    assert judge is not None
    began = time.monotonic()
    judge(run.learner.average.module)
    return (time.monotonic() - began) * count / len(few.valid)
