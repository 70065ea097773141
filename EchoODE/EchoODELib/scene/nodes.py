"""Small things that every part of the scene needs: values kept on nodes, roles, sequences that run with a clip."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

PREFIX = "EchoODE."

CLIP, MASKS, SEGMENTED = (PREFIX + role for role in ("Clip", "Masks", "Segmented"))


def readValue(node: Any, key: str, default: Any = None) -> Any:
    """A plain value (number, string, list, mapping) kept on a node as the attribute ``EchoODE.<key>``.

    What a person or another program wrote there, and that can't be read or is of another kind than ``default``,
    counts as absent.
    """
    text = node.GetAttribute(PREFIX + key)
    if not text:
        return default
    try:
        value = json.loads(text)
    except ValueError:
        return default
    return value if default is None or isinstance(value, type(default)) else default


def writeValue(node: Any, key: str, value: Any) -> None:
    """Keep a plain value on a node, so that it is saved with the scene; None takes it away."""
    text = None if value is None else json.dumps(value, ensure_ascii=True, sort_keys=True)
    if node.GetAttribute(PREFIX + key) == text:
        return
    if text is None:
        node.RemoveAttribute(PREFIX + key)
    else:
        node.SetAttribute(PREFIX + key, text)


def indexValues(sequence: Any) -> list[str]:
    """The index strings of a sequence node, as they stand."""
    return [sequence.GetNthIndexValue(n) for n in range(sequence.GetNumberOfDataNodes())]


def uniqueName(scene: Any, name: str) -> str:
    """``name``, or with a number where the scene has a node of that name."""
    return name if scene.GetFirstNodeByName(name) is None else scene.GenerateUniqueName(name)


def addSequence(browser: Any, role: str, name: str) -> Any:
    """A new sequence node, indexed like the browser's clip, that the browser refers to as ``role``."""
    master = browser.GetMasterSequenceNode()
    scene = browser.GetScene()
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", uniqueName(scene, name))
    sequence.SetIndexName(master.GetIndexName())
    sequence.SetIndexUnit(master.GetIndexUnit())
    sequence.SetIndexType(master.GetIndexType())
    sequence.SetNumericIndexValueTolerance(master.GetNumericIndexValueTolerance())
    browser.SetNodeReferenceID(role, sequence.GetID())
    return sequence


def clearOthers(sequence: Any, clipSequence: Any) -> None:
    """Empty a sequence unless its items are the clip's, which are then written over: a played sequence without items
    makes the browser complain.
    """
    if indexValues(sequence) != indexValues(clipSequence):
        sequence.RemoveAllDataNodes()


def synchronize(browser: Any, sequence: Any, *, saveChanges: bool) -> Any:
    """Let a filled sequence run with the clip; frames that it lacks show nothing. Returns the proxy node."""
    item = max(0, browser.GetSelectedItemNumber())
    wasModifying = browser.StartModify()
    browser.AddSynchronizedSequenceNode(sequence)
    browser.SetSaveChanges(sequence, saveChanges)
    browser.SetOverwriteProxyName(sequence, False)
    browser.SetMissingItemMode(sequence, browser.MissingItemSetToDefault)
    browser.SetSelectedItemNumber(item)
    browser.EndModify(wasModifying)
    return proxyOf(browser, sequence)


def proxyOf(browser: Any, sequence: Any) -> Any:
    """The node that shows the current item of a synchronized sequence, made anew if a person deleted it; or None."""
    if sequence is None or not browser.IsSynchronizedSequenceNodeID(sequence.GetID(), True):
        return None
    proxy = browser.GetProxyNode(sequence)
    if proxy is None and sequence.GetNumberOfDataNodes():
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
        proxy = browser.GetProxyNode(sequence)
    return proxy


def storableModified(sequence: Any) -> None:
    """Say that a sequence's items changed: views follow, and saving writes them."""
    sequence.StorableModified()
    sequence.Modified()


def matrixOf(node: Any) -> NDArray[np.float64]:
    """IJK to RAS of a volume node (or of an oriented image, its image to world), (4, 4)."""
    matrix = vtk.vtkMatrix4x4()
    if node.IsA("vtkMRMLVolumeNode"):
        node.GetIJKToRASMatrix(matrix)
    else:
        node.GetImageToWorldMatrix(matrix)
    return np.array([matrix.GetElement(row, column) for row in range(4) for column in range(4)]).reshape(4, 4)


def vtkMatrix(values: NDArray[np.float64]) -> Any:
    """A vtkMatrix4x4 of (4, 4) values."""
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(np.asarray(values, np.float64).ravel().tolist())
    return matrix


def imageArray(image: Any) -> NDArray[Any]:
    """The scalars of a vtkImageData as (K, J, I), or (K, J, I, components) where there are several; a view."""
    columns, rows, slices = image.GetDimensions()
    scalars: NDArray[Any] = vtk_to_numpy(image.GetPointData().GetScalars())
    return scalars.reshape((slices, rows, columns, *scalars.shape[1:]))
