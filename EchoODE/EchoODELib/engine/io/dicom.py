"""DICOM multi-frame ultrasound (and single frames) to gray clips.

Frames are decoded one at a time and kept as luma only. Nothing that names a patient leaves this file.
Sources: DICOM PS3.3 C.7.6.5 (Cine), C.7.6.6 (Multi-frame), C.8.5.5 (US Region Calibration).
"""

from __future__ import annotations

import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import as_pixel_options, iter_pixels
from pydicom.uid import UID, ImplicitVRLittleEndian

from ..errors import UnreadableClip
from ..sequence import EchoSequence, View
from .assemble import assemble
from .dicom_regions import read_regions
from .gray import GrayFrames, check_size, to_eight_bits
from .timing import plausible_rate, regular_times, repaired_times

# What pydicom and its decoders raise on damaged input.
_DAMAGE = (
    InvalidDicomError,
    BytesLengthException,
    EOFError,
    OSError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
)
_COLOUR = {"RGB", "YBR_RCT", "YBR_ICT"}  # JPEG 2000's two come out of the decoder as RGB
_MOST_EXPECTED = 2000  # room is made for so many frames at once; a damaged header may name millions
_PLAUSIBLE_HEART_RATE = (15.0, 400.0)
_VIEW_WORDS = (
    (View.A4C, r"\b(a4c|4ch|ap4|apical[ _-]*(4|four))"),
    (View.A2C, r"\b(a2c|2ch|ap2|apical[ _-]*(2|two))"),
    (View.A3C, r"\b(a3c|3ch|ap3|aplax|apical[ _-]*(3|three|long))"),
    (View.PLAX, r"\b(plax|ps[ _-]*lax|parasternal[ _-]*long)"),
)


def read_dicom(path: Path, *, frame_rate: float | None = None) -> EchoSequence:
    """Read a DICOM clip.

    JPEG (Baseline, lossless where a decoder is installed), JPEG-LS, JPEG 2000, RLE, deflated and native
    transfer syntaxes; RGB, YBR, palette and monochrome of up to 16 bits. A file that ends before its last
    frame is refused: half a clip gives a wrong ED or ES without a sign of it.

    Raises
    ------
    UnreadableClip: not DICOM, damaged, truncated, no pixels, or no decoder for its compression.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom warns of every deviation; what matters here is checked below
        try:
            dataset = dcmread(path, force=True, defer_size=1 << 20)
            syntax = _transfer_syntax(dataset)
            rows, columns, count = _layout(dataset)
        except _DAMAGE as error:
            raise UnreadableClip(f"{path.name} is damaged or not DICOM: export it again.") from error
        check_size(path.name, count, rows, columns)
        notes: list[str] = []
        gray = _frames(path, dataset, syntax, count, notes)
        try:
            times = _times(dataset, len(gray), frame_rate, notes)
            regions = read_regions(dataset, (rows, columns))
            heart_rate = _heart_rate(dataset)
            view = _view(dataset)
            name = _safe_name(path, dataset)
        except _DAMAGE as error:
            raise UnreadableClip(f"{path.name} has damaged header fields: export it again.") from error
    return assemble(
        gray,
        times,
        name=name,
        format="DICOM",
        spacing=regions.spacing,
        view=view,
        region=regions.tissue,
        overlays=regions.overlays,
        colour_tag=regions.colour_flow,
        heart_rate=heart_rate,
        notes=[*notes, *regions.notes],
    )


def _transfer_syntax(dataset: Dataset) -> UID:
    meta = getattr(dataset, "file_meta", None)
    syntax = meta.get("TransferSyntaxUID") if meta is not None else None
    if syntax is None:  # a bare data set without the file header; DICOM's default
        syntax = ImplicitVRLittleEndian
        dataset.file_meta.TransferSyntaxUID = syntax
    return UID(str(syntax))


def _layout(dataset: Dataset) -> tuple[int, int, int]:
    if "Rows" not in dataset or "Columns" not in dataset:
        raise ValueError("it holds no image")
    count = dataset.get("NumberOfFrames")
    return int(dataset.Rows), int(dataset.Columns), int(count) if count is not None else 1


def _frames(path: Path, dataset: Dataset, syntax: UID, count: int, notes: list[str]) -> GrayFrames:
    """Decode all frames to gray."""
    gray = GrayFrames(min(count, _MOST_EXPECTED))
    try:
        if not syntax.is_transfer_syntax:
            raise NotImplementedError(syntax)
        palette = _palette(dataset)
        photometric = str(dataset.get("PhotometricInterpretation", "MONOCHROME2")).strip().upper()
        deep: list[NDArray[np.generic]] = []
        for frame, decoded_as in _decoded(path, dataset, syntax, photometric):
            if len(gray) + len(deep) == count:
                break
            if palette is not None:
                gray.add_rgb(palette[frame])
            elif frame.ndim == 3 and decoded_as in _COLOUR:
                gray.add_rgb(to_eight_bits(frame))
            elif frame.ndim == 3:
                gray.add_ybr(to_eight_bits(frame), partial=decoded_as.startswith("YBR_PARTIAL"))
            elif frame.dtype == np.uint8:
                eight = np.asarray(frame, np.uint8)
                gray.add_gray(~eight if photometric == "MONOCHROME1" else eight)
            else:
                deep.append(frame)
    except NotImplementedError as error:
        raise UnreadableClip(
            f"{path.name} is compressed as {_syntax_name(syntax)}, which has no decoder here; "
            "convert it to uncompressed DICOM or JPEG Baseline (with dcm4che's dcm2dcm, for instance)."
        ) from error
    except _DAMAGE as error:
        raise UnreadableClip(
            f"{path.name} is truncated or damaged: {len(gray)} of {count} frames can be decoded; copy it again."
        ) from error
    if deep:
        _add_deep(gray, deep, dataset, photometric == "MONOCHROME1")
    if len(gray) != count:
        raise UnreadableClip(
            f"{path.name} is truncated: it holds {len(gray)} of the {count} frames that its header names; "
            "copy it again."
        )
    return gray


def _decoded(path: Path, dataset: Dataset, syntax: UID, photometric: str) -> Iterator[tuple[NDArray[np.generic], str]]:
    """Frames (H, W) or (H, W, 3) without colour conversion, each with the colour space that it came out in."""
    if not syntax.is_encapsulated and not syntax.is_deflated and dataset.preamble:
        # From the file, frame by frame: native colour clips reach gigabytes.
        for frame in iter_pixels(path, raw=True):
            yield frame, photometric
        return
    if "PixelData" not in dataset:
        raise ValueError("it holds no pixels")
    decoder = get_decoder(syntax)
    if not decoder.is_available:
        raise NotImplementedError(decoder.UID.name)
    for frame, properties in decoder.iter_array(dataset, raw=True, **as_pixel_options(dataset)):
        yield frame, str(properties.get("photometric_interpretation", photometric))


def _palette(dataset: Dataset) -> NDArray[np.uint8] | None:
    """The palette as (entries, 3) uint8, or None for images without."""
    if str(dataset.get("PhotometricInterpretation", "")).strip().upper() != "PALETTE COLOR":
        return None
    bits = int(dataset.BitsAllocated)
    table = apply_color_lut(np.arange(1 << bits, dtype=np.uint8 if bits == 8 else np.uint16), dataset)[..., :3]
    # Tables of 16 bits hold values up to 65535, or of 8 bits that were never stretched.
    return (table >> 8).astype(np.uint8) if table.dtype.itemsize == 2 and table.max() > 255 else table.astype(np.uint8)


def _add_deep(gray: GrayFrames, frames: list[NDArray[np.generic]], dataset: Dataset, inverted: bool) -> None:
    """Monochrome of more than 8 bits: by the file's window, else by the clip's own range."""
    stack = np.stack(frames)
    centre = np.atleast_1d(np.asarray(dataset.get("WindowCenter") or np.nan, np.float64))[0]
    width = np.atleast_1d(np.asarray(dataset.get("WindowWidth") or np.nan, np.float64))[0]
    low, high = float(stack.min()), float(stack.max())
    if np.isfinite(centre) and np.isfinite(width) and width > 1:
        low, high = centre - width / 2, centre + width / 2
    for frame in to_eight_bits(stack, low=low, high=high):
        gray.add_gray(~frame if inverted else frame)


def _times(dataset: Dataset, count: int, frame_rate: float | None, notes: list[str]) -> NDArray[np.float64]:
    if frame_rate is not None or count == 1:
        return regular_times(count, frame_rate, notes)
    steps = np.atleast_1d(np.asarray(dataset.get("FrameTimeVector") or [], np.float64))
    frame_time = float(dataset.get("FrameTime") or 0)
    pointer = dataset.get("FrameIncrementPointer")
    vector_first = pointer is None or int(np.atleast_1d(pointer)[0]) != 0x00181063
    if len(steps) >= count - 1 > 0 and (vector_first or frame_time <= 0):
        # Each value is the step from the frame before; the first, often 0, belongs to no step.
        times = repaired_times(np.concatenate([[0.0], np.cumsum(steps[-(count - 1) :])]) / 1000.0, notes)
        if times is not None:
            return times
    rates = [1000.0 / frame_time if frame_time > 0 else 0.0]
    rates += [float(dataset.get(keyword) or 0) for keyword in ("CineRate", "RecommendedDisplayFrameRate")]
    duration = float(dataset.get("ActualFrameDuration") or 0)
    rates.append(1000.0 / duration if duration > 0 else 0.0)
    return regular_times(count, next((rate for rate in rates if plausible_rate(rate)), None), notes)


def _heart_rate(dataset: Dataset) -> float | None:
    rate = float(dataset.get("HeartRate") or 0)
    waves = np.atleast_1d(np.asarray(dataset.get("RWaveTimeVector") or [], np.float64))
    if rate <= 0 and len(waves) > 1 and (np.diff(waves) > 0).all():
        rate = 60_000.0 / float(np.median(np.diff(waves)))
    return rate if _PLAUSIBLE_HEART_RATE[0] <= rate <= _PLAUSIBLE_HEART_RATE[1] else None


def _view(dataset: Dataset) -> View:
    """The view where a code or a description names exactly one."""
    texts = [str(dataset.get(keyword) or "") for keyword in ("ViewName", "SeriesDescription", "ProtocolName")]
    texts += [str(item.get("CodeMeaning") or "") for item in dataset.get("ViewCodeSequence") or []]
    found = {view for view, words in _VIEW_WORDS for text in texts if re.search(words, text.lower())}
    return found.pop() if len(found) == 1 else View.UNKNOWN


def _safe_name(path: Path, dataset: Dataset) -> str:
    """The file's name, unless it carries the patient's name or number."""
    words = re.findall(r"\w{3,}", f"{dataset.get('PatientName') or ''} {dataset.get('PatientID') or ''}".lower())
    return "clip" if any(word in path.name.lower() for word in words) else path.name


def _syntax_name(syntax: UID) -> str:
    jpeg_xl = {"110": "JPEG-XL lossless", "111": "JPEG-XL from JPEG", "112": "JPEG-XL"}
    last = syntax.rsplit(".", 1)[-1]
    return jpeg_xl[last] if str(syntax).startswith("1.2.840.10008.1.2.4.") and last in jpeg_xl else syntax.name
