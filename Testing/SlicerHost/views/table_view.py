"""qMRMLTableView and its widget: a table node as a grid that can be edited, sorted out and copied."""

from __future__ import annotations

from typing import Any

import vtk
from PySide6 import QtCore, QtGui, QtWidgets

from ..pythonqt.emulation import emulated, private, stored
from ..pythonqt.scene_widget import scene_widget
from ..widgets.observing import Observer
from .view_widget import qMRMLAbstractViewWidget, qMRMLViewControllerBar

Qt = QtCore.Qt


class TableModel(QtCore.QAbstractTableModel):
    """The cells of a vtkMRMLTableNode."""

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        self.node: Any = None
        self.observer = Observer(self)

    def set_node(self, node: Any) -> None:
        """Show another table."""
        self.beginResetModel()
        self.node = node
        self.observer.clear()
        self.observer.watch(node, self._changed)
        self.endResetModel()

    def _changed(self) -> None:
        self.beginResetModel()
        self.endResetModel()

    def rowCount(self, parent: Any = None) -> int:
        """Rows of the table."""
        return self.node.GetNumberOfRows() if self.node is not None else 0

    def columnCount(self, parent: Any = None) -> int:
        """Columns of the table."""
        return self.node.GetNumberOfColumns() if self.node is not None else 0

    def data(self, index: Any, role: int = Qt.DisplayRole) -> Any:
        """Text of a cell; numbers stand to the right."""
        if role in (Qt.DisplayRole, Qt.EditRole):
            return self.node.GetCellText(index.row(), index.column())
        if role == Qt.TextAlignmentRole:
            text = isinstance(self.node.GetTable().GetColumn(index.column()), vtk.vtkStringArray)
            return int(Qt.AlignLeft if text else Qt.AlignRight) | int(Qt.AlignVCenter)
        return None

    def setData(self, index: Any, value: Any, role: int = Qt.EditRole) -> bool:
        """Write a cell of the node."""
        return bool(self.node.SetCellText(index.row(), index.column(), str(value)))

    def flags(self, index: Any) -> Any:
        """Cells of a locked table can't be edited."""
        shown = Qt.ItemIsEnabled | Qt.ItemIsSelectable
        return shown if self.node is None or self.node.GetLocked() else shown | Qt.ItemIsEditable

    def headerData(self, section: int, orientation: Any, role: int = Qt.DisplayRole) -> Any:
        """Title (or name) and unit of a column; number of a row."""
        if role != Qt.DisplayRole or self.node is None:
            return None
        if orientation == Qt.Vertical:
            return str(section + 1)
        name = self.node.GetColumnName(section) or ""
        title, unit = self.node.GetColumnTitle(name) or name, self.node.GetColumnUnitLabel(name)
        return f"{title} [{unit}]" if unit else title


@emulated
@scene_widget
class qMRMLTableView(QtWidgets.QTableView):
    """Shows a table node."""

    mrmlSceneChanged = QtCore.Signal(object)
    selectionChanged = QtCore.Signal()
    transposed = stored(bool, False)
    firstRowLocked = stored(bool, False)
    firstColumnLocked = stored(bool, False)

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.model, state.view_node, state.observer = TableModel(self), None, Observer(self)
        self.setModel(state.model)
        self.selectionModel().selectionChanged.connect(lambda *_: self.selectionChanged.emit())
        self.horizontalHeader().setSectionResizeMode(QtWidgets.QHeaderView.Interactive)
        # A table tells of each of its changes; its columns are fitted once for all of them.
        state.fit = QtCore.QTimer(self)
        state.fit.setSingleShot(True)
        state.fit.setInterval(0)
        state.fit.timeout.connect(self.resizeColumnsToContents)
        state.model.modelReset.connect(state.fit.start)

    def setMRMLTableNode(self, node, /):
        """Show a table."""
        if node is not self._d.model.node:
            self._d.model.set_node(node)

    def mrmlTableNode(self, /):
        """The vtkMRMLTableNode shown."""
        return self._d.model.node

    def setMRMLTableViewNode(self, node, /):
        """Show the table that a view node names, whichever it is."""
        self._d.view_node = node
        self._d.observer.clear()
        self._d.observer.watch(node, self._follow_view_node)
        self._follow_view_node()

    def mrmlTableViewNode(self, /):
        """The vtkMRMLTableViewNode."""
        return self._d.view_node

    def _follow_view_node(self):
        self.setMRMLTableNode(self._d.view_node.GetTableNode() if self._d.view_node is not None else None)

    def copySelection(self, /):
        """Put the selected cells on the clipboard, with tabs between columns."""
        cells = sorted((one.row(), one.column(), one.data()) for one in self.selectedIndexes())
        rows: dict[int, list[str]] = {}
        for row, _, text in cells:
            rows.setdefault(row, []).append(str(text))
        QtGui.QGuiApplication.clipboard().setText("\n".join("\t".join(row) for row in rows.values()))

    def insertRow(self, /):
        """Add a row at the end."""
        self.mrmlTableNode().AddEmptyRow()

    def deleteRow(self, /):
        """Remove the rows of the selected cells."""
        for row in sorted({one.row() for one in self.selectedIndexes()}, reverse=True):
            self.mrmlTableNode().RemoveRow(row)


@emulated
@scene_widget
class qMRMLTableViewControllerWidget(qMRMLViewControllerBar):
    """Letter of a table view and the name of the table."""

    def __init__(self, parent=None, /):
        super().__init__(parent)
        private(self).node = None
        self._d.title = QtWidgets.QLabel()
        self._d.layout.addWidget(self._d.title, 1)

    def setMRMLTableViewNode(self, node, /):
        """Show the letter of a view node."""
        self._d.node = node
        self._show_node(node, (0.75, 0.75, 0.75))

    def mrmlTableViewNode(self, /):
        """The vtkMRMLTableViewNode."""
        return self._d.node


@emulated
@scene_widget
class qMRMLTableWidget(qMRMLAbstractViewWidget):
    """A table view with its controller bar."""

    def __init__(self, parent=None, /):
        super().__init__(parent)
        self._arrange(qMRMLTableViewControllerWidget(), qMRMLTableView())

    def _scene_set(self):
        self._d.view.setMRMLScene(self._d.scene)

    def setMRMLTableViewNode(self, node, /):
        """Show the table of a view node."""
        self._d.view.setMRMLTableViewNode(node)
        self._d.controller.setMRMLTableViewNode(node)

    def setMRMLAbstractViewNode(self, node, /):
        """Show the table of a view node."""
        self.setMRMLTableViewNode(node)

    def mrmlTableViewNode(self, /):
        """The vtkMRMLTableViewNode."""
        return self._d.view.mrmlTableViewNode()

    def mrmlAbstractViewNode(self, /):
        """The vtkMRMLTableViewNode."""
        return self.mrmlTableViewNode()

    def tableView(self, /):
        """The qMRMLTableView."""
        return self._d.view

    def tableController(self, /):
        """The qMRMLTableViewControllerWidget."""
        return self._d.controller
