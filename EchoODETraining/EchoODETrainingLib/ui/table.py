"""Small tables in the panel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt

MOST_ROWS = 10  # more scroll
HEADER_PADDING, SCROLL_BAR_PX = 8, 16
# Ints, since Qt 5 and 6 don't agree on how flags are combined: left or right, in the middle.
LEFT, RIGHT = 0x81, 0x82


class Table:
    """Fills a QTableWidget whose rows can be chosen; the first column takes the room that is left."""

    def __init__(self, table: Any, titles: Sequence[str], selectable: bool = True) -> None:
        self._table, self._titles = table, list(titles)
        table.setEditTriggers(qt.QAbstractItemView.NoEditTriggers)
        if selectable:
            table.setSelectionBehavior(qt.QAbstractItemView.SelectRows)
            table.setSelectionMode(qt.QAbstractItemView.SingleSelection)
        else:
            table.setSelectionMode(qt.QAbstractItemView.NoSelection)
            table.setFocusPolicy(qt.Qt.NoFocus)
        table.setShowGrid(False)
        table.setAlternatingRowColors(True)
        table.setWordWrap(False)
        table.setHorizontalScrollBarPolicy(qt.Qt.ScrollBarAlwaysOff)
        table.verticalHeader().setVisible(False)
        table.horizontalHeader().setHighlightSections(False)
        table.setColumnCount(len(self._titles))
        table.setHorizontalHeaderLabels(self._titles)
        table.horizontalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        table.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.Stretch)

    @property
    def row(self) -> int:
        """The chosen row, -1 if none is."""
        table = self._table
        chosen = (row for row in range(table.rowCount) if table.item(row, 0) and table.item(row, 0).isSelected())
        return next(chosen, -1)

    def choose(self, row: int) -> None:
        """Choose a row."""
        self._table.selectRow(row)

    def show(self, rows: Sequence[Sequence[str]], tips: Sequence[str] = ()) -> None:
        """Show rows of texts; a row that was chosen stays so if there are as many as before."""
        table = self._table
        chosen = self.row if table.rowCount == len(rows) else -1
        table.clearContents()
        table.setRowCount(len(rows))
        for number, row in enumerate(rows):
            for column, text in enumerate(row):
                item = qt.QTableWidgetItem(text)
                item.setTextAlignment(LEFT if column == 0 else RIGHT)
                item.setToolTip(tips[number] if number < len(tips) else text)
                table.setItem(number, column, item)
        if chosen >= 0:
            table.selectRow(chosen)
        table.resizeRowsToContents()
        top = table.horizontalHeader().fontMetrics().height() + HEADER_PADDING
        table.horizontalHeader().setFixedHeight(top)
        heights = [table.rowHeight(row) for row in range(min(len(rows), MOST_ROWS))]
        table.setFixedHeight(top + sum(heights) + 2 * table.frameWidth)
        table.setVisible(bool(rows))
