"""NRRD, and ``.seq.nrrd`` and ``.seg.nrrd`` as 3D Slicer writes them.

The first spatial axis is the column, the second the row: a pixel stays where the file has it, whatever
anatomical orientation (RAS or LPS) the header gives. Frames lie along the axis of kind ``list``, wherever it
stands, with their times in ``axis N index values``.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nrrd
import numpy as np
from numpy.typing import NDArray

from ..errors import UnreadableClip
from ..sequence import EchoSequence
from .assemble import assemble
from .calibration import Spacing
from .gray import check_size
from .nifti import Volume, gray_of, trusted_spacing
from .timing import regular_times, repaired_times

_DAMAGE = (nrrd.NRRDError, OSError, EOFError, ValueError, TypeError, KeyError, IndexError, MemoryError, zlib.error)
_SPATIAL = frozenset({"domain", "space"})
_LISTS = frozenset({"list", "time"})
_UNNAMED = frozenset({"", "none", "???"})


@dataclass(frozen=True)
class NrrdImage:
    """What an NRRD file holds.

    Attributes
    ----------
    values: (T, H, W) or (T, H, W, C), the file's own number type.
    spacing: (row, column) as the header says, unchecked.
    times: (T,) seconds, or None.
    header: all fields, as pynrrd gives them.
    listed: whether the frames lie along an axis of kind ``list``.
    """

    values: NDArray[np.generic]
    spacing: Spacing
    times: NDArray[np.float64] | None
    header: Mapping[str, Any]
    listed: bool
    notes: tuple[str, ...] = ()


def read_nrrd(path: Path, *, frame_rate: float | None = None) -> EchoSequence:
    """Read an NRRD file as a clip.

    Raises
    ------
    UnreadableClip: damaged, truncated, or not 2D frames over time.
    """
    image = load_nrrd(path)
    notes = list(image.notes)
    volume = Volume(image.values, image.spacing, None, _in_millimetres(image.header))
    gray = gray_of(image.values, notes)
    times = image.times if frame_rate is None else None
    if times is None:
        times = regular_times(len(gray), frame_rate, notes)
    return assemble(gray, times, name=path.name, format="NRRD", spacing=trusted_spacing(volume, notes), notes=notes)


def load_nrrd(path: Path) -> NrrdImage:
    """Load pixels and header; raises UnreadableClip if the file is damaged or no clip."""
    try:
        header = nrrd.read_header(str(path))
        sizes = [int(size) for size in header["sizes"]]
        spatial, frames, colour = _axes(header, sizes, path.name)
        check_size(path.name, int(np.prod(sizes, dtype=np.int64)), 1, 1)
        data, header = nrrd.read(str(path), index_order="F")
        notes: list[str] = []
        times = None if frames is None else _times(header, frames, sizes[frames], notes)
        spacing = (_step(header, spatial[1]), _step(header, spatial[0]))
    except _DAMAGE as error:
        raise UnreadableClip(f"{path.name} is truncated or damaged; copy it again.") from error
    order = [*([] if frames is None else [frames]), spatial[1], spatial[0], *([] if colour is None else [colour])]
    dropped = tuple(axis for axis in range(data.ndim) if axis not in order)
    values = np.squeeze(np.transpose(data, (*dropped, *order)), axis=tuple(range(len(dropped))))
    if frames is None:
        values = values[None]
    listed = frames is not None and _kinds(header, len(sizes))[frames] in _LISTS
    return NrrdImage(values, spacing, times, header, listed, tuple(notes))


def _kinds(header: Mapping[str, Any], dimension: int) -> list[str]:
    kinds = [str(kind).lower() for kind in header.get("kinds", [])]
    return kinds if len(kinds) == dimension else [""] * dimension


def _axes(header: Mapping[str, Any], sizes: list[int], name: str) -> tuple[list[int], int | None, int | None]:
    """(column axis, row axis), frame axis or None, colour axis or None."""
    kinds = _kinds(header, len(sizes))
    listed = [axis for axis, kind in enumerate(kinds) if kind in _LISTS]
    unnamed = [axis for axis, kind in enumerate(kinds) if kind in _UNNAMED]
    colours = [axis for axis, kind in enumerate(kinds) if kind not in _SPATIAL | _LISTS | _UNNAMED]
    if len(unnamed) == len(sizes) > 2 and sizes[0] in (3, 4) and min(sizes[1:3]) > 4:
        colours, unnamed = [0], unnamed[1:]
    spatial = [axis for axis in range(len(sizes)) if axis not in listed and axis not in colours]
    # A single slice is stored as a volume of depth 1.
    while len(spatial) > 2 and any(sizes[axis] == 1 for axis in spatial):
        spatial.remove(next(axis for axis in reversed(spatial) if sizes[axis] == 1))
    if len(spatial) == 3 and not listed:
        listed = [spatial.pop()]
    if len(spatial) != 2 or len(listed) > 1 or len(colours) > 1:
        raise UnreadableClip(f"{name} does not hold 2D frames over time (sizes {sizes}); give a 2D clip.")
    return spatial, listed[0] if listed else None, colours[0] if colours else None


def _step(header: Mapping[str, Any], axis: int) -> float:
    """Length of one step along an axis as the header says; 1 where it says nothing."""
    directions = header.get("space directions")
    if directions is not None and directions[axis] is not None:
        length = float(np.linalg.norm(np.asarray(directions[axis], np.float64)))
        if not np.isnan(length):
            return length
    spacings = header.get("spacings")
    return float(spacings[axis]) if spacings is not None else 1.0


def _in_millimetres(header: Mapping[str, Any]) -> bool:
    units = [str(unit).lower() for unit in [*header.get("space units", []), *header.get("units", [])]]
    # Slicer means mm by any named space and need not say so.
    return "mm" in units or "space" in header


def _times(header: Mapping[str, Any], axis: int, count: int, notes: list[str]) -> NDArray[np.float64] | None:
    """Seconds from Slicer's index values, or from the axis' own spacing where it has a unit of time."""
    units, labels = header.get("units", []), header.get("labels", [])
    unit = str(units[axis]).strip().lower() if len(units) > axis else ""
    label = str(labels[axis]).strip().lower() if len(labels) > axis else ""
    scale = 0.001 if unit in ("ms", "msec", "millisecond", "milliseconds") else 1.0
    # Slicer does not count the axis of a pixel's components when it numbers the list axis.
    number = next((n for n in (axis, axis - 1) if f"axis {n} index values" in header), axis)
    values = header.get(f"axis {number} index values")
    if values is None:
        step = _step(header, axis)
        if unit and unit != "mm" and np.isfinite(step) and step > 0:
            return np.arange(count, dtype=np.float64) * (step * scale)
        return None
    if str(header.get(f"axis {number} index type", "numeric")).strip() != "numeric" or label in ("frame", "index"):
        return None
    times = np.asarray([float(value) for value in str(values).split()], np.float64)
    if len(times) != count:
        raise ValueError("as many index values as frames are needed")
    if not unit and count > 1 and float(np.median(np.diff(times))) >= 2:
        scale = 0.001
        notes.append("The frame times have no unit; they are too far apart for seconds and were taken as ms.")
    return repaired_times(times * scale, notes)
