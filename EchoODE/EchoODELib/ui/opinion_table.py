"""The table of two ejection fractions in the panel: a row a beat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt
from slicer.i18n import tr as _

from ..engine.export.wording import spoken
from ..engine.second_opinion import Comparison
from ..engine.sequence import Beat
from .beat_table import HEADER_PADDING, dressTable

MOST_ROWS = 8  # more scroll


class OpinionTable:
    """Fills a QTableWidget; a click on a beat's row calls ``onBeat(edFrame)``."""

    def __init__(self, table: Any, onBeat: Callable[[int], None], warning: Any) -> None:
        self._table, self._onBeat, self._warning = table, onBeat, warning
        self._frames: list[int] = []
        dressTable(table)
        table.connect("cellClicked(int,int)", self._onClicked)

    def show(self, compared: Sequence[Comparison], beats: Sequence[Beat]) -> None:
        """Show the beats of a comparison; the table is hidden where there are none."""
        rows = [one for one in compared if one.beat is not None]
        self._frames = [beats[(one.beat or 1) - 1].ed_frame for one in rows]
        table = self._table
        table.setVisible(bool(rows))
        table.clearContents()
        titles = [_("Beat"), _("From masks"), _("From the clip"), _("Difference")]
        table.setColumnCount(len(titles))
        table.setHorizontalHeaderLabels(titles)
        table.setRowCount(len(rows))
        for row, one in enumerate(rows):
            self._put(row, 0, str(one.beat), 0x84)
            self._put(row, 1, _percent(one.masks), 0x84)
            self._put(row, 2, _percent(one.clip), 0x84)
            self._put(row, 3, spokenDifference(one), 0x84)
            if one.large:
                table.item(row, 3).setIcon(self._warning)
        self._fit(len(rows))

    def _put(self, row: int, column: int, text: str, alignment: int) -> None:
        item = qt.QTableWidgetItem(text)
        # An int, since Qt 5 and 6 don't agree on how flags are combined: in the middle.
        item.setTextAlignment(alignment)
        self._table.setItem(row, column, item)

    def _fit(self, rows: int) -> None:
        """As high as the rows, as wide as the panel."""
        table, header = self._table, self._table.horizontalHeader()
        table.resizeRowsToContents()
        header.setSectionResizeMode(qt.QHeaderView.Stretch)
        top = header.fontMetrics().height() + HEADER_PADDING
        header.setFixedHeight(top)
        heights = [table.rowHeight(row) for row in range(min(rows, MOST_ROWS))]
        table.setFixedHeight(top + sum(heights) + 2 * table.frameWidth)

    def _onClicked(self, row: int, column: int) -> None:
        if row < len(self._frames):
            self._onBeat(self._frames[row])


def spokenDifference(one: Comparison) -> str:
    """Percentage points with their sign, or a dash."""
    if one.difference is None:
        return spoken(float("nan"), "")
    points = round(one.difference)
    if points == 0:
        return "0"
    return f"+{points}" if points > 0 else f"−{-points}"


def _percent(value: float | None) -> str:
    return spoken(float("nan") if value is None else value, "%")
