"""``scripts/benchmark temporal``: networks with and without memory, in the form of table I of Smistad et al. 2021."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from EchoODELib.engine.export.atomic import write_bytes
from EchoODETrainingLib.datasets.cache import default_cache
from EchoODETrainingLib.evaluate.paper_tables import temporal_table
from EchoODETrainingLib.evaluate.summary import Group
from EchoODETrainingLib.evaluate.tables import Cell, Table
from rich.console import Console

from .cases import data_folder
from .command import machine, run, stop
from .in_form import Clips, heading, missing, over_the_cycle, score, tell
from .store import default_folder

_DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "benchmark-temporal.md"
#: As table I has them: trained on ED and ES alone, on all frames, smoothed, and with memory; the U-Net for reference.
MODELS = (
    "live-stills-camus-a4c",
    "live-frames-camus-a4c",
    "live-frames-camus-a4c+wma:6",
    "live-camus-a4c",
    "unet-camus-a4c",
)
WITHOUT, WITH = "live-frames-camus-a4c", "live-camus-a4c"
CAPTION = (
    "Masks are as the networks give them, not tidied. The published rows are of 174 recordings of three apical views "
    "with seven annotated frames each, in ten-fold cross validation; ours are of other hearts, frame rates and image "
    "sizes: the order of methods can be compared, the level can't. A film's mFIP holds the true motion, so that the "
    "true masks' own is given, and less than that is too stiff. Networks were chosen on the CAMUS patients of these "
    "tables, and not on these simulated hearts. "
    "The network with memory saw echoes lost on a few frames of a window in training, those of single frames did not."
)

app = typer.Typer(add_completion=False)
console = Console()


@app.command()
def temporal(
    models: Annotated[str, typer.Option(help="By name, with commas between; NAME+wma:6 is smoothed.")] = ",".join(
        MODELS
    ),
    hearts: Annotated[int, typer.Option(min=2, help="Simulated hearts whose echo comes and goes.")] = 20,
    plain: Annotated[int, typer.Option(min=0, help="Simulated hearts without trouble; 0 for none.")] = 20,
    patients: Annotated[int, typer.Option(min=0, help="CAMUS patients in motion; 0 for none.")] = 20,
    stills: Annotated[int, typer.Option(min=0, help="CAMUS patients' stills; 0 for none.")] = 50,
    frames: Annotated[int, typer.Option(min=8, help="Of a beat; 56 are about 50 a second, as in the paper.")] = 56,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the CPU.")] = 2,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    output: Annotated[Path | None, typer.Option(help="Folder for scores; benchmark-output by default.")] = None,
    document: Annotated[Path, typer.Option(help="The Markdown file with the tables.")] = _DOCUMENT,
    stored: Annotated[bool, typer.Option("--stored", help="Make the tables of what is scored already.")] = False,
) -> None:
    """Compare networks with and without memory. Interrupt it at will: the next run goes on where this one stopped."""
    torch.set_num_threads(threads)
    asked = [name.strip() for name in models.split(",") if name.strip()]
    absent = missing(asked)
    if len(absent) == len(asked):
        stop(f"None of these models is installed: {', '.join(asked)}; set ECHOODE_MODELS to their folder.")
    for name in absent:
        console.print(f"{name} is not installed, and left out.", highlight=False)
    chosen = [name for name in asked if name not in absent]
    folder = (output or default_folder()) / "temporal"
    lines = ["# Networks with and without memory", ""]
    options = f"--hearts {hearts} --plain {plain} --patients {patients} --stills {stills} --frames {frames}"
    lines += [f"`scripts/benchmark temporal {options}`"]
    lines += ["", f"{CAPTION} {machine(threads)}.", ""]
    console.width = max(console.width, 170)
    for clips in _clips(hearts, plain, patients, stills, frames):
        scored = score(chosen, clips, folder, device, console, stored=stored)
        for group in scored.groups:
            lines += [f"## {heading(scored, group)}", ""]
            lines += tell(temporal_table(group), "###", console)
            lines += tell(steadier(group), "###", console)
            if group.form == "film":
                lines += tell(over_the_cycle(scored.courses), "###", console)
    write_bytes(document, ("\n".join(lines).rstrip() + "\n").encode())
    console.print(str(document), highlight=False)


def steadier(group: Group) -> Table:
    """How much less flickers with memory than without, and of what is above the true masks' own."""
    if group.form != "film" or not {WITH, WITHOUT} <= set(group.models) or "mfip_true" not in group.columns():
        return Table("", (), ())
    ratio = group.ratio(WITH, WITHOUT, "mfip")
    true = float(group.rows["mfip_true"].mean())
    with_, without = (group.interval(model, "mfip").value - true for model in (WITH, WITHOUT))
    said = f"{100 * (ratio.value - 1):+.0f} %".replace("-", "−")
    interval = f"{100 * (ratio.low - 1):+.0f} to {100 * (ratio.high - 1):+.0f} %".replace("-", "−")
    above = f"{100 * (with_ / without - 1):+.0f} %".replace("-", "−") if without > 0 and math.isfinite(with_) else "–"
    cells = (Cell(said), Cell(interval), Cell(above))
    heads = ("mFIP", "95 % interval", "its part above the true masks’ own")
    return Table("With memory, against without", heads, ((f"{WITH} against {WITHOUT}", cells),))


def _clips(hearts: int, plain: int, patients: int, stills: int, frames: int) -> list[Clips]:
    cache = default_cache()
    hard: dict[str, Any] = {"clips": {"test": hearts}, "views": ["A4C"]}
    easy: dict[str, Any] = {"clips": {"test": plain}, "views": ["A4C"], "frames": frames, "seed": 7}
    trouble = "hearts with wandering shadows, dropouts, a fading valve and lost frames"
    camus = data_folder() / "camus_4ch"
    found = [Clips(trouble, "hard_phantom", cache / "hard", hard, "test")]
    if plain:
        found.append(Clips("hearts", "phantom", cache / "phantom", easy, "test"))
    if (camus / "valid").is_dir():
        of = {"views": ["4CH"]}
        moved = Clips("pairs of CAMUS in motion", "pseudo_camus", camus, {**of, "frames": frames}, limit=patients)
        pairs = Clips("ED and ES of CAMUS, one by one", "camus", camus, {**of, "pairs": True}, limit=stills)
        found = [*([pairs] if stills else []), *([moved] if patients else []), *found]
    return found


if __name__ == "__main__":
    run(app)
