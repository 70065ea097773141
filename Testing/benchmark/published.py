"""The figures that a paper published, to print beside ours; kept in ``seeds/`` as YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table as RichTable

_SEEDS = Path(__file__).resolve().parents[2] / "seeds"


@dataclass(frozen=True)
class PublishedTable:
    """A table of a paper: its title, the names of its columns, its rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]

    def cells(self, row: Mapping[str, Any]) -> list[str]:
        """A row's texts; a dash where the paper gives nothing."""
        return [str(row.get(column, "–")) for column in self.columns]


def published_tables(stem: str, wanted: tuple[str, ...]) -> list[PublishedTable]:
    """The tables with the ids ``wanted`` of the page ``seeds/STEM.yaml``; none where the page is absent."""
    page = _SEEDS / f"{stem}.yaml"
    if not page.is_file():
        return []
    content = yaml.safe_load(page.read_text(encoding="utf-8"))
    link = content["paper"]["link"]
    tables = []
    for table in content["tables"]:
        if str(table["id"]) in wanted:
            columns = dict.fromkeys(name for row in table["rows"] for name in row)
            title = f"Published, table {table['id']} of {link}: {table['about']}"
            tables.append(PublishedTable(title, tuple(columns), tuple(table["rows"])))
    return tables


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
