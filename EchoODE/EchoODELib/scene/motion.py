"""A clip's motion as grid transforms in the scene, frame by frame, and back as the engine's fields.

Two sequences of grid transforms hold it:

- the *motion*, synchronised with the clip: its node is a transform that carries the reference frame onto the frame
  shown. Its grid is the pull-back, set as "from parent", which is the direction that resampling reads: hardening it on
  the reference frame takes no iterative inverse, and the file on disk is ITK's displacement field.
- the *tracking*, only kept: the displacement of the reference frame's tissue, set as "to parent". The deformation grid
  and the arrows are drawn from it (:mod:`.motion_display`), exactly and without an inverse; letting the transform
  display node draw them costs 5 to 8 times as much a frame.

Both are sampled as coarsely as keeps them to a tenth of a pixel, and never finer than 256 samples a side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from .geometry import ClipAxes, clipAxes
from .nodes import (
    PREFIX,
    addSequence,
    clearOthers,
    indexValues,
    proxyOf,
    readValue,
    storableModified,
    synchronize,
    writeValue,
)

if TYPE_CHECKING:
    from .study import Study

Field = NDArray[np.float32]

MOTION, TRACKING = PREFIX + "Motion", PREFIX + "Tracking"
_SAMPLES = (48, 64, 96, 128, 192, 256)  # on the long side
_LOSS = (
    0.1  # px that the transform, which is linear between its samples, may lie beside the field; reading back is cubic
)
_KEPT = 4  # fields kept in memory: motion and tracking of two clips


@dataclass(frozen=True)
class Motion:
    """The tissue's motion over a clip, in the engine's conventions (:mod:`..engine.sequence`).

    Attributes
    ----------
    displacement: (T, H, W, 2) float32 px on the reference frame.
    pullBack: (T, H, W, 2) float32 px on each frame.
    referenceFrame: 0-based.
    """

    displacement: Field
    pullBack: Field
    referenceFrame: int


def writeMotion(study: Study, displacement: Field, pullBack: Field, referenceFrame: int) -> Any:
    """Put a motion into the scene, in place of the one before; grid or arrows that are shown follow.

    Parameters
    ----------
    displacement, pullBack: (T, H, W, 2) px, see :class:`Motion`.
    referenceFrame: 0-based.

    Returns
    -------
    The transform node that follows the clip's frame.
    """
    for _ in writing(study, displacement, pullBack, referenceFrame):
        pass
    return motionNode(study)


def writing(study: Study, displacement: Field, pullBack: Field, referenceFrame: int) -> Iterator[None]:
    """As :func:`writeMotion`, frame by frame, so that other work gets its turn; the nodes change at the end.

    Parameters as there.
    """
    clip = study.clipSequenceNode
    height, width = displacement.shape[1:3]
    yield
    shape = _sampledShape((displacement, pullBack))
    axes = clipAxes(study.clipNode)
    grids: dict[str, list[Any]] = {TRACKING: [], MOTION: []}
    for role, fields in ((TRACKING, displacement), (MOTION, pullBack)):
        for field in fields:
            yield
            grids[role].append(_gridTransform(_resampled(field, shape), axes, (height, width)))
    yield
    browser = study.browserNode
    for role, name in ((TRACKING, "tracking"), (MOTION, "motion")):
        sequence = browser.GetNodeReference(role) or addSequence(browser, role, f"{study.name} {name}")
        clearOthers(sequence, clip)
        writeValue(sequence, "ReferenceFrame", int(referenceFrame))
        writeValue(sequence, "FrameSize", [int(height), int(width)])
        writeValue(sequence, "PixelAxes", [axes.column.tolist(), axes.row.tolist()])
        node = slicer.vtkMRMLTransformNode()  # as it comes back from a file; another class would get another proxy
        node.SetName(f"{study.name} {name}")
        for grid, index in zip(grids[role], indexValues(clip), strict=True):
            if role == MOTION:
                node.SetAndObserveTransformFromParent(grid)
            else:
                node.SetAndObserveTransformToParent(grid)
            sequence.SetDataNodeAtValue(node, index)
        storableModified(sequence)  # writing over an item is no change to the sequence by itself
        yield
    sequence = browser.GetNodeReference(MOTION)
    if not browser.IsSynchronizedSequenceNode(sequence):
        synchronize(browser, sequence, saveChanges=False)
    else:
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    from .motion_display import redrawMotion

    redrawMotion(study)


def motionNode(study: Study) -> Any:
    """The transform that carries the reference frame onto the frame shown, or None without a motion."""
    sequence = study.browserNode.GetNodeReference(MOTION)
    return proxyOf(study.browserNode, sequence)


def referenceFrame(study: Study) -> int | None:
    """The frame that the motion starts from (0-based), or None without a motion."""
    sequence = study.browserNode.GetNodeReference(TRACKING)
    return None if sequence is None else readValue(sequence, "ReferenceFrame")


def readMotion(study: Study) -> Motion | None:
    """The motion as fields on the clip's own pixels, or None where there is none (or it is of another clip)."""
    reference = referenceFrame(study)
    fields = [_readFields(study, role) for role in (TRACKING, MOTION)]
    if reference is None or fields[0] is None or fields[1] is None:
        return None
    return Motion(fields[0], fields[1], reference)


def reading(study: Study) -> Iterator[None]:
    """Have the motion read, frame by frame, so that other work gets its turn; then :func:`readMotion` is quick."""
    for role in (TRACKING, MOTION):
        yield from _readingFields(study, role)


def removeMotion(study: Study) -> None:
    """Take the motion, with what is drawn of it, out of the scene."""
    from .motion_display import removeMotionDisplay
    from .strain import hideStrain

    removeMotionDisplay(study)
    hideStrain(study)
    browser = study.browserNode
    node = motionNode(study)
    for role in (MOTION, TRACKING):
        sequence = browser.GetNodeReference(role)
        if sequence is not None:
            browser.RemoveSynchronizedSequenceNode(sequence.GetID())
            slicer.mrmlScene.RemoveNode(sequence)
        browser.RemoveNodeReferenceIDs(role)
    if node is not None and node.GetScene() is not None:
        slicer.mrmlScene.RemoveNode(node)


def _sampledShape(fields: tuple[Field, Field]) -> tuple[int, int]:
    """(rows, columns) of the coarsest grid that keeps both fields' largest frames to _LOSS."""
    height, width = size = fields[0].shape[1:3]
    shown = []
    for field in fields:
        largest = int(np.argmax([np.abs(one[::4, ::4]).max() for one in field]))
        shown += [field[largest], field[len(field) // 2]]
    for samples in _SAMPLES:
        share = min(1.0, samples / max(height, width))
        shape = max(2, round(height * share)), max(2, round(width * share))
        if share == 1.0 or all(np.abs(_resampled(_resampled(f, shape), size) - f).max() < _LOSS for f in shown):
            break
    return shape


def _resampled(field: Field, shape: tuple[int, int], *, smooth: bool = False) -> Field:
    """A field (h, w, 2) read at (H, W) evenly spaced places, ends included; linearly, or smoothly by cubics.

    By hand, a tap at a time: as a product of matrices it is hundreds of times slower where another process keeps
    the processor's cores from the linear algebra's threads.
    """
    for axis in (0, 1):
        if field.shape[axis] == shape[axis]:
            continue
        columns = (1, -1, 1) if axis else (-1, 1, 1)
        taps = _taps(shape[axis], field.shape[axis], smooth)
        field = np.asarray(sum(field.take(at, axis) * weight.reshape(columns) for at, weight in taps), np.float32)
    return field


def _taps(places: int, samples: int, smooth: bool) -> list[tuple[NDArray[np.intp], NDArray[np.float32]]]:
    """Index and weight, (places,) each, of the samples that make up each place: 2 linear ones, or Catmull-Rom's 4."""
    at = np.linspace(0.0, samples - 1.0, places)
    low = np.minimum(at.astype(int), samples - 2)
    t = (at - low).astype(np.float32)
    if not smooth:
        return [(low, 1 - t), (low + 1, t)]
    weights = (
        t * (t * (2 - t) - 1) / 2,
        (t * t * (3 * t - 5) + 2) / 2,
        t * (t * (4 - 3 * t) + 1) / 2,
        t * t * (t - 1) / 2,
    )
    return [(np.clip(low + k - 1, 0, samples - 1), weight) for k, weight in enumerate(weights)]


def _gridTransform(coarse: NDArray[Any], axes: ClipAxes, size: tuple[int, int]) -> Any:
    """An oriented grid transform of (h, w, 2) px vectors whose samples span the clip's pixels ends to ends."""
    rows, columns = coarse.shape[:2]
    vectors = axes.vectorsToRas(coarse).reshape(-1, 3).astype(np.float32)
    image = vtk.vtkImageData()
    image.SetDimensions(columns, rows, 1)
    image.SetOrigin(*axes.origin)
    down, across = axes.spacing
    image.SetSpacing(across * (size[1] - 1) / max(1, columns - 1), down * (size[0] - 1) / max(1, rows - 1), 1.0)
    image.GetPointData().SetScalars(numpy_to_vtk(vectors, deep=True))
    directions = vtk.vtkMatrix4x4()
    first, second = axes.column / across, axes.row / down
    # The third axis makes no difference to a single slice; Slicer's clips have it along +S.
    third = np.cross(first, second)
    for i in range(3):
        for j, axis in enumerate((first, second, third)):
            directions.SetElement(i, j, axis[i])
    grid = slicer.vtkOrientedGridTransform()
    grid.SetGridDirectionMatrix(directions)
    grid.SetDisplacementGridData(image)
    return grid


# Modification times are unique in a process, so that a later scene can't meet an earlier one's fields.
_kept: dict[tuple[str, int], Field] = {}


def _readFields(study: Study, role: str) -> Field | None:
    """(T, H, W, 2) px of a sequence of grid transforms, read-only; kept until the sequence changes."""
    for _ in _readingFields(study, role):
        pass
    sequence = study.browserNode.GetNodeReference(role)
    return None if sequence is None else _kept.get((sequence.GetID(), sequence.GetMTime()))


def _readingFields(study: Study, role: str) -> Iterator[None]:
    """Read a sequence of grid transforms into _kept, where they are not there yet and are of this clip."""
    sequence = study.browserNode.GetNodeReference(role)
    if sequence is None or sequence.GetNumberOfDataNodes() != study.frameCount:
        return
    key = (sequence.GetID(), sequence.GetMTime())
    size, steps = readValue(sequence, "FrameSize"), readValue(sequence, "PixelAxes")
    if key in _kept or size is None or steps is None:
        return
    height, width = size
    # The pixel size of when it was written: a calibration since then does not change the motion in px.
    axes = ClipAxes(np.zeros(3), np.array(steps[0]), np.array(steps[1]))
    fields = np.empty((sequence.GetNumberOfDataNodes(), height, width, 2), np.float32)
    for index, grid in enumerate(_grids(sequence, toParent=role == TRACKING)):
        yield
        image = grid.GetDisplacementGrid()
        columns, rows, _ = image.GetDimensions()
        scale, shift = grid.GetDisplacementScale(), grid.GetDisplacementShift()
        stored = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(rows, columns, 3)
        coarse = axes.vectorsToPixels(stored * scale + shift).astype(np.float32)
        fields[index] = _resampled(coarse, (height, width), smooth=True)
    fields.flags.writeable = False
    while len(_kept) >= _KEPT:
        del _kept[next(iter(_kept))]
    _kept[key] = fields


def _grids(sequence: Any, toParent: bool) -> Iterator[Any]:
    """The grid of each item, whichever class of transform node the item came back as."""
    for index in range(sequence.GetNumberOfDataNodes()):
        node = sequence.GetNthDataNode(index)
        name = "vtkOrientedGridTransform"
        grid = node.GetTransformToParentAs(name) if toParent else node.GetTransformFromParentAs(name)
        yield grid
