"""Live results in the scene: masks frame by frame, into the same nodes as a whole clip's, and the newest one in view.

A mask comes a moment after its frame. While a clip plays or is recorded for the first time, the frame in view has none
yet: there the newest mask of an earlier frame is shown, by a node of its own that nobody edits or saves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
from numpy.typing import NDArray

from . import segmented
from .masks import hasMaskAt, writeMaskAt, writing
from .nodes import PREFIX, matrixOf
from .segments import SEGMENT_IDS, labelmapOf, newSegment, writeFrame

if TYPE_CHECKING:
    from .study import Study

Masks = NDArray[np.uint8]

NEWEST = PREFIX + "NewestMask"


class LiveMasks:
    """Brings live masks of a clip into the scene.

    Parameters
    ----------
    study: the clip; it may grow meanwhile.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self._node: Any = None

    def begin(self) -> None:
        """Make way: motion and masks of whole-clip runs don't go with live ones. Masks on frames stay for now."""
        self.study.removeMotion()
        self.study.setLines(None)
        segmented.remove(self.study)

    def write(self, frame: int, mask: Masks) -> bool:
        """Write the mask (H, W) of a frame, and show it where the frame in view has none.

        Returns
        -------
        Whether it was written: a frame that a person corrected keeps its mask.
        """
        locked = frame in self.study.correctedFrames
        if not locked:
            writeMaskAt(self.study, self._index(frame), mask)
        if self._node is None:
            self._node = self._add()
        with writing():
            writeFrame(self._node, mask, matrixOf(self.study.clipSequenceNode.GetNthDataNode(0)))
        self.follow()
        return not locked

    def follow(self) -> None:
        """Another frame is in view, or masks are to be shown in another way: let the newest mask follow."""
        proxy = self.study.segmentationNode
        if self._node is None or proxy is None or proxy.GetDisplayNode() is None:
            return
        model, display = proxy.GetDisplayNode(), self._node.GetDisplayNode()
        wasModifying = display.StartModify()
        display.SetVisibility(model.GetVisibility() and not hasMaskAt(self.study, self._index(self.study.frame)))
        display.SetVisibility2DFill(model.GetVisibility2DFill())
        display.SetVisibility2DOutline(model.GetVisibility2DOutline())
        display.SetOpacity2DFill(model.GetOpacity2DFill())
        display.SetOpacity2DOutline(model.GetOpacity2DOutline())
        display.SetSliceIntersectionThickness(model.GetSliceIntersectionThickness())
        display.EndModify(wasModifying)

    def end(self) -> None:
        """Take the newest mask out of view; those on frames stay."""
        node, self._node = self._node, None
        if node is None or node.GetScene() is None:
            return
        display = node.GetDisplayNode()
        node.GetScene().RemoveNode(node)
        if display is not None and display.GetScene() is not None:
            display.GetScene().RemoveNode(display)

    def _index(self, frame: int) -> str:
        return str(self.study.clipSequenceNode.GetNthIndexValue(frame))

    def _add(self) -> Any:
        node = slicer.vtkMRMLSegmentationNode()
        node.SetName(f"{self.study.name} newest mask")
        node.SetHideFromEditors(True)
        node.SetSaveWithScene(False)
        node.SetAttribute(NEWEST, "1")
        node = slicer.mrmlScene.AddNode(node)
        node.CreateDefaultDisplayNodes()
        node.GetDisplayNode().SetSaveWithScene(False)
        geometry = matrixOf(self.study.clipSequenceNode.GetNthDataNode(0))
        image = labelmapOf(np.zeros((1, 1), np.uint8), geometry, 0, 0)
        for label, name in SEGMENT_IDS.items():
            node.GetSegmentation().AddSegment(newSegment(label, image), name)
        return node
