"""MRML through slicer.util: arrays, files, subject hierarchy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest


def hierarchy_names(scene: Any) -> list[str]:
    import vtk

    hierarchy, items = scene.GetSubjectHierarchyNode(), vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), items, True)
    return [hierarchy.GetItemName(items.GetId(i)) for i in range(items.GetNumberOfIds())]


def test_slicer_util_finds_the_application(app: Any) -> None:
    import slicer

    assert slicer.app is app
    assert slicer.util.mainWindow().className() == "qSlicerMainWindow"
    assert (app.majorVersion, app.minorVersion) >= (5, 13)
    assert "Sequences" in slicer.util.moduleNames()
    assert slicer.util.getModuleLogic("Segmentations").IsA("vtkSlicerSegmentationsModuleLogic")


@pytest.mark.parametrize(
    ("class_name", "ending"),
    [
        ("vtkMRMLScalarVolumeNode", ".nrrd"),
        ("vtkMRMLSegmentationNode", ".seg.nrrd"),
        ("vtkMRMLMarkupsLineNode", ".mrk.json"),
        ("vtkMRMLTableNode", ".tsv"),
        ("vtkMRMLTextNode", ".txt"),
        ("vtkMRMLLinearTransformNode", ".tfm"),
    ],
)
def test_nodes_save_and_load(scene: Any, tmp_path: Path, class_name: str, ending: str) -> None:
    import slicer

    node = scene.AddNewNodeByClass(class_name, "Thing")
    if class_name == "vtkMRMLScalarVolumeNode":
        slicer.util.updateVolumeFromArray(node, np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
    elif class_name == "vtkMRMLMarkupsLineNode":
        node.SetLineStartPositionWorld([0, 0, 0])
        node.SetLineEndPositionWorld([3, 4, 0])
    elif class_name == "vtkMRMLTableNode":
        slicer.util.updateTableFromArray(node, (np.arange(3.0),), ["t"])
    elif class_name == "vtkMRMLTextNode":
        node.SetText("hello")
    path = tmp_path / f"thing{ending}"
    assert slicer.util.saveNode(node, str(path))
    scene.Clear(0)
    assert slicer.app.loadFiles([str(path)])
    loaded = slicer.util.getNodesByClass(class_name)
    loaded = [node for node in loaded if node.GetName() == "thing"]
    assert len(loaded) == 1
    if class_name == "vtkMRMLMarkupsLineNode":
        assert loaded[0].GetLineLengthWorld() == pytest.approx(5.0)
    if class_name == "vtkMRMLScalarVolumeNode":
        assert slicer.util.arrayFromVolume(loaded[0]).tolist() == np.arange(24).reshape(2, 3, 4).tolist()


def test_a_file_that_nobody_reads_is_refused(scene: Any, tmp_path: Path) -> None:
    import slicer

    path = tmp_path / "thing.xyz"
    path.write_text("?")
    assert not slicer.app.loadFiles([str(path)])
    with pytest.raises(RuntimeError, match="Failed to load"):
        slicer.util.loadNodeFromFile(str(path))


@pytest.mark.parametrize("target", ["scene.mrb", "folder"])
def test_a_scene_with_a_clip_and_masks_survives_saving(
    a_browser: Any, a_clip: np.ndarray, tmp_path: Path, target: str
) -> None:
    import slicer

    scene = slicer.mrmlScene
    assert slicer.util.saveScene(str(tmp_path / target))
    scene.Clear(0)
    assert slicer.util.getNodesByClass("vtkMRMLSequenceNode") == []
    saved = tmp_path / target if target.endswith(".mrb") else next((tmp_path / target).glob("*.mrml"))
    slicer.util.loadScene(str(saved))  # raises when it fails
    browser = slicer.util.getNode("Clip browser")
    assert browser.GetNumberOfItems() == len(a_clip)
    browser.SetSelectedItemNumber(5)
    volume = browser.GetProxyNode(browser.GetMasterSequenceNode())
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(volume)[0], a_clip[5])


def test_the_subject_hierarchy_follows_the_scene(scene: Any) -> None:
    volume = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Echo")
    segmentation = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Masks")
    segmentation.GetSegmentation().AddEmptySegment("LV", "LV")
    assert sorted(hierarchy_names(scene)) == ["Echo", "LV", "Masks"]
    volume.SetName("Clip")
    scene.RemoveNode(segmentation)
    assert hierarchy_names(scene) == ["Clip"]


def test_hidden_nodes_stay_out_of_the_hierarchy(scene: Any) -> None:
    import slicer

    node = slicer.vtkMRMLTextNode()
    node.SetHideFromEditors(True)
    scene.AddNode(node)
    assert hierarchy_names(scene) == []


def test_files_dropped_on_the_window_are_loaded(scene: Any, tmp_path: Path) -> None:
    import slicer
    from PySide6 import QtCore, QtGui, QtWidgets

    node = scene.AddNewNodeByClass("vtkMRMLTextNode", "Note")
    node.SetText("hello")
    path = tmp_path / "note.txt"
    slicer.util.saveNode(node, str(path))
    scene.Clear(0)
    data = QtCore.QMimeData()
    data.setUrls([QtCore.QUrl.fromLocalFile(str(path))])
    where, window = QtCore.QPointF(50, 50), slicer.util.mainWindow()
    for kind in (QtGui.QDragEnterEvent, QtGui.QDropEvent):
        place = where.toPoint() if kind is QtGui.QDragEnterEvent else where
        event = kind(place, QtCore.Qt.CopyAction, data, QtCore.Qt.LeftButton, QtCore.Qt.NoModifier)
        QtWidgets.QApplication.sendEvent(window, event)
        assert event.isAccepted()
    assert [node.GetText() for node in slicer.util.getNodesByClass("vtkMRMLTextNode")] == ["hello"]


def test_export_leaves_the_node_s_own_file_alone(scene: Any, tmp_path: Path) -> None:
    import slicer

    node = scene.AddNewNodeByClass("vtkMRMLTextNode", "Note")
    node.SetText("hello")
    slicer.util.saveNode(node, str(tmp_path / "first.txt"))
    assert slicer.util.exportNode(node, str(tmp_path / "second.txt"))
    assert (tmp_path / "second.txt").read_text() == "hello"
    assert node.GetStorageNode().GetFileName().endswith("first.txt")


def test_a_closed_scene_gets_a_new_hierarchy_though_the_old_is_held(scene: Any, tmp_path: Any) -> None:
    import slicer

    held = scene.GetSubjectHierarchyNode()
    scene.AddNewNodeByClass("vtkMRMLTextNode", "Note")
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    scene.Clear(0)
    assert scene.GetSubjectHierarchyNode() is not held
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    hierarchy = scene.GetSubjectHierarchyNode()
    assert scene.IsNodePresent(hierarchy)
    assert scene.GetNumberOfNodesByClass("vtkMRMLSubjectHierarchyNode") == 1
    item = hierarchy.GetItemByDataNode(slicer.util.getNode("Note"))
    assert hierarchy.GetItemParent(item) == hierarchy.GetSceneItemID()
