"""Clips in and out of the scene: a sequence of images, the browser that plays it, the volume that shows it.

A clip lies in the axial plane with IJK to RAS along (-1, -1, 1), as Slicer's own reader of ultrasound lays it: the
file's upper left corner is upper left in the axial slice view. Uncalibrated clips have a spacing of 1.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk

from ..engine.errors import UnsuitableClip
from ..engine.sequence import ClipSource, EchoSequence
from .frames import CALIBRATED, STILL_RATE, UNCALIBRATED, clipSequenceOf, shapesOf, unitSpacing
from .nodes import CLIP, matrixOf, readValue, storableModified, synchronize, uniqueName, writeValue

if TYPE_CHECKING:
    from .study import Study

_BLACK = 6  # gray levels up to this are background
# The level that the brightest hundredth of the tissue is brought up to, and by how much at most, as in exports.
_BRIGHT, _LARGEST_GAIN = 170.0, 2.5


def createClip(sequence: EchoSequence, name: str | None = None) -> Study:
    """Put a clip into the scene: its sequence and browser, and the volume that shows the current frame.

    Parameters
    ----------
    sequence: (T, H, W) frames; spacing None becomes 1 and is kept as *uncalibrated*.
    name: what people will see; by default the file's name.

    Returns
    -------
    The study, at frame 0.
    """
    from .study import Study

    scene = slicer.mrmlScene
    name = uniqueName(scene, name or PurePath(sequence.source.name).name.split(".")[0] or "Echo clip")
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", name)
    frames = scene.AddNewNodeByClass("vtkMRMLSequenceNode", f"{name} frames")
    frames.SetIndexName("time")
    frames.SetIndexUnit("s")
    if len(sequence) > 1:
        # Two frames closer than the tolerance would count as one.
        closest = float(np.diff(sequence.times).min())
        frames.SetNumericIndexValueTolerance(min(frames.GetNumericIndexValueTolerance(), closest / 4))
    row, column = sequence.spacing or (1.0, 1.0)
    volume = slicer.vtkMRMLScalarVolumeNode()
    volume.SetName(name)
    volume.SetSpacing(column, row, 1.0)
    volume.SetIJKToRASDirections(-1, 0, 0, 0, -1, 0, 0, 0, 1)
    wasModifying = frames.StartModify()
    for time, frame in zip(sequence.times, sequence.frames, strict=True):
        volume.SetAndObserveImageData(_imageOf(frame))
        frames.SetDataNodeAtValue(volume, f"{time:.9f}")
    frames.EndModify(wasModifying)
    # The proxy takes the sequence's name as it is made; afterwards they may differ.
    frames.SetName(name)
    browser.SetAndObserveMasterSequenceNodeID(frames.GetID())
    browser.SetIndexDisplayFormat("%.3f")
    browser.SetPlaybackRateFps(sequence.frame_rate or STILL_RATE)
    browser.SetNodeReferenceID(CLIP, frames.GetID())
    writeValue(browser, "Calibration", CALIBRATED if sequence.calibrated else UNCALIBRATED)
    writeValue(browser, "View", sequence.view.value)
    writeValue(browser, "Source", asdict(sequence.source))
    synchronize(browser, frames, saveChanges=False)
    frames.SetName(f"{name} frames")
    study = Study(browser)
    _showGray(study.clipNode, sequence.frames)
    return study


def adoptClip(browserNode: Any) -> Study:
    """Take over a clip that is in the scene already, from Slicer's DICOM reader or from a file.

    Colour stays in view. Where the images have a pixel size other than 1 they count as calibrated, unless it was
    said before that they aren't.

    Raises
    ------
    UnsuitableClip: no images, volumes of several slices, frames of unequal size.
    """
    from .study import Study

    frames = clipSequenceOf(browserNode)
    if frames is None:
        raise UnsuitableClip("This sequence holds no images; choose or load an echo clip.")
    shapesOf(frames)
    browserNode.SetNodeReferenceID(CLIP, frames.GetID())
    if readValue(browserNode, "Calibration") is None:
        _unmirror(frames)
        writeValue(browserNode, "Calibration", UNCALIBRATED if unitSpacing(frames) else CALIBRATED)
    if readValue(browserNode, "Source") is None:
        kind = "DICOM" if frames.GetNthDataNode(0).GetAttribute("DICOM.instanceUIDs") else "Slicer sequence"
        name = browserNode.GetName().removesuffix(" browser")
        writeValue(browserNode, "Source", asdict(ClipSource(name=name, format=kind)))
    if browserNode.GetSelectedItemNumber() < 0:
        browserNode.SetSelectedItemNumber(0)
    return Study(browserNode)


def writeSpacing(study: Study, spacing: tuple[float, float] | None) -> NDArray[np.float64]:
    """Give all frames a pixel size; returns the (4, 4) matrix that takes old RAS positions to the new ones.

    Raises
    ------
    UnsuitableClip: a size that isn't positive.
    """
    if spacing is not None and not (len(spacing) == 2 and all(np.isfinite(s) and s > 0 for s in spacing)):
        raise UnsuitableClip("The pixel size must be two positive numbers, in mm per pixel.")
    row, column = spacing or (1.0, 1.0)
    frames = study.clipSequenceNode
    before = matrixOf(frames.GetNthDataNode(0))
    wasModifying = frames.StartModify()
    for n in range(frames.GetNumberOfDataNodes()):
        item = frames.GetNthDataNode(n)
        item.SetSpacing(column, row, item.GetSpacing()[2])
    storableModified(frames)
    frames.EndModify(wasModifying)
    writeValue(study.browserNode, "Calibration", UNCALIBRATED if spacing is None else CALIBRATED)
    return matrixOf(frames.GetNthDataNode(0)) @ np.linalg.inv(before)


def moveMarkups(study: Study, change: NDArray[np.float64]) -> None:
    """Move the points of the clip's markups (measurement lines) by a (4, 4) matrix on RAS positions."""
    played = vtk.vtkCollection()
    study.browserNode.GetSynchronizedSequenceNodes(played, False)
    for number in range(played.GetNumberOfItems()):
        sequence = played.GetItemAsObject(number)
        items = [sequence.GetNthDataNode(n) for n in range(sequence.GetNumberOfDataNodes())]
        if not items or not items[0].IsA("vtkMRMLMarkupsNode"):
            continue
        for item in items:
            for point in range(item.GetNumberOfControlPoints()):
                if item.GetNthControlPointPositionStatus(point) == item.PositionDefined:
                    place = change @ [*item.GetNthControlPointPosition(point), 1.0]
                    item.SetNthControlPointPosition(point, *place[:3])
        storableModified(sequence)


def _imageOf(frame: NDArray[np.uint8]) -> Any:
    image = vtk.vtkImageData()
    image.SetDimensions(frame.shape[1], frame.shape[0], 1)
    image.GetPointData().SetScalars(
        numpy_to_vtk(np.ascontiguousarray(frame).ravel(), deep=True, array_type=vtk.VTK_UNSIGNED_CHAR)
    )
    return image


def _showGray(volume: Any, frames: NDArray[np.uint8]) -> None:
    """The file's own gray levels, but clips recorded at low gain get the gain that a reader would turn up to.

    Slicer's automatic window would follow the brightest pixel of a frame, often burned-in text.
    """
    display = volume.GetDisplayNode()
    if display is None:
        return
    sample = frames[:: max(1, len(frames) // 10), ::2, ::2]
    shown = sample[sample > _BLACK]
    level = float(np.percentile(shown, 99.0)) if shown.size else 255.0
    window = 255.0 * min(1.0, max(level / _BRIGHT, 1 / _LARGEST_GAIN))
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(window, window / 2)


def _unmirror(frames: Any) -> None:
    """A region may count its rows upwards, with a negative size of the pixel, which would mirror the image."""
    for n in range(frames.GetNumberOfDataNodes()):
        item = frames.GetNthDataNode(n)
        if min(item.GetSpacing()) < 0:
            item.SetSpacing(*(abs(size) for size in item.GetSpacing()))
