"""The vocabulary: the four types that pass between rooms, and their conventions.

Conventions, said once:

- Images and masks are indexed ``[row, column]``, row 0 at the top, as in the file.
- ``spacing`` is (row, column) in mm per pixel, as in DICOM; None means *uncalibrated*.
- Displacements are in pixels, last axis (x, y) = (column, row), as in ITK and OpenCV.
- ``displacement[t]`` lives on the reference frame: the tissue at pixel p of the reference frame
  lies at p + displacement[t](p) in frame t.
- ``pull_back[t]`` lives on frame t: the tissue at pixel p of frame t lies at p + pull_back[t](p) in
  the reference frame. A reference mask is carried to frame t by sampling it at p + pull_back[t](p).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, IntEnum

import numpy as np
from numpy.typing import NDArray

from .errors import UnsuitableClip, UnsuitableMask


class Label(IntEnum):
    """What a mask's values mean (CAMUS's numbering)."""

    BACKGROUND = 0
    LV = 1
    MYOCARDIUM = 2
    LA = 3


class View(Enum):
    """Standard views; the value is the name that people use. OTHER is known to be none of them."""

    A4C = "A4C"
    A2C = "A2C"
    A3C = "A3C"
    PLAX = "PLAX"
    OTHER = "other"
    UNKNOWN = "unknown"


#: The views that networks tell apart, in the order of their channels; anything else is one more channel.
KNOWN_VIEWS = (View.A2C, View.A3C, View.A4C, View.PLAX)


def view_channel(view: View) -> int | None:
    """A view's channel in what networks say of views: its place in KNOWN_VIEWS, or after them; None if not known."""
    if view in KNOWN_VIEWS:
        return KNOWN_VIEWS.index(view)
    return len(KNOWN_VIEWS) if view is View.OTHER else None


@dataclass(frozen=True)
class ClipSource:
    """Where a clip came from, free of patient identifiers.

    Attributes
    ----------
    name: file or folder name without its path.
    format: what the reader found ("DICOM", "MP4", "CAMUS NIfTI", ...).
    region: (row0, row1, column0, column1), the half-open box of the 2D tissue region if the file
        names one, else None.
    colour_doppler: whether colour flow is shown on the frames.
    heart_rate: beats per minute as the file says, or None.
    ed_frame, es_frame: frames that the file marks, 0-based, or None.
    notes: one sentence each on what was repaired, ignored or doubted while reading.
    overlays: half-open boxes, as ``region``, of ECG traces and bars that the file names.
    """

    name: str = ""
    format: str = ""
    region: tuple[int, int, int, int] | None = None
    colour_doppler: bool = False
    heart_rate: float | None = None
    ed_frame: int | None = None
    es_frame: int | None = None
    notes: tuple[str, ...] = ()
    overlays: tuple[tuple[int, int, int, int], ...] = ()


@dataclass(frozen=True)
class EchoSequence:
    """A B-mode clip in the pixels of its file.

    Attributes
    ----------
    frames: (T, H, W) uint8, gray.
    times: (T,) float64, seconds, increasing, the first at 0.
    spacing: (row, column) mm per pixel, or None when uncalibrated.
    view: the standard view, if known.
    source: where it came from.

    Raises
    ------
    UnsuitableClip: shapes, types, times or spacing that can't be.
    """

    frames: NDArray[np.uint8]
    times: NDArray[np.float64]
    spacing: tuple[float, float] | None = None
    view: View = View.UNKNOWN
    source: ClipSource = field(default_factory=ClipSource)

    def __post_init__(self) -> None:
        if self.frames.ndim != 3 or self.frames.dtype != np.uint8 or 0 in self.frames.shape:
            raise UnsuitableClip(
                "A clip needs gray frames (time, row, column) of 8 bits; "
                f"got {self.frames.dtype} of shape {self.frames.shape}."
            )
        times = np.asarray(self.times, np.float64)
        if times.shape != (len(self.frames),) or not np.isfinite(times).all() or (np.diff(times) <= 0).any():
            raise UnsuitableClip("The clip's frame times must be finite and increasing, one per frame.")
        object.__setattr__(self, "times", times - times[0])
        if self.spacing is not None and not all(np.isfinite(s) and s > 0 for s in self.spacing):
            raise UnsuitableClip(
                f"The pixel size {self.spacing} can't be right; give it by hand or load the clip as uncalibrated."
            )

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of a frame."""
        return self.frames.shape[1], self.frames.shape[2]

    @property
    def calibrated(self) -> bool:
        """Whether lengths in mm can be given."""
        return self.spacing is not None

    @property
    def frame_rate(self) -> float:
        """Frames per second (from the median frame time); 0 for a single frame."""
        return float(1.0 / np.median(np.diff(self.times))) if len(self) > 1 else 0.0

    def with_spacing(self, spacing: tuple[float, float] | None) -> EchoSequence:
        """The same clip with another calibration (mm per pixel, row and column)."""
        return replace(self, spacing=spacing)


@dataclass(frozen=True)
class Provenance:
    """How a result was made, enough to make it again.

    Attributes
    ----------
    method: "segment", "propagate", "manual", ...
    model: name of the model, or "".
    weights_sha256: checksum of its weights, or "".
    settings: plain values that determined the result.
    software: this package's version.
    device: "cpu", "cuda", or "".
    quality: figures that the run reports on itself (minimum Jacobian determinant, folds, seconds).
    """

    method: str
    model: str = ""
    weights_sha256: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)
    software: str = ""
    device: str = ""
    quality: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class SegmentedSequence:
    """A clip with a mask on every frame and, after propagation, its motion.

    Attributes
    ----------
    sequence: the clip.
    masks: (T, H, W) uint8 of :class:`Label` values, in the clip's own pixels.
    reference_frame: the frame that displacements start from (an ED frame), or None without motion.
    displacement: (T, H, W, 2) float32 px on the reference frame, or None.
    pull_back: (T, H, W, 2) float32 px on each frame, or None.
    guides: frames whose mask a person gave or corrected; they are met exactly.
    provenance: how it was made.
    lines: (T, 6, 2) float32 px (x, y), where a model of parasternal clips marked the begin and end of septum, cavity
        and posterior wall, in this order; NaN where it saw none; None without such a model.

    Raises
    ------
    UnsuitableMask: a mask, field or lines of another size than the clip.
    """

    sequence: EchoSequence
    masks: NDArray[np.uint8]
    provenance: Provenance
    reference_frame: int | None = None
    displacement: NDArray[np.float32] | None = None
    pull_back: NDArray[np.float32] | None = None
    guides: tuple[int, ...] = ()
    lines: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        if self.masks.shape != self.sequence.frames.shape:
            raise UnsuitableMask(
                f"The masks have shape {self.masks.shape}, the clip {self.sequence.frames.shape}: "
                "they must be drawn on this clip's frames."
            )
        for name in ("displacement", "pull_back"):
            field_ = getattr(self, name)
            if field_ is not None and field_.shape != (*self.sequence.frames.shape, 2):
                raise UnsuitableMask(f"The {name} field has shape {field_.shape}, which does not fit the clip.")
        if self.lines is not None and self.lines.shape != (len(self.sequence), 6, 2):
            raise UnsuitableMask(f"The lines have shape {self.lines.shape}, which does not fit the clip.")


@dataclass(frozen=True)
class Quantity:
    """A measured value with its unit ("%", "mL", "mm", "mm²", "px", "px²", "bpm", "s", "°", "g", "")."""

    value: float
    unit: str


@dataclass(frozen=True)
class Summary:
    """Mean and sample standard deviation (NaN for one beat) of a quantity over ``count`` beats."""

    mean: float
    sd: float
    count: int
    unit: str


@dataclass(frozen=True)
class FrameSeries:
    """One value a frame.

    Attributes
    ----------
    values: (T,) float64, NaN where the frame has none.
    unit: as in :class:`Quantity`.
    """

    values: NDArray[np.float64]
    unit: str


@dataclass(frozen=True)
class Beat:
    """One heart beat: end-diastole, end-systole, and the next end-diastole if the clip reaches it.

    Frames are 0-based. ``quantities`` is keyed by the field's terms in snake case
    ("ejection_fraction", "end_diastolic_volume", "global_longitudinal_strain", ...).
    """

    ed_frame: int
    es_frame: int
    next_ed_frame: int | None
    quantities: Mapping[str, Quantity]


@dataclass(frozen=True)
class FrameFlag:
    """A frame that a person should look at, with the attribute that broke and why in one sentence."""

    frame: int
    attribute: str
    reason: str


@dataclass(frozen=True)
class Measurements:
    """What was measured on a clip.

    Attributes
    ----------
    beats: in order of time.
    summary: the beats' quantities as mean and SD, same keys.
    per_frame: series over the whole clip ("lv_area", "lv_volume", "lv_length", ...).
    ed_frames, es_frames: all phases found, 0-based, also those outside complete beats.
    flags: frames whose shape changes implausibly.
    calibrated: whether lengths are in mm; if not they are in px and volumes are absent.
    notes: one sentence each on what could not be measured and why.
    provenance: how the masks and the numbers were made.
    """

    beats: tuple[Beat, ...]
    summary: Mapping[str, Summary]
    per_frame: Mapping[str, FrameSeries]
    ed_frames: tuple[int, ...]
    es_frames: tuple[int, ...]
    flags: tuple[FrameFlag, ...]
    calibrated: bool
    notes: tuple[str, ...]
    provenance: Provenance
