"""`slicer.app.ioManager()`: every load and save of slicer.util goes through here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import slicer
from PySide6 import QtCore, QtWidgets

from ..pythonqt.emulation import emulated, private
from . import file_types
from .scripted_readers import confidence_of_ending


@emulated
class qSlicerIOManager(QtCore.QObject):
    """Reads and writes nodes and scenes."""

    newFileLoaded = QtCore.Signal(object)
    fileSaved = QtCore.Signal(object)

    def __init__(self, backend: Any, /) -> None:
        super().__init__()
        private(self).backend = backend
        private(self).readers = dict(file_types.READERS)
        private(self).scripted = {}  # kind of file -> qSlicerScriptedFileReader

    def fileType(self, path, /):
        """Kind of a file, that of the reader which is surest of it; "NoFile" if no reader takes it."""
        ending = file_types.known_ending(str(path))
        offers = [(confidence_of_ending(ending), file_types.file_type(str(path)))] if ending else []
        offers += [(one.canLoadFileConfidence(str(path)), kind) for kind, one in self._d.scripted.items()]
        confidence, kind = max(offers, key=lambda offer: offer[0], default=(0.0, ""))
        return kind if confidence > 0 else "NoFile"

    def fileWriterFileType(self, node, extension="", /):
        """Kind of file that a node is written to."""
        return "NodeFile" if node is not None else "NoFile"

    def registeredFileReaderCount(self, kind, /):
        """How many readers a kind of file has."""
        return int(kind in self._d.readers) + int(kind in self._d.scripted)

    def allReadableFileExtensions(self, /):
        """Endings of all files that can be read, without dot."""
        return [ending.lstrip(".") for ending, _ in file_types.ENDINGS]

    def extractKnownExtension(self, path, node, /):
        """The part of a file's name that tells its kind."""
        return file_types.known_ending(str(path))

    def stripKnownExtension(self, path, node, /):
        """A file's name without the part that tells its kind."""
        ending = file_types.known_ending(str(path))
        return str(path)[: len(str(path)) - len(ending)] if ending else str(path)

    def fileWriterExtensions(self, node, /):
        """Format strings of a node's storage, such as "NRRD (.nrrd)"."""
        storage = node.GetStorageNode() or file_types.new_storage(node, "")
        formats = storage.GetSupportedWriteFileTypes() if storage is not None else None
        return [formats.GetValue(i) for i in range(formats.GetNumberOfValues())] if formats is not None else []

    def loadNodes(self, kind, properties, collection=None, messages=None, /):
        """Read one file into the scene.

        Returns:
            True when something was loaded; the new nodes are appended to `collection`.
        """
        if kind == "SceneFile":
            return self._load_scene(str(properties["fileName"]), bool(properties.get("clear", False)), messages)
        if kind in self._d.scripted:
            return self._load_scripted(self._d.scripted[kind], dict(properties), collection, messages)
        reader = self._d.readers.get(kind)
        if reader is None:
            if messages is not None:
                messages.AddMessage(17, f"No reader for {properties['fileName']}")  # vtkCommand::ErrorEvent
            return False
        nodes = [node for node in reader(self._d.backend, dict(properties), messages) if node is not None]
        for node in nodes:
            if collection is not None:
                collection.AddItem(node)
        if nodes:
            self.newFileLoaded.emit({**properties, "nodeIDs": [node.GetID() for node in nodes]})
        return bool(nodes)

    def loadScene(self, path, clear=True, messages=None, /):
        """Read a .mrml or .mrb file, replacing the scene unless told otherwise."""
        return self._load_scene(str(path), clear, messages)

    def saveNodes(self, kind, properties, messages=None, /):
        """Write one node, or with kind "SceneFile" the scene."""
        path = str(properties["fileName"])
        if kind == "SceneFile":
            return self._save_scene(path, messages)
        node = self._d.backend.scene.GetNodeByID(properties["nodeID"])
        storage = file_types.own_storage(node, path)
        if storage is None:
            return False
        storage.SetFileName(path)
        if "useCompression" in properties:
            storage.SetUseCompression(properties["useCompression"])
        saved = bool(storage.WriteData(node))
        if saved:
            self.fileSaved.emit(dict(properties))
        return saved

    def saveScene(self, path, screenshot=None, messages=None, /):
        """Write the scene to a .mrml or .mrb file or into a folder."""
        return self._save_scene(str(path), messages)

    def exportNodes(self, node_ids, paths, properties, harden=False, messages=None, /):
        """Write copies of nodes without touching their own storage."""
        results = []
        for node_id, path in zip(node_ids, paths, strict=True):
            node = self._d.backend.scene.GetNodeByID(node_id)
            storage = file_types.new_storage(node, str(path))
            storage.SetFileName(str(path))
            if harden and node.GetParentTransformNode() is not None:
                copy = self._d.backend.scene.AddNewNodeByClass(node.GetClassName())
                copy.CopyContent(node)
                copy.SetAndObserveTransformNodeID(node.GetTransformNodeID())
                copy.HardenTransform()
                results.append(bool(storage.WriteData(copy)))
                self._d.backend.scene.RemoveNode(copy)
            else:
                results.append(bool(storage.WriteData(node)))
        return all(results)

    def openAddDataDialog(self, /):
        """Let the user choose files and load them."""
        paths, _ = QtWidgets.QFileDialog.getOpenFileNames(slicer.util.mainWindow(), "Add data")
        return load_and_tell(paths) if paths else False

    def openLoadSceneDialog(self, /):
        """Let the user choose a scene and load it."""
        return self.openAddDataDialog()

    def openSaveDataDialog(self, /):
        """Let the user choose where to save the scene."""
        path, _ = QtWidgets.QFileDialog.getSaveFileName(
            slicer.util.mainWindow(), "Save scene", "Scene.mrb", "Scene (*.mrb *.mrml)"
        )
        return self._save_scene(path, None) if path else False

    def _load_scripted(self, reader: Any, properties: dict[str, Any], collection: Any, messages: Any) -> bool:
        loaded = reader.load(properties)
        if messages is not None:
            messages.AddMessages(reader.userMessages())
        if loaded:
            for node_id in reader.loadedNodes if collection is not None else ():
                collection.AddItem(self._d.backend.scene.GetNodeByID(node_id))
            self.newFileLoaded.emit({**properties, "nodeIDs": list(reader.loadedNodes)})
        return loaded

    def _load_scene(self, path: str, clear: bool, messages: Any) -> bool:
        scene = self._d.backend.scene
        if path.lower().endswith(".mrb"):
            loaded = bool(scene.ReadFromMRB(path, clear, messages))
        else:
            scene.SetURL(path)
            loaded = bool(scene.Connect(messages) if clear else scene.Import(messages))
        if loaded:
            self.newFileLoaded.emit({"fileName": path, "fileType": "SceneFile"})
        return loaded

    def _save_scene(self, path: str, messages: Any) -> bool:
        scene = self._d.backend.scene
        if path.lower().endswith(".mrb"):
            return bool(scene.WriteToMRB(path, None, messages))
        if path.lower().endswith(".mrml"):
            scene.SetURL(path)
            scene.SetRootDirectory(str(Path(path).resolve().parent))
            return bool(scene.Commit(path))
        Path(path).mkdir(parents=True, exist_ok=True)
        return bool(self._d.backend.application_logic.SaveSceneToSlicerDataBundleDirectory(path, None, messages))


def load_and_tell(paths: Iterable[str]) -> bool:
    """Load files for a person; one message names those that could not be read, with the reader's reason."""
    manager, problems = slicer.app.ioManager(), []
    with slicer.util.WaitCursor():
        for path in paths:
            kind, messages = manager.fileType(path), slicer.vtkMRMLMessageCollection()
            if kind == "NoFile":
                problems.append(f"No reader takes {path}.")
            elif not manager.loadNodes(kind, {"fileName": path}, None, messages):
                problems.append(messages.GetAllMessagesAsString().strip() or f"{path} could not be read.")
    if problems:
        slicer.util.errorDisplay("\n".join(problems), parent=slicer.util.mainWindow())
    return not problems
