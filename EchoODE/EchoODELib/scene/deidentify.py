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
        _renameNodes(scene, undo)
        _clearAttributes(scene, undo)
        _clearHierarchy(scene, undo)
        yield
    finally:
        for restore in reversed(undo):
            restore()


def _renameNodes(scene: Any, undo: list[Any]) -> None:
    """Longest names first: one clip's name may begin another's."""
    names = {study.name: f"Clip {number}" for number, study in enumerate(Study.all(), 1)}
    ordered = sorted(names.items(), key=lambda pair: -len(pair[0]))
    for number in range(scene.GetNumberOfNodes()):
        _renameNode(scene.GetNthNode(number), ordered, undo)
    for sequence in slicer.util.getNodesByClass("vtkMRMLSequenceNode"):
        for item in range(sequence.GetNumberOfDataNodes()):
            _renameNode(sequence.GetNthDataNode(item), ordered, undo)


def _renameNode(node: Any, names: list[tuple[str, str]], undo: list[Any]) -> None:
    known = node.GetName()
    for clip, neutral in names:
        if known and clip in known:
            undo.append(lambda: node.SetName(known))
            node.SetName(known.replace(clip, neutral))
            return


def _clearAttributes(scene: Any, undo: list[Any]) -> None:
    for number in range(scene.GetNumberOfNodes()):
        node = scene.GetNthNode(number)
        for name in list(node.GetAttributeNames() or ()):
            value = node.GetAttribute(name)
            if name.startswith(_DICOM):
                cleared = None
            elif name == f"{PREFIX}Source":
                cleared = json.dumps({**json.loads(value), "name": ""})
            else:
                continue
            undo.append(lambda node=node, name=name, value=value: node.SetAttribute(name, value))
            if cleared is None:
                node.RemoveAttribute(name)
            else:
                node.SetAttribute(name, cleared)


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
