"""Train a model by a recipe, in a run folder: ``echoode train``, or

    python -m EchoODETrainingLib.train RECIPE.yaml --run RUN [--data KIND=FOLDER ...]

Started by ``torchrun``, the same command trains on many GPUs and machines.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from EchoODELib import __version__
from EchoODELib.engine.errors import EchoODEError, RunCancelled
from EchoODELib.engine.models.inference import choose_device
from EchoODELib.engine.progress import Monitor
from EchoODELib.engine.weights import ModelCard, read_card, save_model
from torch import nn

from .errors import TrainingError
from .fit import Outcome, Run
from .gather import gather, make_ready, sampler_of, window_use
from .judging import judge_of
from .machine import Machine
from .objective import first_network
from .processes import is_first
from .recipe import Recipe
from .run_files import MODEL, State
from .run_folder import RunFolder
from .timetable import Timetable
from .value_known import write_known
from .watch import FolderWatcher, Watcher

Say = Callable[[str], None]


def train(
    recipe: Recipe,
    folder: RunFolder,
    *,
    resume: bool = False,
    machine: Machine | None = None,
    monitor: Monitor | None = None,
    say: Say = lambda line: None,
) -> Outcome:
    """Run a recipe in its folder, to its end or until it is stopped; the model lies in the folder then.

    Parameters
    ----------
    recipe: what to do.
    folder: of the run, begun.
    resume: whether to go on from its last checkpoint.
    machine: where to compute.
    monitor: shown the progress; its cancel stops the run after a checkpoint.
    say: told lines that a person should read.

    Raises
    ------
    TrainingError: nothing to learn from, no checkpoint, or a loss that became NaN.
    RecipeError, UnreadableClip, UnsuitableClip, WeightsError, DeviceError, OutputError, RunCancelled: as their
        names say.
    """
    try:
        return _train(recipe, folder, resume, machine or Machine(), monitor or Monitor(), say)
    except BaseException as error:
        if is_first():
            _end_badly(folder, error)
        raise


def _end_badly(folder: RunFolder, error: BaseException) -> None:
    stopped = isinstance(error, RunCancelled | KeyboardInterrupt)
    message = "Stopped." if stopped else f"The run failed unexpectedly ({type(error).__name__}: {error})."
    message = str(error) if isinstance(error, EchoODEError) else message
    folder.log(message)
    folder.status(state=State.STOPPED if stopped else State.FAILED, message=message, seconds_left=None)


def _train(recipe: Recipe, folder: RunFolder, resume: bool, machine: Machine, monitor: Monitor, say: Say) -> Outcome:
    first, device = is_first(), choose_device(machine.device)

    def tell(line: str) -> None:
        folder.log(line)
        say(line)

    if first:
        folder.clear_control()
        folder.status(state=State.PREPARING, message="")
    gathered = gather(recipe)
    first_network(recipe)  # what can't be is said now: to prepare clips may take long
    sampler_of(recipe, recipe.size)
    make_ready(gathered, monitor=monitor, between=_Preparing(folder) if first else _quiet)
    use = {**window_use(recipe, gathered), **recipe.use}
    half = device.type == "cuda" and recipe.precision == "bf16-mixed"
    judge = judge_of(recipe, gathered, use, device=device, half=half, looks=first)

    def export(network: nn.Module, scores: Mapping[str, float]) -> str:
        card = save_model(network, card_of(recipe, scores, use), folder.model)
        return f"{MODEL}/{card.name}.yaml"

    watcher: Watcher = Watcher()
    if first:
        for line in gathered.skipped():
            tell(line)
        timetable = Timetable(recipe, gathered.parts)
        watcher = FolderWatcher(folder, judge=judge, export=export, timetable=timetable, monitor=monitor, say=say)
    run = Run(
        recipe,
        gathered.parts,
        lambda size: sampler_of(recipe, size),
        judge,
        machine=machine,
        folder=folder,
        watcher=watcher,
    )
    if resume:
        run.resume()
    outcome = run.fit()
    if first:
        progress = outcome.progress
        ending = outcome.message or f"Done: {progress.step} steps in {progress.seconds / 60:.1f} minutes."
        tell(ending)
        model = export(outcome.network, progress.best)
        if outcome.state == State.DONE and recipe.task != "segmentation" and gathered.valid:
            folder.status(model=model, message="Looking at the training recordings.", seconds_left=None)
            try:
                card = read_card(folder.path / model)
                write_known(card, recipe, gathered=gathered, device=machine.device, monitor=monitor)
            except TrainingError as error:  # the model is there, and can do without
                tell(str(error))
        folder.status(state=outcome.state, message=ending, model=model, step=progress.step, seconds_left=None)
    return outcome


def _quiet(*_: object) -> None:
    pass


class _Preparing:
    """Says in a run's folder how far its clips are, and obeys a stop."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder, self._told, self._began = folder, 0.0, time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if self.folder.control() == "stop":
            raise RunCancelled("Stopped while its clips were prepared; those that are made are kept.")
        now = time.monotonic()
        if now - self._told >= 1:
            self._told = now
            left = (now - self._began) / done * (total - done) if done else None
            self.folder.status(message=f"Preparing clip {done + 1} of {total}.", seconds_left=left)


def card_of(recipe: Recipe, scores: Mapping[str, float], use: Mapping[str, Any]) -> ModelCard:
    """The model card of a recipe's outcome; its checksum is filled in when it is saved.

    Parameters
    ----------
    scores: of the validation.
    use: how the network is used, windows and all.
    """
    elsewhere = {"name", "task", "architecture", "configuration", "labels", "card", "use"}
    settings = recipe.model_dump(mode="json", exclude=elsewhere)
    for source in settings["data"]:
        del source["folder"]
    texts = {key: tuple(value) if isinstance(value, list) else value for key, value in recipe.card.items()}
    figures = {name: round(value, 4) for name, value in scores.items()}
    return ModelCard(
        name=recipe.name,
        task=recipe.task,
        architecture=recipe.architecture,
        configuration=dict(recipe.configuration),
        input_size=recipe.size,
        labels=recipe.labels if recipe.task == "segmentation" else (recipe.task,),
        weights="",
        sha256="",
        figures={"valid_while_training": figures} if figures else {},
        use=dict(use),
        training={**settings, "software": __version__},
        **texts,
    )


def main() -> None:
    """``echoode train`` with the arguments of this program."""
    sys.argv.insert(1, "train")
    from EchoODELib.cli import main as echoode

    echoode()


if __name__ == "__main__":
    main()
