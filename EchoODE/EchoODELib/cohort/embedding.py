"""A cohort seen by a network of whole clips: its embeddings, their map, and tables of both."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..engine.clip_estimator import ClipEstimate, ClipEstimator
from ..engine.embedding_map import EmbeddingMap
from ..engine.errors import EchoODEError, RunCancelled, UnreadableClip
from ..engine.io import read_clip
from ..engine.known_embeddings import KnownEmbeddings
from ..engine.progress import Monitor
from ..engine.sequence import View
from .find import FoundClip, find_clips
from .register import bare_name, key_of
from .steps import finite, titled

TITLES: Mapping[str, tuple[str, str]] = {"ejection_fraction": ("EF", "%"), "infarction": ("infarction", "")}
"""How a task's answer is called in tables, and its unit."""


@dataclass(frozen=True)
class EmbeddedClip:
    """A clip of the cohort.

    Attributes
    ----------
    clip: what it is called, without the name of its file.
    found: the file.
    estimate: what was said of it; None where nothing could be.
    problem: why.
    """

    clip: str
    found: FoundClip
    estimate: ClipEstimate | None
    problem: str = ""


def gather_clips(paths: Sequence[Path], *, match: str | None = None, leave_out: Path | None = None) -> list[FoundClip]:
    """The clips that files are, and those below folders; named by the paths that were given where these are many.

    Raises
    ------
    UnreadableClip: a path that isn't there, or a folder without clips.
    """
    clips: list[FoundClip] = []
    for path in paths:
        if path.is_dir():
            found = find_clips(path, match=match, leave_out=leave_out).clips
        elif path.exists():
            found = [FoundClip(path.absolute(), path.name, None, (0, 0))]
        else:
            raise UnreadableClip(f"There is no {path}; check the path.")
        top = "" if len(paths) == 1 else path.as_posix() if path.is_dir() else path.parent.as_posix()
        clips += [FoundClip(one.path, f"{top}/{one.name}" if top else one.name, one.view, one.source) for one in found]
    return list({key_of(one): one for one in clips}.values())


def embed_clips(
    clips: Sequence[FoundClip],
    estimator: ClipEstimator,
    *,
    view: View | str | None = None,
    frame_rate: float | None = None,
    monitor: Monitor | None = None,
) -> list[EmbeddedClip]:
    """What a network makes of clips; one that can't be used is told and does not stop the rest.

    Raises
    ------
    RunCancelled: the monitor was cancelled.
    """
    stage = (monitor or Monitor()).stage("Looking at the clips", len(clips))
    embedded = []
    for number, found in enumerate(clips, start=1):
        name = f"clip-{number:05d}"
        try:
            sequence = read_clip(found.path, view=found.view or view, frame_rate=frame_rate)
            embedded.append(EmbeddedClip(name, found, estimator.estimate(sequence, variations=False)))
        except RunCancelled:
            raise
        except EchoODEError as error:
            told = str(error).replace(str(found.path), "the clip").replace(found.path.name, "the clip")
            embedded.append(EmbeddedClip(name, found, None, told))
        stage.advance()
    return embedded


def read_labels(path: Path, column: str, clips: Sequence[FoundClip]) -> list[str]:
    """What a person's table says of each clip in a column; "" where it says nothing.

    Parameters
    ----------
    path: CSV or XLSX. Its column ``file``, or else its first, names the clips: by their path below the folder, their
        file name, or that without its ending.

    Raises
    ------
    UnreadableClip: the table can't be read, lacks the column, or names none of the clips.
    """
    try:
        if path.suffix.lower() == ".xlsx":
            table = pd.read_excel(path, dtype=str)
        else:
            lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
            # EchoODE's own tables begin with a line of small print.
            start = int(bool(lines) and lines[0].startswith("#"))
            table = pd.read_csv(io.StringIO("".join(lines[start:])), dtype=str)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise UnreadableClip(f"The table {path.name} can't be read; give a CSV or XLSX file.") from error
    if column not in table.columns:
        raise UnreadableClip(
            f"The table {path.name} has no column “{column}”; it has {', '.join(map(str, table.columns))}."
        )
    names = table["file" if "file" in table.columns else table.columns[0]].fillna("").str.strip()
    known = dict(zip(names, table[column].fillna("").str.strip(), strict=True))
    labels = [next((known[name] for name in _names_of(clip) if name in known), "") for clip in clips]
    if not any(labels):
        raise UnreadableClip(f"The table {path.name} names none of the clips; its column file should name their files.")
    return labels


def _names_of(clip: FoundClip) -> list[str]:
    return [clip.name, clip.path.name, bare_name(clip.name), bare_name(clip.path.name)]


def as_numbers(labels: Sequence[str]) -> NDArray[np.float64] | None:
    """Labels as numbers (N,), NaN where there is none; None where one is a word."""
    try:
        return np.array([float(label) if label else np.nan for label in labels])
    except ValueError:
        return None


def embeddings_table(
    embedded: Sequence[EmbeddedClip],
    task: str,
    made: EmbeddingMap | None,
    *,
    labels: Sequence[str] = (),
    label: str = "label",
    keep_name: bool = False,
) -> pd.DataFrame:
    """One row a clip that was looked at: the answer, the distance to the training data, the map's x and y, and the
    embedding, e1 and on.

    Parameters
    ----------
    made: in which the clips are those put in; None where there is no map.
    labels: of each, under the title ``label``.
    keep_name: whether the file's name is told.
    """
    title, unit = TITLES[task]
    rows = []
    for place, one in enumerate(embedded):
        assert one.estimate is not None
        row: dict[str, object] = {"clip": one.clip}
        if keep_name:
            row["file"] = one.found.name
        row |= {name: finite(value) for name, value in _answers(title, unit, one.estimate).items()}
        distance = one.estimate.distance
        row["distance to the training data"] = None if distance is None else finite(distance)
        row["unlike the training data"] = None if distance is None else "yes" if one.estimate.unlike else "no"
        if labels:
            row[label] = labels[place]
        if made is not None:
            x, y = made.points[made.current[place]]
            row |= {"x": finite(x), "y": finite(y)}
        row |= {f"e{number}": finite(value) for number, value in enumerate(one.estimate.embedding, start=1)}
        rows.append(row)
    return pd.DataFrame(rows)


def _answers(title: str, unit: str, found: ClipEstimate) -> dict[str, float]:
    return {
        titled(title, unit): found.value,
        titled(f"{title}, low", unit): found.low,
        titled(f"{title}, high", unit): found.high,
    }


def training_table(known: KnownEmbeddings, task: str, made: EmbeddingMap) -> pd.DataFrame:
    """One row a recording that the model learned from: what is true of it, and where it lies on the map."""
    points = made.points[: len(known)]
    return pd.DataFrame({titled(*TITLES[task]): known.values, "x": points[:, 0], "y": points[:, 1]})


def failures_table(embedded: Sequence[EmbeddedClip], *, keep_name: bool = False) -> pd.DataFrame:
    """One row a clip that could not be looked at, and why."""
    failed = [one for one in embedded if one.estimate is None]
    names = {"file": [one.found.name for one in failed]} if keep_name else {}
    return pd.DataFrame({"clip": [one.clip for one in failed], **names, "problem": [one.problem for one in failed]})
