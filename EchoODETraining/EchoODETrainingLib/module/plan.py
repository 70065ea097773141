"""What would be trained and how long it takes, as the trainer reckons it."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .data import KIND_NAMES

_MINUTE, _LONG = 60.0, 90.0  # seconds; more of a unit than _LONG are said in the next one


@dataclass(frozen=True)
class Source:
    """A data set of a plan: clips and patients that are there for a use, "train" or "valid"."""

    use: str
    kind: str
    clips: int
    patients: int


@dataclass(frozen=True)
class Plan:
    """The trainer's answer to ``--plan``.

    Attributes
    ----------
    size: (rows, columns).
    parameters: of the network.
    start_from: the model that it continues, or "".
    seconds: that the run takes.
    """

    name: str
    architecture: str
    size: tuple[int, int]
    device: str
    parameters: int
    sources: tuple[Source, ...]
    epochs: int
    steps: int
    batch: int
    start_from: str
    seconds: float

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Plan:
        """Out of the trainer's answer."""
        rows, columns = document["size"]
        sources = (Source(one["for"], one["kind"], one["clips"], one["patients"]) for one in document["data"])
        return cls(
            name=str(document["name"]),
            architecture=str(document["architecture"]),
            size=(int(rows), int(columns)),
            device=str(document["device"]),
            parameters=int(document["parameters"]),
            sources=tuple(sources),
            epochs=int(document["epochs"]),
            steps=int(document["steps"]),
            batch=int(document["batch"]),
            start_from=str(document["start_from"] or ""),
            seconds=float(document["seconds"]),
        )

    @property
    def warning(self) -> str:
        """What a person should know before it is started, or ""."""
        if not any(source.clips for source in self.sources if source.use == "valid"):
            return "There is nothing to validate on: no figures will be shown, and the last weights are kept."
        return ""

    def spoken(self) -> str:
        """As rich text."""
        rows, columns = self.size
        continued = f", continues {self.start_from}" if self.start_from else ""
        lines = {
            "Network": f"{self.architecture}, {self.parameters:,} parameters, {rows} × {columns} px{continued}",
            "Learns from": self._data(source for source in self.sources if source.use != "valid"),
            "Validated on": self._data(source for source in self.sources if source.use == "valid"),
            "Length": f"{self.epochs:,} epochs, {self.steps:,} steps of {self.batch} on {self.device}",
            "Takes": f"about {spoken_duration(self.seconds)}",
        }
        told = "<br>".join(f"{title}: <b>{html.escape(line)}</b>" for title, line in lines.items())
        return f"{told}<br>{html.escape(self.warning)}" if self.warning else told

    @staticmethod
    def _data(sources: Iterable[Source]) -> str:
        parts = [
            f"{KIND_NAMES.get(one.kind, one.kind)}, {one.clips:,} {'clip' if one.clips == 1 else 'clips'}"
            for one in sources
            if one.clips
        ]
        return "; ".join(parts) or "nothing"


def spoken_duration(seconds: float) -> str:
    """A duration as a person says it."""
    if seconds < _LONG:
        return f"{max(1, round(seconds))} s"
    minutes = seconds / _MINUTE
    if minutes < _LONG:
        return f"{round(minutes)} min"
    hours = minutes / _MINUTE
    return f"{hours:.1f} hours" if hours < 2 * 24 else f"{hours / 24:.1f} days"
