"""Clips out: as a Slicer sequence (lossless) or as a plain video."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from ..errors import OutputError
from ..sequence import EchoSequence
from .nrrd_file import Layout, write_nrrd
from .video import write_pictures


def write_clip(path: str | os.PathLike[str], sequence: EchoSequence) -> Path:
    """Write a clip's gray frames.

    Parameters
    ----------
    path: ends in ``.seq.nrrd`` or ``.nrrd`` (lossless, with times and pixel size) or ``.mp4`` (to look at).

    Raises
    ------
    OutputError: another ending, or a place that can't be written.
    """
    target = Path(path)
    name = target.name.lower()
    if name.endswith(".nrrd"):
        node = {"DataNodeClassName": "vtkMRMLScalarVolumeNode"}
        layout = Layout(sequence.shape, sequence.spacing, times=sequence.times, pairs=node)
        return write_nrrd(target, layout, sequence.frames)
    if name.endswith(".mp4"):
        height, width = (length - length % 2 for length in sequence.shape)  # H.264 takes even sizes only
        gray = sequence.frames[:, :height, :width]
        return write_pictures(target, (np.repeat(frame[..., None], 3, axis=2) for frame in gray), sequence.times)
    raise OutputError(f"{target.name} has an ending that clips can't be written to; use .seq.nrrd or .mp4.")
