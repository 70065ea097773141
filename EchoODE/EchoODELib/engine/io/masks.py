"""Masks of one frame or a whole clip, to the labels of :class:`Label`."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UnreadableClip, UnsuitableMask
from ..sequence import Label, View
from .camus import read_camus_masks
from .detect import Kind, detect
from .images import images_in, pages
from .nifti import load_volume
from .nrrd import NrrdImage, load_nrrd
from .reading import named_view

# Words in segment names, the first that fits: "LV myocardium" is myocardium.
_WORDS = (
    (Label.MYOCARDIUM, r"myo|epi|wall"),
    (Label.LA, r"atri|\bla\b"),
    (Label.LV, r"ventric|endo|cavity|\blv\b"),
)


def read(path: Path, *, shape: tuple[int, ...], view: View | str | None = None) -> NDArray[np.uint8]:
    """See :func:`EchoODELib.engine.io.read_mask`."""
    if len(shape) not in (2, 3):
        raise UnsuitableMask(f"A mask lies on frames (H, W) or on a clip (T, H, W), not on {shape}.")
    frames = shape[0] if len(shape) == 3 else None
    values = _read_folder(path, named_view(view), frames) if path.is_dir() else _read_file(path, shape)
    labels = _labels(values, path.name)
    if labels.shape[1:] != shape[-2:]:
        hint = " (rows and columns are exchanged)" if labels.shape[1:] == shape[-1:-3:-1] else ""
        raise UnsuitableMask(
            f"The mask {path.name} has {labels.shape[1]}x{labels.shape[2]} pixels, the clip {shape[-2]}x{shape[-1]}"
            f"{hint}: draw it on this clip's frames."
        )
    if len(labels) == 1:
        return np.asarray(labels[0])
    if frames is not None and len(labels) != frames:
        raise UnsuitableMask(f"The mask {path.name} has {len(labels)} frames, the clip {frames}; give one for each.")
    return labels


def _read_folder(path: Path, view: View | None, frames: int | None) -> NDArray[np.generic]:
    images = images_in(path)
    if images:
        return _stacked([page for image in images for page in pages(image, labels=True)], path.name)
    return read_camus_masks(path, view, frames)


def _read_file(path: Path, shape: tuple[int, ...]) -> NDArray[np.generic]:
    kind = detect(path)
    if kind in (Kind.NIFTI, Kind.METAIMAGE):
        values = load_volume(path, kind).values
    elif kind is Kind.NRRD:
        image = load_nrrd(path)
        values = _segments(image, path, shape) if "Segment0_ID" in image.header else image.values
    elif kind is Kind.IMAGE:
        values = _stacked(list(pages(path, labels=True)), path.name)
    else:
        raise UnreadableClip(
            f"{path.name} is {kind.value} and holds no mask; give NIfTI, MetaImage, NRRD, PNG or a folder of PNG."
        )
    if values.ndim != 3:
        raise UnsuitableMask(f"The mask {path.name} is in colour; give one whose values are the labels 0 to 3.")
    return values


def _stacked(frames: list[NDArray[np.generic]], name: str) -> NDArray[np.generic]:
    flat = [
        frame[..., 0] if frame.ndim == 3 and (frame == frame[..., :1]).all() else frame for frame in frames
    ]  # gray saved as colour
    if any(frame.ndim != 2 for frame in flat):
        raise UnsuitableMask(f"The mask {name} is in colour; give one whose values are the labels 0 to 3.")
    if any(frame.shape != flat[0].shape for frame in flat):
        raise UnsuitableMask(f"The masks of {name} differ in size; give one clip's masks.")
    return np.stack(flat)


def _labels(values: NDArray[np.generic], name: str) -> NDArray[np.uint8]:
    present = np.unique(values)
    if not np.issubdtype(values.dtype, np.bool_) and not np.isfinite(present.astype(np.float64)).all():
        raise UnsuitableMask(f"The mask {name} holds values that are not numbers; give the labels 0 to 3.")
    found = {float(value) for value in present}
    if found <= {0.0}:
        raise UnsuitableMask(f"The mask {name} is empty; draw the LV first.")
    if found <= {0.0, 255.0}:
        return np.asarray((values != 0) * int(Label.LV), np.uint8)
    if not found <= {float(label) for label in Label}:
        unknown = sorted(found - {float(label) for label in Label})
        shown = ", ".join(f"{value:g}" for value in unknown[:4])
        raise UnsuitableMask(f"The mask {name} holds the unknown labels {shown}; use 0 to 3 (LV, myocardium, LA).")
    return np.asarray(values, np.uint8)


def _segments(image: NrrdImage, path: Path, shape: tuple[int, ...]) -> NDArray[np.generic]:
    """A ``.seg.nrrd``: segments by name, overlapping ones in layers, cut to an extent within the frames."""
    header = image.header
    layers = image.values if image.listed else image.values[None]
    layers = layers[:, None] if layers.ndim == 3 else layers
    labels = np.zeros(layers.shape[1:], np.uint8)
    for number in range(256):
        if f"Segment{number}_ID" not in header:
            break
        value = int(header.get(f"Segment{number}_LabelValue", number + 1))
        layer = int(header.get(f"Segment{number}_Layer", 0))
        name = str(header.get(f"Segment{number}_Name", "")).lower()
        label = next((label for label, words in _WORDS if re.search(words, name)), None)
        if label is None and value not in [int(known) for known in Label]:
            raise UnsuitableMask(f"The segment {name!r} of {path.name} is unknown; name it LV, myocardium or LA.")
        if layer >= len(layers):
            raise UnreadableClip(f"{path.name} is damaged: a segment's layer is missing.")
        labels[layers[layer] == value] = int(label) if label is not None else value
    return _placed(labels, header.get("Segmentation_ReferenceImageExtentOffset"), shape, path)


def _placed(labels: NDArray[np.uint8], offset: object, shape: tuple[int, ...], path: Path) -> NDArray[np.uint8]:
    """Slicer cuts segmentations to their own extent; put them back into frames of (H, W)."""
    rows, columns = shape[-2:]
    try:
        column, row, depth = (int(part) for part in str(offset or "0 0 0").split())
    except ValueError as error:
        raise UnreadableClip(f"{path.name} is damaged: its extent can't be read.") from error
    frames = shape[0] if len(shape) == 3 and len(labels) + depth <= shape[0] and (depth or len(labels) > 1) else None
    count, first = (frames, depth) if frames is not None else (len(labels), 0)
    fits = row >= 0 and column >= 0 and row + labels.shape[1] <= rows and column + labels.shape[2] <= columns
    if not fits or (labels.shape[1:] == (rows, columns) and count == len(labels)):
        return labels
    whole = np.zeros((count, rows, columns), np.uint8)
    whole[first : first + len(labels), row : row + labels.shape[1], column : column + labels.shape[2]] = labels
    return whole
