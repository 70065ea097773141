"""``scripts/benchmark live``: whether masks keep up with a stream, model by model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import torch
import typer
from EchoODELib.engine.export.atomic import write_bytes
from EchoODELib.engine.export.clip import write_clip
from EchoODELib.engine.phantom import PhantomSettings, simulate
from rich.console import Console

from .command import choose, machine, markdown, run, show
from .live_timing import INPUT, RATE, LiveCase, live_cases
from .store import default_folder

app = typer.Typer(add_completion=False)
console = Console()

_COLUMNS = (
    "model",
    "a frame, ms",
    "1 in 100, ms",
    "in time",
    "shown of a clip at 30/s",
    "reading",
    "before and after",
    "network (1 in 100)",
    "beats",
    "processor ms",
    "load",
)
CAPTION = (
    f"A simulated clip of {INPUT[0]}x{INPUT[1]} pixels as an MP4 file. *A frame* is everything: decoding it, "
    "preparing it, the network, probabilities to a tidied mask in the frame's own pixels, its area, and the "
    "search for heart beats; the median, and the time that one frame in a hundred exceeds. *In time* is the share "
    f"of frames that took no longer than 1/{RATE:g} s, one right after the other; *shown* the share that was not "
    f"skipped while the clip played at {RATE:g} frames a second. Then its parts in ms, medians, of beats the mean. "
    "*Processor ms* are those of all cores together, and tell more than the clock where other work runs: see the "
    "load, the processes that wanted to run. The papers' networks are untrained here: they cost what they would "
    "cost trained.\n\nGoal: under 33 ms in all on two quiet cores, and under 3 ms for the network on a current GPU "
    "(`--device cuda`). Paper 002 reports 13 ms for its ConvLSTM network on an RTX 2080."
)


@app.command()
def live(
    only: Annotated[str, typer.Option(help="Models, by key or pattern, with commas between.")] = "*",
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    threads: Annotated[int, typer.Option(min=1)] = 2,
    frames: Annotated[int, typer.Option(min=10, help="Of each of the two passes.")] = 120,
    output: Annotated[Path | None, typer.Option(help="Folder for the result; benchmark-output by default.")] = None,
    list_keys: Annotated[bool, typer.Option("--list", help="List the models' keys and stop.")] = False,
) -> None:
    """Median, slowest hundredth and share of frames in time, by model; under a minute where nothing else runs."""
    cases = choose(only, live_cases(), "model")
    if list_keys:
        for case in cases:
            console.print(f"{case.key:24} {case.name}", highlight=False)
        return
    console.width = max(console.width, 150)
    on = f"{torch.cuda.get_device_name(device)}, " if device.startswith("cuda") else ""
    heading = f"{on}{machine(threads)}, load {os.getloadavg()[0]:.1f}"
    console.print(heading, highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        made = simulate(PhantomSettings(frames=30, frame_rate=RATE, size=INPUT[0], beats=1.0, seed=11))
        clip = write_clip(Path(folder) / "clip.mp4", made.sequence)
        options = ["--device", device, "--threads", str(threads), "--frames", str(frames)]
        rows = [live_row(case, _run(case, clip, options)) for case in cases]
    show("Live", _COLUMNS, rows, console)
    text = [f"# Live use: whether masks keep up\n\nMade with `scripts/benchmark live`. {heading}.\n\n{CAPTION}\n"]
    text.append(markdown("## Frame by frame", _COLUMNS, rows))
    path = (output or default_folder()) / "benchmark-live.md"
    write_bytes(path, "\n".join(text).encode())
    console.print(f"{path}", highlight=False)


def live_row(case: LiveCase, figures: Mapping[str, float]) -> list[str]:
    """A model's line of the table."""
    return [
        case.name,
        f"{figures['all']:.1f}",
        f"{figures['slowest']:.1f}",
        f"{100 * figures['in time']:.0f} %",
        f"{100 * figures['shown']:.0f} %",
        f"{figures['reading']:.1f}",
        f"{figures['before and after']:.1f}",
        f"{figures['network']:.1f} ({figures['network slowest']:.1f})",
        f"{figures['beats']:.1f}",
        f"{figures['processor']:.1f}",
        f"{figures['load']:.1f}",
    ]


def _run(case: LiveCase, clip: Path, options: list[str]) -> dict[str, float]:
    console.print(f"[dim]{case.name} ...[/dim]")
    # Threads that wait for each other sleep: where other work runs, spinning ones would be counted as busy.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
    command = [sys.executable, "-m", "Testing.benchmark.live_timing", case.key, str(clip), *options]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        console.print(done.stderr, markup=False, highlight=False)
        raise typer.Exit(1)
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    run(app)
