"""AVI, MP4, GIF and whatever else FFmpeg decodes, through PyAV. Video carries no pixel size."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from ..errors import UnreadableClip
from ..sequence import EchoSequence
from .assemble import assemble
from .gray import GrayFrames, check_size
from .timing import plausible_rate, regular_times, repaired_times

_NAMES = {"mov": "MP4", "avi": "AVI", "gif": "GIF", "matroska": "Matroska", "asf": "WMV"}
_GRAY_FORMATS = frozenset({"gray", "gray8", "y8"})
# Frames that an index may name beyond those decoded: edit lists and open groups hide some at the ends.
_HIDDEN_FRAMES = 2


def read_video(path: Path, *, frame_rate: float | None = None) -> EchoSequence:
    """Read a video file.

    Raises
    ------
    UnreadableClip: damaged, truncated, without pictures, or of a codec that isn't built in.
    """
    gray, stamps, notes = GrayFrames(), [], list[str]()
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise UnreadableClip(f"{path.name} holds no video; give a clip with pictures.")
            stream = container.streams.video[0]
            if stream.codec_context is None:
                raise UnreadableClip(f"{path.name} is damaged or of a codec not known here; export it again as MP4.")
            stream.thread_type = "AUTO"
            name = _NAMES.get(container.format.name.split(",")[0], container.format.name)
            rate, named = float(stream.average_rate or 0), int(stream.frames)
            ratio = float(stream.sample_aspect_ratio or 1) or 1.0
            check_size(path.name, max(1, named), max(1, stream.height), max(1, stream.width))
            for frame in container.decode(stream):
                _add(gray, frame)
                stamps.append(np.nan if frame.pts is None else float(frame.pts * (frame.time_base or 1)))
    except (FFmpegError, MemoryError, ValueError) as error:
        raise UnreadableClip(
            f"{path.name} is truncated or damaged after {len(gray)} frames, or its codec is not known here; "
            "export it again as MP4 or AVI."
        ) from error
    if not len(gray):
        raise UnreadableClip(f"{path.name} holds no video frames; export it again.")
    if named - len(gray) > max(_HIDDEN_FRAMES, 0.05 * named):
        raise UnreadableClip(f"{path.name} is truncated: it holds {len(gray)} of {named} frames; copy it again.")
    if abs(ratio - 1) > 0.01:
        notes.append(f"The video is meant to be shown with pixels {ratio:.3g} times as wide as high.")
    notes.append("Video carries no pixel size; the clip is uncalibrated.")
    return assemble(gray, _times(stamps, rate, frame_rate, notes), name=path.name, format=name, notes=notes)


def _add(gray: GrayFrames, frame: VideoFrame) -> None:
    if frame.format.name in _GRAY_FORMATS:
        gray.add_gray(np.asarray(frame.to_ndarray(), np.uint8))
    else:
        gray.add_rgb(np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))


def _times(stamps: list[float], rate: float, frame_rate: float | None, notes: list[str]) -> NDArray[np.float64]:
    if frame_rate is not None:
        return regular_times(len(stamps), frame_rate, notes)
    trial: list[str] = []
    times = repaired_times(stamps, trial)
    if times is None:
        return regular_times(len(stamps), rate if plausible_rate(rate) else None, notes)
    notes += trial
    return times
