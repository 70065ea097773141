"""Undo: what a clip's results were before each of the last steps, in memory."""

from __future__ import annotations

import zlib
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
from numpy.typing import NDArray

from ..engine.sequence import Provenance
from . import masks as maskNodes
from . import segmented as segmentedNodes
from .geometry import clipAxes
from .nodes import PREFIX, addSequence, indexValues, readValue, synchronize

if TYPE_CHECKING:
    from .study import Study

STEPS = 10

_VALUES = ("CorrectedFrames", "MarkedLines", "Phases", "Provenance")


@dataclass(frozen=True)
class _Packed:
    """Masks (T, H, W), cut to what is drawn and compressed: some KB for a clip."""

    shape: tuple[int, ...]
    box: tuple[slice, slice]
    data: bytes

    @classmethod
    def of(cls, masks: NDArray[np.uint8]) -> _Packed:
        drawn = masks.max(axis=0)
        rows, columns = np.flatnonzero(drawn.max(axis=1)), np.flatnonzero(drawn.max(axis=0))
        box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)) if len(rows) else (slice(0), slice(0))
        return cls(masks.shape, box, zlib.compress(np.ascontiguousarray(masks[:, *box]).tobytes(), 1))

    def masks(self) -> NDArray[np.uint8]:
        """As they were."""
        whole = np.zeros(self.shape, np.uint8)
        part = whole[:, *self.box]
        part[...] = np.frombuffer(zlib.decompress(self.data), np.uint8).reshape(part.shape)
        return whole


@dataclass(frozen=True)
class _KeptSequence:
    """A sequence's items by reference: a new motion brings new items, so that the old ones stay as they were."""

    attributes: dict[str, str]
    items: list[tuple[str, Any]]


@dataclass(frozen=True)
class _Step:
    name: str
    values: dict[str, str | None]
    masks: _Packed | None
    segmented: tuple[_Packed, Provenance] | None
    motion: dict[str, _KeptSequence]


class History:
    """The last steps of each clip, at most ten; a clip that leaves the scene takes its steps along.

    What is restored: masks, also of corrected frames; which frames are corrected; the network's own masks; phases;
    motion; provenance.
    """

    def __init__(self) -> None:
        # A browser is kept itself, not its id: after the scene closed another clip may get the same.
        self._steps: list[tuple[Any, deque[_Step]]] = []

    def push(self, study: Study, name: str) -> None:
        """Remember how things are, before the step ``name`` ("Propagate") changes them."""
        masks, segmented = study.masks(), study.segmented()
        step = _Step(
            name,
            {key: study.browserNode.GetAttribute(PREFIX + key) for key in _VALUES},
            None if masks is None else _Packed.of(masks),
            None if segmented is None else (_Packed.of(segmented.masks), segmented.provenance),
            _keepMotion(study),
        )
        self._of(study, create=True).append(step)

    def undo(self, study: Study) -> str | None:
        """Bring back how things were before the last step; returns its name, or None if there is none."""
        steps = self._of(study)
        if not steps:
            return None
        step = steps.pop()
        _restoreMasks(study, step)
        if step.segmented is None:
            segmentedNodes.remove(study)
        else:
            study.setSegmented(step.segmented[0].masks(), step.segmented[1])
        _restoreMotion(study, step.motion)
        return step.name

    def canUndo(self, study: Study) -> bool:
        """Whether there is a step to undo."""
        return bool(self._of(study))

    def undoName(self, study: Study) -> str | None:
        """Name of the step that would be undone, or None."""
        steps = self._of(study)
        return steps[-1].name if steps else None

    def drop(self, study: Study) -> None:
        """Forget the last step, which changed nothing (it failed, or was cancelled)."""
        steps = self._of(study)
        if steps:
            steps.pop()

    def _of(self, study: Study, create: bool = False) -> deque[_Step]:
        self._steps = [(browser, steps) for browser, steps in self._steps if browser.GetScene() is not None]
        for browser, steps in self._steps:
            if browser is study.browserNode:
                return steps
        steps = deque(maxlen=STEPS)
        if create:
            self._steps.append((study.browserNode, steps))
        return steps


def _restoreMasks(study: Study, step: _Step) -> None:
    for key, text in step.values.items():
        if text is None:
            study.browserNode.RemoveAttribute(PREFIX + key)
        else:
            study.browserNode.SetAttribute(PREFIX + key, text)
    if step.masks is None:
        maskNodes.removeMasks(study)
        return
    old, now = step.masks.masks(), study.masks()
    # Frames that did not change keep what else a person put into their segmentation.
    changed = {frame: mask for frame, mask in enumerate(old) if now is None or not np.array_equal(mask, now[frame])}
    # A clip that was being recorded may have grown since.
    since = [] if now is None else [frame for frame in range(len(old), len(now)) if now[frame].any()]
    maskNodes.writeMasks(study, {**changed, **{frame: np.zeros_like(old[0]) for frame in since}})


def _keepMotion(study: Study) -> dict[str, _KeptSequence]:
    from .motion import MOTION, TRACKING

    kept = {}
    for role in (MOTION, TRACKING):
        sequence = study.browserNode.GetNodeReference(role)
        if sequence is not None and sequence.GetNumberOfDataNodes():
            names = [name for name in sequence.GetAttributeNames() if name.startswith(PREFIX)]
            items = [(text, sequence.GetNthDataNode(n)) for n, text in enumerate(indexValues(sequence))]
            kept[role] = _KeptSequence({name: sequence.GetAttribute(name) for name in names}, items)
    return kept


def _restoreMotion(study: Study, kept: dict[str, _KeptSequence]) -> None:
    from .motion import MOTION, TRACKING

    browser = study.browserNode
    if not kept:
        if any(browser.GetNodeReference(role) is not None for role in (MOTION, TRACKING)):
            study.removeMotion()
        return
    for role, old in kept.items():
        sequence = browser.GetNodeReference(role)
        if sequence is not None and _holds(sequence, old):
            continue
        if sequence is None:
            sequence = addSequence(browser, role, f"{study.name} {'motion' if role == MOTION else 'tracking'}")
        wasModifying = sequence.StartModify()
        sequence.RemoveAllDataNodes()
        for name, text in old.attributes.items():
            sequence.SetAttribute(name, text)
        for text, item in old.items:
            sequence.SetDataNodeAtValue(item, text)
        sequence.EndModify(wasModifying)
        if role == MOTION and not browser.IsSynchronizedSequenceNodeID(sequence.GetID(), True):
            synchronize(browser, sequence, saveChanges=False)
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    axes = clipAxes(study.clipNode)
    motion = study.motion()
    written = readValue(browser.GetNodeReference(MOTION), "PixelAxes") if MOTION in kept else None
    if motion is not None and written is not None and not np.allclose(written, [axes.column, axes.row]):
        # The pixel size was changed since: the grids in mm must follow.
        study.setMotion(motion.displacement, motion.pullBack, motion.referenceFrame)


def _holds(sequence: Any, old: _KeptSequence) -> bool:
    """Whether a sequence still has the very items that were kept."""
    count = sequence.GetNumberOfDataNodes()
    return count == len(old.items) and all(sequence.GetNthDataNode(n) is old.items[n][1] for n in range(count))
