"""The part of qMRMLSegmentEditorWidget that deals with nodes: what is edited, on which volume, which segment."""

from __future__ import annotations

import slicer


class EditorNodes:
    """Keeps the editor's node and what it names; the panel follows the node."""

    def _scene_set(self):
        state = self._d
        state.logic.SetMRMLScene(state.scene)
        for selector in (state.segmentations, state.volumes):
            selector.setMRMLScene(state.scene)

    def setMRMLSegmentEditorNode(self, node, /):
        """The node that keeps the editor's state."""
        state = self._d
        state.node = node
        state.logic.SetSegmentEditorNode(node)
        state.observer.clear()
        state.observer.watch(node, self.updateWidgetFromMRML)
        state.masking._set_node(node)
        self.updateWidgetFromMRML()

    def mrmlSegmentEditorNode(self, /):
        """The node that keeps the editor's state."""
        return self._d.node

    def setSegmentationNode(self, node, /):
        """The segmentation to edit."""
        if self._d.node is None:
            return  # as in Slicer: without its node the editor keeps nothing
        changed = node is not self._d.node.GetSegmentationNode()
        self._d.logic.SetSegmentationNode(node)
        if changed:
            segment_ids = list(self._d.logic.GetSegmentIDs()) if node is not None else []
            if segment_ids and self.currentSegmentID() not in segment_ids:
                self._d.logic.SetCurrentSegmentID(segment_ids[0])
            self.updateWidgetFromMRML()
            self.segmentationNodeChanged.emit(node)

    def setSegmentationNodeID(self, node_id, /):
        """The segmentation to edit, by id."""
        self.setSegmentationNode(self._d.scene.GetNodeByID(node_id) if node_id else None)

    def segmentationNode(self, /):
        """The segmentation that is edited."""
        return self._d.node.GetSegmentationNode() if self._d.node is not None else None

    def segmentationNodeID(self, /):
        """Id of the segmentation that is edited."""
        return self.segmentationNode().GetID() if self.segmentationNode() is not None else ""

    def setSourceVolumeNode(self, node, /):
        """The volume whose grey values effects use."""
        if self._d.node is None:
            return
        changed = node is not self._d.node.GetSourceVolumeNode()
        self._d.logic.SetSourceVolumeNode(node)
        if changed:
            if node is not None and self.autoShowSourceVolumeNode:
                self.showSourceVolumeInSliceViewers()
            self.updateWidgetFromMRML()
            self.sourceVolumeNodeChanged.emit(node)

    def setSourceVolumeNodeID(self, node_id, /):
        """The volume whose grey values effects use, by id."""
        self.setSourceVolumeNode(self._d.scene.GetNodeByID(node_id) if node_id else None)

    def sourceVolumeNode(self, /):
        """The volume whose grey values effects use."""
        return self._d.node.GetSourceVolumeNode() if self._d.node is not None else None

    def sourceVolumeNodeID(self, /):
        """Id of the source volume."""
        return self.sourceVolumeNode().GetID() if self.sourceVolumeNode() is not None else ""

    def setCurrentSegmentID(self, segment_id, /):
        """Choose the segment that effects change."""
        self._d.logic.SetCurrentSegmentID(segment_id)

    def currentSegmentID(self, /):
        """The segment that effects change."""
        return (self._d.node.GetSelectedSegmentID() or "") if self._d.node is not None else ""

    def showSourceVolumeInSliceViewers(self, force=False, fit=False, /):
        """Show the source volume behind the segments."""
        volume = self.sourceVolumeNode()
        for composite in slicer.util.getNodesByClass("vtkMRMLSliceCompositeNode") if volume is not None else []:
            if force or volume.GetID() not in (composite.GetBackgroundVolumeID(), composite.GetForegroundVolumeID()):
                composite.SetBackgroundVolumeID(volume.GetID())
        if fit and slicer.app.layoutManager() is not None:
            slicer.app.layoutManager().resetSliceViews()

    def _segmentation_chosen(self, node):
        if not self._d.updating:
            self.setSegmentationNode(node)

    def _volume_chosen(self, node):
        if not self._d.updating:
            self.setSourceVolumeNode(node)

    def _segment_chosen(self, *_):
        selected = self._d.table.selectedSegmentIDs()
        if not self._d.updating and selected and selected[0] != self.currentSegmentID():
            self.setCurrentSegmentID(selected[0])

    def updateWidgetFromMRML(self, /):
        """Show the state of the editor's node."""
        state, node = self._d, self._d.node
        if state.updating or "masking" not in vars(state):
            return
        state.updating = True
        segmentation = self.segmentationNode()
        state.segmentations.setCurrentNode(segmentation)
        state.volumes.setCurrentNode(self.sourceVolumeNode())
        if state.table.segmentationNode() is not segmentation:
            state.table.setSegmentationNode(segmentation)
        current = self.currentSegmentID()
        changed = [current] != state.table.selectedSegmentIDs() and bool(current)
        state.table.setSelectedSegmentIDs([current] if current else [])
        editable = node is not None and segmentation is not None and not self.readOnly
        ready = editable and self.sourceVolumeNode() is not None and bool(current)
        state.add.setEnabled(editable)
        state.remove.setEnabled(editable and bool(current))
        state.effect_box.setEnabled(ready)
        state.options.setEnabled(ready)
        name = (node.GetActiveEffectName() or "") if node is not None else ""
        self._show_effect(state.effects.get(name) if ready else None)
        state.updating = False
        self._show_history()
        if changed:
            self.currentSegmentIDChanged.emit(current)
