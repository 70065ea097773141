"""The main window: menus, mouse modes, dropped files; and the host as a program."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from SlicerHost.mouse import QTest

TESTING = Path(__file__).resolve().parents[2]
EXAMPLE = Path(__file__).resolve().parent / "example" / "ClipEditor.py"


@pytest.fixture
def a_clip_file(a_clip: np.ndarray, tmp_path: Path) -> Path:
    path = tmp_path / "beat.clip.npy"
    np.save(path, a_clip)
    return path


def drop(window: Any, *paths: Path) -> None:
    """Drop files on the window, as a file manager does."""
    from PySide6 import QtCore, QtGui, QtWidgets

    data = QtCore.QMimeData()
    data.setUrls([QtCore.QUrl.fromLocalFile(str(path)) for path in paths])
    place, buttons = QtCore.QPointF(300, 300), (QtCore.Qt.LeftButton, QtCore.Qt.NoModifier)
    enter = QtGui.QDragEnterEvent(place.toPoint(), QtCore.Qt.CopyAction, data, *buttons)
    QtWidgets.QApplication.sendEvent(window, enter)
    assert enter.isAccepted()
    QtWidgets.QApplication.sendEvent(window, QtGui.QDropEvent(place, QtCore.Qt.CopyAction, data, *buttons))


def action(window: Any, text: str) -> Any:
    from PySide6 import QtGui

    return next(one for one in window.findChildren(QtGui.QAction) if one.text == text)


def test_files_of_a_module_s_reader_are_dropped_and_loaded(scene: Any, a_clip_file: Path) -> None:
    import slicer

    assert slicer.app.coreIOManager().fileType(str(a_clip_file)) == "ClipEditorClip"
    drop(slicer.util.mainWindow(), a_clip_file)
    assert slicer.util.getNode("Clip browser").GetNumberOfItems() == 8


def test_what_cannot_be_read_is_told_with_the_reason(
    scene: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import slicer

    np.save(tmp_path / "flat.clip.npy", np.zeros((3, 3)))
    drop(slicer.util.mainWindow(), tmp_path / "flat.clip.npy", tmp_path / "paper.docx")
    assert "has 2 dimensions, a clip has 3." in caplog.text
    assert "No reader takes" in caplog.text


def test_a_module_s_reader_gives_its_nodes_to_scripts(scene: Any, a_clip_file: Path) -> None:
    import slicer

    node = slicer.util.loadNodeFromFile(str(a_clip_file), "ClipEditorClip")
    assert node.IsA("vtkMRMLSequenceBrowserNode")


def test_mouse_modes_follow_the_interaction_node_and_change_it(scene: Any) -> None:
    import slicer

    window, node = slicer.util.mainWindow(), slicer.app.applicationLogic().GetInteractionNode()
    look, contrast = action(window, "Look around"), action(window, "Window/level")
    node.SetCurrentInteractionMode(node.AdjustWindowLevel)
    assert contrast.checked
    look.trigger()
    assert node.GetCurrentInteractionMode() == node.ViewTransform
    assert not contrast.checked


def test_the_menu_changes_the_layout(app: Any, settle: Any) -> None:
    import slicer

    action(slicer.util.mainWindow(), "Four up, plot").trigger()
    settle()
    assert app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpPlotView
    assert app.layoutManager().plotWidget(0).isVisible()


def test_close_scene_has_its_keys(app: Any, scene: Any, settle: Any) -> None:
    import slicer
    from SlicerHost.mouse import Qt

    scene.AddNewNodeByClass("vtkMRMLTextNode", "Gone")
    slicer.util.mainWindow().activateWindow()
    settle()
    QTest.keyClick(slicer.util.mainWindow(), Qt.Key_W, Qt.ControlModifier)
    assert slicer.util.getFirstNodeByName("Gone") is None


def test_the_program_shows_a_module_and_a_clip(a_clip_file: Path, tmp_path: Path) -> None:
    picture = tmp_path / "window.png"
    command = [sys.executable, "-m", "SlicerHost", "--module", EXAMPLE, "--picture", picture, a_clip_file]
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "QT_QPA_PLATFORM")}
    done = subprocess.run(command, cwd=TESTING, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert picture.stat().st_size > 20_000
    windowless = subprocess.run(command[:3], cwd=TESTING, env=environment, capture_output=True, text=True, timeout=120)
    assert windowless.returncode == 1
    assert windowless.stderr.splitlines()[-1].startswith("There is no display for a window")
