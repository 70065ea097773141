"""``batch``: any of the steps over a folder of clips, on this machine or on a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import (
    Device,
    FrameRate,
    How,
    Json,
    KeepName,
    Model,
    Preset,
    Spacing,
    ViewName,
    Where,
    WholeFrame,
    numbers,
)
from .terminal import cancelling, err, print_json

if TYPE_CHECKING:
    from ..cohort.outcome import Workers
    from ..cohort.run import CohortReport, Standing

# Between two lines, where there is no terminal to draw a bar on.
_LINE_SECONDS = 30.0


def batch(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Holds the clips, in folders of folders, too.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="Folder for the results; a run goes on in it.")
    ],
    steps: Annotated[
        str | None,
        typer.Option(
            "--steps",
            help="What is done with each clip, out of segment,propagate,measure,ef,infarction; else the first three.",
        ),
    ] = None,
    match: Annotated[
        str | None, typer.Option("--match", metavar="PATTERN", help="Only clips named so, as in '*_4CH_*.nii.gz'.")
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(
            "--masks", metavar="FOLDER", help="An earlier OUT, or masks named as the clips: nothing is segmented."
        ),
    ] = None,
    also: Annotated[
        str | None, typer.Option("--also", help="Write these for each clip, too: csv,xlsx,motion,pictures,video.")
    ] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try clips that failed before again.")] = False,
    view: ViewName = None,
    spacing: Spacing = None,
    frame_rate: FrameRate = None,
    model: Model = None,
    ef_model: Annotated[str | None, typer.Option("--ef-model", help="Model of the step ef.")] = None,
    infarction_model: Annotated[
        str | None, typer.Option("--infarction-model", help="Model of the step infarction.")
    ] = None,
    preset: How = Preset.FAST,
    device: Where = Device.AUTO,
    workers: Annotated[
        int,
        typer.Option("--workers", min=1, help="Processes, which share this machine.", rich_help_panel="Computing"),
    ] = 1,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler", metavar="HOST:PORT", help="Of a Dask cluster, or its file.", rich_help_panel="Computing"
        ),
    ] = None,
    keep_name: KeepName = False,
    whole_frame: WholeFrame = False,
    json: Json = False,
) -> None:
    """Segment, propagate and measure all clips of a folder: a table of results and one of failures.

    The steps ef and infarction look straight at the clip, without masks, as the commands of these names do.

    Run it again to go on after a stop, a crash or with new clips: what is done is not done again.
    """
    if scheduler is not None and workers != 1:
        raise typer.BadParameter("give one of --workers and --scheduler.")
    chosen = _steps(steps, masks is not None)
    written = _also(also, chosen)
    known = _known_of_clips(view, spacing, frame_rate)

    from ..cohort.orders import CohortSettings
    from ..cohort.run import run_cohort
    from ..engine.progress import Monitor

    settings = CohortSettings(
        steps=chosen,
        **_models(chosen, model, ef_model, infarction_model),
        preset=preset.value,
        also=written,
        keep_name=keep_name,
        whole_frame=whole_frame,
        **known,
    )
    monitor = Monitor()
    with cancelling(monitor), _telling() as (tell, note):
        report = run_cohort(
            folder,
            output,
            settings,
            _workers(workers, scheduler, device.value, note),
            match=match,
            masks=masks,
            device=device.value,
            retry=retry,
            tell=tell,
            monitor=monitor,
        )
    _show(report, json=json)


def _steps(text: str | None, masks: bool) -> tuple[str, ...]:
    from ..cohort.steps import BY_MASKS, STEPS

    given = [part.strip() for part in text.split(",") if part.strip()] if text is not None else None
    if given is None:
        return tuple(name for name in BY_MASKS if not (masks and name == "segment"))
    if unknown := [name for name in given if name not in STEPS]:
        raise typer.BadParameter(f"--steps takes {', '.join(STEPS)}; got {unknown[0]}.")
    if not given:
        raise typer.BadParameter(f"--steps needs one or more of {', '.join(STEPS)}.")
    if masks and not set(given) & set(BY_MASKS):
        raise typer.BadParameter("--masks needs a step that takes masks: propagate or measure.")
    if masks == ("segment" in given) and set(given) & set(BY_MASKS):
        raise typer.BadParameter("give --masks or the step segment: clips need masks from one of the two.")
    return tuple(name for name in STEPS if name in given)


def _models(
    steps: tuple[str, ...], model: str | None, ef_model: str | None, infarction_model: str | None
) -> dict[str, str]:
    """The models that the steps need, and their checksums."""
    from ..engine.clip_estimator import card_for
    from ..engine.ef import EF_TASK
    from ..engine.infarction import INFARCTION_TASK
    from ..engine.weights import DEFAULT_MODEL, find_card

    found = {}
    if "segment" in steps:
        card = find_card(model or DEFAULT_MODEL)
        found |= {"model": card.name, "checksum": card.checksum}
    if "ef" in steps:
        card = card_for(EF_TASK, ef_model)
        found |= {"ef_model": card.name, "ef_checksum": card.checksum}
    if "infarction" in steps:
        card = card_for(INFARCTION_TASK, infarction_model)
        found |= {"infarction_model": card.name, "infarction_checksum": card.checksum}
    return found


def _also(text: str | None, steps: tuple[str, ...]) -> tuple[str, ...]:
    from ..cohort.steps import BY_MASKS
    from ..cohort.writing import MORE

    given = {part.strip() for part in (text or "").split(",") if part.strip()}
    if unknown := sorted(given - set(MORE)):
        raise typer.BadParameter(f"--also takes {', '.join(MORE)}; got {unknown[0]}.")
    if given and not set(steps) & set(BY_MASKS):
        raise typer.BadParameter(f"--also needs a step that has masks: one of {', '.join(BY_MASKS)}.")
    if "motion" in given and "propagate" not in steps:
        raise typer.BadParameter("--also motion needs the step propagate.")
    return tuple(name for name in MORE if name in given)


def _known_of_clips(view: str | None, spacing: str | None, frame_rate: float | None) -> dict[str, Any]:
    """What the options say about all clips, checked before any of them is read."""
    from ..engine.io.calibration import checked_spacing
    from ..engine.io.reading import named_view
    from ..engine.io.timing import given_rate

    given = None if spacing is None else numbers(spacing, (1, 2), "--spacing")
    return {"view": named_view(view), "spacing": checked_spacing(given), "frame_rate": given_rate(frame_rate)}


def _workers(count: int, scheduler: str | None, device: str, note: Callable[[str], None]) -> Workers:
    if scheduler is not None:
        from ..cohort.cluster import ClusterWorkers

        return ClusterWorkers(scheduler, note)
    from ..cohort.local import LocalWorkers, visible_gpus

    if device == Device.CPU or (device == Device.AUTO and count == 1):
        return LocalWorkers(count)
    from ..engine.models.inference import choose_device

    return LocalWorkers(count, visible_gpus() if choose_device(device).type == "cuda" else ())


@contextmanager
def _telling() -> Iterator[tuple[Callable[[Standing], None], Callable[[str], None]]]:
    """A bar of clips with those that failed and the time left; where stderr is no terminal, a line now and then."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.text import Text

    console = err()
    columns = (BarColumn(bar_width=32), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    bar = Progress(TextColumn("Clips"), *columns, console=console, disable=not console.is_terminal)
    task = bar.add_task("", total=None)
    said = time.monotonic()

    def tell(standing: Standing) -> None:
        nonlocal said
        words = _words(standing)
        bar.update(task, completed=standing.ended, total=standing.total, description=words)
        over = standing.ended == standing.total
        if bar.disable and (over or time.monotonic() - said > _LINE_SECONDS):
            said = time.monotonic()
            console.print(f"{standing.ended} of {standing.total} clips, {words}")

    def note(sentence: str) -> None:
        console.print(Text.assemble(("Note: ", "yellow"), sentence))

    with bar:
        yield tell, note


def _words(standing: Standing) -> str:
    parts = [f"{standing.failed} failed"]
    if standing.rate:
        parts.append(f"{standing.rate:.2g} a second" if standing.rate >= 1 else f"{1 / standing.rate:.2g} s each")
    if standing.seconds_left and standing.ended < standing.total:
        parts.append(f"{_duration(standing.seconds_left)} left")
    return ", ".join(parts)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _show(report: CohortReport, *, json: bool) -> None:
    standing = report.standing
    if json:
        counts = {"clips": standing.total, "done": standing.done, "failed": standing.failed}
        files = {name: str(path) for name, path in report.files.items()}
        print_json({**counts, "folders_not_opened": len(report.closed), "files": files})
        return
    from .showing import show_facts, show_notes

    files = {name.capitalize(): str(path) for name, path in report.files.items()}
    show_facts("", {"Clips": f"{standing.done} of {standing.total} done, {standing.failed} failed", **files})
    notes = [f"The folder {path} can't be opened: its clips are not in the tables." for path in report.closed]
    if standing.failed:
        notes.append("Why a clip failed is in failures.csv, which file it is in private/clips.csv.")
    show_notes(tuple(notes))
