"""The curves of a run, read on as they grow."""

from __future__ import annotations

import csv
import math
import os

from ..run_files import FIGURES, METRICS, VALUE_FIGURES
from .run_folder import Run

CURVES = ("loss", *FIGURES, *VALUE_FIGURES)
"""Columns of metrics.csv that are drawn."""


class Curves:
    """The curves of a run as far as they have come; only what is new in the file is read.

    Attributes
    ----------
    points: column -> (step, value) of the rows where it was measured.
    """

    def __init__(self, run: Run) -> None:
        self._path = run.folder / METRICS
        self.points: dict[str, list[tuple[float, float]]] = {}
        self._begin()

    def _begin(self) -> None:
        self.points.clear()
        self.points.update({name: [] for name in CURVES})
        self._file, self._read, self._titles = 0, 0, list[str]()

    def update(self) -> dict[str, list[tuple[float, float]]]:
        """Read on, or anew where the run was resumed and its file shortened; :attr:`points`."""
        try:
            with self._path.open("rb") as file:
                now = os.fstat(file.fileno())
                if (now.st_ino, True) != (self._file, now.st_size >= self._read):
                    self._begin()
                    self._file = now.st_ino
                file.seek(self._read)
                content = file.read()
        except OSError:
            return self.points
        whole = content[: content.rfind(b"\n") + 1]  # the last row may be half written
        self._read += len(whole)
        for row in csv.reader(whole.decode("utf-8", "replace").splitlines()):
            if not self._titles:
                self._titles = row
            else:
                self._take(dict(zip(self._titles, row, strict=False)))
        return self.points

    def _take(self, row: dict[str, str]) -> None:
        step = _number(row.get("step"))
        for name, points in self.points.items():
            value = _number(row.get(name))
            if step is not None and value is not None:
                points.append((step, value))


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
