"""Notices when a person edits a mask, and locks that frame as corrected."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import vtk

from .masks import isWriting

if TYPE_CHECKING:
    from .study import Study


class CorrectionWatcher:
    """Marks the current frame as corrected when its mask changes by another hand than ours.

    Which event an editor sends differs between effects and versions, so the masks themselves are compared.

    Parameters
    ----------
    study: the clip.
    onCorrected: called with the frame after it was marked, at each further edit too.
    """

    def __init__(self, study: Study, onCorrected: Callable[[int], None] | None = None) -> None:
        self.study = study
        self._onCorrected = onCorrected
        self._sequence: Any = None
        self._tag = 0
        self._known: Any = None

    @property
    def active(self) -> bool:
        """Whether edits are watched."""
        return self._sequence is not None

    def begin(self) -> Any:
        """Start to watch; returns the segmentation node to edit, with empty masks where there were none.

        Playback stops: Slicer does not save edits to their frame while a clip plays.
        """
        self.end()
        self.study.browserNode.SetPlaybackActive(False)
        node = self.study.ensureMasks()
        self._sequence = self.study.maskSequenceNode
        self._known = self.study.masks()
        self._tag = self._sequence.AddObserver(vtk.vtkCommand.ModifiedEvent, self._onModified)
        return node

    def end(self) -> None:
        """Stop to watch."""
        if self._sequence is not None:
            self._sequence.RemoveObserver(self._tag)
        self._sequence = self._known = None

    def _onModified(self, caller: Any = None, event: Any = None) -> None:
        if not self.study.exists or self.study.maskSequenceNode is not self._sequence:
            self.end()
            return
        before, now, frame = self._known, self.study.masks(), self.study.frame
        self._known = now
        if isWriting() or before is None or now is None or np.array_equal(before[frame], now[frame]):
            return
        self.study.markCorrected(frame)
        if self._onCorrected is not None:
            self._onCorrected(frame)
