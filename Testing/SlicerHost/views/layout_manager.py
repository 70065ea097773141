"""qSlicerLayoutManager: views arranged by the XML of the layout node."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import slicer
from PySide6 import QtCore, QtWidgets

from ..pythonqt.emulation import emulated, private
from ..widgets.observing import Observer
from .plot_view import qMRMLPlotWidget
from .slice_view import qMRMLSliceWidget
from .table_view import qMRMLTableWidget
from .threed_view import qMRMLThreeDWidget

WIDGETS = {
    "vtkMRMLSliceNode": qMRMLSliceWidget,
    "vtkMRMLViewNode": qMRMLThreeDWidget,
    "vtkMRMLPlotViewNode": qMRMLPlotWidget,
    "vtkMRMLTableViewNode": qMRMLTableWidget,
}


@emulated
class qMRMLLayoutManager(QtCore.QObject):
    """Makes a widget for each view node and puts them where the current layout says."""

    layoutChanged = QtCore.Signal(int)

    def __init__(self, viewport, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.viewport, state.observer = viewport, Observer(self)
        state.arranged, state.shown_layout = None, None
        state.widgets = {}  # view node's id -> widget
        state.pauses = 0
        state.logic = slicer.vtkMRMLLayoutLogic()
        if viewport.layout() is None:
            QtWidgets.QVBoxLayout(viewport).setContentsMargins(0, 0, 0, 0)

    def setMRMLScene(self, scene, /):
        """Arrange the views of a scene; None takes all views away."""
        self._d.scene = scene
        self._d.logic.SetMRMLScene(scene)
        if scene is None:
            return
        self._d.observer.clear()
        self._d.observer.watch(scene, self._arrange, (slicer.vtkMRMLScene.EndBatchProcessEvent,))
        self._d.observer.watch(scene, self._place_soon, (slicer.vtkMRMLScene.EndImportEvent,))
        self._d.observer.watch(self.layoutLogic().GetLayoutNode(), self._arrange)
        self._arrange()

    def mrmlScene(self, /):
        """The scene."""
        return self._d.scene

    def layoutLogic(self, /):
        """The vtkMRMLLayoutLogic, whose layout node takes new layouts."""
        return self._d.logic

    def setLayout(self, number, /):
        """Change to a layout by its number."""
        self.layoutLogic().GetLayoutNode().SetViewArrangement(number)

    layout = QtCore.Property(int, lambda self: self._d.logic.GetLayoutNode().GetViewArrangement(), setLayout)
    threeDViewCount = QtCore.Property(int, lambda self: len(self._of_class("vtkMRMLViewNode")))
    plotViewCount = QtCore.Property(int, lambda self: len(self._of_class("vtkMRMLPlotViewNode")))
    tableViewCount = QtCore.Property(int, lambda self: len(self._of_class("vtkMRMLTableViewNode")))

    def viewport(self, *name):
        """The widget that holds the views."""
        return self._d.viewport

    def sliceViewNames(self, /):
        """Names of the slice views that have been shown."""
        return [node.GetLayoutName() for node, _ in self._of_class("vtkMRMLSliceNode")]

    def sliceWidget(self, name, /):
        """The widget of a slice view, None where there is none of this name."""
        return next((w for node, w in self._of_class("vtkMRMLSliceNode") if node.GetLayoutName() == name), None)

    def threeDWidget(self, index, /):
        """The n-th 3D widget, or the one of a name."""
        return self._nth("vtkMRMLViewNode", index)

    def plotWidget(self, index, /):
        """The n-th plot widget, or the one of a name."""
        return self._nth("vtkMRMLPlotViewNode", index)

    def tableWidget(self, index, /):
        """The n-th table widget, or the one of a name."""
        return self._nth("vtkMRMLTableViewNode", index)

    def viewWidget(self, node, /):
        """The widget of a view node."""
        return self._d.widgets.get(node.GetID())

    def mrmlSliceLogics(self, /):
        """The slice logics, in a vtkCollection."""
        return slicer.app.applicationLogic().GetSliceLogics()

    def mrmlViewLogics(self, /):
        """The logics of the 3D views, in a vtkCollection."""
        return slicer.app.applicationLogic().GetViewLogics()

    def activeMRMLPlotViewNode(self, /):
        """The first plot view's node."""
        shown = self._of_class("vtkMRMLPlotViewNode")
        return shown[0][0] if shown else None

    def activeMRMLTableViewNode(self, /):
        """The first table view's node."""
        shown = self._of_class("vtkMRMLTableViewNode")
        return shown[0][0] if shown else None

    def activeMRMLThreeDViewNode(self, /):
        """The first 3D view's node."""
        shown = self._of_class("vtkMRMLViewNode")
        return shown[0][0] if shown else None

    def resetSliceViews(self, /):
        """Fit every slice view to its background."""
        for _, widget in self._of_class("vtkMRMLSliceNode"):
            widget.fitSliceToBackground()

    def resetThreeDViews(self, /):
        """Centre every 3D view."""
        for _, widget in self._of_class("vtkMRMLViewNode"):
            widget.threeDView().resetFocalPoint()

    def pauseRender(self, /):
        """Hold renders of all views."""
        self.setRenderPaused(True)

    def resumeRender(self, /):
        """End one pause."""
        self.setRenderPaused(False)

    def setRenderPaused(self, paused, /):
        """Pause or resume all views."""
        for widget in self._d.widgets.values():
            widget.setRenderPaused(paused)

    def _of_class(self, class_name: str) -> list[tuple[Any, Any]]:
        nodes = ((self._d.scene.GetNodeByID(node_id), widget) for node_id, widget in self._d.widgets.items())
        return [(node, widget) for node, widget in nodes if node is not None and node.IsA(class_name)]

    def _nth(self, class_name: str, which: Any) -> Any:
        found = self._of_class(class_name)
        if isinstance(which, str):
            return next((widget for node, widget in found if node.GetLayoutName() == which), None)
        return found[which][1] if 0 <= which < len(found) else None

    def _arrange(self) -> None:
        """Build the splitters and tabs of the current layout, unless it is shown already."""
        node = self._d.logic.GetLayoutNode()
        if self._d.scene.IsBatchProcessing() or node is None:
            return
        number, text = node.GetViewArrangement(), node.GetCurrentLayoutDescription()
        if not text or (number, text) == self._d.shown_layout:
            return
        self._d.shown_layout = (number, text)
        for widget in self._d.widgets.values():  # keep the views: a layout is only another arrangement of them
            widget.setParent(None)
            widget.hide()
        old, self._d.arranged = self._d.arranged, self._build(ElementTree.fromstring(text))
        self._d.viewport.layout().addWidget(self._d.arranged)
        if old is not None and old not in self._d.widgets.values():  # a layout may be one view and nothing around it
            old.deleteLater()
        self.layoutChanged.emit(number)

    def _place_soon(self) -> None:
        """Tell where the slices are, once a read scene is complete: what is drawn of it does not know that yet."""

        def place() -> None:
            for node, _ in self._of_class("vtkMRMLSliceNode"):
                node.Modified()

        QtCore.QTimer.singleShot(0, self, place)

    def _build(self, element: ElementTree.Element) -> QtWidgets.QWidget:
        if element.tag == "view":
            return self._view(element)
        kind = element.get("type", "horizontal")
        items = [(item, self._build(item[0])) for item in element.findall("item") if len(item)]
        if kind == "tab":
            tabs = QtWidgets.QTabWidget()
            for item, widget in items:
                tabs.addTab(widget, item.get("name") or item[0].get("singletontag", ""))
            return tabs
        if kind == "grid":
            holder = QtWidgets.QWidget()
            grid = QtWidgets.QGridLayout(holder)
            grid.setContentsMargins(0, 0, 0, 0)
            for item, widget in items:
                place = [
                    int(item.get(key, default))
                    for key, default in (("row", 0), ("column", 0), ("rowspan", 1), ("colspan", 1))
                ]
                grid.addWidget(widget, *place)
            return holder
        splitter = QtWidgets.QSplitter(QtCore.Qt.Vertical if kind == "vertical" else QtCore.Qt.Horizontal)
        for _, widget in items:
            splitter.addWidget(widget)
        splitter.setSizes([int(item.get("splitSize", 1000)) for item, _ in items])
        return splitter

    def _view(self, element: ElementTree.Element) -> QtWidgets.QWidget:
        """The widget of one view; node and widget are made at first use."""
        class_name, tag = element.get("class", ""), element.get("singletontag", "")
        scene = self._d.scene
        node = scene.GetSingletonNode(tag, class_name)
        if node is None:
            node = scene.CreateNodeByClass(class_name)
            node.UnRegister(None)
            node.SetSingletonTag(tag)
            node.SetLayoutName(tag)
            node.SetName(tag)
            node = scene.AddNode(node)
        for entry in element.findall("property"):
            _apply_property(node, entry.get("name", ""), (entry.text or "").strip())
        node.SetMappedInLayout(1)
        widget = self._d.widgets.get(node.GetID())
        if widget is None:
            widget = self._d.widgets[node.GetID()] = WIDGETS[class_name]()
            widget.setMRMLScene(scene)
            widget.setMRMLAbstractViewNode(node)
            self._register_logic(widget)
        widget.show()
        return widget

    def _register_logic(self, widget: Any) -> None:
        if isinstance(widget, qMRMLSliceWidget):
            self.mrmlSliceLogics().AddItem(widget.sliceLogic())
        elif isinstance(widget, qMRMLThreeDWidget):
            self.mrmlViewLogics().AddItem(widget.viewLogic())


def _apply_property(node: Any, name: str, text: str) -> None:
    if name == "orientation":
        node.SetOrientation(text)
    elif name == "viewlabel":
        node.SetLayoutLabel(text)
    elif name == "viewcolor" and text.startswith("#"):
        node.SetLayoutColor(*(int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)))
    elif name == "viewgroup":
        node.SetViewGroup(int(text))


@emulated
class qSlicerLayoutManager(qMRMLLayoutManager):
    """The application's layout manager."""

    selectModule = QtCore.Signal(str)
