"""``scripts/benchmark ef-map``: whether embeddings are in order of EF, and which clips are found unlike."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from EchoODELib.engine.ef import EfEstimator
from EchoODELib.engine.embedding_map import map_embeddings
from EchoODELib.engine.errors import UnsuitableClip
from EchoODELib.engine.export.atomic import write_bytes
from EchoODELib.engine.export.map_picture import write_map
from EchoODELib.engine.known_embeddings import KnownEmbeddings
from EchoODELib.engine.sequence import EchoSequence
from EchoODETrainingLib.datasets.base import open_data_set
from EchoODETrainingLib.datasets.cache import default_cache
from numpy.typing import NDArray
from rich.console import Console
from scipy.stats import spearmanr

from .command import machine, markdown, run, show, stop
from .ef import HEARTS, MOVED, recordings
from .store import default_folder

app = typer.Typer(add_completion=False)
console = Console()

Frames = NDArray[np.uint8]
Change = Callable[[Frames, np.random.Generator], Frames]

#: What is done to simulated hearts so that they are none any more, or not as a network saw them.
CHANGES: dict[str, Change] = {
    "upside down": lambda frames, random: frames[:, ::-1],
    "turned by 90°": lambda frames, random: np.rot90(frames, 1, (1, 2)),
    "mirrored": lambda frames, random: frames[:, :, ::-1],
    "pixels shuffled": lambda frames, random: random.permuted(frames.reshape(len(frames), -1), axis=1).reshape(
        frames.shape
    ),
    "noise": lambda frames, random: random.integers(0, 256, frames.shape).astype(np.uint8),
    "frames shuffled": lambda frames, random: frames[random.permutation(len(frames))],
    "standing still": lambda frames, random: np.repeat(frames[:1], len(frames), axis=0),
}
#: Views of simulated hearts that no recipe of ours for ejection fractions trains on.
OTHER_VIEWS = ("PLAX", "A2C", "A3C")
_NEAREST = 10
_UNLIKE_COLUMNS = ("clips", "number", "unlike", "refused", "distance, median", "error of EF, mean")
_ORDER_COLUMNS = ("recordings", "number", "in the embedding", "on the map", "along the map's main direction")
CAPTION = (
    "Unlike: farther from the training data than 95 % of the recordings that the threshold was set on. Order: "
    "Spearman's correlation of a recording's true EF with the mean EF of the ten training recordings nearest to it, "
    "and with its place along the direction in which the map is longest."
)


@dataclass(frozen=True)
class Seen:
    """What an estimator made of some clips.

    Attributes
    ----------
    embeddings: (N, E); wanted, said: (N,) percent; distances: (N,); unlike: (N,) bool, of those that were not refused.
    refused: how many were.
    """

    embeddings: NDArray[np.float32]
    wanted: NDArray[np.float64]
    said: NDArray[np.float64]
    distances: NDArray[np.float64]
    unlike: NDArray[np.bool_]
    refused: int


def look(estimator: EfEstimator, clips: Iterator[tuple[EchoSequence, float]]) -> Seen:
    """Ask about clips whose ejection fractions are known."""
    found, wanted, refused = [], [], 0
    for sequence, true in clips:
        try:
            found.append(estimator.estimate(sequence, variations=False))
            wanted.append(true)
        except UnsuitableClip:
            refused += 1
    width = 0 if estimator.known is None else estimator.known.embeddings.shape[1]
    return Seen(
        np.array([one.embedding for one in found], np.float32).reshape(-1, width),
        np.array(wanted),
        np.array([one.value for one in found]),
        np.array([one.distance for one in found], float),
        np.array([one.unlike for one in found], bool),
        refused,
    )


def changed(
    clips: Sequence[tuple[EchoSequence, float]], change: Change, seed: int = 0
) -> Iterator[tuple[EchoSequence, float]]:
    """The clips after a change."""
    random = np.random.default_rng(seed)
    for sequence, true in clips:
        yield replace(sequence, frames=np.ascontiguousarray(change(sequence.frames, random))), true


def unlike_row(name: str, seen: Seen) -> list[str]:
    """A line of the table of distances."""
    count = len(seen.wanted)
    cells = [name, str(count + seen.refused), f"{int(seen.unlike.sum())} of {count}", str(seen.refused)]
    if not count:
        return [*cells, "–", "–"]
    return [*cells, f"{np.median(seen.distances):.1f}", f"{np.abs(seen.said - seen.wanted).mean():.1f}"]


def order(points: NDArray[np.floating], values: NDArray[np.floating], known: int) -> tuple[float, float]:
    """Spearman's correlation of values of those after the first ``known`` points with the mean of the nearest known
    ones', and that of the known ones themselves, each without itself."""
    apart = np.linalg.norm(points[:, None].astype(float) - points[None, :known], axis=-1)
    apart[np.arange(known), np.arange(known)] = np.inf
    nearest = values[np.argsort(apart, axis=1)[:, :_NEAREST]].mean(1)
    own = float(spearmanr(nearest[:known], values[:known]).statistic)
    return (float(spearmanr(nearest[known:], values[known:]).statistic) if len(points) > known + 2 else own), own


def along(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) places of points (N, 2) along the direction in which they are spread widest."""
    middle = points - points.mean(0)
    return middle @ np.linalg.svd(middle, full_matrices=False)[2][0]


def order_rows(known: KnownEmbeddings, seen: Seen, seed: int, picture: Path, model: str) -> list[list[str]]:
    """Lines of the table of order, for the training's recordings and for others; draws the map."""
    made = map_embeddings(known.embeddings, extra=seen.embeddings, values=np.r_[known.values, seen.wanted], seed=seed)
    assert made.values is not None
    count = len(known)
    embedded = order(np.concatenate([known.embeddings, seen.embeddings]), made.values, count)
    mapped = order(made.points, made.values, count)
    places = along(made.points)
    rows = []
    for name, part, which in (("learned from", slice(0, count), 1), ("unseen", slice(count, None), 0)):
        main = abs(float(spearmanr(places[part], made.values[part]).statistic))
        number = len(made.values[part])
        rows.append([name, str(number), f"{embedded[which]:.2f}", f"{mapped[which]:.2f}", f"{main:.2f}"])
    write_map(
        picture,
        made,
        title=f"Recordings as {model} sees them",
        subtitle=f"UMAP of embeddings; dots: {count} learned from; diamonds: {len(seen.wanted)} unseen, by true EF",
        scale="EF (%)",
    )
    return rows


@app.command()
def ef_map(
    model: Annotated[str | None, typer.Option(help="For ejection fractions; the first one by default.")] = None,
    phantoms: Annotated[int, typer.Option(min=4, help="Simulated hearts.")] = 100,
    foreign: Annotated[int, typer.Option(min=1, help="Of them, that are changed; and hearts of each other view.")] = 50,
    camus: Annotated[
        Path | None, typer.Option(help="A CAMUS folder, whose validation patients' beats are moved.")
    ] = None,
    patients: Annotated[int, typer.Option(min=1, help="At most so many of them.")] = 50,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    threads: Annotated[int, typer.Option(min=1)] = 2,
    seed: Annotated[int, typer.Option(help="Of the map.")] = 0,
    output: Annotated[Path | None, typer.Option(help="Folder for results; benchmark-output by default.")] = None,
) -> None:
    """Which clips are called unlike the training data, and whether like ejection fractions lie together."""
    torch.set_num_threads(threads)
    estimator = EfEstimator(model, device)
    known, name = estimator.known, estimator.card.name
    if known is None:
        stop(f"{name} doesn't bring its training data; give a model that does, see `echoode models complete`.")
    hearts = open_data_set("phantom", default_cache() / "phantom", clips={"test": phantoms}, **HEARTS)
    own = list(recordings(hearts, "test", phantoms))
    groups = {"simulated hearts": look(estimator, iter(own))}
    if camus is not None:
        moved = open_data_set("pseudo_camus", camus, **MOVED)
        groups["moved beats"] = look(estimator, recordings(moved, "valid", patients))
    unseen = list(groups.values())
    for view in OTHER_VIEWS:
        settings = {**HEARTS, "views": [view], "clips": {"test": foreign}}
        other = open_data_set("phantom", default_cache() / "phantom", **settings)
        groups[f"simulated {view}"] = look(estimator, recordings(other, "test", foreign))
    for title, change in CHANGES.items():
        groups[f"hearts, {title}"] = look(estimator, changed(own[:foreign], change))
    distances = [unlike_row(title, seen) for title, seen in groups.items()]
    everyone = Seen(
        *(
            np.concatenate([getattr(seen, field) for seen in unseen])
            for field in ("embeddings", "wanted", "said", "distances", "unlike")
        ),
        refused=0,
    )
    folder = output or default_folder()
    orders = order_rows(known, everyone, seed, folder / f"ef-map-{name}.png", name)
    show("Unlike the training data", _UNLIKE_COLUMNS, distances, console)
    show("In order of EF", _ORDER_COLUMNS, orders, console)
    heading = f"{name}, {machine(threads, ('torch', 'umap-learn'))}, load {os.getloadavg()[0]:.1f}"
    text = [f"# Embeddings of ejection fractions\n\n{heading}\n\n{CAPTION}\n"]
    text += [
        markdown("## Unlike the training data", _UNLIKE_COLUMNS, distances),
        markdown("## In order of EF", _ORDER_COLUMNS, orders),
    ]
    path = folder / "ef-map.md"
    write_bytes(path, "\n".join(text).encode())
    console.print(f"{CAPTION}\n{path}", highlight=False)


if __name__ == "__main__":
    run(app)
