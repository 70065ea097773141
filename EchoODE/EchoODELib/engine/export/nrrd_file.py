"""NRRD headers as Slicer writes them, and files made in memory.

Format: https://teem.sourceforge.net/nrrd/format.html. The layout of sequences is that of Slicer's volume
sequence storage (.seq.nrrd): three spatial axes and a list axis, whose index values stand in the header.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import nrrd
import numpy as np
from numpy.typing import NDArray

Header = dict[str, object]
_SPACE = "left-posterior-superior"
_NONE = (np.nan, np.nan, np.nan)


def frame_header(spacing: tuple[float, float] | None) -> Header:
    """Header of one (H, W) frame as a volume of one slice."""
    return {
        "space": _SPACE,
        "space directions": np.array(_directions(spacing)),
        "kinds": ["domain", "domain", "domain"],
        "space origin": np.zeros(3),
        "encoding": "gzip",
    }


def sequence_header(
    shape: tuple[int, ...],
    times: NDArray[np.float64],
    spacing: tuple[float, float] | None,
    *,
    node: str,
) -> Header:
    """Header of T frames, (T, H, W) or (T, H, W, 3), as a Slicer volume sequence over time in seconds.

    Parameters
    ----------
    node: the MRML class that a frame becomes in Slicer.
    """
    vector = len(shape) == 4
    ahead = [""] * vector
    # ITK reads "vector" as components of a pixel; Slicer does not count that axis when it names the list axis 3.
    return {
        "space": _SPACE,
        "space directions": np.array([*[_NONE] * vector, *_directions(spacing), _NONE]),
        "kinds": [*["vector"] * vector, "domain", "domain", "domain", "list"],
        "labels": [*ahead, "", "", "", "time"],
        "units": [*ahead, "", "", "", "s"],
        "space origin": np.zeros(3),
        "encoding": "gzip",
        "DataNodeClassName": node,
        "axis 3 index type": "numeric",
        "axis 3 index values": " ".join(f"{time:.6g}" for time in times),
    }


def nrrd_bytes(values: NDArray[np.generic], header: Mapping[str, object], *, level: int = 6) -> bytes:
    """The file of (T, H, W[, C]) values under a sequence's header, or of (H, W[, C]) under a frame's."""
    data = values[:, None] if "list" in header["kinds"] else values[None]  # type: ignore[operator]
    buffer = io.BytesIO()
    nrrd.write(buffer, np.ascontiguousarray(data), dict(header), index_order="C", compression_level=level)
    return buffer.getvalue()


def _directions(spacing: tuple[float, float] | None) -> list[tuple[float, float, float]]:
    row, column = spacing or (1.0, 1.0)
    return [(column, 0.0, 0.0), (0.0, row, 0.0), (0.0, 0.0, 1.0)]
