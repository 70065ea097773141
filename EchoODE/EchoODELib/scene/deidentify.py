"""A scene without the names that came in with its clips, for as long as it is being saved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import slicer
import vtk

from .nodes import PREFIX
from .study import Study

_DICOM = "DICOM."


@contextmanager
def deidentified(scene: Any) -> Iterator[None]:
    """Names of clips become "Clip 1", "Clip 2"; patient and study items lose names and DICOM tags. All is put back.

    File names, node names and the subject hierarchy are where a patient's name gets into a scene: Slicer's DICOM
    reader names nodes and folders after it. Pixels are not looked at: burned-in text outside of the sector stays.
    """
    undo: list[Any] = []
    try:
        names = _namesOfClips()
        for node in list(_allNodes(scene)):
            _clearNode(node, names, undo)
        _clearHierarchy(scene, undo)
        yield
    finally:
        for restore in reversed(undo):
            restore()


def _namesOfClips() -> list[tuple[str, str]]:
    """Names and what stands for them, longest first: one clip's name may begin another's."""
    names = [(study.name, f"Clip {number}") for number, study in enumerate(Study.all(), 1)]
    return sorted(names, key=lambda pair: -len(pair[0]))


def _allNodes(scene: Any) -> Iterator[Any]:
    """Nodes of the scene, and those that sequences hold."""
    for number in range(scene.GetNumberOfNodes()):
        yield scene.GetNthNode(number)
    for sequence in slicer.util.getNodesByClass("vtkMRMLSequenceNode"):
        for item in range(sequence.GetNumberOfDataNodes()):
            yield sequence.GetNthDataNode(item)


def _neutral(text: str, names: list[tuple[str, str]]) -> str:
    for name, neutral in names:
        text = text.replace(name, neutral)
    return text


def _clearNode(node: Any, names: list[tuple[str, str]], undo: list[Any]) -> None:
    known = node.GetName() or ""
    if (neutral := _neutral(known, names)) != known:
        undo.append(lambda: node.SetName(known))
        node.SetName(neutral)
    for name in list(node.GetAttributeNames() or ()):
        value = node.GetAttribute(name)
        if name.startswith(_DICOM):
            cleared = ""
        elif name == f"{PREFIX}Source":
            cleared = json.dumps({**json.loads(value), "name": ""})
        else:
            cleared = _neutral(value, names)
        if cleared == value:
            continue
        undo.append(lambda name=name, value=value: node.SetAttribute(name, value))
        if cleared:
            node.SetAttribute(name, cleared)
        else:
            node.RemoveAttribute(name)


def _clearHierarchy(scene: Any, undo: list[Any]) -> None:
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    if hierarchy is None:
        return
    items = vtk.vtkIdList()
    hierarchy.GetItemChildren(hierarchy.GetSceneItemID(), items, True)
    for number in range(items.GetNumberOfIds()):
        item = items.GetId(number)
        level = hierarchy.GetItemLevel(item)
        if level in {"Patient", "Study"}:
            known = hierarchy.GetItemName(item)
            undo.append(lambda item=item, known=known: hierarchy.SetItemName(item, known))
            hierarchy.SetItemName(item, level)
        for name in list(hierarchy.GetItemAttributeNames(item)):
            if name.startswith(_DICOM) and not name.endswith("UID"):
                value = hierarchy.GetItemAttribute(item, name)
                undo.append(lambda item=item, name=name, value=value: hierarchy.SetItemAttribute(item, name, value))
                hierarchy.RemoveItemAttribute(item, name)
