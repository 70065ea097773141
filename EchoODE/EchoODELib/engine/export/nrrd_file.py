"""NRRD files as Slicer writes them, frame by frame.

Format: https://teem.sourceforge.net/nrrd/format.html. The layout of sequences is that of Slicer's volume
sequence storage (.seq.nrrd): three spatial axes and a list axis, whose index values stand in the header.
pynrrd reads these files but takes the whole array to write one, and stamps it with the date: a field over 300
frames of 512x512 would need a gigabyte more, and the same result would never be the same file.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .atomic import atomic_file

Spacing = tuple[float, float]

_TYPES = {"uint8": "unsigned char", "float32": "float"}


@dataclass(frozen=True)
class Layout:
    """What a file's header says of its axes.

    Attributes
    ----------
    shape: (H, W) of a frame.
    spacing: (row, column) mm, or None for pixels of size 1.
    components: 1 for gray values or labels, 3 for vectors (x, y, z).
    times: (T,) seconds of a sequence's frames, or None for one frame.
    pairs: further ``key:=value`` pairs.
    """

    shape: tuple[int, int]
    spacing: Spacing | None
    components: int = 1
    times: NDArray[np.float64] | None = None
    pairs: Mapping[str, str] = field(default_factory=dict)

    def header(self, dtype: np.dtype[np.generic]) -> str:
        """The header's text, first axis the column; LPS, identity orientation."""
        row, column = (float(step) for step in self.spacing or (1.0, 1.0))  # numpy would write its type, too
        # (size, direction, kind, label, unit) per axis, the fastest first.
        axes = [
            (self.shape[1], f"({column!r},0,0)", "domain", "", ""),
            (self.shape[0], f"(0,{row!r},0)", "domain", "", ""),
            (1, "(0,0,1)", "domain", "", ""),
        ]
        if self.components > 1:
            axes.insert(0, (self.components, "none", "vector", "", ""))
        pairs = dict(self.pairs)
        if self.times is not None:
            axes.append((len(self.times), "none", "list", "time", "s"))
            # Slicer does not count the axis of vector components: the list is its axis 3 in either case.
            pairs["axis 3 index type"] = "numeric"
            pairs["axis 3 index values"] = " ".join(f"{time:.6g}" for time in self.times)
        sizes, directions, kinds, labels, units = zip(*axes, strict=True)
        lines = [
            "NRRD0005",
            "# Complete NRRD file format specification at:",
            "# http://teem.sourceforge.net/nrrd/format.html",
            f"type: {_TYPES[dtype.name]}",
            f"dimension: {len(axes)}",
            "space: left-posterior-superior",
            "sizes: " + " ".join(map(str, sizes)),
            "space directions: " + " ".join(directions),
            "kinds: " + " ".join(kinds),
            "endian: little",
            "encoding: gzip",
            "space origin: (0,0,0)",
        ]
        if self.times is not None:
            lines.insert(-3, "labels: " + " ".join(f'"{label}"' for label in labels))
            lines.insert(-3, "units: " + " ".join(f'"{unit}"' for unit in units))
        if self.components > 1:
            lines.append("measurement frame: (1,0,0) (0,1,0) (0,0,1)")
        return "\n".join([*lines, *(f"{key}:={value}" for key, value in pairs.items())]) + "\n\n"


def write_nrrd(path: Path, layout: Layout, frames: Iterable[NDArray[np.generic]], *, level: int = 6) -> Path:
    """Write frames (H, W) or (H, W, components) of uint8 or float32, in one step.

    Raises
    ------
    OutputError: the place can't be written.
    """
    with atomic_file(path) as unfinished, unfinished.open("wb") as file:
        packed: gzip.GzipFile | None = None
        for frame in frames:
            if packed is None:
                file.write(layout.header(frame.dtype).encode("ascii"))
                packed = gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=level, mtime=0)
            packed.write(np.ascontiguousarray(frame, frame.dtype.newbyteorder("<")).data)
        if packed is not None:
            packed.close()
    return path
