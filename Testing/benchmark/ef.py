"""``scripts/benchmark ef``: ejection fractions straight from clips, beside those from masks."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from EchoODELib.engine.ef import EF_TASK, EfEstimator
from EchoODELib.engine.errors import UnsuitableMask
from EchoODELib.engine.export.atomic import write_bytes
from EchoODELib.engine.measure import measure
from EchoODELib.engine.metrics import bootstrap_interval, mean_absolute_error, r_squared, root_mean_square_error
from EchoODELib.engine.segment import Segmenter
from EchoODELib.engine.sequence import EchoSequence
from EchoODELib.engine.weights import DEFAULT_MODEL, find_card, list_models
from EchoODETrainingLib.datasets.base import DataSet, open_data_set
from EchoODETrainingLib.datasets.cache import default_cache
from EchoODETrainingLib.preview import write_agreement
from rich.console import Console

from .command import machine, markdown, run, show, stop
from .published import published_markdown, published_tables, show_published
from .store import default_folder

app = typer.Typer(add_completion=False)
console = Console()

#: Hearts as wide apart as may be; of the split test, whose seeds no training draws.
HEARTS: dict[str, Any] = {
    "views": ["A4C"],
    "frames": 40,
    "size": 112,
    "beats": [1.2, 2.2],
    "ejection_fraction": [10, 80],
    "arrhythmia": [0, 0.25],
}
#: Beats of patients who were kept for validation, moved anew: other speckle, rates and contraction than in training.
MOVED: dict[str, Any] = {"views": ["4CH"], "seed": 900, "contraction": [0.2, 1.0]}
_COLUMNS = ("method", "recordings", "MAE, points (95 %)", "RMSE, points", "R²", "no answer", "ms a clip", "ms in all")
CAPTION = (
    "EF in percent of simulated hearts, and of the moved masks in one plane; no real one is compared with. Moved beats "
    "are of patients on whom models were chosen, not of those that they learned from. Networks of "
    "clips answer as the mean of the card's number of clips; from masks EF is the mean over the beats that are found. "
    "Recordings without an answer count in no error. “All the same” answers with the mean of what is true."
)


@dataclass(frozen=True)
class Said:
    """What a method says: percent, NaN for no answer, and seconds, of a clip, if it sees clips, and in all."""

    percent: float
    clip_seconds: float
    seconds: float


Method = Callable[[EchoSequence], Said]


def by_clip(model: str, device: str) -> Method:
    """A network that answers about clips."""
    estimator = EfEstimator(model, device)

    def say(sequence: EchoSequence) -> Said:
        began = time.perf_counter()
        found = estimator.estimate(sequence, variations=False)
        return Said(found.value, found.seconds, time.perf_counter() - began)

    return say


def by_masks(model: str, device: str) -> Method:
    """Masks on every frame, measured."""
    segmenter = Segmenter(model, device)

    def say(sequence: EchoSequence) -> Said:
        began = time.perf_counter()
        try:
            found = measure(segmenter.segment(sequence)).summary.get("ejection_fraction")
        except UnsuitableMask:  # no LV was found on any frame
            found = None
        return Said(math.nan if found is None else float(found.mean), math.nan, time.perf_counter() - began)

    return say


def method_of(model: str, device: str) -> Method:
    """A model by its card's task."""
    return by_clip(model, device) if find_card(model).task == EF_TASK else by_masks(model, device)


def recordings(data: DataSet, split: str, count: int) -> Iterator[tuple[EchoSequence, float]]:
    """Up to ``count`` recordings of a split, spread over it, and their ejection fractions."""
    entries = data.entries(split)
    for place in np.linspace(0, len(entries) - 1, min(count, len(entries))).round().astype(int):
        clip = data.load(entries[place])
        if clip.ejection_fraction is not None:
            yield EchoSequence(clip.frames, clip.times, clip.spacing, clip.view), clip.ejection_fraction


def row(name: str, said: Sequence[Said], wanted: Sequence[float]) -> list[str]:
    """A method's line: errors with an interval over recordings, and times."""
    percent, true = np.array([one.percent for one in said]), np.array(wanted)
    known = np.isfinite(percent)
    cells = [name, str(len(true)), "–", "–", "–", str(int((~known).sum()))]
    if known.sum() > 1:
        a, b = percent[known], true[known]
        mean = bootstrap_interval(mean_absolute_error, a, b)
        cells[2] = f"{mean.value:.1f} ({mean.low:.1f} to {mean.high:.1f})"
        cells[3] = f"{root_mean_square_error(a, b):.1f}"
        cells[4] = f"{r_squared(a, b):.2f}"
    for seconds in ([one.clip_seconds for one in said], [one.seconds for one in said]):
        middle = np.median(seconds) if np.isfinite(seconds).all() else math.nan
        cells.append(f"{1000 * middle:.1f}" if np.isfinite(middle) else "–")
    return cells


@app.command()
def ef(
    models: Annotated[
        str, typer.Option(help="Models by name, with commas between; all for EF, and the default for masks, if empty.")
    ] = "",
    phantoms: Annotated[int, typer.Option(min=0, help="Simulated hearts.")] = 100,
    camus: Annotated[
        Path | None, typer.Option(help="A CAMUS folder, whose validation patients' beats are moved.")
    ] = None,
    patients: Annotated[int, typer.Option(min=1, help="At most so many of them.")] = 100,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    threads: Annotated[int, typer.Option(min=1)] = 2,
    output: Annotated[Path | None, typer.Option(help="Folder for results; benchmark-output by default.")] = None,
) -> None:
    """Errors and times of EF straight from clips and from masks, on recordings that no model has learned from."""
    torch.set_num_threads(threads)
    names = [name.strip() for name in models.split(",") if name.strip()]
    names = names or [*(card.name for card in list_models() if card.task == EF_TASK), DEFAULT_MODEL]
    groups: list[tuple[str, DataSet, str, int]] = []
    if phantoms:
        hearts = open_data_set("phantom", default_cache() / "phantom", clips={"test": phantoms}, **HEARTS)
        groups.append(("Simulated hearts", hearts, "test", phantoms))
    if camus is not None:
        groups.append(("Moved beats", open_data_set("pseudo_camus", camus, **MOVED), "valid", patients))
    if not groups:
        stop("There is nothing to look at: give --phantoms or --camus.")
    folder = output or default_folder()
    on = f"{torch.cuda.get_device_name(device)}, " if device.startswith("cuda") else ""
    heading = f"{on}{machine(threads)}, load {os.getloadavg()[0]:.1f}"
    text = [f"# Ejection fractions straight from clips\n\n{heading}\n\n{CAPTION}\n"]
    methods = {name: method_of(name, device) for name in names}
    for title, data, split, count in groups:
        seen = list(recordings(data, split, count))
        wanted = [true for _, true in seen]
        rows = [row("All the same", [Said(float(np.mean(wanted)), math.nan, math.nan)] * len(seen), wanted)]
        for name, method in methods.items():
            said = [method(sequence) for sequence, _ in seen]
            rows.append(row(name, said, wanted))
            percent = np.array([one.percent for one in said])
            known = np.isfinite(percent)
            if known.any():
                picture = folder / f"ef-{title.lower().replace(' ', '-')}-{name}.png"
                write_agreement(picture, np.array(wanted)[known], percent[known], f"EF (%), {name}")
        show(title, _COLUMNS, rows, console)
        text.append(markdown(f"## {title}", _COLUMNS, rows))
    papers = published_tables("003_coreecho", ("1",))
    for paper in papers:
        show_published(paper, console)
    path = folder / "ef.md"
    write_bytes(path, "\n".join([*text, *map(published_markdown, papers)]).encode())
    console.print(f"{CAPTION}\n{path}", highlight=False)


if __name__ == "__main__":
    run(app)
