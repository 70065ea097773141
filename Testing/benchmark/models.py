"""``scripts/benchmark models``: what each network costs, and what makes whole videos quick."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer
from EchoODELib.engine.export.atomic import write_bytes
from EchoODELib.engine.models import ARCHITECTURES
from rich.console import Console

from .command import choose, machine, markdown, run, show
from .model_cases import FRAMES, Case, ladder, network_cases
from .model_timing import TIGHT
from .published import published_markdown, published_tables, show_published
from .store import default_folder

app = typer.Typer(add_completion=False)
console = Console()

_NETWORKS = (
    "network",
    "parameters",
    "GMAC a pass",
    "ms a pass",
    "s a video",
    "processor s a video",
    "memory, MB",
    "load",
)
_STEPS = ("step", "GMAC a pass", "ms a pass", "s a video", "processor s a video", "times the first", "load")
_SOLVERS = ("solver", "evaluations", "ms a pass", "worst probability", "mean probability", "pixels of another class")
CAPTION = (
    "A pass is 4 frames in and 7 out, as in paper 000, or one frame; a video has 158 frames at 50 Hz, from "
    "standardised frames to probabilities. Times are the least of several runs; seconds of the processor are those of "
    "all cores together, and tell more than the clock where other work runs: see the load, the processes that wanted "
    "to run. Memory is what the process grew by, weights included."
)


@app.command()
def models(
    only: Annotated[str, typer.Option(help="Networks, by key or pattern, with commas between.")] = "*",
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    threads: Annotated[int, typer.Option(min=1)] = 2,
    repeats: Annotated[int, typer.Option(min=1, help="Runs of a video; the least counts.")] = 3,
    frames: Annotated[int, typer.Option(min=14, help="Of a video.")] = FRAMES,
    steps: Annotated[bool, typer.Option(help="Whether to time Echo-ODE's way from a plain loop.")] = True,
    solvers: Annotated[bool, typer.Option(help="Whether to compare solvers.")] = True,
    output: Annotated[Path | None, typer.Option(help="Folder for results; benchmark-output by default.")] = None,
    list_keys: Annotated[bool, typer.Option("--list", help="List the networks' keys and stop.")] = False,
) -> None:
    """Parameters, multiply-accumulates, time and memory of every network, and of Echo-ODE's solvers."""
    cases = choose(only, network_cases(), "network")
    if list_keys:
        for case in cases:
            console.print(f"{case.key:24} {case.name}", highlight=False)
        return
    console.width = max(console.width, 150)
    options = ["--device", device, "--threads", str(threads), "--repeats", str(repeats), "--frames", str(frames)]
    on = f"{torch.cuda.get_device_name(device)}, " if device.startswith("cuda") else ""
    heading = f"{on}{machine(threads)}, load {os.getloadavg()[0]:.1f}"
    console.print(heading, highlight=False)
    tables = [_show("Networks", _NETWORKS, [network_row(case, _run(case, options)) for case in cases])]
    if steps:
        tables.append(_show("Echo-ODE of the published size, step by step", _STEPS, _step_rows(ladder(), options)))
    if solvers:
        tables += [_solver_table(case, options) for case in cases if is_echo_ode(case)]
    papers = published_tables("000_echo_ode_latent", ("9",))
    text = [f"# Networks: what they cost\n\n{heading}\n\n{CAPTION}\n"]
    for title, columns, rows in tables:
        text.append(markdown(f"## {title}", columns, rows))
    for paper in papers:
        show_published(paper, console)
    path = (output or default_folder()) / "models.md"
    write_bytes(path, "\n".join([*text, *map(published_markdown, papers)]).encode())
    console.print(f"{CAPTION}\n{path}", highlight=False)


def is_echo_ode(case: Case) -> bool:
    """Whether a case's network solves an ODE."""
    return hasattr(case.build(), "forward_ode")


def network_row(case: Case, figures: Mapping[str, float]) -> list[str]:
    """A network's line of the first table."""
    return [
        case.name,
        f"{figures['parameters']:,.0f}",
        f"{figures['gmac']:.2f}",
        *_times(figures),
        f"{figures['memory_mb']:.0f}",
        f"{figures['load']:.1f}",
    ]


def _times(figures: Mapping[str, float]) -> list[str]:
    return [f"{figures['pass_ms']:.1f}", f"{figures['video_s']:.2f}", f"{figures['video_cpu_s']:.2f}"]


def _step_rows(cases: Sequence[Case], options: Sequence[str]) -> list[list[str]]:
    rows, first = [], 0.0
    for case in cases:
        figures = _run(case, options)
        first = first or figures["video_cpu_s"]
        quicker = f"{first / figures['video_cpu_s']:.2f}"
        rows.append([case.name, f"{figures['gmac']:.2f}", *_times(figures), quicker, f"{figures['load']:.1f}"])
    return rows


def _solver_table(case: Case, options: Sequence[str]) -> tuple[str, Sequence[str], list[list[str]]]:
    figures = _run(case, [*options, "--solvers"])
    rows = [
        [
            name,
            f"{one['evaluations']:.0f}",
            f"{one['pass_ms']:.1f}",
            f"{one['worst']:.1e}",
            f"{one['mean']:.1e}",
            f"{100 * one['pixels']:.4f} %",
        ]
        for name, one in figures.items()
    ]
    weights = "" if case.key not in ARCHITECTURES else " (untrained: its motion is slight, and so are the errors)"
    title = f"Solvers, {case.name}{weights}: error against dopri5 at a tolerance of {TIGHT:g}"
    return _show(title, _SOLVERS, rows)


def _run(case: Case, options: Sequence[str]) -> dict:
    console.print(f"[dim]{case.name} ...[/dim]")
    # Threads that wait for each other sleep: where other work runs, spinning ones would be counted as busy.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
    command = [sys.executable, "-m", "Testing.benchmark.model_timing", case.key, *options]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        console.print(done.stderr, markup=False, highlight=False)
        raise typer.Exit(1)
    return json.loads(done.stdout)


def _show(title: str, columns: Sequence[str], rows: list[list[str]]) -> tuple[str, Sequence[str], list[list[str]]]:
    """Print a table as soon as it is there, and hand it on."""
    show(title, columns, rows, console)
    return title, columns, rows


if __name__ == "__main__":
    run(app)
