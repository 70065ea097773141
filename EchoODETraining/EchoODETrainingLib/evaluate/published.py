"""What the papers published, to stand beside ours; kept as YAML in the repository's ``seeds``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

#: Data set to the pages and tables that were measured on it, or on what is nearest to it.
BESIDE: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "camus": (
        ("000_echo_ode_latent", ("7",)),
        ("001_echo_ode_registration", ("I",)),
        ("004_recurrent_aggregation", ("3", "4")),
    ),
    "pseudo_camus": (("000_echo_ode_latent", ("7",)), ("002_temporal_conv_lstm", ("I",))),
    "phantom": (
        ("000_echo_ode_latent", ("3", "4", "7")),
        ("002_temporal_conv_lstm", ("I",)),
        ("004_recurrent_aggregation", ("2", "3")),
    ),
    "hard_phantom": (("002_temporal_conv_lstm", ("I",)),),
    "echonet_dynamic": (("000_echo_ode_latent", ("6",)), ("003_coreecho", ("1",))),
    "echonet_lvh": (("000_echo_ode_latent", ("1", "2", "3", "4", "section 3.2.6")),),
    "hmc_qu": (("003_coreecho", ("5",)),),
    "ted": (("001_echo_ode_registration", ("I", "II")),),
}


@dataclass(frozen=True)
class PublishedTable:
    """A table of a paper: its title, the names of its columns, its rows."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]

    def cells(self, row: Mapping[str, Any]) -> list[str]:
        """A row's texts; a dash where the paper gives nothing."""
        return [str(row.get(column, "–")) for column in self.columns]


def seeds_folder() -> Path | None:
    """``seeds`` in one of the folders above this package, if it is there."""
    return next((parent / "seeds" for parent in Path(__file__).resolve().parents if (parent / "seeds").is_dir()), None)


def published_tables(stem: str, wanted: tuple[str, ...]) -> list[PublishedTable]:
    """The tables with the ids ``wanted`` of the page ``seeds/STEM.yaml``; none where the page is absent."""
    folder = seeds_folder()
    if folder is None or not (folder / f"{stem}.yaml").is_file():
        return []
    content = yaml.safe_load((folder / f"{stem}.yaml").read_text(encoding="utf-8"))
    paper = content["paper"]
    where = paper.get("link") or f"{paper['authors']}, {paper['year']}"
    tables = []
    for table in content["tables"]:
        if str(table["id"]) in wanted:
            columns = dict.fromkeys(name for row in table["rows"] for name in row)
            title = f"Published, table {table['id']} of {where}: {table['about']}"
            tables.append(PublishedTable(title, tuple(columns), tuple(table["rows"])))
    return tables


def beside(data_set: str) -> list[PublishedTable]:
    """The tables that stand beside results on a data set."""
    return [table for stem, wanted in BESIDE.get(data_set, ()) for table in published_tables(stem, wanted)]
