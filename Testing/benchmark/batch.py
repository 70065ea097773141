"""``scripts/benchmark batch``: clips a second through ``echoode batch``, against a plain loop."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from EchoODELib.engine.export.atomic import write_bytes
from EchoODELib.engine.export.clip import write_clip
from EchoODELib.engine.phantom import PhantomSettings, simulate
from rich.console import Console

from .command import machine, markdown, run, show, stop
from .store import default_folder

app = typer.Typer(add_completion=False)
console = Console()

_COLUMNS = ("way", "s", "clips a second", "times the plain loop", "load")
_FRAMES_A_BEAT = 12  # at 20 Hz, 100 bpm: six frames go from ED to ES
_EF = "ejection_fraction (%)"
_MODEL = "echo-ode-phantom"  # at 112x112 pixels a third of the default's work, and made for simulated hearts
CAPTION = (
    "Seconds by the clock from the command to its table, the start of processes and the loading of the model "
    "included; *load* is how many processes wanted to run in the minute before, those of the way before among them. "
    "All ways read each clip, segment it, measure it, and write masks, results and a table; the plain loop records "
    "nothing to go on from. Workers share the cores: two have half the threads each."
    "\n\nClips and network are small on purpose: what is measured is how little is lost around the work, not the work."
)


@dataclass(frozen=True)
class Way:
    """One way to go through the clips; ``workers`` is 0 for the plain loop."""

    name: str
    workers: int


@app.command()
def batch(
    clips: Annotated[int, typer.Option(min=2, help="How many.")] = 1000,
    hearts: Annotated[int, typer.Option(min=1, help="Simulated hearts among them; the others are copies.")] = 50,
    size: Annotated[int, typer.Option(min=64, help="Rows and columns.")] = 64,
    frames: Annotated[int, typer.Option(min=2, help="Of a clip.")] = 6,
    workers: Annotated[str, typer.Option(help="Numbers of them, with commas between; 0: plain loop.")] = "0,1,2",
    model: Annotated[str, typer.Option(help="Of the segmentation.")] = _MODEL,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "cpu",
    output: Annotated[Path | None, typer.Option(help="Folder for results; benchmark-output by default.")] = None,
) -> None:
    """Go through small phantom clips in each way, one after another."""
    if not all(part.strip().isdigit() for part in workers.split(",")):
        stop("--workers takes numbers with commas between, such as 0,1,2.")
    ways = [_way(int(part)) for part in workers.split(",")]
    cores = os.cpu_count() or 1
    kind = f"{clips} clips of {frames} frames, {size}x{size}, {min(hearts, clips)} hearts; {model} on {device}"
    console.print(f"{machine(cores)}\n{kind}", highlight=False)
    rows: list[tuple[Way, float, float]] = []
    tables: list[pd.DataFrame] = []
    with tempfile.TemporaryDirectory(prefix="echoode-benchmark-") as place:
        folder = Path(place)
        make_clips(folder / "clips", clips, hearts, size, frames)
        for way in ways:
            console.print(f"[dim]{way.name} ...[/dim]")
            load = os.getloadavg()[0]
            seconds, table = go_through(way, folder, model, device)
            rows.append((way, seconds, load))
            tables.append(table)
    lines = table_rows(rows, clips)
    agreement = f"EF of all clips is the same in all ways to {difference(tables):.2g} points."
    show("Clips through echoode batch", _COLUMNS, lines, console)
    console.print(f"{CAPTION}\n{agreement}", highlight=False)
    made = f"Made with `scripts/benchmark batch`. {machine(cores)}. {kind}."
    text = f"# Many clips\n\n{made}\n\n{markdown('## Clips a second', _COLUMNS, lines)}\n"
    path = (output or default_folder()) / "batch.md"
    write_bytes(path, f"{text}{CAPTION}\n\n{agreement}\n".encode())
    console.print(str(path), highlight=False)


def make_clips(folder: Path, count: int, hearts: int, size: int, frames: int) -> None:
    """``count`` files, of which the first ``hearts`` differ."""
    for number in range(count):
        path = folder / f"heart{number:05}.seq.nrrd"
        if number < hearts:
            ejection_fraction = 20.0 + 50.0 * number / hearts
            settings = PhantomSettings(
                frames=frames,
                frame_rate=20.0,
                size=size,
                beats=frames / _FRAMES_A_BEAT,
                ejection_fraction=ejection_fraction,
                seed=number,
            )
            write_clip(path, simulate(settings).sequence)
        else:
            shutil.copyfile(folder / f"heart{number % hearts:05}.seq.nrrd", path)


def go_through(way: Way, folder: Path, model: str, device: str) -> tuple[float, pd.DataFrame]:
    """Seconds of one way and its table; the command ends at one that fails."""
    out = folder / f"out-{way.workers}"
    options = ("--model", model, "--device", device, "--workers", str(way.workers))
    command = [sys.executable, "-m", "EchoODELib.cli", "batch", str(folder / "clips"), "-o", str(out), *options]
    command += ["--steps", "segment,measure", "--keep-name"]
    if not way.workers:
        command = [sys.executable, "-m", "Testing.benchmark.plain_loop", str(folder / "clips"), str(out), model, device]
    # Threads that wait for each other sleep, as the command line has it: the plain loop shall not lose by that.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    seconds = time.perf_counter() - started
    if done.returncode:
        stop(f"{way.name} ended with code {done.returncode}.")
    table = pd.read_csv(out / "results.csv", comment="#", encoding="utf-8-sig")
    shutil.rmtree(out)
    return seconds, table.set_index("file").sort_index()


def table_rows(rows: Sequence[tuple[Way, float, float]], clips: int) -> list[list[str]]:
    """Lines of the table; rates are compared with the plain loop's, where it was run."""
    plain = next((seconds for way, seconds, _ in rows if not way.workers), None)
    return [
        [
            way.name,
            f"{seconds:.1f}",
            f"{clips / seconds:.2f}",
            "–" if plain is None else f"{plain / seconds:.2f}",
            f"{load:.1f}",
        ]
        for way, seconds, load in rows
    ]


def difference(tables: Sequence[pd.DataFrame]) -> float:
    """The largest difference of a clip's EF between two ways; the command ends where clips are missing."""
    first = tables[0]
    for table in tables[1:]:
        if list(table.index) != list(first.index):
            stop("The ways did not do the same clips.")
    return max(float((table[_EF] - first[_EF]).abs().max()) for table in tables)


def _way(workers: int) -> Way:
    names = {0: "plain loop", 1: "one worker", 2: "two workers"}
    return Way(names.get(workers, f"{workers} workers"), workers)


if __name__ == "__main__":
    run(app)
