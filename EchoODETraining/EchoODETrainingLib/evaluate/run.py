"""Evaluate models on data sets and on clips without truth."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
from EchoODELib import __version__
from EchoODELib.engine.errors import EchoODEError, RunCancelled, UnsuitableClip
from EchoODELib.engine.progress import Monitor
from EchoODELib.engine.segment import Segmenter
from EchoODELib.engine.sequence import View

from ..datasets.base import DataSet
from ..datasets.clips import LabelledClip
from .cines import Cine, study
from .course import Course
from .exhibits import Exhibit, Film, Worst, cut, film_of
from .lines import LineFinder, has_lines, line_errors, line_finder
from .naming_views import TellsView, view_row, view_teller
from .records import DataCount, DataFacts, Failures, ModelFacts, model_facts
from .scores import Row, score, score_truth
from .summary import Group, group_rows
from .trials import try_model

#: Data sets whose clips' names are the data set's own; names of others could tell who a patient is.
PUBLIC = ("camus", "pseudo_camus", "echonet_dynamic", "echonet_lvh", "hmc_qu", "ted", "phantom", "hard_phantom")

_UNREADABLE = "It could not be read, or has nothing to compare with; the command's own output says which it is."


@dataclass(frozen=True)
class Evaluation:
    """All that a report tells.

    Attributes
    ----------
    models, data: provenance.
    rows: a row a clip and model.
    groups: the rows by data set, kind and form.
    worst: (data set, kind, form, model) to its worst frames; ``courses``: the same, of films, to how good the LV's
        masks are over the cycle; ``films``: (data set, kind, form) to the first film.
    cines: clips without truth.
    failures: what could not be evaluated, and why, without names that could tell who a patient is.
    told: the same for the terminal, with the names.
    clean: whether the masks were tidied, as the product does.
    seconds: it took.
    software: version.
    """

    models: tuple[ModelFacts, ...]
    data: tuple[DataFacts, ...]
    rows: pd.DataFrame
    groups: tuple[Group, ...]
    worst: dict[tuple[str, ...], list[Exhibit]]
    films: dict[tuple[str, ...], Film]
    courses: dict[tuple[str, ...], Course]
    cines: tuple[Cine, ...]
    failures: tuple[tuple[str, str], ...]
    told: tuple[tuple[str, str], ...]
    clean: bool
    seconds: float
    software: str = __version__


def evaluate(
    models: Sequence[str],
    data: Sequence[DataSet] = (),
    *,
    split: str = "valid",
    clips: Iterable[Path] = (),
    device: str = "auto",
    clean: bool = True,
    flips: bool | None = None,
    views: Sequence[str] = (),
    limit: int | None = None,
    worst: int = 6,
    monitor: Monitor | None = None,
) -> Evaluation:
    """Segment everything with every model and put down what came of it.

    Parameters
    ----------
    models: names; the first is the one that others are compared to. "NAME+wma:6" smooths a model's probabilities, as
        :class:`~EchoODELib.engine.segment.Segmenter` takes it, instead of as its card says.
    data: opened data sets.
    split: "train", "valid" or "test".
    clips: files without truth.
    device: "auto", "cpu" or "cuda".
    clean: tidy the masks as the product does; False takes them as the network gives them.
    flips: average with the mirrored frame; None does as each model's card says.
    views: only clips of these, "A4C" and so on; all without.
    limit: at most so many clips of a data set.
    worst: frames to keep of each model on each data set.

    Raises
    ------
    WeightsError: a model can't be had.
    DeviceError: the device is absent.
    UnsuitableClip: nothing to evaluate.
    RunCancelled: the monitor was cancelled.
    """
    start = time.perf_counter()
    files = list(clips)
    if not models or not (data or files):
        raise UnsuitableClip("Name a model, and a data set with a split or a clip to evaluate it on.")
    entrants = [_entrant(name, device, clean=clean, flips=flips) for name in dict.fromkeys(models)]
    segmenters = {entrant.name: entrant.segmenter for entrant in entrants}
    monitor = monitor or Monitor()
    rows: list[dict[str, Any]] = []
    facts: list[DataFacts] = []
    failures = Failures()
    kept = _Kept(Worst(worst))
    for one in data:
        known = DataCount(one.kind, split)
        entries = one.entries(split)
        stage = monitor.stage(f"Evaluating {one.kind}", min(len(entries), limit or len(entries)))
        told = any(entrant.tells_view is not None for entrant in entrants)
        for clip in islice(_clips(one, split, views, stage, views_count=told), limit):
            known.add(clip)
            truth = score_truth(clip)
            for entrant in entrants:
                try:
                    rows.append({"data_set": one.kind, "split": split, **kept.row(one.kind, entrant, clip, truth)})
                except RunCancelled:
                    raise
                except EchoODEError as error:
                    failures.add(f"{clip.name}, {entrant.name}", str(error))
        stage.finish()
        facts.append(known.facts())
        for what, why in one.skipped:
            failures.add(what, why, shared=None if one.kind in PUBLIC else (f"a clip of {one.kind}", _UNREADABLE))
    table = pd.DataFrame(rows)
    if data and not rows:
        raise UnsuitableClip(_nothing(data, split, views, failures.told))
    cines = tuple(_cines(files, segmenters, monitor, failures))
    return Evaluation(
        models=tuple(model_facts(name, segmenter) for name, segmenter in segmenters.items()),
        data=tuple(facts),
        rows=table,
        groups=tuple(group_rows(table)) if rows else (),
        worst={key: kept.worst.of(key) for key in kept.seen},
        films=kept.films,
        courses=kept.courses,
        cines=cines,
        failures=tuple(failures.shared),
        told=tuple(failures.told),
        clean=clean,
        seconds=time.perf_counter() - start,
    )


@dataclass(frozen=True)
class _Entrant:
    """A model that takes part."""

    name: str
    segmenter: Segmenter
    finder: LineFinder | None
    tells_view: TellsView | None


def _entrant(text: str, device: str, *, clean: bool, flips: bool | None) -> _Entrant:
    name, plus, smoothing = text.partition("+")
    segmenter = Segmenter(name, device, clean=clean, flips=flips, smoothing=smoothing if plus else None)
    return _Entrant(text, segmenter, line_finder(name, device), view_teller(name, device))


class _Kept:
    """What remains of trials when their clips are gone."""

    def __init__(self, worst: Worst) -> None:
        self.worst = worst
        self.seen: dict[tuple[str, ...], None] = {}
        self.films: dict[tuple[str, ...], Film] = {}
        self.courses: dict[tuple[str, ...], Course] = {}

    def row(self, data_set: str, entrant: _Entrant, clip: LabelledClip, truth: Row) -> dict[str, Any]:
        """What a model makes of a clip, as a row; its pictures are kept."""
        trial = try_model(entrant.segmenter, clip)
        group = (data_set, clip.kind, trial.form)
        key = (*group, entrant.name)
        self.seen[key] = None
        self.worst.offer(key, trial)
        if trial.form == "film":
            self.courses.setdefault(key, Course()).add(trial)
            film = self.films.setdefault(group, film_of(trial))
            if film.clip == clip.name:
                film.found[entrant.name] = cut(trial, trial.found).copy()
        named = {"kind": clip.kind, "form": trial.form, "model": entrant.name}
        named |= {"clip": clip.name, "patient": clip.patient, "view": clip.view.value}
        return {
            **named,
            "unit": "mm" if clip.spacing else "px",
            **score(trial, truth),
            **line_errors(clip, trial.found, entrant.finder),
            **view_row(clip, entrant.tells_view),
        }


def _clips(data: DataSet, split: str, views: Sequence[str], stage: Any, *, views_count: bool) -> Iterator[LabelledClip]:
    """The clips that can be read, by names that tell nobody's; a known view alone is enough where views count."""
    for number, clip in enumerate(data.clips(split), start=1):
        stage.advance()
        if views and clip.view.value not in views:
            continue
        named = views_count and clip.view is not View.UNKNOWN
        if not clip.labelled.any() and not has_lines(clip) and not named:
            data.skip(clip.name, "No frame of it has a mask or a line to compare with.")
            continue
        if data.kind not in PUBLIC:
            who = hashlib.sha256(clip.patient.encode()).hexdigest()[:8]
            clip = replace(clip, name=f"clip {number:04d}", patient=f"patient {who}")
        yield clip


def _cines(
    files: Sequence[Path], segmenters: dict[str, Segmenter], monitor: Monitor, failures: Failures
) -> Iterator[Cine]:
    stage = monitor.stage("Segmenting clips", len(files)) if files else None
    for number, path in enumerate(files, start=1):
        try:
            yield study(f"Clip {number}", path, segmenters)
        except RunCancelled:
            raise
        except EchoODEError as error:
            failures.add(path.name, str(error), shared=(f"Clip {number}", _nameless(str(error), path)))
        if stage is not None:
            stage.advance()


def _nameless(text: str, path: Path) -> str:
    """A sentence without the file's name, which could tell who a patient is."""
    for name in (str(path), path.name, path.name.split(".")[0]):
        text = text.replace(name, "the file")
    return text


def _nothing(data: Sequence[DataSet], split: str, views: Sequence[str], failures: Sequence[tuple[str, str]]) -> str:
    kinds = ", ".join(one.kind for one in data)
    of = f" of the views {', '.join(views)}" if views else ""
    first = f" The first problem: {failures[0][1]}" if failures else ""
    return f"There is no labelled clip{of} in the split “{split}” of {kinds} that could be evaluated.{first}"
