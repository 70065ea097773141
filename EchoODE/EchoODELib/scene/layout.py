"""Arrangements of views, the one for reading an echo, and what is seen in them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import slicer

from .geometry import clipAxes

if TYPE_CHECKING:
    from .study import Study

ECHO_VIEW, PLOT_VIEW, TABLE_VIEW = "Red", "EchoODECurve", "EchoODETable"
SLICE_VIEW = f"""<view class="vtkMRMLSliceNode" singletontag="{ECHO_VIEW}">
    <property name="orientation" action="default">Axial</property>
    <property name="viewlabel" action="default">R</property>
    <property name="viewcolor" action="default">#F34A33</property></view>"""
"""The slice view, as a layout's XML names it."""
_MARGIN = 1.03  # the view is this much larger than what is to be seen
_DARK = 6  # gray levels; where the clip never gets brighter there is nothing to see


class ViewLayout:
    """An arrangement of views, and the one that was there before.

    Attributes
    ----------
    ID: the layout's number.
    XML: what it arranges.
    """

    ID: ClassVar[int]
    XML: ClassVar[str]

    def __init__(self) -> None:
        self.previous: int | None = None

    @property
    def installed(self) -> bool:
        """Whether the views are arranged so."""
        return bool(_layoutNode().GetViewArrangement() == self.ID)

    def install(self) -> None:
        """Arrange the views, and remember how they were."""
        node = _layoutNode()
        if node.IsLayoutDescription(self.ID):
            node.SetLayoutDescription(self.ID, self.XML)
        else:
            node.AddLayoutDescription(self.ID, self.XML)
        if not self.installed:
            self.previous = node.GetViewArrangement()
            node.SetViewArrangement(self.ID)

    def restore(self) -> None:
        """Arrange the views as they were, unless a person has chosen another layout since."""
        if self.installed and self.previous is not None:
            _layoutNode().SetViewArrangement(self.previous)
        self.previous = None


class EchoLayout(ViewLayout):
    """For reading an echo: the clip large, its curves below, the tables beside them."""

    ID = 507
    XML = f"""
<layout type="horizontal" split="true">
  <item splitSize="620">{SLICE_VIEW}</item>
  <item splitSize="380"><layout type="vertical" split="true">
    <item splitSize="600"><view class="vtkMRMLPlotViewNode" singletontag="{PLOT_VIEW}">
      <property name="viewlabel" action="default">C</property></view></item>
    <item splitSize="400"><view class="vtkMRMLTableViewNode" singletontag="{TABLE_VIEW}">
      <property name="viewlabel" action="default">T</property></view></item>
  </layout></item>
</layout>
"""


def fitClip(study: Study) -> None:
    """Show a clip in the echo's view as it is in its file, as large as what it shows of the body allows."""
    volume = study.clipNode
    composite = viewNode("vtkMRMLSliceCompositeNode", ECHO_VIEW)
    composite.SetBackgroundVolumeID(volume.GetID())
    slice_ = viewNode("vtkMRMLSliceNode", ECHO_VIEW)
    axes = clipAxes(volume)
    (top, bottom), (left, right) = _seen(study)
    height, width = (bottom - top) * axes.spacing[0], (right - left) * axes.spacing[1]
    middle = axes.toRas(np.array([(left + right - 1) / 2, (top + bottom - 1) / 2]))
    first, second = axes.column / axes.spacing[1], -axes.row / axes.spacing[0]
    wasModifying = slice_.StartModify()
    slice_.SetOrientationToAxial()
    # For clips that lie in the axial plane this is what axial means; others are turned into the view's plane.
    if not np.allclose(first, (-1, 0, 0)) or not np.allclose(second, (0, 1, 0)):
        toRas = slice_.GetSliceToRAS()
        for row, values in enumerate(zip(first, second, -np.cross(first, second), strict=True)):
            for column, value in enumerate(values):
                toRas.SetElement(row, column, value)
    frameSlice(slice_, middle, _MARGIN * height, _MARGIN * width)
    slice_.EndModify(wasModifying)


def frameSlice(sliceNode: Any, middle: Sequence[float], height: float, width: float) -> None:
    """Let a slice view show a part of its plane as large as it can.

    Parameters
    ----------
    middle: of the part, in RAS.
    height, width: of the part, mm.
    """
    across, down = (max(1, size) for size in sliceNode.GetDimensions()[:2])
    fieldOfView = max(width, height * across / down)
    wasModifying = sliceNode.StartModify()
    for row, value in enumerate(middle):
        sliceNode.GetSliceToRAS().SetElement(row, 3, value)
    # No slab is shown, but with more than one sample a slice its reslicing takes a path that is five times slower.
    sliceNode.SetSlabReconstructionOversamplingFactor(1.0)
    sliceNode.SetXYZOrigin(0.0, 0.0, 0.0)
    sliceNode.SetFieldOfView(fieldOfView, fieldOfView * down / across, sliceNode.GetFieldOfView()[2])
    sliceNode.UpdateMatrices()
    sliceNode.EndModify(wasModifying)


def showChart(chartNode: Any) -> None:
    """Show a chart in the layout's plot view."""
    viewNode("vtkMRMLPlotViewNode", PLOT_VIEW).SetPlotChartNodeID(chartNode.GetID())


def shownChart() -> Any:
    """The chart that the layout's plot view shows, or None."""
    return viewNode("vtkMRMLPlotViewNode", PLOT_VIEW).GetPlotChartNode()


def showTable(tableNode: Any) -> None:
    """Show a table in the layout's table view, or none."""
    view = viewNode("vtkMRMLTableViewNode", TABLE_VIEW)
    view.SetTableNodeID(None if tableNode is None else tableNode.GetID())
    view.Modified()  # while a scene is loaded, the view node comes before its table, and the widget finds none


def viewNode(className: str, name: str) -> Any:
    """The node of one of the layout's views, made where the layout has not been shown yet."""
    for node in slicer.util.getNodesByClass(className):
        if node.GetLayoutName() == name:
            return node
    node = slicer.mrmlScene.CreateNodeByClass(className)
    node.UnRegister(None)
    if className != "vtkMRMLSliceCompositeNode":
        node.SetSingletonTag(name)
        node.SetName(name)
    node.SetLayoutName(name)
    return slicer.mrmlScene.AddNode(node)


def _layoutNode() -> Any:
    node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLLayoutNode")
    return node or slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLayoutNode")


def _seen(study: Study) -> tuple[tuple[int, int], tuple[int, int]]:
    """Half-open rows and columns of what the clip shows of the body: what is not black, in the sector."""
    sequence = study.sequence()
    frames = sequence.frames
    bright = frames[:: max(1, len(frames) // 10)].max(axis=0) > _DARK
    if find_spec("cv2") is not None and find_spec("scipy") is not None:
        from ..engine.sector import find_sector

        bright &= find_sector(sequence).mask
    if not bright.any():
        return (0, sequence.shape[0]), (0, sequence.shape[1])
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    return (int(rows[0]), int(rows[-1]) + 1), (int(columns[0]), int(columns[-1]) + 1)
