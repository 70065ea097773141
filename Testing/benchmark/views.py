"""``scripts/benchmark views``: masks and views of any view, in the form of tables 2 to 4 of Li et al. 2019."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from EchoODELib.engine.export.atomic import write_bytes
from EchoODELib.engine.weights import MODELS_VARIABLE
from EchoODETrainingLib.datasets.cache import default_cache
from EchoODETrainingLib.evaluate.paper_tables import indices_table, proposals_table, views_table
from EchoODETrainingLib.machine import Machine
from rich.console import Console

from .cases import data_folder
from .command import machine, run, stop
from .in_form import Clips, heading, missing, over_the_cycle, score, tell
from .networks import finish_training
from .ral_ablation import PARTS, VIEWS, AblationBudget, recipe_of
from .store import code_digest, default_folder

_DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "benchmark-views.md"
MODELS = ("ral-apical", "unet-camus-a4c", "echo-ode-camus-a4c")
CAPTION = (
    "Masks are as the networks give them, not tidied. The published rows are of 300 sequences of A2C, A3C and A4C of "
    "100 patients (tables 2 and 3, LV alone) and of CAMUS (table 4), in ten-fold cross validation at 256x256: the "
    "order of methods can be compared, the level can't. Networks were chosen on the CAMUS patients of these tables, "
    "and not on these simulated hearts. No real clip of A2C, A3C or PLAX was at hand: of real clips, only A4C is told."
)
_ABLATION_CAPTION = (
    "A budget of minutes: {steps} steps of 8 windows of 4 frames at {size}x{size} pixels from {hearts} simulated "
    "hearts of four views, once each, seed {seed}. It shows that every part can be taken away and trained, and in "
    "which order the parts stand so early; it does not repeat the paper's table, and differences may be chance."
)

app = typer.Typer(add_completion=False)
console = Console()


@app.command()
def views(
    models: Annotated[str, typer.Option(help="Models by name, with commas between.")] = ",".join(MODELS),
    hearts: Annotated[int, typer.Option(min=4, help="Simulated hearts, of four views in turn.")] = 24,
    patients: Annotated[int, typer.Option(min=0, help="CAMUS patients; 0 for none.")] = 50,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Train and compare RAL without each of its parts.")
    ] = False,
    stored: Annotated[bool, typer.Option("--stored", help="Make the tables of what is done already.")] = False,
    steps: Annotated[int, typer.Option(min=1, help="Of the ablation's training, each.")] = 300,
    size: Annotated[int, typer.Option(min=32, help="Rows and columns of the ablation's input.")] = 64,
    growth: Annotated[int, typer.Option(min=2, help="Of the ablation's blocks.")] = 6,
    learn_from: Annotated[int, typer.Option(min=4, help="Simulated hearts that the ablation learns from.")] = 80,
    seed: Annotated[int, typer.Option(min=0, help="Of the ablation.")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the CPU.")] = 2,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    output: Annotated[
        Path | None, typer.Option(help="Folder for runs and scores; benchmark-output by default.")
    ] = None,
    document: Annotated[Path, typer.Option(help="The Markdown file with the tables.")] = _DOCUMENT,
) -> None:
    """Compare networks on several views. Interrupt it at will: the next run goes on where this one stopped."""
    torch.set_num_threads(threads)
    folder = (output or default_folder()) / "views"
    console.width = max(console.width, 170)
    budget = AblationBudget(steps, size, growth, learn_from, seed)
    option = f" {budget.option}" if ablation else ""
    lines = ["# Networks of several views", ""]
    lines += [f"`scripts/benchmark views --hearts {hearts} --patients {patients}{option}`", ""]
    lines += [f"{CAPTION} {machine(threads)}.", ""]
    lines += _compared(models, hearts, patients, folder, device, stored=stored)
    if ablation:
        lines += _ablation(budget, hearts, folder, Machine(device=device, threads=threads, keep_seconds=30.0), stored)
    write_bytes(document, ("\n".join(lines).rstrip() + "\n").encode())
    console.print(str(document), highlight=False)


def _compared(models: str, hearts: int, patients: int, folder: Path, device: str, *, stored: bool) -> list[str]:
    asked = [name.strip() for name in models.split(",") if name.strip()]
    absent = missing(asked)
    if asked and len(absent) == len(asked):
        stop(f"None of these models is installed: {', '.join(asked)}; set ECHOODE_MODELS to their folder.")
    for name in absent:
        console.print(f"{name} is not installed, and left out.", highlight=False)
    chosen = [name for name in asked if name not in absent]
    lines = []
    for clips in _clips(hearts, patients) if chosen else ():
        scored = score(chosen, clips, folder, device, console, stored=stored)
        for group in scored.groups:
            lines += [f"## {heading(scored, group)}", ""]
            lines += tell(views_table(group), "###", console)
            lines += tell(proposals_table(group), "###", console)
            if clips.kind in ("camus", "phantom"):
                lines += tell(indices_table(group), "###", console)
            if group.form == "film":
                lines += tell(over_the_cycle(scored.courses), "###", console)
    return lines


def _ablation(budget: AblationBudget, hearts: int, folder: Path, machine: Machine, stored: bool) -> list[str]:
    """Train each part's network, or go on training it, and set them side by side."""
    mark = f"{budget.steps}-{budget.size}-{budget.growth}-{budget.hearts}-{budget.seed}-"
    mark += code_digest("EchoODELib.engine.models.ral")[:8]
    places = []
    for part in PARTS:
        place = folder / "ablation" / mark / part.key
        if not stored:
            console.print(f"{part.name}: {budget.steps} steps", highlight=False)
            finish_training(recipe_of(part, budget, default_cache() / "phantom"), place, machine)
        if (place / "model" / f"{part.model}.yaml").is_file():
            places.append(place / "model")
    before = os.environ.get(MODELS_VARIABLE, "")
    os.environ[MODELS_VARIABLE] = os.pathsep.join([*map(str, places), *([before] if before else [])])
    trained = [part.model for part in PARTS if not missing([part.model])]
    if not trained:
        return []
    scored = score(trained, _hearts(hearts), folder / "ablation" / mark, machine.device, console, stored=stored)
    caption = _ABLATION_CAPTION.format(steps=budget.steps, size=budget.size, hearts=budget.hearts, seed=budget.seed)
    lines = ["## Ablation of recurrent aggregation learning", "", caption, ""]
    for group in scored.groups:
        lines += [f"### {heading(scored, group)}", ""]
        lines += tell(views_table(group), "####", console)
    return lines


def _hearts(hearts: int) -> Clips:
    made: dict[str, Any] = {"clips": {"test": hearts}, "views": list(VIEWS)}
    return Clips("hearts of four views", "phantom", default_cache() / "phantom", made, "test")


def _clips(hearts: int, patients: int) -> list[Clips]:
    few = {"clips": {"test": hearts}}
    other = Clips("clips of no view", "other_phantom", default_cache() / "other_phantom", few, "test")
    camus = data_folder() / "camus_4ch"
    found = [_hearts(hearts), other]
    if patients and (camus / "valid").is_dir():
        pairs = {"views": ["4CH"], "pairs": True}
        styled = {"clips": {"valid": hearts}, "seed": 17}
        found = [
            Clips("ED and ES of CAMUS, one by one", "camus", camus, pairs, "valid", patients),
            *found,
            Clips("hearts of four views in the texture of CAMUS", "restyled_phantom", camus, styled, "valid"),
        ]
    return found


if __name__ == "__main__":
    run(app)
