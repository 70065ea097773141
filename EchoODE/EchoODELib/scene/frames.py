"""A clip's images, times and what is said about it, read from the scene as the engine's type."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import fields, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..engine.errors import UnsuitableClip
from ..engine.sequence import ClipSource, EchoSequence, View
from .nodes import CLIP, PREFIX, imageArray, indexValues, readValue, writeValue

if TYPE_CHECKING:
    from .clip_handle import ClipHandle

CALIBRATED, UNCALIBRATED = "calibrated", "uncalibrated"
_SECONDS = {"s": 1.0, "ms": 0.001}  # by unit of the index
STILL_RATE = 25.0  # a browser needs some rate, also for a single frame

_KEPT = 8
_sequences: OrderedDict[tuple[object, ...], EchoSequence] = OrderedDict()


def clipSequenceOf(browserNode: Any) -> Any:
    """The sequence node of images that a browser plays, or None."""
    frames = browserNode.GetNodeReference(CLIP) or browserNode.GetMasterSequenceNode()
    if frames is None or not frames.IsA("vtkMRMLSequenceNode") or not frames.GetNumberOfDataNodes():
        return None
    first = frames.GetNthDataNode(0)
    images = first is not None and first.IsA("vtkMRMLScalarVolumeNode") and not first.IsA("vtkMRMLLabelMapVolumeNode")
    return frames if images else None


def isClip(browserNode: Any) -> bool:
    """Whether a browser is in the scene and plays single images (not volumes of several slices)."""
    if browserNode is None or browserNode.GetScene() is None:
        return False
    frames = clipSequenceOf(browserNode)
    image = None if frames is None else frames.GetNthDataNode(0).GetImageData()
    return image is not None and image.GetDimensions()[2] == 1


def shapesOf(frames: Any) -> tuple[int, int]:
    """(H, W) that all items of a clip's sequence have.

    Raises
    ------
    UnsuitableClip: items without an image, of several slices, or of unequal size.
    """
    found = set()
    for n in range(frames.GetNumberOfDataNodes()):
        image = frames.GetNthDataNode(n).GetImageData()
        if image is None or not image.GetNumberOfPoints():
            raise UnsuitableClip(f"Frame {n} of the clip has no image; load the clip again.")
        found.add(image.GetDimensions())
    if len(found) > 1:
        columns, rows, _ = zip(*sorted(found), strict=True)
        raise UnsuitableClip(
            f"The frames differ in size (from {min(rows)}x{min(columns)} to {max(rows)}x{max(columns)} pixels); "
            "give one clip of one size."
        )
    columns, rows, slices = found.pop()
    if slices != 1:
        raise UnsuitableClip("The sequence holds volumes of several slices; give a clip of single images.")
    return rows, columns


def readSequence(clip: ClipHandle) -> EchoSequence:
    """The clip as the engine's type, gray, kept until the nodes or what was said about them change.

    Raises
    ------
    UnsuitableClip: as :func:`shapesOf`.
    """
    browser, frames = clip.browserNode, clip.clipSequenceNode
    key = _stateOf(browser, frames)
    if key in _sequences:
        _sequences.move_to_end(key)
        return _sequences[key]
    shapesOf(frames)
    images = [imageArray(frames.GetNthDataNode(n).GetImageData())[0] for n in range(frames.GetNumberOfDataNodes())]
    times, notes = _readTimes(browser, frames)
    source = _readSource(browser)
    coloured = images[0].ndim == 3 and images[0].shape[-1] >= 3
    sequence = EchoSequence(
        _grayOf(np.stack(images)),
        times,
        readSpacing(clip),
        readView(browser),
        replace(source, notes=(*source.notes, *(note for note in notes if note not in source.notes))),
    )
    if coloured and not source.colour_doppler and _showsFlow(browser, np.stack(images), sequence):
        sequence = replace(sequence, source=replace(sequence.source, colour_doppler=True))
    sequence.frames.setflags(write=False)
    _sequences[_stateOf(browser, frames)] = sequence
    while len(_sequences) > _KEPT:
        _sequences.popitem(last=False)
    return sequence


def readGray(clip: ClipHandle, frame: int) -> NDArray[np.uint8]:
    """One frame (H, W), gray, without a look at the others.

    Raises
    ------
    UnsuitableClip: it has no image, or one of several slices.
    """
    image = clip.clipSequenceNode.GetNthDataNode(frame).GetImageData()
    if image is None or not image.GetNumberOfPoints() or image.GetDimensions()[2] != 1:
        raise UnsuitableClip(f"Frame {frame} of the clip has no image of one slice; load or record the clip again.")
    gray: NDArray[np.uint8] = _grayOf(imageArray(image))[0]
    return gray


def readTime(clip: ClipHandle, frame: int) -> float:
    """One frame's time in seconds, the first frame's being 0, without a look at the others."""
    frames, rate = clip.clipSequenceNode, clip.browserNode.GetPlaybackRateFps()
    unit = _SECONDS.get(frames.GetIndexUnit())
    if unit is None or frames.GetIndexType() != frames.NumericIndex:
        return frame / (rate if rate > 0 else STILL_RATE)
    return (float(frames.GetNthIndexValue(frame)) - float(frames.GetNthIndexValue(0))) * unit


def readTimes(clip: ClipHandle) -> NDArray[np.float64]:
    """(T,) seconds, the first 0, without a look at the images."""
    known = _sequences.get(_stateOf(clip.browserNode, clip.clipSequenceNode))
    return _readTimes(clip.browserNode, clip.clipSequenceNode)[0] if known is None else known.times


def readSpacing(clip: ClipHandle) -> tuple[float, float] | None:
    """(row, column) mm per pixel, or None when uncalibrated."""
    item = clip.clipSequenceNode.GetNthDataNode(0)
    told = readValue(clip.browserNode, "Calibration")
    if told == UNCALIBRATED or (told is None and unitSpacing(clip.clipSequenceNode)):
        return None
    column, row, _ = item.GetSpacing()
    return abs(row), abs(column)


def _stateOf(browser: Any, frames: Any) -> tuple[object, ...]:
    """What a clip's :class:`EchoSequence` is made of. Modification times are unique in a process: a later scene
    can't meet an earlier one's.
    """
    told = (browser.GetAttribute(PREFIX + key) for key in ("Calibration", "View", "Source", "ColourDoppler"))
    return (frames.GetID(), frames.GetMTime(), browser.GetPlaybackRateFps(), *told)


def unitSpacing(frames: Any) -> bool:
    """Whether the images have a pixel size of 1, which says nothing about mm."""
    return np.allclose(frames.GetNthDataNode(0).GetSpacing()[:2], 1.0, atol=1e-9)


def _grayOf(images: NDArray[Any]) -> NDArray[np.uint8]:
    """(T, H, W) or (T, H, W, components) of any number type to gray of 8 bits; luma (ITU-R BT.601) for colour."""
    if images.dtype != np.uint8:
        low, high = float(images.min()), float(images.max())
        if low < 0 or high > 255:
            images = (images - low) * (255.0 / max(high - low, 1e-12))
        images = np.rint(images).astype(np.uint8)
    if images.ndim == 3:
        return images
    if images.shape[-1] < 3:
        return np.ascontiguousarray(images[..., 0])
    # In fixed point, as OpenCV does it: the same clip gets the same gray whoever reads it.
    red, green, blue = (images[..., channel].astype(np.int32) for channel in range(3))
    return ((9798 * red + 19235 * green + 3735 * blue + 16384) >> 15).astype(np.uint8)


def _readTimes(browser: Any, frames: Any) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Frame times in s from the index, or, where the index isn't time, from the playback rate, with a note."""
    texts = indexValues(frames)
    unit = _SECONDS.get(frames.GetIndexUnit())
    rate = browser.GetPlaybackRateFps()
    even = np.arange(len(texts)) / (rate if rate > 0 else STILL_RATE)
    if unit is not None and frames.GetIndexType() == frames.NumericIndex:
        times = np.array([float(text) for text in texts]) * unit
        times -= times[0]
        if (np.diff(times) > 0).all():
            digits = max(len(text.partition(".")[2]) for text in texts)
            # Slicer's DICOM reader rounds to milliseconds: 0.033, 0.067, 0.100 are taken for thirtieths.
            exact = np.abs(times - even).max() <= 0.51 * unit * 10.0**-digits
            return (even if exact and len(texts) > 1 else times), ()
    return even, (f"The clip has no frame times; {rate:g} frames a second were taken, the playback rate.",)


def readView(browser: Any) -> View:
    """The view that is kept on a clip's browser."""
    told = readValue(browser, "View", "")
    return View(told) if told in {view.value for view in View} else View.UNKNOWN


def _readSource(browser: Any) -> ClipSource:
    told = readValue(browser, "Source", {})
    known = {field.name for field in fields(ClipSource)}
    return ClipSource(**{key: _tuples(value) for key, value in told.items() if key in known})


def _tuples(value: Any) -> Any:
    """JSON's lists back to tuples."""
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value


def _showsFlow(browser: Any, images: NDArray[Any], sequence: EchoSequence) -> bool:
    """Whether colour flow covers the tissue, looked at once, when the engine's packages are there to look."""
    told = readValue(browser, "ColourDoppler")
    if told is not None:
        return bool(told)
    if find_spec("cv2") is None or find_spec("scipy") is None or images.dtype != np.uint8:
        return False
    from ..engine.io.gray import GrayFrames
    from ..engine.sector import find_sector

    gray = GrayFrames(len(images))
    for image in images:
        gray.add_rgb(image[..., :3])
    flow = gray.coloured and gray.shows_flow(sequence.frames, find_sector(sequence).mask)
    writeValue(browser, "ColourDoppler", bool(flow))
    return bool(flow)
