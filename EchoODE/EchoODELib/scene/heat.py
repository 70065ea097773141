"""Where a network looked to estimate an ejection fraction, as colours over the echo, frame by frame.

The heat is a sequence of volumes that plays with the clip. It is saved with the scene, since only the network can
make it anew; to show or to hide it changes nothing but the view.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
from numpy.typing import NDArray

from .colors import heatColors
from .nodes import (
    PREFIX,
    addSequence,
    clearOthers,
    imageArray,
    indexValues,
    matrixOf,
    proxyOf,
    readValue,
    storableModified,
    synchronize,
    vtkMatrix,
    writeValue,
)
from .strain import overlayComposite

if TYPE_CHECKING:
    from .study import Study

HEAT = PREFIX + "Heat"
_NETWORK = "HeatNetwork"
_ADDED = "HeatAdded"
_read: dict[str, tuple[int, NDArray[np.uint8]]] = {}  # node id -> (its modification time, what it held)


def writeHeat(study: Study, maps: NDArray[np.uint8], network: str) -> None:
    """Keep heat maps (T, H, W) of a network; they are not in view until :func:`showHeat`."""
    browser = study.browserNode
    sequence = browser.GetNodeReference(HEAT) or addSequence(browser, HEAT, f"{study.name} heat")
    clearOthers(sequence, study.clipSequenceNode)
    node = slicer.vtkMRMLScalarVolumeNode()
    node.SetIJKToRASMatrix(vtkMatrix(matrixOf(study.clipSequenceNode.GetNthDataNode(0))))
    node.SetName(f"{study.name} heat")
    wasModifying = sequence.StartModify()
    for frame, index in zip(maps, indexValues(study.clipSequenceNode), strict=True):
        slicer.util.updateVolumeFromArray(node, np.ascontiguousarray(frame[np.newaxis]))
        sequence.SetDataNodeAtValue(node, index)
    sequence.EndModify(wasModifying)
    storableModified(sequence)
    writeValue(browser, _NETWORK, network)
    if browser.IsSynchronizedSequenceNode(sequence):
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    else:
        synchronize(browser, sequence, saveChanges=False)


def readHeat(study: Study, network: str) -> NDArray[np.uint8] | None:
    """The maps (T, H, W), read-only, of a network; None if there are none for this clip."""
    sequence = study.browserNode.GetNodeReference(HEAT)
    if sequence is None or readValue(study.browserNode, _NETWORK, "") != network:
        return None
    known = _read.get(sequence.GetID())
    if known is not None and known[0] == sequence.GetMTime():
        return known[1]
    rows, columns = study.sequence().shape
    images = [sequence.GetNthDataNode(n).GetImageData() for n in range(sequence.GetNumberOfDataNodes())]
    if len(images) != study.frameCount or any(
        image is None or image.GetDimensions() != (columns, rows, 1) for image in images
    ):
        return None
    maps: NDArray[np.uint8] = np.stack([imageArray(image)[0] for image in images]).astype(np.uint8, copy=False)
    maps.setflags(write=False)
    _read.clear()
    _read[sequence.GetID()] = (sequence.GetMTime(), maps)
    return maps


def heatNode(study: Study) -> Any:
    """The volume of the heat at the frame in view, or None."""
    return proxyOf(study.browserNode, study.browserNode.GetNodeReference(HEAT))


def showHeat(study: Study) -> Any:
    """Lay the heat over the echo in its slice view; returns the volume node that follows the frames, or None."""
    node = heatNode(study)
    if node is None:
        return None
    if node.GetDisplayNode() is None:
        node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    wasModifying = display.StartModify()
    display.SetAndObserveColorNodeID(heatColors().GetID())
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(0.0, 255.0)
    display.SetInterpolate(True)
    display.EndModify(wasModifying)
    composite = overlayComposite()
    wasModifying = composite.StartModify()
    composite.SetForegroundVolumeID(node.GetID())
    composite.SetForegroundOpacity(1.0)
    # Added to the echo, black adds nothing; laid over it, a volume has a hard rim, for a pixel is seen or it isn't.
    composite.SetCompositing(composite.Add)
    writeValue(composite, _ADDED, True)
    composite.EndModify(wasModifying)
    return node


def heatShown(study: Study) -> bool:
    """Whether the heat is in view."""
    node = heatNode(study)
    return node is not None and overlayComposite().GetForegroundVolumeID() == node.GetID()


def hideHeat(study: Study) -> None:
    """Take the heat out of the view; it stays in the scene."""
    if heatShown(study):
        overlayComposite().SetForegroundVolumeID(None)
    layOver()


def layOver() -> None:
    """Let volumes lie over the echo again, as they do without heat."""
    composite = overlayComposite()
    if readValue(composite, _ADDED, False):
        composite.SetCompositing(composite.Alpha)
        writeValue(composite, _ADDED, None)


def removeHeat(study: Study) -> None:
    """Take the heat out of the scene."""
    hideHeat(study)
    browser = study.browserNode
    sequence, node = browser.GetNodeReference(HEAT), heatNode(study)
    writeValue(browser, _NETWORK, None)
    if sequence is not None:
        browser.RemoveSynchronizedSequenceNode(sequence.GetID())
        slicer.mrmlScene.RemoveNode(sequence)
    if node is not None and node.GetScene() is not None:
        slicer.mrmlScene.RemoveNode(node)
    browser.RemoveNodeReferenceIDs(HEAT)


def changeGeometry(study: Study, change: NDArray[np.float64]) -> None:
    """Move the heat by a (4, 4) matrix on RAS positions."""
    sequence = study.browserNode.GetNodeReference(HEAT)
    if sequence is None:
        return
    for number in range(sequence.GetNumberOfDataNodes()):
        item = sequence.GetNthDataNode(number)
        item.SetIJKToRASMatrix(vtkMatrix(change @ matrixOf(item)))
    storableModified(sequence)
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(study.browserNode)
