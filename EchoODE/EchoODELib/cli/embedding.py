"""``embed``: clips as a network of whole clips sees them, in a table and on a map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .estimating import Clips
from .options import Device, Folder, FrameRate, Json, KeepName, ViewName, Where
from .terminal import monitored, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from ..cohort.embedding import EmbeddedClip
    from ..engine.clip_estimator import ClipEstimator
    from ..engine.embedding_map import EmbeddingMap


def embed(
    paths: Annotated[
        list[Path], typer.Argument(metavar="CLIP_OR_FOLDER...", help="Clips, and folders that hold clips.")
    ],
    output: Folder = Path("echoode-embed"),
    model: Annotated[
        str | None, typer.Option("--model", help="For ejection fractions or infarctions; see `echoode models`.")
    ] = None,
    clips: Clips = None,
    match: Annotated[
        str | None, typer.Option("--match", metavar="PATTERN", help="Of folders only clips named so.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels", metavar="TABLE", help="CSV or XLSX whose column file, or else its first, names clips."
        ),
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", metavar="COLUMN", help="Of that table, by which clips are coloured.")
    ] = None,
    draw: Annotated[
        bool, typer.Option("--map/--no-map", help="Whether to draw the map, which needs umap-learn.")
    ] = True,
    seed: Annotated[int, typer.Option("--seed", help="Of the map.")] = 0,
    view: ViewName = None,
    frame_rate: FrameRate = None,
    device: Where = Device.AUTO,
    keep_name: KeepName = False,
    json: Json = False,
) -> None:
    """Tell how clips look to a network: its embeddings in a table, and a map of them among those that it learned from.

    On the map like clips lie together, coloured by their EF, or by a column of a table of yours. It shows who stands
    apart, and whether a clip is unlike the training data.
    """
    if (labels is None) != (label is None):
        raise typer.BadParameter("give --labels and --label together.")
    from ..cohort.embedding import embed_clips, gather_clips, read_labels
    from ..cohort.register import key_of, write_register
    from ..engine.clip_models import estimator_for
    from ..engine.errors import UnsuitableClip
    from ..engine.export.atomic import require_writable

    found = gather_clips(paths, match=match, leave_out=output)
    told = dict(zip(map(key_of, found), read_labels(labels, label, found), strict=True)) if labels and label else {}
    require_writable(output)
    estimator = estimator_for(model, device.value, clips=clips)
    with monitored() as monitor:
        everyone = embed_clips(found, estimator, view=view, frame_rate=frame_rate, monitor=monitor)
    good = [one for one in everyone if one.estimate is not None]
    bad = [one for one in everyone if one.estimate is None]
    if not good:
        raise UnsuitableClip(f"None of the {len(bad)} clips can be used; of the first: {bad[0].problem}")
    own = [told[key_of(one.found)] for one in good] if told else []
    write_register(output, {key_of(one.found): one.clip for one in everyone})
    files = {"private list": output / "private" / "clips.csv"}
    made = _map(good, estimator, own, label or "", seed) if draw else None
    if made is not None:
        files["map"] = _picture(output / "map.png", made, good, estimator, own, label or "")
    files |= _tables(output, everyone, estimator, made, own, label or "", keep_name)
    unlike = sum(one.estimate.unlike for one in good if one.estimate is not None)
    if json:
        counts = {"clips": len(everyone), "embedded": len(good), "failed": len(bad)}
        measured = unlike if estimator.known is not None else None
        places = {name: str(path) for name, path in files.items()}
        print_json({**counts, "unlike_training_data": measured, "model": estimator.card.name, "files": places})
        return
    from .showing import show_facts, show_notes

    facts = {"Clips": f"{len(good)} of {len(everyone)} embedded by {estimator.card.name}"}
    if estimator.known is not None:
        facts["Unlike the training data"] = str(unlike)
    show_facts("", facts | {name.capitalize(): str(path) for name, path in files.items()})
    notes = [f"{one.clip}: {one.problem}" for one in bad[:5]]
    if len(bad) > len(notes):
        notes.append(f"{len(bad) - len(notes)} more failed; see failures.csv.")
    if estimator.known is None:
        notes.append(
            f"{estimator.card.name} doesn't bring its training data: nothing says which clips are unlike them."
        )
    show_notes(tuple(notes))


def _map(
    good: Sequence[EmbeddedClip], estimator: ClipEstimator, labels: Sequence[str], label: str, seed: int
) -> EmbeddingMap:
    from dataclasses import replace

    import numpy as np

    from ..cohort.embedding import as_numbers
    from ..engine.embedding_map import map_embeddings

    estimates = [one.estimate for one in good if one.estimate is not None]
    embeddings = np.stack([one.embedding for one in estimates])
    said = np.array([one.value for one in estimates])
    numbers = as_numbers(labels) if labels else None
    own, known = said if numbers is None else numbers, estimator.known
    names = [one.clip.removeprefix("clip-").lstrip("0") for one in good]
    if known is None:
        made = map_embeddings(embeddings, values=own, names=names, seed=seed)
        return replace(made, current=tuple(range(len(good))))
    # Of the training data only what the model answers about is known.
    same = not labels or _is_answer(label, estimator.task)
    behind = known.values if same else np.full(len(known), np.nan)
    everyone = ["" for _ in behind] + names
    values = np.concatenate([behind, own])
    return map_embeddings(known.embeddings, extra=embeddings, values=values, names=everyone, seed=seed)


def _is_answer(label: str, task: str) -> bool:
    plain = label.lower().replace("_", " ").removesuffix("(%)").strip()
    return plain in {"ejection_fraction": ("ef", "ejection fraction"), "infarction": ("infarction",)}[task]


def _picture(
    path: Path,
    made: EmbeddingMap,
    good: Sequence[EmbeddedClip],
    estimator: ClipEstimator,
    labels: Sequence[str],
    label: str,
) -> Path:
    from ..cohort.embedding import TITLES, as_numbers
    from ..engine.export.map_picture import write_map

    title, unit = TITLES[estimator.task]
    scale = label if labels else f"{title} ({unit})" if unit else title
    known = "" if estimator.known is None else f"; dots: {len(estimator.known)} learned from; red rim: unlike these"
    return write_map(
        path,
        made,
        title=f"{len(good)} clips as {estimator.card.name} sees them",
        subtitle=f"UMAP of embeddings; diamonds: clips by number{known}",
        scale=scale,
        groups=labels if labels and as_numbers(labels) is None else (),
        unlike=[one.estimate.unlike for one in good if one.estimate is not None],
    )


def _tables(
    output: Path,
    everyone: Sequence[EmbeddedClip],
    estimator: ClipEstimator,
    made: EmbeddingMap | None,
    labels: Sequence[str],
    label: str,
    keep_name: bool,
) -> dict[str, Path]:
    from ..cohort.embedding import embeddings_table, failures_table, training_table
    from ..engine.export.tables import write_csv, write_sheets

    good = [one for one in everyone if one.estimate is not None]
    table = embeddings_table(good, estimator.task, made, labels=labels, label=label, keep_name=keep_name)
    sheets: dict[str, pd.DataFrame] = {"embeddings": table}
    files = {"table": write_csv(output / "embeddings.csv", table)}
    if made is not None and estimator.known is not None:
        sheets["training data"] = training_table(estimator.known, estimator.task, made)
    if len(good) < len(everyone):
        sheets["failures"] = failures_table(everyone, keep_name=keep_name)
        files["failures"] = write_csv(output / "failures.csv", sheets["failures"])
    files["workbook"] = write_sheets(output / "embeddings.xlsx", sheets)
    return files
