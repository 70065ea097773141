"""``scripts/benchmark ef-parts``: what each part of CoReEcho's training is worth, as in paper 003's tables 2 and 3."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from EchoODELib.engine.export.atomic import write_bytes
from EchoODELib.engine.weights import MODELS_VARIABLE
from EchoODETrainingLib.datasets.base import open_data_set
from EchoODETrainingLib.datasets.cache import default_cache
from EchoODETrainingLib.machine import Machine
from EchoODETrainingLib.recipe import Recipe, read_recipe
from EchoODETrainingLib.run_files import MODEL, RECIPE, State
from EchoODETrainingLib.run_folder import RunFolder
from EchoODETrainingLib.train import train
from rich.console import Console

from . import ef
from .command import choose, machine, markdown, run, show
from .ef import CAPTION, by_clip, recordings, row
from .published import published_markdown, published_tables, show_published
from .store import default_folder

app = typer.Typer(add_completion=False)
console = Console()

_PLAIN = {"scale": [1.0, 1.0], "rotation": 0, "shift": 0, "stretch": 0, "elastic": 0, "strength": 0}
_COLUMNS = ("training", "steps", "recordings", "MAE, points (95 %)", "RMSE, points", "R²")


class Part:
    """A way to train: the recipe with some of its parts left out."""

    def __init__(self, key: str, name: str, **changes: Any) -> None:
        self.key, self.name, self.changes = key, name, changes

    def of(self, recipe: Recipe) -> Recipe:
        """The recipe so changed; fields that are groups are changed within."""
        given = recipe.model_dump(mode="json")
        within = {
            field: {**given[field], **value} if field in ("clips", "answers") else value
            for field, value in self.changes.items()
        }
        return recipe.changed(name=f"{recipe.name}-{self.key}", **within)


#: Table 2's rows without Kinetics, then table 3's; "whole" is the recipe itself.
PARTS = (
    Part("l1", "L1 alone", answers={"contrast": 0.0}, head_epochs=0),
    Part("contrast", "L1 + contrast", head_epochs=0),
    Part("whole", "L1 + contrast + second stage"),
    Part("one-start", "L1 + contrast, both clips from one start", head_epochs=0, clips={"own_starts": False}),
    Part("plain", "L1 + contrast, no augmentation", head_epochs=0, augmentation=_PLAIN),
)


@app.command()
def ef_parts(
    recipe: Annotated[
        str, typer.Option(help="Shipped, or a YAML file; it trains on simulated hearts at least.")
    ] = "coreecho_tiny",
    only: Annotated[str, typer.Option(help="Ways to train, by key or pattern, with commas between.")] = "*",
    camus: Annotated[Path | None, typer.Option(help="A CAMUS folder, where the recipe moves its beats.")] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Of each training, second stage and all; the recipe's by default.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of each training; the recipe's by default.")] = None,
    phantoms: Annotated[int, typer.Option(min=2, help="Simulated hearts to compare on.")] = 100,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    threads: Annotated[int, typer.Option(min=1)] = 2,
    workers: Annotated[int | None, typer.Option(min=0, help="Processes that make examples.")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder for results; benchmark-output by default.")] = None,
) -> None:
    """Train the network several times, each without a part, and compare errors on unseen hearts.

    A training that was interrupted goes on, and one that is done is not done again, as long as the recipe is the same.
    """
    folder = output or default_folder()
    given = read_recipe(Path(recipe))
    if camus is not None:
        given = given.with_folders({"pseudo_camus": camus})
    if epochs is not None:
        head = round(epochs * given.head_epochs / (given.epochs or epochs))  # a second stage keeps its share
        given = given.changed(epochs=epochs, steps=None, head_epochs=head)
    hearts = open_data_set("phantom", default_cache() / "phantom", clips={"test": phantoms}, **ef.HEARTS)
    if seed is not None:
        given = given.changed(seed=seed, name=f"{given.name}-seed{seed}")
    rows = []
    for part in choose(only, PARTS, "way to train"):
        wanted = part.of(given)
        made = trained(wanted, folder / "ef-parts" / wanted.name, Machine(device, workers, threads))
        os.environ[MODELS_VARIABLE] = str(made.path / MODEL)
        torch.set_num_threads(threads)
        method = by_clip(wanted.name, device)
        seen = list(recordings(hearts, "test", phantoms))
        said = [method(sequence) for sequence, _ in seen]
        name, *errors = row(part.name, said, [true for _, true in seen])[: len(_COLUMNS) - 1]
        rows.append([name, str(made.read_status()["step"]), *errors])
    show("Parts of CoReEcho's training, on simulated hearts", _COLUMNS, rows, console)
    papers = published_tables("003_coreecho", ("2", "3"))
    for paper in papers:
        show_published(paper, console)
    told = f"The recipe is {given.name}, its steps are of {given.batch} recordings; a second stage is among them."
    heading = f"# Parts of CoReEcho's training\n\n{machine(threads)}\n\n{CAPTION}\n\n{told}\n"
    text = [heading, markdown("## Simulated hearts", _COLUMNS, rows), *map(published_markdown, papers)]
    path = folder / "ef-parts.md"
    write_bytes(path, "\n".join(text).encode())
    console.print(path, highlight=False)


def trained(recipe: Recipe, place: Path, machine: Machine) -> RunFolder:
    """A recipe's finished run, now, or before by the same recipe; beside ``place``, if others are there."""
    for number in count(1):
        own = place if number == 1 else place.with_name(f"{place.name}-{number}")
        if not (own / RECIPE).is_file():
            folder = RunFolder.begin(own, recipe)
            train(recipe, folder, machine=machine, say=console.print)
            break
        folder, before = RunFolder.again(own)
        if before == recipe:
            if folder.read_status().get("state") != State.DONE:
                train(recipe, folder, resume=True, machine=machine, say=console.print)
            break
    return folder


if __name__ == "__main__":
    run(app)
