"""What the commands say: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from ..engine.progress import Monitor, Progress


def out() -> Console:
    """For results."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=True)


def err() -> Console:
    """For progress, notes and errors."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


def say(markup: str, text: str) -> None:
    """Print one line on stderr; ``text`` may hold anything (paths, brackets) and is not read as markup."""
    err().print(Text.from_markup(markup) + Text(text))


def print_json(document: Mapping[str, object] | list[dict[str, object]]) -> None:
    """Print a document for machines: JSON and nothing else on stdout."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


@contextmanager
def monitored() -> Iterator[Monitor]:
    """A monitor whose stages show as bars with time left; Ctrl-C asks the computation to stop at its next step.

    Where stderr is no terminal, each stage is one line when it begins.
    """
    from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    from ..engine.progress import Monitor

    console = err()
    bars = Bars(
        TextColumn("{task.description:<20}"),
        BarColumn(bar_width=32),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[left]}"),
        console=console,
        disable=not console.is_terminal,
    )
    tasks: dict[str, TaskID] = {}

    def show(progress: Progress) -> None:
        if progress.stage not in tasks:
            tasks[progress.stage] = bars.add_task(progress.stage, total=1.0, left="")
            if bars.disable:
                console.print(f"{progress.stage} ...")
        left = "" if progress.seconds_left is None or progress.fraction == 1 else f"{progress.seconds_left:.0f} s left"
        bars.update(tasks[progress.stage], completed=progress.fraction, left=left)

    monitor = Monitor(show)
    with bars, cancelling(monitor):
        yield monitor


@contextmanager
def cancelling(monitor: Monitor) -> Iterator[None]:
    """The first Ctrl-C, or a batch system's request to end, cancels the monitor; the second ends at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        if monitor.cancelled:
            raise KeyboardInterrupt
        monitor.cancel()

    before = {number: signal.signal(number, interrupted) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
