"""Masks in the scene: a segmentation on every frame, with segments LV, Myocardium and LA, and back to label arrays.

A frame's three segments share one label map, cropped to what is drawn: quick to write, to read and to show. A person
may rename, remove or add segments, draw them in layers of their own, or shrink them: reading finds ours by their id,
else by their code, and leaves others alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk

from ..engine.errors import UnsuitableClip, UnsuitableMask
from ..engine.export.anatomy import STRUCTURES
from ..engine.sequence import Label
from .nodes import MASKS, addSequence, imageArray, indexValues, matrixOf, proxyOf, storableModified, synchronize
from .nodes import vtkMatrix as toVtk

if TYPE_CHECKING:
    from .study import Study

Masks = NDArray[np.uint8]

LABELMAP = "Binary labelmap"
SEGMENT_IDS = {Label.LV: "LV", Label.MYOCARDIUM: "Myocardium", Label.LA: "LA"}
# Where a person's segments overlap the cavity counts, then the atrium, then the wall: later ones are laid on top.
_ORDER = (Label.MYOCARDIUM, Label.LA, Label.LV)
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
    return proxyOf(study.browserNode, maskSequenceOf(study))


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
        _removeLeftovers(study)
        sequence = addSequence(study.browserNode, MASKS, f"{study.name} masks")
    template = _template(study)
    with writing():
        wasModifying = sequence.StartModify()
        for text in texts:
            if text in missing:
                sequence.SetDataNodeAtValue(template, text)
        sequence.EndModify(wasModifying)
        proxy = synchronize(study.browserNode, sequence, saveChanges=True)
        proxy.SetReferenceImageGeometryParameterFromVolumeNode(study.clipNode)
        study.browserNode.SetNodeReferenceID(_PROXY, proxy.GetID())
    _setLook(proxy)
    return sequence


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
            _writeFrame(sequence.GetDataNodeAtValue(texts[frame]), mask, geometry)
        storableModified(sequence)
        sequence.EndModify(wasModifying)


def readMasks(study: Study) -> Masks | None:
    """Masks of all frames, (T, H, W), read-only; None without any. Only frames that changed are read again."""
    sequence = maskSequenceOf(study)
    if sequence is None:
        return None
    clip = study.sequence()
    geometry = matrixOf(study.clipSequenceNode.GetNthDataNode(0))
    items = [sequence.GetDataNodeAtValue(text) for text in indexValues(study.clipSequenceNode)]
    found = [_segmentsOf(item) for item in items]
    states: list[object] = [(geometry.tobytes(), *_stateOf(segments)) for segments in found]
    before, masks = _read.get(sequence.GetID(), ([], np.zeros(0, np.uint8)))
    if before == states and masks.shape == clip.frames.shape:
        return masks
    if masks.shape == clip.frames.shape:
        masks = masks.copy()
    else:
        before, masks = [None] * len(states), np.zeros(clip.frames.shape, np.uint8)
    for frame, segments in enumerate(found):
        if states[frame] != before[frame]:
            masks[frame] = _readFrame(segments, geometry, clip.shape)
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
    image = _imageOf(np.zeros((1, 1), np.uint8), matrixOf(item), 0, 0)
    for label in SEGMENT_IDS:
        node.GetSegmentation().AddSegment(_newSegment(label, image), SEGMENT_IDS[label])
    return node


def _newSegment(label: Label, image: Any) -> Any:
    structure = STRUCTURES[label]
    segment = slicer.vtkSegment()
    segment.SetName(SEGMENT_IDS[label])
    segment.SetNameAutoGenerated(False)
    segment.SetColor(*(channel / 255 for channel in structure.color))
    segment.SetColorAutoGenerated(False)
    segment.SetTag(segment.GetTerminologyEntryTagName(), structure.terminology)
    segment.SetLabelValue(int(label))
    segment.AddRepresentation(LABELMAP, image)
    return segment


def _setLook(proxy: Any) -> None:
    """A clear outline over a faint fill, so that the wall stays visible under it."""
    if proxy.GetDisplayNode() is None:
        proxy.CreateDefaultDisplayNodes()
    display = proxy.GetDisplayNode()
    display.SetOpacity2DFill(0.2)
    display.SetOpacity2DOutline(1.0)
    display.SetSliceIntersectionThickness(2)


def _removeLeftovers(study: Study) -> None:
    """A segmentation that showed masks whose sequence a person deleted shows the past on every frame."""
    node = study.browserNode.GetNodeReference(_PROXY)
    if node is not None:
        study.browserNode.GetScene().RemoveNode(node)


def _imageOf(values: Masks, geometry: NDArray[np.float64], row: int, column: int) -> Any:
    """A label map whose first pixel is at (row, column) of the clip's grid."""
    image = slicer.vtkOrientedImageData()
    image.SetExtent(column, column + values.shape[1] - 1, row, row + values.shape[0] - 1, 0, 0)
    image.SetImageToWorldMatrix(toVtk(geometry))
    image.GetPointData().SetScalars(
        numpy_to_vtk(np.ascontiguousarray(values).ravel(), deep=True, array_type=vtk.VTK_UNSIGNED_CHAR)
    )
    return image


def _writeFrame(node: Any, mask: Masks, geometry: NDArray[np.float64]) -> None:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    row, column = (int(rows[0]), int(columns[0])) if len(rows) else (0, 0)
    drawn = mask[row : rows[-1] + 1, column : columns[-1] + 1] if len(rows) else mask[:1, :1]
    image = _imageOf(np.asarray(drawn, np.uint8), geometry, row, column)
    segmentation = node.GetSegmentation()
    found = _segmentsOf(node)
    for label in SEGMENT_IDS:
        segment = found.get(label)
        if segment is None:
            segmentation.AddSegment(_newSegment(label, image), segmentation.GenerateUniqueSegmentID(SEGMENT_IDS[label]))
            continue
        segment.SetLabelValue(int(label))
        segment.AddRepresentation(LABELMAP, image)


def _segmentsOf(node: Any) -> dict[Label, Any]:
    """Our segments of a frame: by id, else by code; one that is absent is left out."""
    if node is None or node.GetSegmentation() is None:
        return {}
    segmentation = node.GetSegmentation()
    found = {label: segmentation.GetSegment(name) for label, name in SEGMENT_IDS.items()}
    absent = [label for label, segment in found.items() if segment is None]
    if absent:
        taken = {segment.GetAddressAsString("") for segment in found.values() if segment is not None}
        for number in range(segmentation.GetNumberOfSegments()):
            segment = segmentation.GetNthSegment(number)
            if segment.GetAddressAsString("") in taken:
                continue
            entry = vtk.mutable("")
            segment.GetTag(segment.GetTerminologyEntryTagName(), entry)
            for label in absent:
                if found[label] is None and f"^{STRUCTURES[label].snomed}^" in str(entry):
                    found[label] = segment
    return {label: segment for label, segment in found.items() if segment is not None}


def _stateOf(segments: Mapping[Label, Any]) -> tuple[object, ...]:
    """What a frame's mask is made of; modification times are unique in a process."""
    state: list[object] = []
    for label, segment in segments.items():
        image = segment.GetRepresentation(LABELMAP)
        state.append((label, segment.GetLabelValue(), None if image is None else image.GetMTime()))
    return tuple(state)


def _readFrame(segments: Mapping[Label, Any], geometry: NDArray[np.float64], shape: tuple[int, int]) -> Masks:
    mask = np.zeros(shape, np.uint8)
    for label in _ORDER:
        segment = segments.get(label)
        image = segment.GetRepresentation(LABELMAP) if segment is not None else None
        if image is None or not image.GetNumberOfPoints() or image.GetPointData().GetScalars() is None:
            continue
        offset = _offset(image, geometry)
        if offset is None:
            image = _resampled(image, geometry, shape)
            offset = (0, 0, 0)
        values = imageArray(image)
        left, _, top, _, first, _ = image.GetExtent()
        depth = -(first + offset[2])
        if 0 <= depth < len(values):
            _paste(mask, values[depth] == segment.GetLabelValue(), int(label), top + offset[1], left + offset[0])
    return mask


def _paste(mask: Masks, drawn: NDArray[np.bool_], value: int, top: int, left: int) -> None:
    """Put a piece at (top, left), cut to the frame."""
    row, column = max(0, top), max(0, left)
    piece = drawn[row - top :, column - left :][: max(0, mask.shape[0] - row), : max(0, mask.shape[1] - column)]
    mask[row : row + piece.shape[0], column : column + piece.shape[1]][piece] = value


def _offset(image: Any, geometry: NDArray[np.float64]) -> tuple[int, int, int] | None:
    """By how many pixels (i, j, k) a label map's grid is shifted against the clip's; None if it is another grid."""
    own = matrixOf(image)
    if np.array_equal(own, geometry):
        return 0, 0, 0
    relative = np.linalg.inv(geometry) @ own
    shift = relative[:3, 3]
    # Over a thousand pixels the grids may part by a tenth of a pixel.
    if not np.allclose(relative[:3, :3], np.eye(3), atol=1e-4) or np.abs(shift - np.rint(shift)).max() > 0.05:
        return None
    column, row, depth = (int(value) for value in np.rint(shift))
    return column, row, depth


def _resampled(image: Any, geometry: NDArray[np.float64], shape: tuple[int, int]) -> Any:
    """A label map from another grid, on the clip's."""
    reference = _imageOf(np.zeros(shape, np.uint8), geometry, 0, 0)
    result = slicer.vtkOrientedImageData()
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(image, reference, result)
    return result
