"""Frames of any colour and depth to gray of 8 bits, one at a time, and colour flow recognised on the way.

Gray is luma (ITU-R BT.601), which for YBR files is the first plane itself. Only gray is kept; of a
frame's colour only the evidence for Doppler remains: where it departs from the clip's own tint. A
tint (sepia, blue) gives every gray level one colour; flow gives one gray level several colours.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ..errors import UnreadableClip

# Frames looked at for colour: the first two, then every fourth; a colour box stays on for a whole clip.
_COLOUR_STRIDE = 4
# Departure from the tint, |dCb| + |dCr|. JPEG's chroma noise stays under 20, the darkest red of a flow map gives 45.
_CHROMA_DEPARTURE = 40
# Share of the tissue that must show flow in some frame; a jet covers some percent. In one or two frames a logo
# that touches the tissue doesn't show that it stands still: more is asked there.
_FLOW_SHARE = 0.004
_FLOW_SHARE_IN_STILLS = 0.02
# Frames above this many bytes of gray are a corrupt header rather than a clip.
MAXIMUM_BYTES = 8 << 30


class GrayFrames:
    """Collects frames as gray (H, W) uint8 and the evidence for colour flow.

    ``expected`` is the number of frames where it is known; the clip is then written into one array at once.
    """

    def __init__(self, expected: int = 0) -> None:
        self._expected = expected
        self._clip: NDArray[np.uint8] | None = None
        self._count = 0
        self._departed: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return self._count

    def add_gray(self, frame: NDArray[np.uint8]) -> None:
        """Add a gray frame (H, W) uint8."""
        if self._clip is None:
            self._clip = np.empty((max(self._expected, 1), *frame.shape), np.uint8)
        if frame.shape != self._clip.shape[1:]:
            raise UnreadableClip(
                f"The frames differ in size ({self._clip.shape[1:]} and {frame.shape}); give one clip of one size."
            )
        if self._count == len(self._clip):  # the number was not known: grow as a list does
            check_size("The clip", 2 * self._count, *frame.shape)
            self._clip = np.concatenate([self._clip, np.empty_like(self._clip)])
        self._clip[self._count] = frame
        self._count += 1

    def add_rgb(self, frame: NDArray[np.uint8]) -> None:
        """Add a colour frame (H, W, 3) uint8, red first."""
        frame = np.ascontiguousarray(frame)
        if self._wants_colour():
            ycc = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb), np.uint8)
            self._look_for_flow(ycc[..., 0], ycc[..., 2], ycc[..., 1])
        self.add_gray(np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8))

    def add_ybr(self, frame: NDArray[np.uint8], *, partial: bool = False) -> None:
        """Add a frame (H, W, 3) uint8 of luma, blue and red difference; ``partial`` if black is 16 and white 235."""
        luma = np.ascontiguousarray(frame[..., 0])
        if partial:
            levels = np.clip((np.arange(256) - 16.0) * (255.0 / 219.0), 0, 255).round().astype(np.uint8)
            luma = levels[luma]
        if self._wants_colour():
            self._look_for_flow(luma, frame[..., 1], frame[..., 2])
        self.add_gray(luma)

    def stack(self) -> NDArray[np.uint8]:
        """All frames, (T, H, W) uint8."""
        if self._clip is None:
            raise UnreadableClip("The clip holds no frames.")
        return self._clip if self._count == len(self._clip) else self._clip[: self._count].copy()

    @property
    def coloured(self) -> bool:
        """Whether any patch departs from the clip's tint."""
        return self._departed is not None and bool(self._departed.any())

    def shows_flow(self, frames: NDArray[np.uint8], tissue: NDArray[np.bool_]) -> bool:
        """Whether moving colour covers part of the tissue (H, W), as in colour Doppler."""
        if self._departed is None:
            return False
        departed = self._departed
        if len(frames) > 2:  # logos and buttons stand still
            departed = departed & (np.ptp(frames[:: max(1, len(frames) // 16)], axis=0) > 6)
        # A banner that touches the sector lies mostly outside of it, a jet inside.
        count, pieces = cv2.connectedComponents(departed.astype(np.uint8))
        inside = np.bincount(pieces[departed & tissue], minlength=count)
        within = inside >= 0.7 * np.bincount(pieces.ravel(), minlength=count)
        flow = int(inside[1:][within[1:]].sum())
        share = _FLOW_SHARE if len(frames) > 2 else _FLOW_SHARE_IN_STILLS
        return flow > share * max(1, int(tissue.sum()))

    def _wants_colour(self) -> bool:
        return len(self) < 2 or len(self) % _COLOUR_STRIDE == 0

    def _look_for_flow(self, luma: NDArray[np.uint8], blue: NDArray[np.uint8], red: NDArray[np.uint8]) -> None:
        level = luma >> 4
        departure = np.zeros(luma.shape, np.int16)
        for plane in (blue, red):
            # The tint: the median of the colour difference at each of 16 gray levels.
            counts = np.bincount((level.astype(np.int32) << 8 | plane).ravel(), minlength=4096).reshape(16, 256)
            cumulative = counts.cumsum(axis=1)
            tint = (cumulative * 2 < cumulative[:, -1:]).sum(axis=1).astype(np.int16)
            departure += np.abs(plane.astype(np.int16) - tint[level])
        coloured = (departure > _CHROMA_DEPARTURE).astype(np.uint8)
        # Opening takes lines and letters away: an ECG trace is coloured and moves, but is thin.
        size = max(3, round(min(luma.shape) / 80))
        departed = np.asarray(cv2.morphologyEx(coloured, cv2.MORPH_OPEN, np.ones((size, size), np.uint8)), bool)
        if self._departed is None:
            self._departed = departed
        elif self._departed.shape == departed.shape:
            self._departed |= departed


def to_eight_bits(
    values: NDArray[np.generic], *, low: float | None = None, high: float | None = None
) -> NDArray[np.uint8]:
    """Map an array of any number type to gray of 8 bits.

    uint8 passes; what lies within 0 to 255 already is rounded, values within 0 to 1 (floating point)
    are stretched by 255, anything else is stretched from its own range (or ``low`` to ``high``).
    Pixels that are not finite become black.
    """
    if values.dtype == np.uint8 and low is None:
        return np.asarray(values, np.uint8)
    data = np.asarray(values, np.float32)
    finite = np.isfinite(data)
    if not finite.all():
        data = np.where(finite, data, np.float32(0))
    if low is None or high is None:
        smallest, largest = float(data.min()), float(data.max())
        if smallest >= 0 and largest <= 1 and np.issubdtype(values.dtype, np.floating):
            low, high = 0.0, 1.0
        elif smallest >= 0 and largest <= 255 and (largest > 1 or not np.issubdtype(values.dtype, np.floating)):
            low, high = 0.0, 255.0
        else:
            low, high = smallest, largest
    if high <= low:
        return np.zeros(data.shape, np.uint8)
    scaled = (data - np.float32(low)) * np.float32(255.0 / (high - low))
    return np.asarray(np.clip(np.rint(scaled), 0, 255), np.uint8)


def check_size(name: str, count: int, rows: int, columns: int) -> None:
    """Refuse frame counts and sizes that no clip has, before memory is taken for them."""
    if min(count, rows, columns) < 1 or count * rows * columns > MAXIMUM_BYTES:
        raise UnreadableClip(
            f"{name} is damaged: its header names {count} frames of {rows}x{columns} pixels, which no clip has; "
            "copy it again."
        )
