"""The segmentation network's own masks, kept beside the shown ones so that a later propagation can start from them.

They are a sequence of label maps that no browser plays: not in view, in no selector of volumes, but saved with the
scene (a node hidden from editors would be left out of Slicer's save dialog).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk

from ..engine.errors import UnsuitableMask
from ..engine.sequence import Provenance, SegmentedSequence
from .nodes import SEGMENTED, addSequence, imageArray, indexValues, matrixOf, readValue, writeValue
from .nodes import vtkMatrix as toVtk

if TYPE_CHECKING:
    from .study import Study


def write(study: Study, masks: NDArray[np.uint8], provenance: Provenance) -> None:
    """Keep masks (T, H, W); see :meth:`Study.setSegmented`.

    Raises
    ------
    UnsuitableMask: another size than the clip.
    """
    clip = study.sequence()
    if masks.shape != clip.frames.shape:
        raise UnsuitableMask(
            f"The masks have shape {masks.shape}, the clip {clip.frames.shape}: they must be of this clip."
        )
    browser = study.browserNode
    sequence = browser.GetNodeReference(SEGMENTED)
    if sequence is None:
        sequence = addSequence(browser, SEGMENTED, f"{study.name} masks of the network")
    node = slicer.vtkMRMLLabelMapVolumeNode()
    node.SetName(f"{study.name} mask of the network")
    node.SetIJKToRASMatrix(toVtk(matrixOf(study.clipSequenceNode.GetNthDataNode(0))))
    wasModifying = sequence.StartModify()
    for text, mask in zip(indexValues(study.clipSequenceNode), masks, strict=True):
        image = vtk.vtkImageData()
        image.SetDimensions(mask.shape[1], mask.shape[0], 1)
        image.GetPointData().SetScalars(
            numpy_to_vtk(np.ascontiguousarray(mask, np.uint8).ravel(), deep=True, array_type=vtk.VTK_UNSIGNED_CHAR)
        )
        node.SetAndObserveImageData(image)
        sequence.SetDataNodeAtValue(node, text)
    sequence.EndModify(wasModifying)
    writeValue(browser, "SegmentedProvenance", asdict(provenance))


def read(study: Study) -> SegmentedSequence | None:
    """The kept masks, or None; see :meth:`Study.segmented`."""
    sequence = study.browserNode.GetNodeReference(SEGMENTED)
    clip = study.sequence()
    if sequence is None or sequence.GetNumberOfDataNodes() != len(clip):
        return None
    images = [sequence.GetNthDataNode(n).GetImageData() for n in range(len(clip))]
    if any(image is None or image.GetDimensions() != (clip.shape[1], clip.shape[0], 1) for image in images):
        return None
    masks = np.stack([imageArray(image)[0] for image in images]).astype(np.uint8, copy=False)
    provenance = toProvenance(readValue(study.browserNode, "SegmentedProvenance"))
    return SegmentedSequence(clip, masks, provenance or Provenance("segment"), lines=study.lines())


def remove(study: Study) -> None:
    """Forget the kept masks."""
    sequence = study.browserNode.GetNodeReference(SEGMENTED)
    if sequence is not None:
        study.browserNode.GetScene().RemoveNode(sequence)
    writeValue(study.browserNode, "SegmentedProvenance", None)


def changeGeometry(study: Study, change: NDArray[np.float64]) -> None:
    """Move the kept masks by a (4, 4) matrix on RAS positions."""
    sequence = study.browserNode.GetNodeReference(SEGMENTED)
    if sequence is None:
        return
    for n in range(sequence.GetNumberOfDataNodes()):
        item = sequence.GetNthDataNode(n)
        item.SetIJKToRASMatrix(toVtk(change @ matrixOf(item)))
    sequence.StorableModified()


def toProvenance(told: Any) -> Provenance | None:
    """A provenance back from its plain values; None if they aren't one."""
    if not isinstance(told, Mapping) or "method" not in told:
        return None
    known = {field.name for field in fields(Provenance)}
    return Provenance(**{key: value for key, value in told.items() if key in known})
