"""``scripts/benchmark gui``: how fast the module's window answers, measured in the Slicer host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from .command import processor, stop
from .gui_figures import Figure
from .gui_window import ECHO, TESTING, Window

app = typer.Typer(add_completion=False)
console = Console()
STEPS = ("start", "load", "segment", "propagate", "play", "drag", "scene", "cancel")
_START = "Testing.benchmark.gui_start"


@app.command()
def gui(
    repeats: Annotated[int, typer.Option(min=1, help="Repetitions of each step; long ones at most two.")] = 3,
    frames: Annotated[int, typer.Option(min=30, help="Frames of the clip.")] = 60,
    size: Annotated[int, typer.Option(min=64, help="Its height and width, px.")] = 256,
    steps: Annotated[str, typer.Option(help=f"Of {', '.join(STEPS)}; those that others need are done, too.")] = "all",
    blame: Annotated[bool, typer.Option("--blame", help="Say where the event loop stood still.")] = False,
    output: Annotated[Path | None, typer.Option(help="A JSON file for the figures.")] = None,
) -> None:
    """Click through the module on a simulated clip, with a clock. Minutes; a quiet machine gives better figures."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    wanted = STEPS if steps == "all" else tuple(step.strip() for step in steps.split(","))
    for step in wanted:
        if step not in STEPS:
            stop(f"There is no step {step!r}; choose from {', '.join(STEPS)}.")
    before = os.getloadavg()[0]
    from .gui_steps import Steps

    figures: list[Figure] = []
    if "start" in wanted:
        figures += _starts(repeats)
    window = Window()
    try:
        with tempfile.TemporaryDirectory() as folder:
            taken = Steps(window, _clip(Path(folder), frames, size), repeats, blame)
            for step in _with_needs(wanted):
                for figure in getattr(taken, step)():
                    if step in wanted:
                        figures.append(figure)
                        print(f"{figure.name}: {_text(figure.median)} {figure.unit}", flush=True)
    finally:
        window.close()
    machine = f"{processor()}; {_drawing()}"
    console.width = max(console.width, 120)
    console.print(_table(figures, f"{frames} frames of {size}x{size}, at most {repeats} repetitions"))
    load = f"{before:.1f} before, {os.getloadavg()[0]:.1f} after"
    console.print(f"{machine}. Load average: {load} (what the benchmark computes counts, too).", highlight=False)
    if output is not None:
        content = [{**vars(figure), "median": figure.median} for figure in figures]
        output.write_text(json.dumps({"load": load, "figures": content}, indent=1))


def _with_needs(wanted: tuple[str, ...]) -> list[str]:
    """The steps in order, with those that they start from."""
    needs = {"segment": 2, "propagate": 3, "play": 4, "drag": 3, "scene": 4, "cancel": 4}
    least = max((needs.get(step, 1) for step in wanted), default=1)
    return [step for step in STEPS[1:] if step in wanted or STEPS.index(step) < least]


def _clip(folder: Path, frames: int, size: int) -> Path:
    """A simulated clip of a beat a second, as a file."""
    from EchoODELib.engine.export.clip import write_clip
    from EchoODELib.engine.phantom import PhantomSettings, simulate

    settings = PhantomSettings(frames=frames, size=size, frame_rate=30.0, beats=frames / 30.0, ejection_fraction=60.0)
    return write_clip(folder / "clip.seq.nrrd", simulate(settings).sequence)


def _starts(repeats: int) -> list[Figure]:
    """Start the module in processes of their own, for Python imports a library once only."""
    times = []
    for _ in range(repeats):
        ended = subprocess.run(
            [sys.executable, "-m", _START], cwd=TESTING.parent, capture_output=True, text=True, check=True
        )
        times.append(json.loads(ended.stdout.splitlines()[-1]))
    return [
        Figure("module's file and what it imports", "s", tuple(one["import"] for one in times)),
        Figure("panel built and shown", "s", tuple(one["setup"] for one in times)),
    ]


def _text(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 20 else f"{value:.2f}"


def _table(figures: list[Figure], title: str) -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("", "median", "range", "unit", "goal", "", "note"):
        right = column in ("median", "range")
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for one in figures:
        spread = f"{_text(min(one.values))}–{_text(max(one.values))}" if len(one.values) > 1 else ""
        goal = "" if one.goal is None else f"{'≥' if one.least else '<'} {one.goal:g}"
        mark = {None: "", True: "[green]met[/green]", False: "[red]missed[/red]"}[one.reached]
        table.add_row(one.name, _text(one.median), spread, one.unit, goal, mark, one.note)
    return table


def _drawing() -> str:
    """What draws: a graphics card, or the processor."""
    import slicer

    told = slicer.app.layoutManager().sliceWidget(ECHO).sliceView().renderWindow().ReportCapabilities()
    found = [line.split(":", 1)[1].strip() for line in told.splitlines() if line.startswith("OpenGL renderer string")]
    return f"drawn by {found[0]}" if found else "drawn by an unknown renderer"


if __name__ == "__main__":
    app()
