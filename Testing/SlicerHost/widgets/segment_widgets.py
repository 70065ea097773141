"""Tables and selectors of segments."""

from __future__ import annotations

import slicer
from PySide6 import QtCore, QtGui, QtWidgets

from ..pythonqt.emulation import emulated, private, stored
from ..pythonqt.scene_widget import scene_widget
from .node_selector import qMRMLNodeComboBox
from .observing import Observer
from .qmrml_base import qMRMLWidget

Qt = QtCore.Qt
VISIBLE, COLOR, OPACITY, NAME = range(4)
SEGMENT_EVENTS = tuple(
    getattr(slicer.vtkSegmentation, name)
    for name in ("SegmentAdded", "SegmentRemoved", "SegmentModified", "SegmentsOrderModified")
)


def _column(index):
    return lambda view, shown: view._d.table.setColumnHidden(index, not shown)


@emulated
@scene_widget
class qMRMLSegmentsTableView(qMRMLWidget):
    """Segments of a segmentation: shown, colour, opacity, name."""

    selectionChanged = QtCore.Signal(object, object)
    visibilityColumnVisible = stored(bool, True, _column(VISIBLE))
    colorColumnVisible = stored(bool, True, _column(COLOR))
    opacityColumnVisible = stored(bool, True, _column(OPACITY))
    statusColumnVisible = stored(bool, False)
    headerVisible = stored(bool, True, lambda view, shown: view._d.table.horizontalHeader().setVisible(shown))
    readOnly = stored(bool, False)
    filterBarVisible = stored(bool, False)
    segmentCount = QtCore.Property(int, lambda self: self._d.table.rowCount)

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.node, state.observer, state.ids, state.updating = None, Observer(self), [], False
        state.table = QtWidgets.QTableWidget(0, 4)
        state.table.setHorizontalHeaderLabels(["", "Color", "Opacity", "Name"])
        state.table.setSelectionBehavior(QtWidgets.QAbstractItemView.SelectRows)
        state.table.verticalHeader().setVisible(False)
        state.table.horizontalHeader().setStretchLastSection(True)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for column, width in ((VISIBLE, 28), (COLOR, 44), (OPACITY, 58)):
            state.table.setColumnWidth(column, width)
        layout.addWidget(state.table)
        state.table.itemChanged.connect(lambda item: self._edited(item))
        state.table.selectionModel().selectionChanged.connect(lambda new, old: self.selectionChanged.emit(new, old))
        state.table.cellDoubleClicked.connect(lambda row, column: self._choose_color(row) if column == COLOR else None)

    def setSegmentationNode(self, node, /):
        """Show the segments of a node."""
        state = self._d
        state.node = node
        state.observer.clear()
        if node is not None:
            state.observer.watch(node.GetSegmentation(), self._show_segments, SEGMENT_EVENTS)
            state.observer.watch(node, self._show_segments)
            if node.GetDisplayNode() is not None:
                state.observer.watch(node.GetDisplayNode(), self._show_segments)
        self._show_segments()

    def segmentationNode(self, /):
        """The vtkMRMLSegmentationNode."""
        return self._d.node

    def tableWidget(self, /):
        """The QTableWidget."""
        return self._d.table

    def _show_segments(self):
        state = self._d
        if state.updating:
            return
        state.updating = True
        segmentation = state.node.GetSegmentation() if state.node is not None else None
        display = state.node.GetDisplayNode() if state.node is not None else None
        selected = self.selectedSegmentIDs()
        state.ids = list(segmentation.GetSegmentIDs()) if segmentation is not None else []
        state.table.setRowCount(len(state.ids))
        for row, segment_id in enumerate(state.ids):
            segment = segmentation.GetSegment(segment_id)
            shown, opacity = True, 1.0
            if display is not None:
                shown, opacity = display.GetSegmentVisibility(segment_id), display.GetSegmentOpacity2DFill(segment_id)
            items = [QtWidgets.QTableWidgetItem(text) for text in ("", "", f"{opacity:.2f}", segment.GetName() or "")]
            items[VISIBLE].setFlags(Qt.ItemIsUserCheckable | Qt.ItemIsEnabled | Qt.ItemIsSelectable)
            items[VISIBLE].setCheckState(Qt.Checked if shown else Qt.Unchecked)
            items[COLOR].setBackground(QtGui.QColor.fromRgbF(*segment.GetColor()))
            items[COLOR].setFlags(Qt.ItemIsEnabled | Qt.ItemIsSelectable)
            for column, item in enumerate(items):
                state.table.setItem(row, column, item)
        self.setSelectedSegmentIDs(selected)
        state.updating = False

    def _edited(self, item):
        state = self._d
        if state.updating or state.node is None or self.readOnly:
            return
        segment_id, display = state.ids[item.row()], state.node.GetDisplayNode()
        if item.column() == NAME:
            state.node.GetSegmentation().GetSegment(segment_id).SetName(item.text())
        elif item.column() == VISIBLE and display is not None:
            display.SetSegmentVisibility(segment_id, item.checkState() == Qt.Checked)
        elif item.column() == OPACITY and display is not None:
            try:
                display.SetSegmentOpacity2DFill(segment_id, min(1.0, max(0.0, float(item.text()))))
            except ValueError:
                self._show_segments()  # not a number: show the old one

    def _choose_color(self, row):
        segment = self._d.node.GetSegmentation().GetSegment(self._d.ids[row])
        color = QtWidgets.QColorDialog.getColor(QtGui.QColor.fromRgbF(*segment.GetColor()), self)
        if color.isValid() and not self.readOnly:
            segment.SetColor(color.redF(), color.greenF(), color.blueF())

    def selectedSegmentIDs(self, /):
        """Ids of the selected rows."""
        rows = sorted(index.row() for index in self._d.table.selectionModel().selectedRows())
        return [self._d.ids[row] for row in rows if row < len(self._d.ids)]

    def setSelectedSegmentIDs(self, segment_ids, /):
        """Select rows."""
        state = self._d
        if list(segment_ids) == self.selectedSegmentIDs():
            return
        state.table.clearSelection()
        for segment_id in segment_ids:
            if segment_id in state.ids:
                state.table.selectRow(state.ids.index(segment_id))

    def clearSelection(self, /):
        """Select no row."""
        self._d.table.clearSelection()

    def displayedSegmentIDs(self, /):
        """Ids of all rows."""
        return list(self._d.ids)

    def rowForSegmentID(self, segment_id, /):
        """Row of a segment, -1 where there is none."""
        return self._d.ids.index(segment_id) if segment_id in self._d.ids else -1

    def segmentIDForRow(self, row, /):
        """Segment of a row."""
        return self._d.ids[row] if 0 <= row < len(self._d.ids) else ""

    def setReadOnly(self, readonly, /):
        """Let nobody edit."""
        self.readOnly = readonly

    def setSelectionMode(self, mode, /):
        """How many rows may be selected."""
        self._d.table.setSelectionMode(QtWidgets.QAbstractItemView.SelectionMode(mode))


@emulated
@scene_widget
class qMRMLSegmentSelectorWidget(qMRMLWidget):
    """Chooses a segmentation and one of its segments."""

    currentNodeChanged = QtCore.Signal((object,), (bool,))
    currentSegmentChanged = QtCore.Signal(str)
    segmentationNodeSelectorVisible = stored(bool, True, lambda widget, shown: widget._d.nodes.setVisible(shown))
    noneEnabled = stored(bool, False, lambda widget, on: setattr(widget._d.nodes, "noneEnabled", on))

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.observer, state.ids = Observer(self), []
        state.nodes, state.segments = qMRMLNodeComboBox(), QtWidgets.QComboBox()
        state.nodes.nodeTypes = ["vtkMRMLSegmentationNode"]
        state.nodes.addEnabled = state.nodes.removeEnabled = False
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(state.nodes)
        layout.addWidget(state.segments)
        state.nodes.connect("currentNodeChanged(vtkMRMLNode*)", self._node_changed)
        state.segments.currentIndexChanged.connect(lambda *_: self.currentSegmentChanged.emit(self.currentSegmentID()))

    def _scene_set(self):
        self._d.nodes.setMRMLScene(self._d.scene)

    def _node_changed(self, node):
        self._d.observer.clear()
        if node is not None:
            self._d.observer.watch(node.GetSegmentation(), self._show_segments, SEGMENT_EVENTS)
        self._show_segments()
        self.currentNodeChanged[object].emit(node)
        self.currentNodeChanged[bool].emit(node is not None)

    def _show_segments(self):
        state, current = self._d, self.currentSegmentID()
        segmentation = self.currentNode().GetSegmentation() if self.currentNode() is not None else None
        state.ids = list(segmentation.GetSegmentIDs()) if segmentation is not None else []
        state.segments.blockSignals(True)
        state.segments.clear()
        state.segments.addItems([segmentation.GetSegment(one).GetName() for one in state.ids])
        state.segments.setCurrentIndex(state.ids.index(current) if current in state.ids else min(0, len(state.ids) - 1))
        state.segments.blockSignals(False)
        if current != self.currentSegmentID():
            self.currentSegmentChanged.emit(self.currentSegmentID())

    def currentNode(self, /):
        """The chosen segmentation."""
        return self._d.nodes.currentNode()

    def setCurrentNode(self, node, /):
        """Choose a segmentation."""
        self._d.nodes.setCurrentNode(node)

    def currentSegmentID(self, /):
        """Id of the chosen segment."""
        index = self._d.segments.currentIndex
        return self._d.ids[index] if 0 <= index < len(self._d.ids) else ""

    def setCurrentSegmentID(self, segment_id, /):
        """Choose a segment."""
        if segment_id in self._d.ids:
            self._d.segments.setCurrentIndex(self._d.ids.index(segment_id))
