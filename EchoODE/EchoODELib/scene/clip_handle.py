"""A clip in the scene: its frames, their times, and the view that they show."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine.sequence import EchoSequence, View
from . import frames
from .nodes import proxyOf, readValue, writeValue


class ClipHandle:
    """A light handle on a clip's sequence browser node. Frames are 0-based."""

    def __init__(self, browserNode: Any) -> None:
        self.browserNode = browserNode

    @property
    def exists(self) -> bool:
        """Whether the clip is still in the scene."""
        return frames.isClip(self.browserNode)

    @property
    def name(self) -> str:
        """The clip's name as people know it."""
        return str(self.browserNode.GetName()).removesuffix(" browser")

    @property
    def clipSequenceNode(self) -> Any:
        """The vtkMRMLSequenceNode of the images."""
        return frames.clipSequenceOf(self.browserNode)

    @property
    def clipNode(self) -> Any:
        """The volume node that shows the current frame, in colour where the file has it."""
        return proxyOf(self.browserNode, self.clipSequenceNode)

    @property
    def frameCount(self) -> int:
        """Number of frames."""
        return int(self.clipSequenceNode.GetNumberOfDataNodes())

    @property
    def frame(self) -> int:
        """The frame in view."""
        return max(0, int(self.browserNode.GetSelectedItemNumber()))

    def setFrame(self, frame: int) -> None:
        """Show a frame; one outside of the clip becomes the nearest inside."""
        self.browserNode.SetSelectedItemNumber(min(max(0, int(frame)), self.frameCount - 1))

    @property
    def times(self) -> NDArray[np.float64]:
        """(T,) seconds, the first 0."""
        return frames.readTimes(self)

    @property
    def recording(self) -> bool:
        """Whether Slicer is recording it: frames are added."""
        return bool(self.browserNode.GetRecordingActive())

    @property
    def view(self) -> View:
        """The standard view, if known."""
        return frames.readView(self.browserNode)

    def setView(self, view: View, byHand: bool = False) -> None:
        """Say which view the clip shows, and whether a person said so."""
        writeValue(self.browserNode, "View", view.value)
        if byHand:
            writeValue(self.browserNode, "ViewByHand", True)

    @property
    def viewByHand(self) -> bool:
        """Whether a person named the view."""
        return bool(readValue(self.browserNode, "ViewByHand", False))

    @property
    def proposedView(self) -> tuple[View, float] | None:
        """The view that a network takes the clip for, with its probability; None where none has looked yet."""
        told = readValue(self.browserNode, "ProposedView", {})
        try:
            return View(told["view"]), float(told["probability"])
        except (KeyError, TypeError, ValueError):
            return None

    def setProposedView(self, view: View, probability: float) -> None:
        """Keep what a network takes the clip's view for."""
        writeValue(self.browserNode, "ProposedView", {"view": view.value, "probability": round(probability, 4)})

    def sequence(self) -> EchoSequence:
        """The clip as the engine's type, gray; its frames are read-only. Kept until the clip's nodes change.

        Raises
        ------
        UnsuitableClip: items without images, of several slices, or of unequal size.
        """
        return frames.readSequence(self)
