"""Masks in the scene: a segmentation on every frame, with segments LV, Myocardium and LA, and back to label arrays."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
from numpy.typing import NDArray

from ..engine.errors import UnsuitableClip, UnsuitableMask
from ..engine.sequence import Label
from .importing import guardImports
from .nodes import (
    MASKS,
    addSequence,
    indexValues,
    matrixOf,
    proxyOf,
    storableModified,
    synchronize,
    writeValue,
)
from .nodes import vtkMatrix as toVtk
from .segments import LABELMAP, SEGMENT_IDS, Masks, labelmapOf, newSegment, readFrame, segmentsOf, stateOf, writeFrame

if TYPE_CHECKING:
    from .study import Study

_REFERENCE = "Reference image geometry"  # Slicer's name of the parameter that holds the clip's grid
_PROXY = MASKS + "Proxy"
_KEPT = 8
# mask sequence's id -> (what each frame was made of, read-only masks)
_read: OrderedDict[str, tuple[list[object], Masks]] = OrderedDict()
_writing = 0


def isWriting() -> bool:
    """Whether masks change by our own hand just now, and not by a person's."""
    return _writing > 0


@contextmanager
def writing() -> Iterator[None]:
    """Changes of masks within count as ours."""
    global _writing
    _writing += 1
    try:
        yield
    finally:
        _writing -= 1


def maskSequenceOf(study: Study) -> Any:
    """The sequence node of segmentations, or None."""
    sequence = study.browserNode.GetNodeReference(MASKS)
    return sequence if sequence is not None and sequence.GetNumberOfDataNodes() else None


def segmentationOf(study: Study) -> Any:
    """The segmentation node that shows, and edits, the current frame's masks, or None."""
    browser = study.browserNode
    guardImports()
    proxy = proxyOf(browser, maskSequenceOf(study))
    if proxy is not None and browser.GetNodeReference(_PROXY) is not proxy:  # new, also where a person deleted it
        with writing():
            proxy.SetReferenceImageGeometryParameterFromVolumeNode(study.clipNode)
        _setLook(proxy)
        browser.SetNodeReferenceID(_PROXY, proxy.GetID())
    return proxy


def ensureMasks(study: Study) -> Any:
    """The mask sequence, with a segmentation, empty at first, on every frame. Returns the sequence node."""
    sequence = maskSequenceOf(study)
    texts = indexValues(study.clipSequenceNode)
    if sequence is not None:
        missing = set(texts) - set(indexValues(sequence))
        if not missing and segmentationOf(study) is not None:
            return sequence
    else:
        missing = set(texts)
        _clearLeftovers(study)
        sequence = addSequence(study.browserNode, MASKS, f"{study.name} masks")
    template = _template(study)
    with writing():
        wasModifying = sequence.StartModify()
        for text in texts:
            if text in missing:
                sequence.SetDataNodeAtValue(template, text)
        sequence.EndModify(wasModifying)
        synchronize(study.browserNode, sequence, saveChanges=True)
    segmentationOf(study)
    return sequence


def removeMasks(study: Study) -> None:
    """Take all masks out of the scene, with what is said about them."""
    browser, sequence, proxy = study.browserNode, maskSequenceOf(study), segmentationOf(study)
    if sequence is not None:
        browser.RemoveSynchronizedSequenceNode(sequence.GetID())
    for node in (proxy, sequence):
        if node is not None and node.GetScene() is not None:
            node.GetScene().RemoveNode(node)
    for key in ("CorrectedFrames", "Provenance"):
        writeValue(browser, key, None)


def writeMasks(study: Study, masks: Mapping[int, Masks]) -> None:
    """Write masks (H, W) of :class:`Label` values at their frames, whatever stood there.

    Raises
    ------
    UnsuitableMask: another size than the clip's frames, or other values than labels.
    UnsuitableClip: a frame outside of the clip.
    """
    shape, count = study.sequence().shape, study.frameCount
    for frame, mask in masks.items():
        check(frame, mask, shape, count)
    sequence = ensureMasks(study)
    geometry = matrixOf(study.clipSequenceNode.GetNthDataNode(0))
    texts = indexValues(study.clipSequenceNode)
    with writing():
        wasModifying = sequence.StartModify()
        for frame, mask in masks.items():
            writeFrame(sequence.GetDataNodeAtValue(texts[frame]), mask, geometry)
        storableModified(sequence)
        sequence.EndModify(wasModifying)


def writeMaskAt(study: Study, index: str, mask: Masks) -> None:
    """Write the mask (H, W) of the frame that has this index value, whatever stood there.

    Other frames are not looked at, nor given masks where they have none: a clip that is being recorded grows meanwhile.
    """
    sequence = maskSequenceOf(study)
    geometry = matrixOf(study.clipSequenceNode.GetNthDataNode(0))
    with writing():
        new = sequence is None
        if new:
            _clearLeftovers(study)
            sequence = addSequence(study.browserNode, MASKS, f"{study.name} masks")
        wasModifying = sequence.StartModify()
        if sequence.GetDataNodeAtValue(index) is None:
            sequence.SetDataNodeAtValue(_template(study), index)
        writeFrame(sequence.GetDataNodeAtValue(index), mask, geometry)
        storableModified(sequence)
        sequence.EndModify(wasModifying)
        if new and synchronize(study.browserNode, sequence, saveChanges=True) is None:
            # The frame in view is a newer one without a mask: Slicer would make no node to show masks by.
            study.browserNode.AddProxyNode(_template(study), sequence, True)
    segmentationOf(study)


def hasMaskAt(study: Study, index: str) -> bool:
    """Whether anything is drawn on the frame that has this index value."""
    sequence = maskSequenceOf(study)
    if sequence is None:
        return False
    found = segmentsOf(sequence.GetDataNodeAtValue(index)).values()
    images = [segment.GetRepresentation(LABELMAP) for segment in found]
    # What is written here is cut to what is drawn: an empty mask has one point.
    return any(image is not None and image.GetNumberOfPoints() > 1 for image in images)


def readMasks(study: Study) -> Masks | None:
    """Masks of all frames, (T, H, W), read-only; None without any. Only frames that changed are read again."""
    sequence = maskSequenceOf(study)
    if sequence is None:
        return None
    clip = study.sequence()
    geometry = matrixOf(study.clipSequenceNode.GetNthDataNode(0))
    items = [sequence.GetDataNodeAtValue(text) for text in indexValues(study.clipSequenceNode)]
    found = [segmentsOf(item) for item in items]
    states: list[object] = [(geometry.tobytes(), *stateOf(segments)) for segments in found]
    before, masks = _read.get(sequence.GetID(), ([], np.zeros(0, np.uint8)))
    if before == states and masks.shape == clip.frames.shape:
        return masks
    if masks.shape == clip.frames.shape:
        masks = masks.copy()
    else:
        before, masks = [None] * len(states), np.zeros(clip.frames.shape, np.uint8)
    for frame, segments in enumerate(found):
        if states[frame] != before[frame]:
            masks[frame] = readFrame(segments, geometry, clip.shape)
    masks.setflags(write=False)
    _read[sequence.GetID()] = (states, masks)
    _read.move_to_end(sequence.GetID())
    while len(_read) > _KEPT:
        _read.popitem(last=False)
    return masks


def changeGeometry(study: Study, change: NDArray[np.float64]) -> None:
    """Move all masks by a (4, 4) matrix on RAS positions, as the clip's pixel size was changed."""
    sequence = maskSequenceOf(study)
    if sequence is None:
        return
    reference = _template(study).GetSegmentation().GetConversionParameter(_REFERENCE)
    moved = set()
    with writing():
        for n in range(sequence.GetNumberOfDataNodes()):
            segmentation = sequence.GetNthDataNode(n).GetSegmentation()
            segmentation.SetConversionParameter(_REFERENCE, reference)
            for number in range(segmentation.GetNumberOfSegments()):
                image = segmentation.GetNthSegment(number).GetRepresentation(LABELMAP)
                if image is not None and image.GetAddressAsString("") not in moved:
                    moved.add(image.GetAddressAsString(""))
                    image.SetImageToWorldMatrix(toVtk(change @ matrixOf(image)))
                    image.Modified()
        storableModified(sequence)
        proxy = segmentationOf(study)
        if proxy is not None:
            proxy.SetReferenceImageGeometryParameterFromVolumeNode(study.clipNode)


def check(frame: int, mask: Masks, shape: tuple[int, int], count: int) -> None:
    """Refuse a mask that doesn't fit the clip; see :func:`writeMasks`."""
    if not 0 <= frame < count:
        raise UnsuitableClip(f"Frame {frame} is outside the clip, whose frames are 0 to {count - 1}.")
    if mask.shape != shape:
        raise UnsuitableMask(
            f"The mask for frame {frame} has shape {mask.shape}, the clip's frames {shape}: draw it on this clip."
        )
    if mask.size and int(mask.max()) > max(Label):
        raise UnsuitableMask(
            f"The mask for frame {frame} has values other than 0 to {int(max(Label))}; use the labels."
        )


def _template(study: Study) -> Any:
    """A segmentation with our three segments, empty, on the clip's grid."""
    item = study.clipSequenceNode.GetNthDataNode(0)
    node = slicer.vtkMRMLSegmentationNode()
    node.SetName(f"{study.name} masks")
    # A volume outside of any scene: the parameter is wanted, a reference by id would point astray.
    volume = slicer.vtkMRMLScalarVolumeNode()
    volume.SetAndObserveImageData(item.GetImageData())
    volume.SetIJKToRASMatrix(toVtk(matrixOf(item)))
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    image = labelmapOf(np.zeros((1, 1), np.uint8), matrixOf(item), 0, 0)
    for label in SEGMENT_IDS:
        node.GetSegmentation().AddSegment(newSegment(label, image), SEGMENT_IDS[label])
    return node


def _setLook(proxy: Any) -> None:
    """A clear outline over a faint fill, so that the wall stays visible under it."""
    if proxy.GetDisplayNode() is None:
        proxy.CreateDefaultDisplayNodes()
    display = proxy.GetDisplayNode()
    display.SetOpacity2DFill(0.2)
    display.SetOpacity2DOutline(1.0)
    display.SetSliceIntersectionThickness(2)


def _clearLeftovers(study: Study) -> None:
    """Take away what a mask sequence that a person deleted left: the node that shows the past on every frame."""
    browser = study.browserNode
    node = browser.GetNodeReference(_PROXY)
    if node is not None:
        browser.GetScene().RemoveNode(node)
    for key in ("CorrectedFrames", "Provenance"):
        writeValue(browser, key, None)
