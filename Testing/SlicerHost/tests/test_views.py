"""Views, driven by mouse and wheel, and looked at through their pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from SlicerHost.mouse import Qt, QTest, drag, place_of, turn_wheel


def pixels(widget: Any) -> np.ndarray:
    """What a widget shows, (height, width, 3) uint8."""
    from PySide6 import QtGui

    image = widget.grab().toImage().convertToFormat(QtGui.QImage.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()  # the image owns the memory


def centre(widget: Any) -> Any:
    return widget.rect.center()


def test_a_mark_in_a_corner_of_the_array_is_in_that_corner_of_the_view(a_slice_view: Any) -> None:
    canvas = a_slice_view.VTKWidget()
    shown = pixels(canvas)[..., 0]
    for ras, white in (((-1, -1, 0), True), ((-38.5, -1, 0), False), ((-1, -30.5, 0), False)):
        place = place_of(a_slice_view, ras)
        assert (shown[place.y(), place.x()] == 255) == white
    left_upper, right_lower = place_of(a_slice_view, (0, 0, 0)), place_of(a_slice_view, (-39.5, -31.5, 0))
    assert left_upper.x() < right_lower.x()
    assert left_upper.y() < right_lower.y()


def test_the_wheel_steps_through_the_frames_of_a_clip(a_slice_view: Any, a_browser: Any) -> None:
    canvas = a_slice_view.VTKWidget()
    turn_wheel(canvas, 3, centre(canvas))
    assert a_browser.GetSelectedItemNumber() == 3
    turn_wheel(canvas, -1, centre(canvas))
    assert a_browser.GetSelectedItemNumber() == 2


def test_another_frame_is_another_picture(a_slice_view: Any, a_browser: Any, settle: Any) -> None:
    canvas = a_slice_view.VTKWidget()
    before = pixels(canvas)
    a_browser.SetSelectedItemNumber(4)
    settle()
    assert np.mean(before != pixels(canvas)) > 0.1


def test_control_and_wheel_zoom(a_slice_view: Any) -> None:
    canvas, node = a_slice_view.VTKWidget(), a_slice_view.mrmlSliceNode()
    before = node.GetFieldOfView()[0]
    turn_wheel(canvas, 2, centre(canvas), Qt.ControlModifier)
    assert node.GetFieldOfView()[0] != before


def test_right_drag_zooms_and_middle_drag_pans(a_slice_view: Any) -> None:
    from PySide6 import QtCore

    canvas, node = a_slice_view.VTKWidget(), a_slice_view.mrmlSliceNode()
    fov, origin = node.GetFieldOfView()[0], node.GetXYZOrigin()
    path = [centre(canvas) + QtCore.QPoint(0, 10 * step) for step in range(4)]
    drag(canvas, path, Qt.RightButton)
    assert node.GetFieldOfView()[0] != pytest.approx(fov)
    drag(canvas, path, Qt.MiddleButton)
    assert node.GetXYZOrigin() != origin


def test_left_drag_adjusts_window_and_level_in_that_mode(a_slice_view: Any, a_browser: Any) -> None:
    import slicer
    from PySide6 import QtCore

    display = a_browser.GetProxyNode(a_browser.GetMasterSequenceNode()).GetDisplayNode()
    before = display.GetWindow(), display.GetLevel()
    interaction = slicer.app.applicationLogic().GetInteractionNode()
    interaction.SetCurrentInteractionMode(interaction.AdjustWindowLevel)
    canvas = a_slice_view.VTKWidget()
    drag(canvas, [centre(canvas) + QtCore.QPoint(9 * step, 6 * step) for step in range(5)])
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)
    assert (display.GetWindow(), display.GetLevel()) != before


def test_the_crosshair_follows_the_mouse(a_slice_view: Any, settle: Any) -> None:
    import slicer

    node = slicer.util.getNode("vtkMRMLCrosshairNodedefault")
    place = place_of(a_slice_view, (-20.0, -16.0, 0.0))
    QTest.mouseMove(a_slice_view.VTKWidget(), place)
    settle()
    ras = [0.0, 0.0, 0.0]
    node.GetCursorPositionRAS(ras)
    assert ras[:2] == pytest.approx([-20.0, -16.0], abs=0.5)


def test_a_segment_is_drawn_where_it_is(a_slice_view: Any, a_browser: Any, editor_module: Any, settle: Any) -> None:
    import slicer

    volume, mask = editor_module.logic.proxies(a_browser)
    array = np.zeros((1, 64, 80), np.uint8)
    array[0, 10:20, 50:70] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, mask, "LV", volume)
    settle()
    shown = pixels(a_slice_view.VTKWidget()).astype(int)
    inside, outside = (place_of(a_slice_view, ras) for ras in ((-30.0, -7.5, 0.0), (-30.0, -25.0, 0.0)))
    red = [shown[p.y() - 3 : p.y() + 4, p.x() - 3 : p.x() + 4].mean(axis=(0, 1)) for p in (inside, outside)]
    assert red[0][0] - red[0][1] > 30
    assert abs(red[1][0] - red[1][1]) < 10


def test_a_line_is_placed_with_clicks(a_slice_view: Any, scene: Any, settle: Any) -> None:
    import slicer

    line = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", "Width")
    place_widget = slicer.qSlicerMarkupsPlaceWidget()
    place_widget.setMRMLScene(scene)
    place_widget.setCurrentNode(line)
    QTest.mouseClick(place_widget.placeButton(), Qt.LeftButton)
    assert place_widget.placeModeEnabled
    canvas = a_slice_view.VTKWidget()
    for ras in ((-10.0, -10.0, 0.0), (-30.0, -10.0, 0.0)):
        place = place_of(a_slice_view, ras)
        QTest.mouseMove(canvas, place)
        settle()
        QTest.mouseClick(canvas, Qt.LeftButton, Qt.NoModifier, place)
    place_widget.setPlaceModeEnabled(False)
    assert line.GetNumberOfDefinedControlPoints() == 2
    assert line.GetLineLengthWorld() == pytest.approx(20.0, abs=0.5)


def test_layouts_come_from_their_xml(app: Any, scene: Any, settle: Any) -> None:
    import slicer

    manager = app.layoutManager()
    node = manager.layoutLogic().GetLayoutNode()
    node.AddLayoutDescription(
        777,
        '<layout type="vertical" split="true"><item splitSize="300">'
        '<view class="vtkMRMLSliceNode" singletontag="Echo2">'
        '<property name="orientation" action="default">Coronal</property></view></item>'
        '<item><layout type="tab"><item><view class="vtkMRMLPlotViewNode" singletontag="PlotView7"/></item>'
        '<item><view class="vtkMRMLTableViewNode" singletontag="TableView7"/></item></layout></item></layout>',
    )
    heard: list[int] = []
    manager.connect("layoutChanged(int)", heard.append)
    manager.setLayout(777)
    settle()
    assert heard == [777] == [manager.layout]
    assert manager.sliceWidget("Echo2").mrmlSliceNode().GetOrientation() == "Coronal"
    assert manager.sliceWidget("Echo2").isVisible()
    assert manager.plotWidget("PlotView7").mrmlPlotViewNode().GetLayoutName() == "PlotView7"
    manager.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUpRedSliceView)
    settle()
    assert not manager.sliceWidget("Echo2").isVisible()
    assert manager.sliceWidget("Red").isVisible()


def test_a_three_d_view_draws_a_model(app: Any, scene: Any, settle: Any) -> None:
    import slicer
    import vtk

    app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutOneUp3DView)
    settle()
    view = app.layoutManager().threeDWidget(0).threeDView()
    before = pixels(view)
    ball = vtk.vtkSphereSource()
    ball.SetRadius(50)
    ball.Update()
    slicer.modules.models.logic().AddModel(ball.GetOutput())
    view.resetFocalPoint()
    settle()
    assert np.mean(before != pixels(view)) > 0.02


@pytest.fixture
def a_measured_clip(editor_module: Any, a_browser: Any, settle: Any) -> Any:
    QTest.mouseClick(editor_module.ui.measureButton, Qt.LeftButton)
    settle()
    return a_browser


def test_a_click_on_a_point_of_the_plot_goes_to_its_frame(app: Any, a_measured_clip: Any, settle: Any) -> None:
    import slicer

    view = app.layoutManager().plotWidget(0).plotView()
    series = slicer.util.getNode("Area")
    for frame in (5, 2):
        place = view._point_on_screen(series, frame)
        QTest.mouseMove(view, place)
        QTest.mouseClick(view, Qt.LeftButton, Qt.NoModifier, place)
        settle()
        assert a_measured_clip.GetSelectedItemNumber() == frame


def test_the_plot_follows_its_table(app: Any, a_measured_clip: Any, settle: Any) -> None:
    import slicer

    view = app.layoutManager().plotWidget(0).plotView()
    before = pixels(view)
    column = slicer.util.arrayFromTableColumn(slicer.util.getNode("Areas"), "area")
    column[:] = np.arange(len(column))
    slicer.util.arrayFromTableColumnModified(slicer.util.getNode("Areas"), "area")
    settle()
    assert view.chart().GetNumberOfPlots() == 1
    assert np.any(before != pixels(view))


def test_the_table_view_shows_names_units_and_edits(app: Any, a_measured_clip: Any) -> None:
    import slicer

    view, node = app.layoutManager().tableWidget(0).tableView(), slicer.util.getNode("Areas")
    assert view.mrmlTableNode() is node
    model = view.model()
    header = [model.headerData(i, Qt.Horizontal, Qt.DisplayRole) for i in range(model.columnCount())]
    assert header == ["time", "area [mm2]"]
    assert model.setData(model.index(3, 1), "12.5", Qt.EditRole)
    assert node.GetCellText(3, 1) == "12.5"
    node.SetLocked(True)
    assert not model.flags(model.index(3, 1)) & Qt.ItemIsEditable


def test_masks_of_a_scene_that_was_read_are_drawn(a_slice_view: Any, scene: Any, settle: Any, tmp_path: Any) -> None:
    import slicer

    def red() -> int:
        settle()
        shown = pixels(a_slice_view.VTKWidget()).astype(int)
        return int((shown[..., 0] - shown[..., 1:].max(-1) > 40).sum())

    clip = slicer.app.layoutManager().sliceWidget("Red").sliceLogic().GetBackgroundLayer().GetVolumeNode()
    masks = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Masks")
    masks.CreateDefaultDisplayNodes()
    masks.SetReferenceImageGeometryParameterFromVolumeNode(clip)
    segment = masks.GetSegmentation().AddEmptySegment("LV", "LV", (1.0, 0.0, 0.0))
    array = np.zeros(slicer.util.arrayFromVolume(clip).shape[:3], np.uint8)
    array[:, 8:24, 8:24] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(array, masks, segment, clip)
    drawn = red()
    assert drawn > 100
    assert slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    scene.Clear(0)
    assert red() == 0
    slicer.util.loadScene(str(tmp_path / "scene.mrb"))
    assert red() == pytest.approx(drawn, rel=0.1)
