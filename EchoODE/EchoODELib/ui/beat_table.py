"""The table of beats in the panel: quantities down, mean and beats across."""

from __future__ import annotations

import math
from typing import Any

import qt
from slicer.i18n import tr as _

from ..engine.export.wording import NAMES, spoken, title_of
from ..engine.sequence import Measurements

MOST_ROWS = 20  # more scroll
NAME_WIDTH = 110
WITHOUT_SCROLLING = 4  # columns
HEADER_PADDING, SCROLL_BAR_PX = 8, 16


def dressTable(table: Any) -> None:
    """A table to read and to click, in which nothing is selected."""
    table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
    table.setSelectionMode(qt.QAbstractItemView.NoSelection)
    table.setFocusPolicy(qt.Qt.NoFocus)
    table.setShowGrid(False)
    table.setAlternatingRowColors(True)
    table.setHorizontalScrollMode(qt.QAbstractItemView.ScrollPerPixel)
    table.verticalHeader().setVisible(False)
    table.horizontalHeader().setHighlightSections(False)


class BeatTable:
    """Fills a QTableWidget; a click on a beat's column calls ``onBeat(edFrame)``."""

    def __init__(self, table: Any, onBeat: Any) -> None:
        self._table, self._onBeat = table, onBeat
        self._frames: list[int] = []
        dressTable(table)
        table.horizontalHeader().setMinimumSectionSize(58)
        table.connect("cellClicked(int,int)", self._onClicked)
        table.horizontalHeader().connect("sectionClicked(int)", lambda column: self._onClicked(0, column))

    def show(self, measurements: Measurements) -> None:
        """Show what was measured."""
        table, beats = self._table, measurements.beats
        names = [name for name in NAMES if name in measurements.summary]
        names += [name for name in measurements.summary if name not in NAMES]
        several = len(beats) > 1
        titles = [_("Quantity"), *([_("Mean ± SD")] if several else [])]
        titles += [_("Beat {number}").format(number=number + 1) for number in range(len(beats))] or [_("Value")]
        self._frames = [-1] * (2 if several else 1) + [beat.ed_frame for beat in beats]
        table.clearContents()
        table.setColumnCount(len(titles))
        table.setHorizontalHeaderLabels(titles)
        table.setRowCount(len(names))
        for row, name in enumerate(names):
            summary = measurements.summary[name]
            self._put(row, 0, title_of(name), left=True)
            if several or not beats:
                self._put(row, 1, spoken(summary.mean, summary.unit, summary.sd))
            for number, beat in enumerate(beats):
                value = beat.quantities.get(name)
                text = spoken(math.nan, "") if value is None else spoken(value.value, value.unit)
                self._put(row, number + (2 if several else 1), text)
        self._fit(len(names), len(titles))

    def _put(self, row: int, column: int, text: str, left: bool = False) -> None:
        item = qt.QTableWidgetItem(text)
        # An int, since Qt 5 and 6 don't agree on how flags are combined.
        item.setTextAlignment(0x81 if left else 0x82)  # left or right, in the middle
        self._table.setItem(row, column, item)

    def _fit(self, rows: int, columns: int) -> None:
        """As high as the rows, as wide as the panel where that suffices."""
        table, header = self._table, self._table.horizontalHeader()
        table.resizeColumnsToContents()
        table.resizeRowsToContents()
        header.setStretchLastSection(columns <= WITHOUT_SCROLLING)
        table.setColumnWidth(0, max(NAME_WIDTH, table.columnWidth(0)))
        heights = [table.rowHeight(row) for row in range(min(rows, MOST_ROWS))]
        scrollBar = SCROLL_BAR_PX if columns > WITHOUT_SCROLLING else 0
        top = header.fontMetrics().height() + HEADER_PADDING
        header.setFixedHeight(top)
        table.setFixedHeight(top + sum(heights) + scrollBar + 2 * table.frameWidth)

    def _onClicked(self, row: int, column: int) -> None:
        if column < len(self._frames) and self._frames[column] >= 0:
            self._onBeat(self._frames[column])
