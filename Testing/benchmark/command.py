"""What the commands of all benchmarks share: choosing, stopping, the machine, plain tables."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from contextlib import suppress
from fnmatch import fnmatch
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NoReturn, Protocol, TypeVar

import typer
from EchoODELib.engine.errors import EchoODEError
from rich.console import Console
from rich.table import Table as RichTable


class Keyed(Protocol):
    """What is chosen by its key on the command line."""

    @property
    def key(self) -> str:
        """Short, without spaces."""


Choice = TypeVar("Choice", bound=Keyed)


def choose(patterns: str, known: Sequence[Choice], what: str) -> list[Choice]:
    """Those of ``known``, in their order, whose key is or fits one of the patterns; a command ends at an unknown one.

    Parameters
    ----------
    patterns: keys or shell patterns, with commas between.
    what: one of them is, in a word.
    """
    wanted = [pattern.strip() for pattern in patterns.split(",") if pattern.strip()]
    for pattern in wanted:
        if not any(fnmatch(one.key, pattern) for one in known):
            stop(f"There is no {what} {pattern!r}; there are {', '.join(one.key for one in known)}.")
    return [one for one in known if any(fnmatch(one.key, pattern) for pattern in wanted)]


def stop(sentence: str) -> NoReturn:
    """End a command that was used wrongly, with one sentence."""
    print(sentence, file=sys.stderr)
    raise typer.Exit(2)


def run(app: typer.Typer) -> None:
    """Run a command; what the engine refuses is said in its one sentence."""
    try:
        app()
    except EchoODEError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


def machine(threads: int, packages: Sequence[str] = ("torch",)) -> str:
    """One line on what times were taken with: processor, threads, and versions of the packages that are there."""
    found = []
    for package in packages:
        with suppress(PackageNotFoundError):
            found.append(f"{package} {version(package)}")
    return ", ".join([processor(), f"{threads} thread{'s' * (threads > 1)}", *found])


def processor() -> str:
    """The processor's name and its number of cores."""
    name = platform.processor() or platform.machine()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} cores"


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], console: Console) -> None:
    """Print a table on the terminal, all but its first column to the right."""
    drawn = RichTable(title=title, title_justify="left")
    for number, column in enumerate(columns):
        drawn.add_column(column, justify="right" if number else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*row)
    console.print(drawn)


def markdown(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as Markdown, all but its first column to the right; ``title`` with the marks of its level."""
    lines = [title, "", "| " + " | ".join(columns) + " |", "| --- |" + " ---: |" * (len(columns) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows), ""])
