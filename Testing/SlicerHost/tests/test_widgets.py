"""Widgets of ctk and qMRML, clicked."""

from __future__ import annotations

from typing import Any

import pytest
from SlicerHost.mouse import Qt, QTest


@pytest.fixture
def a_selector(scene: Any) -> Any:
    import slicer

    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLTextNode"]
    selector.renameEnabled = selector.noneEnabled = True
    selector.setMRMLScene(scene)
    selector.show()
    return selector


def choose(selector: Any, text: str) -> None:
    """Pick an entry of a selector's list, as the user does with the keyboard."""
    combo = selector.findChild("QComboBox")
    index = combo.findText(text)
    assert index >= 0, [combo.itemText(i) for i in range(combo.count)]
    combo.setCurrentIndex(index)
    combo.activated.emit(index)


def test_a_selector_lists_the_nodes_of_its_class(a_selector: Any, scene: Any) -> None:
    first = scene.AddNewNodeByClass("vtkMRMLTextNode", "First")
    scene.AddNewNodeByClass("vtkMRMLTableNode", "Other")
    heard: list[Any] = []
    a_selector.connect("currentNodeChanged(vtkMRMLNode*)", heard.append)
    a_selector.connect("currentNodeChanged(bool)", heard.append)
    choose(a_selector, "First")
    assert heard == [first, True]
    assert a_selector.currentNode() is first
    assert a_selector.currentNodeID == first.GetID()
    assert a_selector.nodeCount() == 1


def test_a_selector_creates_renames_and_deletes(a_selector: Any, scene: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from PySide6 import QtWidgets

    added: list[Any] = []
    a_selector.connect("nodeAddedByUser(vtkMRMLNode*)", added.append)
    choose(a_selector, "Create new Text")
    node = a_selector.currentNode()
    assert added == [node]
    assert scene.IsNodePresent(node)
    monkeypatch.setattr(QtWidgets.QInputDialog, "getText", staticmethod(lambda *_: ("Report", True)))
    choose(a_selector, "Rename current node")
    assert node.GetName() == "Report"
    choose(a_selector, "Delete current node")
    assert not scene.IsNodePresent(node)
    assert a_selector.currentNode() is None


def test_a_selector_follows_names_and_attributes(a_selector: Any, scene: Any) -> None:
    node = scene.AddNewNodeByClass("vtkMRMLTextNode", "First")
    a_selector.setCurrentNode(node)
    node.SetName("Second")
    assert a_selector.findChild("QComboBox").currentText == "Second"
    a_selector.addAttribute("vtkMRMLTextNode", "Kind", "report")
    assert a_selector.nodeCount() == 0
    node.SetAttribute("Kind", "report")
    a_selector.removeAttribute("vtkMRMLTextNode", "Kind")
    assert a_selector.nodeCount() == 1


def test_a_selector_forgets_a_node_that_leaves_the_scene(a_selector: Any, scene: Any) -> None:
    a_selector.setCurrentNode(scene.AddNewNodeByClass("vtkMRMLTextNode", "First"))
    scene.Clear(0)
    assert a_selector.currentNode() is None


@pytest.mark.parametrize(("button", "frame"), [("First", 0), ("Previous", 2), ("Next", 4), ("Last", 7)])
def test_play_buttons_step(a_browser: Any, editor_module: Any, button: str, frame: int) -> None:
    a_browser.SetSelectedItemNumber(3)
    QTest.mouseClick(editor_module.ui.playWidget.findChild("QToolButton", f"pushButton_Vcr{button}"), Qt.LeftButton)
    assert a_browser.GetSelectedItemNumber() == frame


def test_play_plays_and_pauses(app: Any, a_browser: Any, editor_module: Any) -> None:
    button = editor_module.ui.playWidget.findChild("QToolButton", "pushButton_VcrPlay")
    QTest.mouseClick(button, Qt.LeftButton)
    assert a_browser.GetPlaybackActive()
    seen = set()
    for _ in range(100):
        QTest.qWait(10)
        seen.add(a_browser.GetSelectedItemNumber())
        if len(seen) > 2:
            break
    assert len(seen) > 2
    QTest.mouseClick(button, Qt.LeftButton)
    assert not a_browser.GetPlaybackActive()


def test_the_seek_slider_goes_to_a_frame_and_follows(a_browser: Any, editor_module: Any) -> None:
    slider = editor_module.ui.seekWidget.slider()
    slider.setValue(6)
    assert a_browser.GetSelectedItemNumber() == 6
    a_browser.SetSelectedItemNumber(1)
    assert slider.value == 1
    QTest.keyClick(slider, Qt.Key_Right)
    assert a_browser.GetSelectedItemNumber() == 2


def test_a_slider_widget_keeps_slider_and_box_together(app: Any) -> None:
    import ctk

    widget = ctk.ctkSliderWidget()
    heard: list[float] = []
    widget.connect("valueChanged(double)", heard.append)
    widget.minimum, widget.maximum, widget.singleStep, widget.decimals = 0, 2, 0.1, 1
    widget.show()
    widget.value = 1.23
    assert widget.value == 1.2
    box = widget.findChild("QDoubleSpinBox")
    box.setValue(1.9)
    QTest.keyClick(widget.findChild("QSlider"), Qt.Key_Left)
    assert heard == pytest.approx([1.2, 1.9, 1.8])
    widget.value = 99
    assert widget.value == 2.0


def test_range_values_stay_ordered_inside_the_range(app: Any) -> None:
    import ctk

    widget = ctk.ctkRangeWidget()
    widget.setRange(0, 100)
    widget.setValues(80, 20)
    assert (widget.minimumValue, widget.maximumValue) == (20, 80)
    widget.setMinimumValue(90)
    assert (widget.minimumValue, widget.maximumValue) == (90, 90)
    widget.maximum = 50
    assert (widget.minimumValue, widget.maximumValue) == (50, 50)


def test_a_collapsible_button_hides_its_contents(app: Any, settle: Any) -> None:
    import ctk
    import qt

    button = ctk.ctkCollapsibleButton()
    button.text = "Section"
    inside = qt.QLabel("inside")
    qt.QVBoxLayout(button).addWidget(inside)
    button.show()
    settle()
    heard: list[bool] = []
    button.connect("contentsCollapsed(bool)", heard.append)
    QTest.mouseClick(button, Qt.LeftButton, Qt.NoModifier, button.rect.topLeft() + qt.QPoint(30, 6))
    assert button.collapsed
    assert not inside.visible
    button.collapsed = False
    assert inside.visible
    assert heard == [True, False]


def test_paths_are_remembered_under_their_key(app: Any, tmp_path: Any) -> None:
    import ctk

    first = ctk.ctkPathLineEdit()
    first.settingKey = "HostTest"
    first.setCurrentPath(str(tmp_path))
    first.addCurrentPathToHistory()
    second = ctk.ctkPathLineEdit()
    second.settingKey = "HostTest"
    assert second.currentPath == str(tmp_path)


def test_the_segments_table_shows_and_changes_segments(scene: Any) -> None:
    import slicer

    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Masks")
    node.CreateDefaultDisplayNodes()
    for name in ("LV", "LA"):
        node.GetSegmentation().AddEmptySegment(name, name)
    view = slicer.qMRMLSegmentsTableView()
    view.setSegmentationNode(node)
    assert view.displayedSegmentIDs() == ["LV", "LA"]
    table = view.tableWidget()
    table.item(0, 3).setText("Left ventricle")
    assert node.GetSegmentation().GetSegment("LV").GetName() == "Left ventricle"
    table.item(1, 0).setCheckState(Qt.Unchecked)
    assert not node.GetDisplayNode().GetSegmentVisibility("LA")
    view.setSelectedSegmentIDs(["LA"])
    assert view.selectedSegmentIDs() == ["LA"]
    node.GetSegmentation().RemoveSegment("LA")
    assert view.segmentCount == 1


def test_the_hierarchy_tree_shows_the_scene(scene: Any, settle: Any) -> None:
    import slicer

    tree = slicer.qMRMLSubjectHierarchyTreeView()
    tree.setMRMLScene(scene)
    chosen: list[Any] = []
    tree.connect("currentNodeChanged(vtkMRMLNode*)", chosen.append)
    node = scene.AddNewNodeByClass("vtkMRMLTextNode", "Note")
    scene.AddNewNodeByClass("vtkMRMLTableNode", "Table")
    settle()
    assert tree.displayedItemCount() == 2
    tree.setCurrentNode(node)
    assert tree.currentNode() is node
    assert chosen[-1] is node
    tree.deleteSelectedItems()
    settle()
    assert not scene.IsNodePresent(node)
    assert tree.displayedItemCount() == 1


def test_window_and_level_follow_the_range(a_browser: Any) -> None:
    import slicer

    volume = a_browser.GetProxyNode(a_browser.GetMasterSequenceNode())
    widget = slicer.qMRMLWindowLevelWidget()
    widget.setMRMLVolumeNode(volume)
    widget.setWindowLevel(100, 80)
    assert (volume.GetDisplayNode().GetWindow(), volume.GetDisplayNode().GetLevel()) == (100, 80)
    volume.GetDisplayNode().SetWindowLevel(50, 60)
    assert (widget.window, widget.level) == (50, 60)
