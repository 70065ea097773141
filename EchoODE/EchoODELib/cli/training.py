"""``train``: a model from a recipe and data."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from .options import Json
from .terminal import monitored, out, print_json, say


def train(
    recipe: Annotated[
        str | None, typer.Argument(metavar="RECIPE", help="A YAML file, or the name of a shipped recipe.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option("--run", "-r", metavar="RUN", help="Folder of the run; runs/NAME by default.")
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option("--data", metavar="KIND=FOLDER", help="Where a data set of the recipe lies; repeatable."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in RUN from its last checkpoint.")
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only say what would be trained and how long it would take.")
    ] = False,
    start_from: Annotated[
        str | None,
        typer.Option("--start-from", metavar="MODEL", help="Model to continue from, or a file of published weights."),
    ] = None,
    fold: Annotated[
        int | None, typer.Option("--fold", min=0, help="Part of a cross-validation, where the recipe has folds.")
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Other than the recipe's.")] = None,
    minutes: Annotated[
        float | None, typer.Option("--minutes", help="Shorten the run so that it ends in this time.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", min=1, help="Examples a step; less takes less memory.")
    ] = None,
    device: Annotated[
        str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.", rich_help_panel="Computing")
    ] = "auto",
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=0, help="Processes that make examples.", rich_help_panel="Computing"),
    ] = None,
    threads: Annotated[
        int | None, typer.Option("--threads", min=1, help="Threads of the CPU.", rich_help_panel="Computing")
    ] = None,
    json: Json = False,
) -> None:
    """Train a model by a recipe; Ctrl-C stops it after a checkpoint, --resume goes on."""
    folders = {}
    for text in data or ():
        kind, separator, folder = text.partition("=")
        if not separator or not folder:
            raise typer.BadParameter("--data needs KIND=FOLDER, as in --data camus=camus_4ch.")
        folders[kind] = Path(folder)
    if recipe is None and not (resume and run is not None):
        raise typer.BadParameter("name a recipe, or --resume --run RUN.")
    if resume and (plan or epochs or minutes or batch or start_from or fold is not None):
        raise typer.BadParameter("a run that is resumed keeps its recipe: leave out what would change it, and --plan.")

    _require_packages()
    from EchoODETrainingLib.machine import Machine
    from EchoODETrainingLib.processes import is_first
    from EchoODETrainingLib.recipe import read_recipe
    from EchoODETrainingLib.run_folder import RunFolder
    from EchoODETrainingLib.train import train as train_recipe

    from ..engine.errors import RunCancelled

    machine = Machine(device=device, workers=workers, threads=threads)
    if resume:
        place = run or Path("runs") / read_recipe(Path(recipe or "")).name
        opened, content = RunFolder.again(place)
        if folders:
            content = content.with_folders(folders)
            opened.keep_recipe(content)
    else:
        content = read_recipe(Path(recipe or "")).with_folders(folders)
        content = content if fold is None else content.with_fold(fold)
        content = content.changed(epochs=epochs, max_minutes=minutes, batch=batch, start_from=start_from)
        if plan:
            from EchoODETrainingLib.plan import make_plan

            from .showing import show_facts

            with monitored() as monitor:
                planned = make_plan(content, machine, monitor=monitor)
            if json:
                print_json(planned.document())
            else:
                show_facts(content.name, planned.facts())
            return
        place = run or Path("runs") / content.name
        opened = RunFolder.begin(place, content)
    if not is_first():  # torchrun's first process speaks for all
        train_recipe(content, opened, resume=resume, machine=machine)
        return
    with monitored() as monitor:
        outcome = train_recipe(
            content, opened, resume=resume, machine=machine, monitor=monitor, say=lambda line: say("", line)
        )
    if monitor.cancelled:
        raise RunCancelled(f"{outcome.message} Go on with: echoode train --resume --run {place}")
    if json:
        print_json(opened.read_status())
    else:
        from .showing import show_files

        out().print()
        show_files({"Run": place, "Model": opened.model / f"{content.name}.yaml"})


def _require_packages() -> None:
    missing = [name for name in ("lightning_fabric", "tensorboard") if importlib.util.find_spec(name) is None]
    if missing:
        say(
            "[bold red]Error:[/] ",
            f"Training needs {' and '.join(missing)}: install requirements/training.txt or echoode[training].",
        )
        raise typer.Exit(1)
