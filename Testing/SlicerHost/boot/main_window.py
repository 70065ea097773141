"""The main window: module panel to the left, views to the right, menu and module selector above."""

from __future__ import annotations

import slicer
from PySide6 import QtCore, QtWidgets

from ..pythonqt.emulation import emulated, private
from ..views.layout_manager import qSlicerLayoutManager
from .io_manager import load_and_tell
from .menus import build_menus

PANEL_WIDTH = 420  # px, as wide as Slicer's at first


@emulated
class qSlicerModuleSelectorToolBar(QtWidgets.QToolBar):
    """The combo box that changes the module."""

    moduleSelected = QtCore.Signal(str)

    def __init__(self, parent=None, /):
        super().__init__(parent)
        self.setWindowTitle("Module selection")
        state = private(self)
        state.selected, state.combo = "", QtWidgets.QComboBox()
        state.combo.setMinimumContentsLength(18)
        self.addWidget(QtWidgets.QLabel(" Module: "))
        self.addWidget(state.combo)
        state.combo.activated.connect(lambda index: self.selectModule(state.combo.itemData(index)))
        slicer.app.moduleManager().connect("moduleLoaded(QString)", self._offer)
        for name in slicer.app.moduleManager().modulesNames():
            self._offer(name)

    def _offer(self, name):
        module = slicer.app.moduleManager().module(name)
        if hasattr(type(module), "categories") and not module.hidden:  # only scripted modules have a panel here
            self._d.combo.addItem(module.title, name)
            self._d.combo.setCurrentIndex(self._d.combo.findData(self._d.selected))

    def selectModule(self, name, /):
        """Leave the current module and enter another."""
        if name != self._d.selected:
            self._d.selected = name
            self._d.combo.setCurrentIndex(self._d.combo.findData(name))
            self.moduleSelected.emit(name)

    selectedModule = QtCore.Property(str, lambda self: self._d.selected)


@emulated
class qSlicerMainWindow(QtWidgets.QMainWindow):
    """The application's window; files dropped on it are loaded."""

    initialWindowShown = QtCore.Signal()

    def __init__(self, parent=None, /):
        super().__init__(parent)
        state = private(self)
        state.current = None
        self.setObjectName("qSlicerMainWindow")  # slicer.util.mainWindow() looks for it
        self.setWindowTitle("3D Slicer host")
        self.setAcceptDrops(True)
        state.viewport = QtWidgets.QFrame()
        state.viewport.setObjectName("CentralWidgetLayoutFrame")
        self.setCentralWidget(state.viewport)
        state.layout_manager = slicer.app._d.layout_manager = qSlicerLayoutManager(state.viewport)
        self._build_panel()
        build_menus(self)
        state.selector = qSlicerModuleSelectorToolBar(self)
        state.selector.setObjectName("ModuleSelectorToolBar")
        self.addToolBar(state.selector)
        state.selector.moduleSelected.connect(lambda name: self._show_module(name))
        self.statusBar()

    def _build_panel(self):
        state = self._d
        state.dock = QtWidgets.QDockWidget("", self)
        state.dock.setObjectName("PanelDockWidget")
        state.scroll = QtWidgets.QScrollArea()
        state.scroll.setObjectName("ModulePanel")
        state.scroll.setWidgetResizable(True)
        state.scroll.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarAlwaysOff)
        state.scroll.setMinimumWidth(PANEL_WIDTH)
        state.dock.setWidget(state.scroll)
        self.addDockWidget(QtCore.Qt.LeftDockWidgetArea, state.dock)

    def moduleSelector(self, /):
        """The combo box of the modules."""
        return self._d.selector

    def setLayout(self, number, /):
        """Change the layout of the views."""
        self._d.layout_manager.setLayout(number)

    def _show_module(self, name):
        state, module = self._d, slicer.app.moduleManager().module(name)
        widget = module.widgetRepresentation() if module is not None else None
        if state.current is not None:
            state.current.exit()
            state.scroll.takeWidget()
        state.current = widget
        if widget is not None:
            state.dock.setWindowTitle(module.title)
            state.scroll.setWidget(widget)
            widget.show()
            widget.enter()

    def dragEnterEvent(self, event, /):
        """Take files."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event, /):
        """Load the dropped files; say which could not be read, and why."""
        event.acceptProposedAction()
        load_and_tell([url.toLocalFile() for url in event.mimeData().urls()])

    def closeEvent(self, event, /):
        """Leave the current module first."""
        if self._d.current is not None and self._d.current.isEntered:
            self._d.current.exit()
        super().closeEvent(event)
