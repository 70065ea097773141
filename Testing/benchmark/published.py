"""The figures that a paper published, printed beside ours."""

from __future__ import annotations

from EchoODETrainingLib.evaluate.published import PublishedTable, published_tables
from rich.console import Console
from rich.table import Table as RichTable

__all__ = ["PublishedTable", "published_markdown", "published_tables", "show_published"]


def show_published(table: PublishedTable, console: Console) -> None:
    """Print a published table on the terminal."""
    drawn = RichTable(title=table.title, title_justify="left")
    for column in table.columns:
        drawn.add_column(column)
    for row in table.rows:
        drawn.add_row(*table.cells(row))
    console.print(drawn)


def published_markdown(table: PublishedTable) -> str:
    """A published table as Markdown."""
    lines = [f"## {table.title}", "", "| " + " | ".join(table.columns) + " |", "|" + " --- |" * len(table.columns)]
    lines += ["| " + " | ".join(table.cells(row)) + " |" for row in table.rows]
    return "\n".join([*lines, ""])
