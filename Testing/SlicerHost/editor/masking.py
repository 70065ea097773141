"""The masks of the segment editor: where, over which grey values, and over which segments editing is allowed."""

from __future__ import annotations

from typing import Any

import slicer
from PySide6 import QtWidgets

from ..widgets.ctk_ranges import ctkRangeWidget
from ..widgets.observing import Observer

MODES = {
    "Everywhere": slicer.vtkMRMLSegmentationNode.EditAllowedEverywhere,
    "Inside all segments": slicer.vtkMRMLSegmentationNode.EditAllowedInsideAllSegments,
    "Inside all visible segments": slicer.vtkMRMLSegmentationNode.EditAllowedInsideVisibleSegments,
    "Outside all segments": slicer.vtkMRMLSegmentationNode.EditAllowedOutsideAllSegments,
    "Outside all visible segments": slicer.vtkMRMLSegmentationNode.EditAllowedOutsideVisibleSegments,
}
INSIDE_ONE = slicer.vtkMRMLSegmentationNode.EditAllowedInsideSingleSegment
OVERWRITE = {
    "All segments": slicer.vtkMRMLSegmentEditorNode.OverwriteAllSegments,
    "Visible segments": slicer.vtkMRMLSegmentEditorNode.OverwriteVisibleSegments,
    "None": slicer.vtkMRMLSegmentEditorNode.OverwriteNone,
}


class MaskingSection(QtWidgets.QGroupBox):
    """Controls bound to the masks of a vtkMRMLSegmentEditorNode."""

    def __init__(self) -> None:
        super().__init__("Masking")
        self._node: Any = None
        self._updating = False
        self._observer = Observer(self)
        self._where, self._overwrite = QtWidgets.QComboBox(), QtWidgets.QComboBox()
        self._where.setObjectName("MaskModeComboBox")
        self._overwrite.setObjectName("OverwriteModeComboBox")
        self._overwrite.addItems(list(OVERWRITE))
        self._intensity = QtWidgets.QCheckBox("Only grey values in this range:")
        self._intensity.setObjectName("SourceVolumeIntensityMaskCheckBox")
        self._range = ctkRangeWidget()
        form = QtWidgets.QFormLayout(self)
        form.addRow("Editable area:", self._where)
        form.addRow(self._intensity)
        form.addRow(self._range)
        form.addRow("Modify other segments:", self._overwrite)
        self._where.activated.connect(self._where_chosen)
        self._overwrite.activated.connect(lambda index: self._node.SetOverwriteMode(list(OVERWRITE.values())[index]))
        self._intensity.toggled.connect(self._intensity_toggled)
        self._range.connect("valuesChanged(double,double)", self._range_chosen)

    def _set_node(self, node: Any) -> None:
        self._node = node
        self._observer.clear()
        self._observer.watch(node, self._show)
        self.setEnabled(node is not None)
        self._show()

    def _show(self) -> None:
        node = self._node
        if node is None or self._updating:
            return
        self._updating = True
        segmentation = node.GetSegmentationNode()
        ids = list(segmentation.GetSegmentation().GetSegmentIDs()) if segmentation is not None else []
        self._where.clear()
        for text, mode in MODES.items():
            self._where.addItem(text, (mode, ""))
        for segment_id in ids:
            name = segmentation.GetSegmentation().GetSegment(segment_id).GetName()
            self._where.addItem(f"Inside {name}", (INSIDE_ONE, segment_id))
        wanted = node.GetMaskMode(), (node.GetMaskSegmentID() or "") if node.GetMaskMode() == INSIDE_ONE else ""
        for index in range(self._where.count):
            if tuple(self._where.itemData(index)) == wanted:
                self._where.setCurrentIndex(index)
        self._overwrite.setCurrentIndex(list(OVERWRITE.values()).index(node.GetOverwriteMode()))
        self._intensity.setChecked(bool(node.GetSourceVolumeIntensityMask()))
        self._range.setVisible(bool(node.GetSourceVolumeIntensityMask()))
        volume = node.GetSourceVolumeNode()
        if volume is not None and volume.GetImageData() is not None:
            self._range.setRange(*volume.GetImageData().GetScalarRange())
        self._range.setValues(*node.GetSourceVolumeIntensityMaskRange())
        self._updating = False

    def _where_chosen(self, index: int) -> None:
        mode, segment_id = self._where.itemData(index)
        if segment_id:
            self._node.SetMaskSegmentID(segment_id)
        self._node.SetMaskMode(mode)

    def _intensity_toggled(self, on: bool) -> None:
        if not self._updating:
            self._node.SetSourceVolumeIntensityMask(on)

    def _range_chosen(self, low: float, high: float) -> None:
        if not self._updating and self._node is not None:
            self._node.SetSourceVolumeIntensityMaskRange(low, high)
