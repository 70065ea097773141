"""qMRMLSubjectHierarchyTreeView: the scene's items as a tree."""

from __future__ import annotations

import slicer
import vtk
from PySide6 import QtCore, QtGui, QtWidgets

from ..pythonqt.emulation import emulated, private, stored
from ..pythonqt.scene_widget import scene_widget
from .observing import Observer

ITEM = QtCore.Qt.UserRole + 1
HIERARCHY_EVENTS = tuple(
    getattr(slicer.vtkMRMLSubjectHierarchyNode, f"SubjectHierarchyItem{name}Event")
    for name in ("Added", "Removed", "Modified", "Reparented")
)


def _rebuild(view, value=None):
    view._schedule_rebuild()


@emulated
@scene_widget
class qMRMLSubjectHierarchyTreeView(QtWidgets.QTreeView):
    """Items of the subject hierarchy; those of data nodes can be chosen, shown, renamed and deleted."""

    currentItemChanged = QtCore.Signal("long")
    currentNodeChanged = QtCore.Signal(object)
    nodeTypes = stored("QStringList", list, _rebuild)
    nameFilter = stored(str, "", _rebuild)
    multiSelection = stored(bool, False)
    contextMenuEnabled = stored(bool, True)
    showRootItem = stored(bool, False)
    idColumnVisible = stored(bool, False)
    transformColumnVisible = stored(bool, False)
    colorColumnVisible = stored(bool, True)
    descriptionColumnVisible = stored(bool, False)
    visibilityColumnVisible = stored(bool, True)

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.scene, state.observer, state.pending, state.updating = None, Observer(self), False, False
        state.model = QtGui.QStandardItemModel(self)
        self.setModel(state.model)
        self.setHeaderHidden(True)
        state.model.itemChanged.connect(lambda item: self._edited(item))
        self.selectionModel().currentChanged.connect(lambda *_: self._current_changed())

    def _scene_set(self):
        state = self._d
        state.observer.clear()
        if state.scene is not None:
            state.observer.watch(state.scene.GetSubjectHierarchyNode(), self._schedule_rebuild, HIERARCHY_EVENTS)
            state.observer.watch(state.scene, self._scene_set_again, (slicer.vtkMRMLScene.EndCloseEvent,))
        self._rebuild_now()

    def _scene_set_again(self):
        QtCore.QTimer.singleShot(0, self._scene_set)  # a closed scene gets a new hierarchy node

    def _schedule_rebuild(self):
        if not self._d.pending and not self._d.updating:
            self._d.pending = True
            QtCore.QTimer.singleShot(0, self._rebuild_now)

    def _rebuild_now(self):
        state = self._d
        state.pending, state.updating = False, True
        current = self.currentItem()
        state.model.clear()
        hierarchy = self.subjectHierarchyNode()
        if hierarchy is not None:
            self._add_children(hierarchy, hierarchy.GetSceneItemID(), state.model.invisibleRootItem())
            self.expandAll()
        state.updating = False
        if current:
            self.setCurrentItem(current)

    def _add_children(self, hierarchy, parent_id, parent):
        children = vtk.vtkIdList()
        hierarchy.GetItemChildren(parent_id, children)
        for index in range(children.GetNumberOfIds()):
            item_id = children.GetId(index)
            node = hierarchy.GetItemDataNode(item_id)
            row = QtGui.QStandardItem(hierarchy.GetItemName(item_id))
            row.setData(item_id, ITEM)
            self._add_children(hierarchy, item_id, row)
            wanted = not self.nodeTypes or (node is not None and any(node.IsA(kind) for kind in self.nodeTypes))
            named = self.nameFilter.lower() in hierarchy.GetItemName(item_id).lower()
            if (wanted and named) or row.rowCount():
                parent.appendRow(row)

    def _edited(self, row):
        if not self._d.updating:
            self.subjectHierarchyNode().SetItemName(row.data(ITEM), row.text())

    def _current_changed(self):
        if not self._d.updating:
            self.currentItemChanged.emit(self.currentItem())
            self.currentNodeChanged.emit(self.currentNode())

    def subjectHierarchyNode(self, /):
        """The vtkMRMLSubjectHierarchyNode."""
        return self._d.scene.GetSubjectHierarchyNode() if self._d.scene is not None else None

    def currentItem(self, /):
        """Id of the chosen item, 0 for none."""
        return self.currentIndex().data(ITEM) or 0

    def currentNode(self, /):
        """Data node of the chosen item."""
        hierarchy = self.subjectHierarchyNode()
        return hierarchy.GetItemDataNode(self.currentItem()) if hierarchy is not None and self.currentItem() else None

    def setCurrentItem(self, item_id, /):
        """Choose an item."""
        found = self._d.model.match(
            self._d.model.index(0, 0), ITEM, item_id, 1, QtCore.Qt.MatchExactly | QtCore.Qt.MatchRecursive
        )
        if found:
            self.setCurrentIndex(found[0])

    def setCurrentNode(self, node, /):
        """Choose the item of a node."""
        if self._d.pending:
            self._rebuild_now()
        self.setCurrentItem(self.subjectHierarchyNode().GetItemByDataNode(node))

    def displayedItemCount(self, /):
        """Number of rows, those inside others too."""
        model = self._d.model

        def count(row):
            return sum(1 + count(row.child(i)) for i in range(row.rowCount()))

        return count(model.invisibleRootItem())

    def deleteSelectedItems(self, /):
        """Delete the chosen items with their nodes."""
        for index in self.selectedIndexes():
            self.subjectHierarchyNode().RemoveItem(index.data(ITEM))

    def toggleVisibilityOfSelectedItems(self, /):
        """Show or hide the data of the chosen items."""
        hierarchy = self.subjectHierarchyNode()
        for index in self.selectedIndexes():
            item = index.data(ITEM)
            hierarchy.SetItemDisplayVisibility(item, not hierarchy.GetItemDisplayVisibility(item))

    def setMultiSelection(self, several, /):
        """Let several items be chosen."""
        mode = QtWidgets.QAbstractItemView.ExtendedSelection if several else QtWidgets.QAbstractItemView.SingleSelection
        self.multiSelection = several
        self.setSelectionMode(mode)
