"""Which file is what, and how each kind is read into the scene: the readers that Slicer's modules register."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import slicer

# Longest endings first: ".seq.nrrd" is a sequence before it is a volume. The first ending of a kind is its default.
ENDINGS: tuple[tuple[str, str], ...] = (
    (".seq.nrrd", "SequenceFile"),
    (".seq.nhdr", "SequenceFile"),
    (".seq.mha", "SequenceFile"),
    (".seq.mrb", "SequenceFile"),
    (".seg.nrrd", "SegmentationFile"),
    (".seg.nhdr", "SegmentationFile"),
    (".seg.vtm", "SegmentationFile"),
    (".mrk.json", "MarkupsFile"),
    (".fcsv", "MarkupsFile"),
    (".nii.gz", "VolumeFile"),
    (".mrb", "SceneFile"),
    (".mrml", "SceneFile"),
    (".tsv", "TableFile"),
    (".csv", "TableFile"),
    (".h5", "TransformFile"),
    (".tfm", "TransformFile"),
    (".vtk", "ModelFile"),
    (".vtp", "ModelFile"),
    (".stl", "ModelFile"),
    (".ply", "ModelFile"),
    (".obj", "ModelFile"),
    (".txt", "TextFile"),
    (".json", "TextFile"),
    (".ctbl", "ColorTableFile"),
    (".nrrd", "VolumeFile"),
    (".nhdr", "VolumeFile"),
    (".nii", "VolumeFile"),
    (".mha", "VolumeFile"),
    (".mhd", "VolumeFile"),
    (".tif", "VolumeFile"),
    (".tiff", "VolumeFile"),
    (".png", "VolumeFile"),
    (".jpg", "VolumeFile"),
)

Properties = dict[str, Any]
Reader = Callable[[Any, Properties, Any], list[Any]]


def file_type(path: str) -> str:
    """The kind of a file by its name; "NoFile" where no reader takes it."""
    lower = path.lower()
    return next((kind for ending, kind in ENDINGS if lower.endswith(ending)), "NoFile")


def known_ending(path: str) -> str:
    """The ending that decides the kind, as written in ENDINGS; empty where there is none."""
    lower = path.lower()
    return next((ending for ending, _ in ENDINGS if lower.endswith(ending)), "")


def node_name(properties: Properties) -> str:
    """The name that a loaded node gets: the caller's, or the file's without its ending."""
    if properties.get("name"):
        return str(properties["name"])
    path = str(properties["fileName"])
    name = Path(path).name
    return name[: len(name) - len(known_ending(path))] or name


def read_volume(backend: Any, properties: Properties, messages: Any) -> list[Any]:
    """Read a volume; `labelmap`, `singleFile` and `show` as in slicer.util.loadVolume."""
    options = (1 if properties.get("labelmap") else 0) | (8 if properties.get("singleFile") else 0)
    logic = backend.logics["Volumes"]
    node = logic.AddArchetypeVolume(str(properties["fileName"]), node_name(properties), options, None)
    if node is not None and properties.get("show", True):
        backend.application_logic.GetSelectionNode().SetActiveVolumeID(node.GetID())
        backend.application_logic.PropagateVolumeSelection()
    return [node]


def read_sequence(backend: Any, properties: Properties, messages: Any) -> list[Any]:
    """Read a sequence and give it a browser."""
    node = backend.logics["Sequences"].AddSequence(str(properties["fileName"]), messages)
    if node is None:
        return []
    node.SetName(node_name(properties))
    browser = backend.scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"{node.GetName()} browser")
    browser.SetAndObserveMasterSequenceNodeID(node.GetID())
    return [node, browser]


def read_segmentation(backend: Any, properties: Properties, messages: Any) -> list[Any]:
    """Read a segmentation."""
    logic = backend.logics["Segmentations"]
    return [logic.LoadSegmentationFromFile(str(properties["fileName"]), False, node_name(properties))]


def read_markups(backend: Any, properties: Properties, messages: Any) -> list[Any]:
    """Read markups; a file may hold several nodes."""
    loaded = backend.logics["Markups"].LoadMarkups(str(properties["fileName"]), node_name(properties), messages)
    return [backend.scene.GetNodeByID(one) for one in str(loaded or "").split(",") if one]


def read_transform(backend: Any, properties: Properties, messages: Any) -> list[Any]:
    """Read a transform."""
    return [backend.logics["Transforms"].AddTransform(str(properties["fileName"]), backend.scene)]


def own_storage(node: Any, path: str) -> Any:
    """The storage node of a node, made and added to the scene if it has none; None for nodes that aren't stored."""
    _allow_storage(node)
    if node.GetStorageNode() is None:
        node.AddDefaultStorageNode(path)
    return node.GetStorageNode()


def new_storage(node: Any, path: str) -> Any:
    """A storage node that fits a node, outside the scene."""
    _allow_storage(node)
    class_name = node.GetDefaultStorageNodeClassName(path)
    if not class_name:
        return None
    storage = node.GetScene().CreateNodeByClass(class_name)
    storage.UnRegister(None)
    return storage


def _allow_storage(node: Any) -> None:
    """A text node has a storage only for long texts, unless told otherwise."""
    if isinstance(node, slicer.vtkMRMLTextNode):
        node.SetForceCreateStorageNode(node.CreateStorageNodeAlways)


def storable_reader(class_name: str) -> Reader:
    """A reader for nodes whose storage node does all the work."""

    def read(backend: Any, properties: Properties, messages: Any) -> list[Any]:
        node = backend.scene.AddNewNodeByClass(class_name, node_name(properties))
        storage = own_storage(node, str(properties["fileName"]))
        storage.SetFileName(str(properties["fileName"]))
        if not storage.ReadData(node):
            backend.scene.RemoveNode(node)
            return []
        if isinstance(node, slicer.vtkMRMLDisplayableNode):
            node.CreateDefaultDisplayNodes()
        return [node]

    return read


READERS: dict[str, Reader] = {
    "VolumeFile": read_volume,
    "SequenceFile": read_sequence,
    "SegmentationFile": read_segmentation,
    "MarkupsFile": read_markups,
    "TransformFile": read_transform,
    "TableFile": storable_reader("vtkMRMLTableNode"),
    "TextFile": storable_reader("vtkMRMLTextNode"),
    "ModelFile": storable_reader("vtkMRMLModelNode"),
    "ColorTableFile": storable_reader("vtkMRMLColorTableNode"),
}
