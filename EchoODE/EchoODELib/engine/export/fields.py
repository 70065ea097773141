"""Displacement fields out, for ITK, Slicer and numpy."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError
from ..sequence import SegmentedSequence
from .nrrd_file import Layout, write_nrrd

Direction = Literal["displacement", "pull_back"]

_MEANING = {
    "displacement": "tissue at p of the reference frame lies at p + vector(p) in the item's frame",
    "pull_back": "tissue at p of the item's frame lies at p + vector(p) in the reference frame; "
    "as a resampling transform it carries the reference frame to the item's frame",
}
# Far below what registration can tell. The step is a power of two: the bits below it are 0 and compress away.
_STEPS_PER_PIXEL = 32.0


def write_field(
    path: str | os.PathLike[str],
    segmented: SegmentedSequence,
    direction: Direction,
    *,
    frame: int | None = None,
) -> Path:
    """Write the motion as vectors (x, y, 0) in LPS, as float32 NRRD.

    With a calibration the vectors are in mm, else in px; the header's ``displacement unit`` says which, and
    ``displacement meaning`` and ``reference frame`` say from where to where. Vectors are rounded to
    1/32 px or finer.

    Parameters
    ----------
    path: ends in ``.nrrd``; the whole clip is a Slicer vector sequence (``.seq.nrrd``), one frame an ITK
        displacement field.
    segmented: with fields (T, H, W, 2), see :mod:`~EchoODELib.engine.sequence` for the conventions.
    direction: ``"displacement"`` (on the reference frame) or ``"pull_back"`` (on each frame).
    frame: write this frame's field only.

    Raises
    ------
    OutputError: no motion was computed, another ending, or a place that can't be written.
    """
    target = Path(path)
    field = segmented.displacement if direction == "displacement" else segmented.pull_back
    if field is None or segmented.reference_frame is None:
        raise OutputError("There is no motion to write; propagate a mask first.")
    if not target.name.lower().endswith(".nrrd"):
        raise OutputError(f"{target.name} has an ending that fields can't be written to; use .nrrd or .seq.nrrd.")
    clip = segmented.sequence
    if frame is not None and not 0 <= frame < len(clip):
        raise OutputError(f"There is no frame {frame}; the clip has frames 0 to {len(clip) - 1}.")
    row, column = clip.spacing or (1.0, 1.0)
    layout = Layout(
        clip.shape,
        clip.spacing,
        components=3,
        times=clip.times if frame is None else None,
        pairs={
            "DataNodeClassName": "vtkMRMLVectorVolumeNode",
            "displacement unit": "mm" if clip.calibrated else "px",
            "displacement meaning": _MEANING[direction],
            "reference frame": str(segmented.reference_frame),
            **({} if frame is None else {"frame": str(frame)}),
        },
    )
    chosen = field if frame is None else field[frame : frame + 1]
    return write_nrrd(target, layout, (_vectors(one, column, row) for one in chosen), level=4)


def _vectors(field: NDArray[np.float32], column: float, row: float) -> NDArray[np.float32]:
    """(H, W, 3) vectors in the file's unit of a (H, W, 2) field in px."""
    step = 2.0 ** math.floor(math.log2(min(column, row) / _STEPS_PER_PIXEL))
    vectors = np.zeros((*field.shape[:2], 3), np.float32)
    vectors[..., :2] = np.round(field * np.array([column / step, row / step], np.float32)) * step
    return vectors
