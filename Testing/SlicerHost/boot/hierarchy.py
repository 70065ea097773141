"""Keeps the subject hierarchy filled: what Slicer's plugins do when nodes come and go."""

from __future__ import annotations

from typing import Any

import slicer
import vtk

SHOWN = (  # kinds of node that Slicer's subject hierarchy plugins own, and the plugin's name
    ("vtkMRMLSegmentationNode", "Segmentations"),
    ("vtkMRMLLabelMapVolumeNode", "LabelMaps"),
    ("vtkMRMLVolumeNode", "Volumes"),
    ("vtkMRMLMarkupsNode", "Markups"),
    ("vtkMRMLModelNode", "Models"),
    ("vtkMRMLTransformNode", "Transforms"),
    ("vtkMRMLTableNode", "Tables"),
    ("vtkMRMLTextNode", "Texts"),
    ("vtkMRMLPlotSeriesNode", "Plots"),
    ("vtkMRMLPlotChartNode", "Charts"),
    ("vtkMRMLSequenceBrowserNode", "SequenceBrowser"),
    ("vtkMRMLSequenceNode", "Sequences"),
)


class HierarchyFiller:
    """Observes the scene and mirrors its data nodes as items of the subject hierarchy."""

    def __init__(self, scene: Any) -> None:
        self.scene = scene
        self._mirrored: dict[str, tuple[Any, list[int]]] = {}  # segmentation node's id -> its observations
        self.tags = [
            scene.AddObserver(slicer.vtkMRMLScene.NodeAddedEvent, self._node_event(self.add)),
            scene.AddObserver(slicer.vtkMRMLScene.NodeRemovedEvent, self._node_event(self.remove)),
            scene.AddObserver(slicer.vtkMRMLScene.EndImportEvent, lambda *_: self.fill()),
            scene.AddObserver(slicer.vtkMRMLScene.EndCloseEvent, lambda *_: self.renew()),
        ]
        self.fill()

    @staticmethod
    def _node_event(function: Any) -> Any:
        @vtk.calldata_type(vtk.VTK_OBJECT)
        def handle(caller: Any, event: str, node: Any) -> None:
            function(node)

        return handle

    def add(self, node: Any) -> None:
        """Give a node an item, unless it has one, is hidden, or is nobody's."""
        owner = next((plugin for kind, plugin in SHOWN if node.IsA(kind)), None)
        if owner is None or node.GetHideFromEditors() or self.scene.IsImporting():
            return
        hierarchy = self.scene.GetSubjectHierarchyNode()
        if hierarchy is None or hierarchy.GetItemByDataNode(node) != hierarchy.GetInvalidItemID():
            return
        item = hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)
        hierarchy.SetItemOwnerPluginName(item, owner)
        if node.IsA("vtkMRMLSegmentationNode"):
            self._mirror_segments(node)

    def remove(self, node: Any) -> None:
        """Take the item of a removed node away."""
        segmentation, tags = self._mirrored.pop(node.GetID() or "", (None, []))
        for tag in tags:
            segmentation.RemoveObserver(tag)
        hierarchy = self.scene.GetSubjectHierarchyNode()
        if hierarchy is None or node is hierarchy or self.scene.IsClosing():
            return
        item = hierarchy.GetItemByDataNode(node)
        if item != hierarchy.GetInvalidItemID():
            hierarchy.RemoveItem(item, False, True)

    def renew(self) -> None:
        """A hierarchy for the emptied scene: it would go on with the removed one while anybody holds that."""
        slicer.vtkMRMLSubjectHierarchyNode.ResolveSubjectHierarchy(self.scene)

    def fill(self) -> None:
        """Items for all nodes, for instance after a scene was imported."""
        for index in range(self.scene.GetNumberOfNodes()):
            node = self.scene.GetNthNode(index)
            if node is not None:
                self.add(node)

    def _mirror_segments(self, node: Any) -> None:
        """Segments are children of their segmentation, found by the attribute "segmentID"."""

        def update(*_: Any) -> None:
            if self.scene.IsClosing() or self.scene.IsImporting() or not self.scene.IsNodePresent(node):
                return
            hierarchy = self.scene.GetSubjectHierarchyNode()
            item = hierarchy.GetItemByDataNode(node)
            if item == hierarchy.GetInvalidItemID():
                return
            hierarchy.RemoveItemChildren(item)
            for segment_id in node.GetSegmentation().GetSegmentIDs():
                name = node.GetSegmentation().GetSegment(segment_id).GetName()
                child = hierarchy.CreateHierarchyItem(item, name, "Segments")
                hierarchy.SetItemAttribute(child, "segmentID", segment_id)

        segmentation = node.GetSegmentation()
        events = (slicer.vtkSegmentation.SegmentAdded, slicer.vtkSegmentation.SegmentRemoved)
        self._mirrored[node.GetID()] = (segmentation, [segmentation.AddObserver(event, update) for event in events])
        update()
