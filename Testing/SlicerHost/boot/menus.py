"""Menus and tool bars of the main window: files, layouts, what the mouse does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import slicer
from PySide6 import QtGui, QtWidgets

from ..widgets.observing import Observer

LAYOUTS = (
    ("One slice", slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView),
    ("Conventional", slicer.vtkMRMLLayoutNode.SlicerLayoutConventionalView),
    ("Four up", slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView),
    ("Four up, plot", slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpPlotView),
    ("Four up, table", slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpTableView),
    ("3D only", slicer.vtkMRMLLayoutNode.SlicerLayoutOneUp3DView),
)
MOUSE_MODES = (
    ("Look around", "ViewTransform", "The left button picks and moves what is drawn"),
    ("Window/level", "AdjustWindowLevel", "Drag with the left button to change contrast and brightness"),
)


def build_menus(window: QtWidgets.QMainWindow) -> None:
    """Fill the menu bar and add the tool bars "MainToolBar", "ViewToolBar" and "MouseModeToolBar"."""
    manager, icons = slicer.app.ioManager(), window.style()
    add = _action(window, "Add data...", "Ctrl+O", manager.openAddDataDialog)
    save = _action(window, "Save scene...", "Ctrl+S", manager.openSaveDataDialog)
    add.setIcon(icons.standardIcon(QtWidgets.QStyle.SP_DialogOpenButton))
    save.setIcon(icons.standardIcon(QtWidgets.QStyle.SP_DialogSaveButton))
    close = _action(window, "Close scene", "Ctrl+W", lambda: slicer.mrmlScene.Clear(0))
    leave = _action(window, "Exit", "Ctrl+Q", window.close)
    layouts = [_action(window, title, "", lambda number=number: _set_layout(number)) for title, number in LAYOUTS]
    window.menuBar().addMenu("File").addActions([add, save, close, leave])
    window.menuBar().addMenu("View").addActions(layouts)
    _tool_bar(window, "MainToolBar", "Files", [add, save])
    layout_button = QtWidgets.QToolButton()
    layout_button.setText("Layout")
    layout_button.setPopupMode(QtWidgets.QToolButton.InstantPopup)
    layout_menu = QtWidgets.QMenu(layout_button)
    layout_menu.addActions(layouts)
    layout_button.setMenu(layout_menu)
    _tool_bar(window, "ViewToolBar", "Layout", []).addWidget(layout_button)
    _tool_bar(window, "MouseModeToolBar", "Mouse mode", _mouse_modes(window))


def _action(window: QtWidgets.QMainWindow, text: str, keys: str, function: Callable[[], Any]) -> QtGui.QAction:
    action = QtGui.QAction(text, window)
    action.setShortcut(QtGui.QKeySequence(keys))
    action.triggered.connect(lambda *_: function())
    return action


def _tool_bar(
    window: QtWidgets.QMainWindow, name: str, title: str, actions: Iterable[QtGui.QAction]
) -> QtWidgets.QToolBar:
    bar = QtWidgets.QToolBar(title, window)
    bar.setObjectName(name)
    bar.addActions(list(actions))
    window.addToolBar(bar)
    return bar


def _set_layout(number: int) -> None:
    slicer.app.layoutManager().setLayout(number)


def _mouse_modes(window: QtWidgets.QMainWindow) -> list[QtGui.QAction]:
    """Actions of which the one of the interaction node's mode is checked."""
    node = slicer.app.applicationLogic().GetInteractionNode()
    group, actions = QtGui.QActionGroup(window), {}
    for title, mode, tip in MOUSE_MODES:
        number = getattr(node, mode)
        action = _action(window, title, "", lambda number=number: node.SetCurrentInteractionMode(number))
        action.setToolTip(tip)
        action.setCheckable(True)
        group.addAction(action)
        actions[number] = action

    def follow() -> None:
        if action := actions.get(node.GetCurrentInteractionMode()):
            action.setChecked(True)

    Observer(window).watch(node, follow)
    follow()
    return list(actions.values())
