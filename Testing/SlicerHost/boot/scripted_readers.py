"""File readers that scripted modules bring: the class <Name>FileReader in a module's file."""

from __future__ import annotations

import re
from pathlib import Path

import slicer
from PySide6 import QtCore

from ..pythonqt.emulation import emulated, private, stored

BASE_CONFIDENCE = 0.5  # of a reader that knows a file by its ending; each letter of the ending adds a hundredth
CONFIDENCE_PER_LETTER = 0.01


def confidence_of_ending(ending: str) -> float:
    """How sure a reader is of a file whose name ends so: ".seq.nrrd" says more than ".nrrd"."""
    return BASE_CONFIDENCE + CONFIDENCE_PER_LETTER * len(ending)


@emulated
class qSlicerScriptedFileReader(QtCore.QObject):
    """The `parent` of a scripted reader; its Python instance says what it reads and loads it."""

    loadedNodes = stored("QStringList", list)

    def __init__(self, reader_class, /):
        super().__init__()
        state = private(self)
        state.messages = slicer.vtkMRMLMessageCollection()
        state.instance = reader_class(self)

    def self(self, /):
        """The Python instance."""
        return self._d.instance

    def userMessages(self, /):
        """What the reader wants the user to know, a vtkMRMLMessageCollection."""
        return self._d.messages

    def description(self, /):
        """What is read, in words."""
        return str(self._d.instance.description())

    def fileType(self, /):
        """Kind of the files that are read."""
        return str(self._d.instance.fileType())

    def extensions(self, /):
        """Name filters, such as "Clip (*.avi *.mp4)"."""
        return list(self._d.instance.extensions())

    def canLoadFile(self, path, /):
        """Whether the reader takes a file."""
        return self.canLoadFileConfidence(path) > 0

    def canLoadFileConfidence(self, path, /):
        """How sure the reader is that it's the one for a file, 0 to 1."""
        instance = self._d.instance
        if hasattr(instance, "canLoadFileConfidence"):
            return float(instance.canLoadFileConfidence(path))
        if hasattr(instance, "canLoadFile") and not instance.canLoadFile(path):
            return 0.0
        patterns = re.findall(r"\*([^\s)]*)", " ".join(self.extensions()))
        matched = [pattern for pattern in patterns if pattern == ".*" or Path(path).name.lower().endswith(pattern)]
        return max((confidence_of_ending("" if one == ".*" else one) for one in matched), default=0.0)

    def load(self, properties, /):
        """Load a file; `loadedNodes` then names the new nodes."""
        self.loadedNodes = []
        self._d.messages.ClearMessages()
        return bool(self._d.instance.load(properties))
