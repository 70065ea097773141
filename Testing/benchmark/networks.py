"""``scripts/benchmark peers``: Echo-ODE, its peers and its ablation, all trained alike on a small budget."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
import typer
from EchoODELib.engine.export.atomic import write_bytes
from EchoODELib.engine.models import build_model
from EchoODELib.engine.weights import MODELS_VARIABLE
from EchoODETrainingLib.datasets.base import DataSet, open_data_set
from EchoODETrainingLib.evaluate.run import evaluate
from EchoODETrainingLib.evaluate.summary import Group, group_rows
from EchoODETrainingLib.machine import Machine
from EchoODETrainingLib.recipe import Recipe
from EchoODETrainingLib.run_folder import RunFolder
from EchoODETrainingLib.train import train
from rich.console import Console

from .cases import data_folder
from .command import choose, machine, markdown, run, show, stop
from .peer_tables import CAPTION, TITLES, Trained, table
from .published import published_markdown, published_tables, show_published
from .store import code_digest, default_folder
from .variants import VARIANTS, Budget, Variant, recipe_of

_DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "benchmark-peers.md"
# What makes a trained network, and what makes its scores: when it changes, the old ones are not shown.
_TRAINS = (
    "EchoODELib.engine.models",
    "EchoODETrainingLib.fit",
    "EchoODETrainingLib.losses",
    "EchoODETrainingLib.windows",
)
_SCORES = ("EchoODELib.engine.metrics", "EchoODELib.engine.streaming", "EchoODETrainingLib.evaluate.scores")

app = typer.Typer(add_completion=False)
console = Console()


@app.command()
def peers(
    minutes: Annotated[float, typer.Option(help="Minutes of training for each network.")] = 3.0,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps of training for each network, instead of minutes.")
    ] = None,
    size: Annotated[int, typer.Option(min=32, help="Rows and columns of the input.")] = 64,
    width: Annotated[int, typer.Option(min=4, help="Channels of the first level; the paper has 32.")] = 12,
    phantoms: Annotated[int, typer.Option(min=2, help="Simulated hearts to learn from.")] = 60,
    patients: Annotated[int, typer.Option(min=0, help="CAMUS patients to learn from; 0 for phantoms alone.")] = 60,
    held_out: Annotated[int, typer.Option(min=2, help="Hearts, and patients, to evaluate on.")] = 12,
    only: Annotated[str, typer.Option(help="Networks by key or pattern, with commas between.")] = "*",
    threads: Annotated[int, typer.Option(min=1, help="Threads of the CPU.")] = 2,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Of weights, order and changes.")] = 1,
    output: Annotated[
        Path | None, typer.Option(help="Folder for runs and scores; benchmark-output by default.")
    ] = None,
    document: Annotated[Path, typer.Option(help="The Markdown file with the tables.")] = _DOCUMENT,
    stored: Annotated[bool, typer.Option("--stored", help="Make the tables of what is stored; train nothing.")] = False,
) -> None:
    """Train and compare networks. Interrupt it at will: the next run goes on where this one stopped."""
    torch.set_num_threads(threads)
    folder = (output or default_folder()) / "peers"
    budget = Budget(minutes, steps, size, width, phantoms, patients, held_out, threads, seed)
    camus = _subset(folder, budget)
    if patients and camus is None:
        console.print(f"No CAMUS: {data_folder() / 'camus_4ch'} is absent, so phantoms alone; set ECHOODE_TEST_DATA.")
    chosen = choose(only, VARIANTS, "network")
    bench = _Bench(folder, budget, camus, Machine(device=device, threads=threads, keep_seconds=30.0))
    found: list[pd.DataFrame] = []
    trained: dict[str, Trained] = {}
    for number, variant in enumerate(chosen, start=1):
        result = bench.stored(variant)
        if result is None and not stored:
            console.print(f"{number}/{len(chosen)} {variant.name}: {budget.said}", highlight=False)
            result = bench.run(variant)
        if result is not None:
            trained[variant.key], rows = result
            found.append(rows)
    if not found:
        stop("Nothing is stored for this budget yet; run without --stored.")
    groups = group_rows(pd.concat(found, ignore_index=True))
    _tell(groups, trained, budget, camus is not None, document, threads)


class _Bench:
    """Trains and scores variants, and keeps what came of it."""

    def __init__(self, folder: Path, budget: Budget, camus: Path | None, machine: Machine) -> None:
        self.folder, self.budget, self.camus, self.machine = folder, budget, camus, machine

    def recipe(self, variant: Variant) -> Recipe:
        return recipe_of(variant, self.budget, self.camus, self.folder / "phantoms")

    def _mark(self, variant: Variant, sources: Sequence[str]) -> str:
        plain = {key: value for key, value in asdict(self.budget).items() if key != "threads"}
        parts = [json.dumps(plain, sort_keys=True), self.recipe(variant).written().replace(str(self.folder), "")]
        parts += [code_digest(source) for source in sources]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]

    def _place(self, variant: Variant) -> Path:
        return self.folder / variant.key / f"scores-{self._mark(variant, (*_TRAINS, *_SCORES))}.json"

    def stored(self, variant: Variant) -> tuple[Trained, pd.DataFrame] | None:
        """What was found before by the same code, recipe and budget."""
        path = self._place(variant)
        if not path.is_file():
            return None
        record = json.loads(path.read_text(encoding="utf-8"))
        return Trained(**record["trained"]), pd.read_json(StringIO(record["rows"]), orient="split")

    def run(self, variant: Variant) -> tuple[Trained, pd.DataFrame]:
        """Train, or go on training, then score."""
        recipe = self.recipe(variant)
        place = self.folder / variant.key / f"run-{self._mark(variant, _TRAINS)}"
        status = finish_training(recipe, place, self.machine)
        os.environ[MODELS_VARIABLE] = str(place / "model")
        rows = evaluate([recipe.name], self._data(), device=self.machine.device, clean=False, worst=0).rows
        network = build_model(recipe.architecture, **recipe.configuration)
        parameters = sum(one.numel() for one in network.parameters()) / 1e6
        trained = Trained(parameters, int(status["step"]))
        record = {"trained": asdict(trained), "rows": rows.to_json(orient="split")}
        write_bytes(self._place(variant), json.dumps(record).encode())
        return trained, rows

    def _data(self) -> list[DataSet]:
        sets = [open_data_set("phantom", self.folder / "phantoms", **self.budget.phantom_options())]
        if self.camus is not None:
            sets.append(open_data_set("pseudo_camus", self.camus, views=["4CH"]))
            sets.append(open_data_set("camus", self.camus, views=["4CH"], pairs=True))
        return sets


def finish_training(recipe: Recipe, place: Path, machine: Machine) -> dict[str, Any]:
    """The run's last status, once it is done."""
    say: Callable[[str], None] = lambda line: console.print(f"    {line}", highlight=False)  # noqa: E731
    if (place / "recipe.yaml").is_file():
        opened, recipe = RunFolder.again(place)
        if opened.read_status().get("state") == "done":
            return opened.read_status()
        if any(opened.checkpoints.glob("last.*")):
            train(recipe, opened, resume=True, machine=machine, say=say)
            return opened.read_status()
        shutil.rmtree(place)
    opened = RunFolder.begin(place, recipe)
    train(recipe, opened, machine=machine, say=say)
    return opened.read_status()


def _subset(folder: Path, budget: Budget) -> Path | None:
    """Links to the first patients of CAMUS's parts, so that all networks learn from the same few."""
    source = data_folder() / "camus_4ch"
    if not budget.patients or not (source / "train").is_dir():
        return None
    made = folder / f"camus-{budget.patients}-{budget.held_out}"
    for part, count in (("train", budget.patients), ("valid", budget.held_out)):
        (made / part).mkdir(parents=True, exist_ok=True)
        for patient in sorted((source / part).glob("patient*"))[:count]:
            link = made / part / patient.name
            if not link.exists():
                link.symlink_to(patient.resolve(), target_is_directory=True)
    if (source / "info.csv").is_file() and not (made / "info.csv").exists():
        (made / "info.csv").symlink_to((source / "info.csv").resolve())
    return made


def _tell(
    groups: Sequence[Group], trained: dict[str, Trained], budget: Budget, moved: bool, document: Path, threads: int
) -> None:
    """Print the tables, and write them down."""
    learned = f"{budget.phantoms} simulated hearts" + (
        f" and {budget.patients} CAMUS patients’ pairs in motion" if moved else ""
    )
    lines = [
        "# Networks compared",
        "",
        f"`scripts/benchmark peers {budget.option} --size {budget.size} --width {budget.width} "
        f"--phantoms {budget.phantoms} --patients {budget.patients if moved else 0} --held-out {budget.held_out}`",
        "",
        f"{budget.said} of training each, {budget.size} x {budget.size} pixels, first level of "
        f"{budget.width} channels (the paper has 100 epochs and 32), from {learned}. {machine(threads)}.",
        "",
        CAPTION,
        "",
    ]
    console.width = max(console.width, 170)
    for group in groups:
        lines += [f"## {TITLES[group.kind]}", "", f"{group.rows['clip'].nunique()} clips.", ""]
        for which in ("peers", "ablation"):
            columns, rows = table(group, trained, which)
            if rows:
                said = "Peers" if which == "peers" else "Ablation"
                show(f"{TITLES[group.kind]}. {said}", columns, rows, console)
                lines.append(markdown(f"### {said}", columns, rows))
    for paper in published_tables("000_echo_ode_latent", ("1", "2", "3", "4", "8")):
        show_published(paper, console)
        lines.append(published_markdown(paper))
    console.print(CAPTION, highlight=False)
    write_bytes(document, ("\n".join(lines).rstrip() + "\n").encode())
    console.print(str(document), highlight=False)


if __name__ == "__main__":
    run(app)
