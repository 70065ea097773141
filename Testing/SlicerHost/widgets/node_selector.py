"""qMRMLNodeComboBox: choose, create, rename and delete nodes of a class."""

from __future__ import annotations

import slicer
import vtk
from PySide6 import QtCore, QtWidgets

from ..pythonqt.emulation import emulated, private, stored
from ..pythonqt.scene_widget import scene_widget
from .observing import Observer

Signal, Property = QtCore.Signal, QtCore.Property


def plain_type_name(class_name):
    """vtkMRMLSequenceBrowserNode -> SequenceBrowser."""
    return class_name.removeprefix("vtkMRML").removesuffix("Node")


def _refresh(widget, value=None):
    widget._refresh()


@emulated
@scene_widget
class qMRMLNodeComboBox(QtWidgets.QWidget):
    """A combo box of nodes, followed by what can be done with them."""

    currentNodeChanged = Signal((object,), (bool,))
    currentNodeIDChanged = Signal(str)
    nodeActivated = Signal(object)
    nodeAdded = Signal(object)
    nodeAddedByUser = Signal(object)
    nodeAboutToBeRemoved = Signal(object)
    nodeAboutToBeEdited = Signal(object)
    currentNodeRenamed = Signal(str)

    nodeTypes = stored("QStringList", list, _refresh)
    hideChildNodeTypes = stored("QStringList", list, _refresh)
    showChildNodeTypes = stored(bool, True, _refresh)
    showHidden = stored(bool, False, _refresh)
    noneEnabled = stored(bool, False, _refresh)
    noneDisplay = stored(str, "None", _refresh)
    addEnabled = stored(bool, True, _refresh)
    removeEnabled = stored(bool, True, _refresh)
    renameEnabled = stored(bool, False, _refresh)
    editEnabled = stored(bool, False, _refresh)
    selectNodeUponCreation = stored(bool, True)
    baseName = stored(str, "")
    interactionNodeSingletonTag = stored(str, "")
    sizeAdjustPolicy = stored(int, 0)

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.scene, state.current, state.attributes, state.labels = None, None, {}, {}
        state.nodes, state.actions, state.menu_actions = [], [], []
        state.observer, state.names = Observer(self), Observer(self)
        state.combo = QtWidgets.QComboBox()
        state.combo.setSizeAdjustPolicy(QtWidgets.QComboBox.AdjustToMinimumContentsLengthWithIcon)
        layout = QtWidgets.QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(state.combo)
        self.setFocusProxy(state.combo)
        state.combo.activated.connect(lambda index: self._activated(index))

    # What is offered

    def addAttribute(self, node_type, name, value=None, /):
        """Offer nodes of a class only if they have an attribute (with a value, if one is given)."""
        self._d.attributes.setdefault(node_type, {})[name] = value
        self._refresh()

    def removeAttribute(self, node_type, name, /):
        """Drop the condition on an attribute."""
        self._d.attributes.get(node_type, {}).pop(name, None)
        self._refresh()

    def setNodeTypeLabel(self, label, node_type, /):
        """How a class is called in "Create new ..."."""
        self._d.labels[node_type] = label
        self._refresh()

    def nodeTypeLabel(self, node_type, /):
        """How a class is called in "Create new ..."."""
        return self._d.labels.get(node_type, plain_type_name(node_type))

    def addMenuAction(self, action, /):
        """Put an action of the caller's at the end of the list."""
        self._d.menu_actions.append(action)
        self._refresh()

    def nodeCount(self, /):
        """Number of nodes offered."""
        return len(self._d.nodes) - int(self.noneEnabled)

    def nodeFromIndex(self, index, /):
        """The n-th node offered."""
        nodes = [node for node in self._d.nodes if node is not None]
        return nodes[index] if 0 <= index < len(nodes) else None

    def _offers(self, node):
        if node.GetHideFromEditors() and not self.showHidden:
            return False
        for kind in self.nodeTypes:
            exact = node.GetClassName() == kind
            if not exact and not (self.showChildNodeTypes and node.IsA(kind)):
                continue
            if any(node.IsA(hidden) for hidden in self.hideChildNodeTypes):
                continue
            wanted = self._d.attributes.get(kind, {})
            return all(
                node.GetAttribute(name) is not None and value in (None, node.GetAttribute(name))
                for name, value in wanted.items()
            )
        return False

    # Following the scene

    def _scene_set(self):
        state = self._d
        state.observer.clear()
        if state.scene is not None:
            events = slicer.vtkMRMLScene
            state.observer.watch(
                state.scene,
                self._follow_scene,
                (events.NodeAddedEvent, events.NodeRemovedEvent, events.EndBatchProcessEvent, events.EndCloseEvent),
            )
        self._follow_scene()

    def _follow_scene(self):
        scene = self._d.scene
        if scene is not None and scene.IsBatchProcessing():
            return
        if self._d.current is not None and (scene is None or not scene.IsNodePresent(self._d.current)):
            self._select(None)
        self._refresh()

    def _refresh(self):
        state = self._d
        if "combo" not in vars(state):
            return  # a property set before the constructor is through
        found = []
        if state.scene is not None:
            every = (state.scene.GetNthNode(index) for index in range(state.scene.GetNumberOfNodes()))
            found = [node for node in every if node is not None and self._offers(node)]
        state.names.clear()
        for node in found:
            state.names.watch(node, self._show_names, (vtk.vtkCommand.ModifiedEvent,))
        state.nodes = ([None] if self.noneEnabled else []) + found
        state.actions = []
        if self.addEnabled:
            state.actions += [
                (f"Create new {self.nodeTypeLabel(kind)}", lambda kind=kind: self.addNode(kind))
                for kind in self.nodeTypes
            ]
        if self.editEnabled:
            state.actions.append(("Edit current node", self.editCurrentNode))
        if self.renameEnabled:
            state.actions.append(("Rename current node", self.renameCurrentNode))
        if self.removeEnabled:
            state.actions.append(("Delete current node", self.removeCurrentNode))
        state.actions += [(action.text, action.trigger) for action in state.menu_actions]
        state.combo.blockSignals(True)
        state.combo.clear()
        state.combo.addItems([node.GetName() or "" if node is not None else self.noneDisplay for node in state.nodes])
        if state.actions and state.nodes:
            state.combo.insertSeparator(len(state.nodes))
        state.combo.addItems([text for text, _ in state.actions])
        self._show_current()
        state.combo.blockSignals(False)

    def _show_names(self):
        for index, node in enumerate(self._d.nodes):
            if node is not None and self._d.combo.itemText(index) != (node.GetName() or ""):
                self._d.combo.setItemText(index, node.GetName() or "")

    def _show_current(self):
        state = self._d
        state.combo.setCurrentIndex(state.nodes.index(state.current) if state.current in state.nodes else -1)

    def _activated(self, index):
        state = self._d
        if index < len(state.nodes):
            self._select(state.nodes[index])
            self.nodeActivated.emit(state.current)
            return
        action = index - len(state.nodes) - int(bool(state.nodes))  # the separator counts
        self._show_current()
        state.actions[action][1]()

    # The current node

    def _select(self, node):
        if node is self._d.current:
            return
        self._d.current = node
        self._d.combo.blockSignals(True)
        self._show_current()
        self._d.combo.blockSignals(False)
        self.currentNodeChanged[object].emit(node)
        self.currentNodeChanged[bool].emit(node is not None)
        self.currentNodeIDChanged.emit(node.GetID() if node is not None else "")

    def currentNode(self, /):
        """The chosen node or None."""
        return self._d.current

    def setCurrentNode(self, node, /):
        """Choose a node; one that isn't offered chooses none."""
        if node is not None and node not in self._d.nodes:
            self._refresh()
        self._select(node if node in self._d.nodes else None)

    def setCurrentNodeID(self, node_id, /):
        """Choose a node by its id."""
        self.setCurrentNode(self._d.scene.GetNodeByID(node_id) if self._d.scene is not None and node_id else None)

    def setCurrentNodeIndex(self, index, /):
        """Choose the n-th node."""
        self.setCurrentNode(self.nodeFromIndex(index))

    currentNodeID = Property(
        str, lambda self: self._d.current.GetID() if self._d.current is not None else "", setCurrentNodeID
    )

    def addNode(self, node_type="", /):
        """Create a node of a class (the first, if none is given), as the user would."""
        kind, scene = node_type or self.nodeTypes[0], self._d.scene
        name = scene.GenerateUniqueName(self.baseName or plain_type_name(kind))
        node = scene.CreateNodeByClass(kind)
        node.UnRegister(None)
        node.SetName(name)
        for attribute, value in self._d.attributes.get(kind, {}).items():
            node.SetAttribute(attribute, str(value) if value is not None else "")
        node = scene.AddNode(node)
        if self.selectNodeUponCreation:
            self.setCurrentNode(node)
        self.nodeAdded.emit(node)
        self.nodeAddedByUser.emit(node)
        return node

    def removeCurrentNode(self, /):
        """Delete the chosen node from the scene."""
        node = self._d.current
        if node is not None:
            self.nodeAboutToBeRemoved.emit(node)
            self._d.scene.RemoveNode(node)

    def renameCurrentNode(self, /):
        """Ask for a new name."""
        node = self._d.current
        if node is None:
            return
        name, accepted = QtWidgets.QInputDialog.getText(
            self, "Rename", "New name:", QtWidgets.QLineEdit.Normal, node.GetName() or ""
        )
        if accepted and name:
            node.SetName(name)
            self._show_names()
            self.currentNodeRenamed.emit(name)

    def editCurrentNode(self, /):
        """Tell that the user wants to edit the chosen node."""
        if self._d.current is not None:
            self.nodeAboutToBeEdited.emit(self._d.current)


@emulated
@scene_widget
class qMRMLColorTableComboBox(qMRMLNodeComboBox):
    """Chooses a colour table."""

    def __init__(self, parent=None, /):
        super().__init__(parent)
        self.nodeTypes = ["vtkMRMLColorTableNode"]
        self.showHidden = True
        self.addEnabled = self.removeEnabled = False
