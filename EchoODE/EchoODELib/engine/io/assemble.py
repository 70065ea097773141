"""The last step of every reader: frames, times and tags to one EchoSequence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import UnreadableClip
from ..sector import find_sector
from ..sequence import ClipSource, EchoSequence, View
from .gray import GrayFrames

Box = tuple[int, int, int, int]


def assemble(
    gray: GrayFrames,
    times: NDArray[np.float64],
    *,
    name: str,
    format: str,
    spacing: tuple[float, float] | None = None,
    view: View = View.UNKNOWN,
    region: Box | None = None,
    overlays: tuple[Box, ...] = (),
    colour_tag: bool = False,
    heart_rate: float | None = None,
    ed_frame: int | None = None,
    es_frame: int | None = None,
    notes: Sequence[str] = (),
) -> EchoSequence:
    """Make the clip and look whether it shows colour flow.

    ``colour_tag`` says that the file's tags name colour flow: pixels decide, the tag alone gives a note.
    """
    if not len(gray):
        raise UnreadableClip(f"{name} holds no frames.")
    frames, notes = gray.stack(), list(notes)
    source = ClipSource(name, format, region, False, heart_rate, ed_frame, es_frame, tuple(notes), overlays)
    sequence = EchoSequence(frames, times, spacing, view, source)
    flow = gray.coloured and gray.shows_flow(frames, find_sector(sequence).mask)
    if flow:
        notes.append("The frames show colour Doppler; segment and measure B-mode clips instead.")
    elif colour_tag:
        notes.append("The file's tags name colour flow, but no flow was found on its frames: read as B-mode.")
    source = ClipSource(name, format, region, flow, heart_rate, ed_frame, es_frame, tuple(notes), overlays)
    return EchoSequence(frames, times, spacing, view, source)
