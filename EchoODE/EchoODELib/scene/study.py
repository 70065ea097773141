"""A clip in the scene with all that is known about it: the handle that the rest of the module works with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
from numpy.typing import NDArray

from ..engine.errors import UnsuitableMask
from ..engine.sequence import Provenance, SegmentedSequence
from . import clip, frames, heat, masks, segmented
from .clip_handle import ClipHandle
from .nodes import readValue, writeValue

if TYPE_CHECKING:
    from .motion import Motion


class Study(ClipHandle):
    """A light handle on a clip's sequence browser node; it has no state of its own, all is in the scene.

    Two studies of the same browser are equal.
    """

    @classmethod
    def all(cls) -> list[Study]:
        """The studies of the scene, in the order in which they came."""
        browsers = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
        return [study for study in map(cls.of, browsers) if study is not None]

    @classmethod
    def of(cls, browserNode: Any) -> Study | None:
        """The study of a browser, or None if it is None, gone from the scene, or plays no single images."""
        return cls(browserNode) if frames.isClip(browserNode) else None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Study) and other.browserNode is self.browserNode

    def __hash__(self) -> int:
        return hash(self.browserNode)

    def __repr__(self) -> str:
        return f"Study({self.name!r}, {self.frameCount} frames)" if self.exists else f"Study({self.name!r}, gone)"

    # The size of a pixel

    def setCalibration(self, spacing: tuple[float, float] | None) -> None:
        """Say how large a pixel is, (row, column) in mm, or None for *uncalibrated*.

        Masks, motion and measurement lines keep to their pixels.

        Raises
        ------
        UnsuitableClip: a size that isn't positive.
        """
        motion = self.motion()
        change = clip.writeSpacing(self, spacing)
        masks.changeGeometry(self, change)
        segmented.changeGeometry(self, change)
        heat.changeGeometry(self, change)
        clip.moveMarkups(self, change)
        self.setFrame(self.frame)
        if motion is not None:
            self.setMotion(motion.displacement, motion.pullBack, motion.referenceFrame)

    # Masks

    @property
    def maskSequenceNode(self) -> Any:
        """The vtkMRMLSequenceNode of segmentations, or None."""
        return masks.maskSequenceOf(self)

    @property
    def segmentationNode(self) -> Any:
        """The segmentation node of the current frame, to show and to edit, or None without masks."""
        return masks.segmentationOf(self)

    def ensureMasks(self) -> Any:
        """Make empty masks on all frames if there are none, to draw by hand; returns the segmentation node."""
        masks.ensureMasks(self)
        return self.segmentationNode

    def masks(self) -> NDArray[np.uint8] | None:
        """(T, H, W) of :class:`Label` values, read-only, or None without masks."""
        return masks.readMasks(self)

    def mask(self, frame: int) -> NDArray[np.uint8] | None:
        """(H, W) of a frame, read-only, or None without masks."""
        found = self.masks()
        return None if found is None else found[frame]

    def setMask(self, frame: int, mask: NDArray[np.uint8]) -> None:
        """Write the mask (H, W) of one frame.

        Raises
        ------
        UnsuitableMask: another size or other values than labels, or the frame's mask is locked as corrected.
        UnsuitableClip: a frame outside of the clip.
        """
        if frame in self.correctedFrames:
            raise UnsuitableMask(f"The mask of frame {frame} was corrected by hand and is locked; release it first.")
        masks.writeMasks(self, {frame: mask})

    def setMasks(self, values: NDArray[np.uint8], provenance: Provenance) -> None:
        """Write masks (T, H, W) on all frames but the corrected ones, which stay as they are.

        Raises
        ------
        UnsuitableMask: another size than the clip, or other values than labels.
        """
        if values.shape != self.sequence().frames.shape:
            raise UnsuitableMask(
                f"The masks have shape {values.shape}, the clip {self.sequence().frames.shape}: "
                "they must be drawn on this clip's frames."
            )
        locked = set(self.correctedFrames)
        masks.writeMasks(self, {frame: mask for frame, mask in enumerate(values) if frame not in locked})
        self.setProvenance(provenance)

    def provenance(self) -> Provenance | None:
        """How the masks were made, or None without masks."""
        told = readValue(self.browserNode, "Provenance") if self.maskSequenceNode is not None else None
        return segmented.toProvenance(told)

    def setProvenance(self, provenance: Provenance | None) -> None:
        """Say how the masks were made."""
        writeValue(self.browserNode, "Provenance", None if provenance is None else asdict(provenance))

    def setSegmented(self, values: NDArray[np.uint8], provenance: Provenance) -> None:
        """Keep the segmentation network's own masks (T, H, W) beside the shown ones, for later propagation."""
        segmented.write(self, values, provenance)

    def segmented(self) -> SegmentedSequence | None:
        """The network's own masks, without corrections, or None."""
        return segmented.read(self)

    def setLines(self, lines: NDArray[np.float32] | None) -> None:
        """Keep the ends (T, 6, 2) px of the lines that a model marked; None for none."""
        rounded = None if lines is None else np.where(np.isfinite(lines), np.round(lines.astype(float), 2), None)
        writeValue(self.browserNode, "MarkedLines", None if rounded is None else rounded.tolist())

    def lines(self) -> NDArray[np.float32] | None:
        """The lines that a model marked, as in :class:`SegmentedSequence`, or None."""
        told = readValue(self.browserNode, "MarkedLines", [])
        return np.array(told, np.float32) if np.shape(told) == (self.frameCount, 6, 2) else None

    # Corrections

    @property
    def correctedFrames(self) -> tuple[int, ...]:
        """Frames whose mask a person corrected, increasing; their masks are locked and guide the propagation."""
        if self.maskSequenceNode is None:
            return ()
        return tuple(sorted(set(self._within(readValue(self.browserNode, "CorrectedFrames", [])))))

    def setCorrectedFrames(self, frames: Iterable[int]) -> None:
        """Say which frames are corrected."""
        writeValue(self.browserNode, "CorrectedFrames", sorted({int(frame) for frame in frames}) or None)

    def markCorrected(self, frame: int) -> None:
        """Lock a frame's mask as corrected by a person."""
        masks.ensureMasks(self)
        self.setCorrectedFrames({*self.correctedFrames, frame})

    def releaseCorrected(self, frame: int) -> None:
        """Unlock a frame: the next run may overwrite its mask."""
        self.setCorrectedFrames(set(self.correctedFrames) - {frame})

    # Phases

    @property
    def edFrames(self) -> tuple[int, ...]:
        """End-diastolic frames, increasing."""
        return self._phase("ed")

    @property
    def esFrames(self) -> tuple[int, ...]:
        """End-systolic frames, increasing."""
        return self._phase("es")

    @property
    def phasesByHand(self) -> bool:
        """Whether a person set the phases."""
        return bool(readValue(self.browserNode, "Phases", {}).get("byHand", False))

    def setPhases(self, ed: Iterable[int], es: Iterable[int], byHand: bool) -> None:
        """Set the ED and ES frames, and whether a person did."""
        phases = {"ed": sorted({int(f) for f in ed}), "es": sorted({int(f) for f in es}), "byHand": bool(byHand)}
        writeValue(self.browserNode, "Phases", phases)

    def _phase(self, kind: str) -> tuple[int, ...]:
        return self._within(readValue(self.browserNode, "Phases", {}).get(kind, []))

    def _within(self, frames: Iterable[Any]) -> tuple[int, ...]:
        """Those that are frames of the clip."""
        return tuple(frame for frame in frames if isinstance(frame, int) and 0 <= frame < self.frameCount)

    # Motion and result

    def setMotion(self, displacement: NDArray[np.float32], pull_back: NDArray[np.float32], referenceFrame: int) -> None:
        """Keep the motion, both (T, H, W, 2) px as in the engine's vocabulary, as a sequence of grid transforms."""
        from .motion import writeMotion

        writeMotion(self, displacement, pull_back, referenceFrame)

    def motion(self) -> Motion | None:
        """The motion, or None."""
        from .motion import readMotion

        return readMotion(self)

    def removeMotion(self) -> None:
        """Take the motion away."""
        from .motion import removeMotion

        removeMotion(self)

    def result(self) -> SegmentedSequence | None:
        """All as the engine's type: masks, motion, the corrected frames as guides, provenance. None without masks."""
        found = self.masks()
        if found is None:
            return None
        motion = self.motion()
        return SegmentedSequence(
            sequence=self.sequence(),
            masks=found,
            provenance=self.provenance() or Provenance("manual"),
            reference_frame=None if motion is None else motion.referenceFrame,
            displacement=None if motion is None else motion.displacement,
            pull_back=None if motion is None else motion.pullBack,
            guides=self.correctedFrames,
            lines=self.lines(),
        )
