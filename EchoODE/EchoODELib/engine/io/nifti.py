"""NIfTI and MetaImage, as ITK and the CAMUS data set write them.

The file's first axis is the column, the second the row, the third (or fourth) time; pixels stay where the
file has them, whatever orientation its header gives.
"""

from __future__ import annotations

import gzip
import math
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name that everybody uses
from numpy.typing import NDArray

from ..errors import UnreadableClip
from ..sequence import EchoSequence
from .assemble import assemble
from .calibration import Spacing, doubt
from .detect import Kind, is_gzip
from .gray import GrayFrames, check_size, to_eight_bits
from .timing import plausible_rate, regular_times

_ENDINGS = {Kind.NIFTI: (".nii.gz", ".nii", ".hdr", ".img"), Kind.METAIMAGE: (".mhd", ".mha")}
_UNKNOWN_UNIT = 0
_TIME_UNITS = {8: 1.0, 16: 1e-3, 24: 1e-6}  # s, ms, µs
_SLOWEST_STEP = 0.5  # s


@dataclass(frozen=True)
class Volume:
    """What an ITK file holds.

    Attributes
    ----------
    values: (T, H, W) or (T, H, W, C), the file's own number type.
    spacing: (row, column) as the header says, unchecked.
    frame_time: step between frames, s, or None.
    unit_known: whether the header says that lengths are in mm.
    """

    values: NDArray[np.generic]
    spacing: Spacing
    frame_time: float | None
    unit_known: bool


def read_volume_clip(path: Path, kind: Kind, *, frame_rate: float | None = None) -> EchoSequence:
    """Read a NIfTI or MetaImage file as a clip.

    Raises
    ------
    UnreadableClip: damaged, truncated, or not a 2D image over time.
    """
    volume = load_volume(path, kind)
    notes: list[str] = []
    rate = frame_rate
    if rate is None and volume.frame_time:
        rate = 1.0 / volume.frame_time
    gray = gray_of(volume.values, notes)
    return assemble(
        gray,
        regular_times(len(gray), rate, notes),
        name=path.name,
        format=kind.value,
        spacing=trusted_spacing(volume, notes),
        notes=notes,
    )


def load_volume(path: Path, kind: Kind) -> Volume:
    """Load the pixels and header of a NIfTI or MetaImage file.

    Raises
    ------
    UnreadableClip: damaged, truncated, or of a shape that no clip has.
    """
    loud = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)  # ITK would print to the terminal; what matters is checked here
    try:
        with _fitting_name(path, kind) as name:
            reader = sitk.ImageFileReader()
            reader.SetImageIO("NiftiImageIO" if kind is Kind.NIFTI else "MetaImageIO")
            reader.SetFileName(str(name))
            reader.ReadImageInformation()
            size = reader.GetSize()
            check_size(path.name, int(np.prod(size[2:], dtype=np.int64)), size[1], size[0])
            if kind is Kind.NIFTI:
                _check_length(name, reader)
            image = reader.Execute()
    except (RuntimeError, OSError, EOFError, zlib.error) as error:
        raise UnreadableClip(f"{path.name} is truncated or damaged; copy it again.") from error
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(loud)
    values = sitk.GetArrayFromImage(image)
    components = image.GetNumberOfComponentsPerPixel()
    steps = image.GetSpacing()
    axes = image.GetDimension()
    if axes == 4 and 1 not in size[2:]:
        raise UnreadableClip(f"{path.name} holds volumes over time; give a clip of 2D frames.")
    values = values.reshape(-1, size[1], size[0], *([components] if components > 1 else []))
    unit_known, frame_time = True, None
    if kind is Kind.NIFTI:
        units = int(image.GetMetaData("xyzt_units")) if image.HasMetaDataKey("xyzt_units") else 0
        unit_known = units & 7 != _UNKNOWN_UNIT
        # The step along time is believed only where the header gives time a unit. On a fourth axis ITK has made it
        # seconds; a third one it takes for space.
        if units & 0x38 and axes == 4 and size[3] > 1:
            frame_time = float(steps[3])
        elif units & 0x38 in _TIME_UNITS and axes >= 3:
            frame_time = float(steps[2]) * _TIME_UNITS[units & 0x38]
    # ITK writes a step of 1 s where it knows none, and no clip is as slow.
    if frame_time is not None and not (0 < frame_time < _SLOWEST_STEP and plausible_rate(1.0 / frame_time)):
        frame_time = None
    return Volume(values, (float(steps[1]), float(steps[0])), frame_time, unit_known)


def trusted_spacing(volume: Volume, notes: list[str]) -> Spacing | None:
    """The header's pixel size if it can be believed, else None and a note."""
    spacing = volume.spacing
    reason = doubt(spacing, (volume.values.shape[1], volume.values.shape[2]))
    if spacing == (1.0, 1.0):
        reason = "1 by 1 mm stands for unknown"
    elif reason is None and not volume.unit_known:
        notes.append("The header names no unit of length; mm was taken.")
    if reason is None:
        return spacing
    notes.append(f"The pixel size in the header can't be right ({reason}); the clip is uncalibrated.")
    return None


def gray_of(values: NDArray[np.generic], notes: list[str]) -> GrayFrames:
    """Gray frames of (T, H, W) or (T, H, W, C) values."""
    gray = GrayFrames(len(values))
    if values.dtype != np.uint8:
        notes.append(f"The values were stored as {values.dtype} and mapped to 8 bits.")
    eight = to_eight_bits(values)
    for frame in eight:
        if frame.ndim == 3 and frame.shape[2] >= 3:
            gray.add_rgb(frame[..., :3])
        else:
            gray.add_gray(frame if frame.ndim == 2 else frame[..., 0])
    return gray


def _check_length(path: Path, reader: sitk.ImageFileReader) -> None:
    """ITK fills what a truncated NIfTI file lacks with black; raise EOFError instead."""
    needed = math.prod(reader.GetSize()) * int(reader.GetMetaData("bitpix")) // 8
    if path.name.lower().endswith((".hdr", ".img")):
        path = path.with_suffix(".img")
    else:
        needed += int(float(reader.GetMetaData("vox_offset")))
    if not is_gzip(path):
        held = path.stat().st_size
    else:
        with gzip.open(path) as file:
            held = file.seek(needed)
    if held < needed:
        raise EOFError


@contextmanager
def _fitting_name(path: Path, kind: Kind) -> Iterator[Path]:
    """A path with an ending that ITK accepts: the file itself, or a copy of it for the time of reading."""
    if path.name.lower().endswith(_ENDINGS[kind]):
        fitting = kind is not Kind.NIFTI or path.name.lower().endswith(".gz") == is_gzip(path)
        if fitting:
            yield path
            return
    with tempfile.TemporaryDirectory() as folder:
        ending = ".mha" if kind is Kind.METAIMAGE else ".nii.gz" if is_gzip(path) else ".nii"
        copy = Path(folder) / f"clip{ending}"
        shutil.copyfile(path, copy)
        yield copy
