"""The figures that a paper published, printed beside ours."""

from __future__ import annotations

from EchoODETrainingLib.evaluate.published import PublishedTable, published_tables
from rich.console import Console

from .command import markdown, show

__all__ = ["PublishedTable", "published_markdown", "published_tables", "show_published"]


def show_published(table: PublishedTable, console: Console) -> None:
    """Print a published table on the terminal."""
    show(table.title, table.columns, _cells(table), console)


def published_markdown(table: PublishedTable) -> str:
    """A published table as Markdown."""
    return markdown(f"## {table.title}", table.columns, _cells(table))


def _cells(table: PublishedTable) -> list[list[str]]:
    return [table.cells(row) for row in table.rows]
