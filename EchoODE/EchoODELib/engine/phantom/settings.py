"""What may be asked of the simulated echo, and what it gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import UnsuitableClip
from ..sequence import EchoSequence, View

SIMULATED_VIEWS = (View.A4C, View.A2C, View.A3C, View.PLAX)


@dataclass(frozen=True)
class Acoustics:
    """How well the simulated machine sees; decibels are relative to bright tissue.

    Attributes
    ----------
    dynamic_range: dB from black to white (30 to 90).
    gamma: exponent of the gray map (0.5 to 2); above 1 the dark gets darker.
    gain: dB added to everything before compression.
    noise: dB, electronic noise at mid depth; it grows with depth as the time gain does.
    haze: dB, level of the reverberation haze that fills the cavities.
    side_lobes: dB, level of the lateral side lobes of a point (below -10).
    near_field: dB, level of the static clutter close to the probe.
    attenuation: dB per cm of depth that the time gain leaves uncorrected.
    dropout: 0 to 1, how deep shadows and the loss of the lateral wall go.
    contrast: dB by which myocardium and surrounding tissue stand out of a neutral 0.
    beam_width: degrees, standard deviation of the main lobe at the focus.
    pulse_length: mm, standard deviation of the axial response.
    smoothing: mm, how much the machine smooths speckle.
    decorrelation: phase (radian) a frame at 50 Hz by which speckle changes on its own.
    """

    dynamic_range: float = 60.0
    gain: float = 0.0
    gamma: float = 1.0
    noise: float = -51.0
    haze: float = -43.5
    side_lobes: float = -26.0
    near_field: float = -24.0
    attenuation: float = 0.4
    dropout: float = 0.4
    contrast: float = 0.0
    beam_width: float = 0.58
    pulse_length: float = 0.36
    smoothing: float = 0.36
    decorrelation: float = 0.04


QUALITIES: Mapping[str, Acoustics] = {
    "good": Acoustics(),
    "medium": Acoustics(
        noise=-48.0,
        haze=-41.5,
        side_lobes=-23.0,
        near_field=-21.0,
        smoothing=0.42,
        dropout=0.65,
        beam_width=0.72,
        decorrelation=0.07,
    ),
    "poor": Acoustics(
        dynamic_range=56.0,
        noise=-46.0,
        haze=-39.0,
        side_lobes=-20.0,
        near_field=-19.0,
        attenuation=0.8,
        dropout=0.9,
        contrast=-2.0,
        smoothing=0.48,
        beam_width=0.85,
        pulse_length=0.45,
        decorrelation=0.12,
    ),
}


@dataclass(frozen=True)
class PhantomSettings:
    """A simulated examination; equal settings give equal bytes.

    Attributes
    ----------
    view: A4C, A2C, A3C or PLAX.
    frames: number of frames, 2 or more.
    frame_rate: frames per second, 20 to 80.
    size: side of the square image, or (rows, columns), in pixels, 64 to 1024.
    beats: cardiac cycles that the clip covers (a fraction is fine; 0.3 is not yet the whole systole).
        With a whole number and ``start`` 0 the last frame is again end-diastole.
    ejection_fraction: percent, 10 to 80; met by the mean over the clip's beats.
    seed: draws the anatomy, the machine's state and the speckle.
    quality: "good", "medium" or "poor".
    start: 0 to 1, the phase of the cycle at which the clip begins (0 is end-diastole).
    arrhythmia: 0 to 1, relative spread of the beats' lengths; a beat after a short one is less
        filled and ejects less.
    overlays: whether static text, a logo, a gray bar and a running ECG are burned in.
    depth: mm of image depth, 80 to 240, or None to let the seed choose.
    acoustics: exact machine state instead of the ``quality`` with its seeded spread.

    Raises
    ------
    UnsuitableClip: a value out of range, a view that is not simulated.
    """

    view: View = View.A4C
    frames: int = 60
    frame_rate: float = 50.0
    size: int | tuple[int, int] = 256
    beats: float = 1.0
    ejection_fraction: float = 58.0
    seed: int = 0
    quality: str = "good"
    start: float = 0.0
    arrhythmia: float = 0.0
    overlays: bool = False
    depth: float | None = None
    acoustics: Acoustics | None = None

    def __post_init__(self) -> None:
        if self.view not in SIMULATED_VIEWS:
            raise UnsuitableClip(f"The phantom simulates A4C, A2C, A3C and PLAX, not {self.view.value}.")
        if self.quality not in QUALITIES:
            raise UnsuitableClip(f"The phantom's quality must be one of {', '.join(QUALITIES)}, not {self.quality!r}.")
        if isinstance(self.seed, bool) or self.seed < 0:
            raise UnsuitableClip(f"The phantom's seed must be 0 or more, not {self.seed}.")
        for name, value, low, high in (
            ("number of frames", self.frames, 2, 100_000),
            ("frame rate", self.frame_rate, 20.0, 80.0),
            ("number of rows", self.shape[0], 64, 1024),
            ("number of columns", self.shape[1], 64, 1024),
            ("ejection fraction", self.ejection_fraction, 10.0, 80.0),
            ("start", self.start, 0.0, 1.0),
            ("arrhythmia", self.arrhythmia, 0.0, 1.0),
            ("depth", 150.0 if self.depth is None else self.depth, 80.0, 240.0),
            ("heart rate", self.heart_rate, 20.0, 240.0),
        ):
            if not low <= value <= high:
                raise UnsuitableClip(f"The phantom's {name} must lie between {low:g} and {high:g}, not {value:g}.")

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) of a frame."""
        return (self.size, self.size) if isinstance(self.size, int) else (int(self.size[0]), int(self.size[1]))

    @property
    def cycle(self) -> float:
        """Mean length of a beat in seconds."""
        if not self.beats > 0:
            raise UnsuitableClip(f"The phantom's number of beats must be above 0, not {self.beats:g}.")
        return max(self.frames - 1, 1) / self.frame_rate / self.beats

    @property
    def heart_rate(self) -> float:
        """Mean beats per minute."""
        return 60.0 / self.cycle


@dataclass(frozen=True)
class PhantomClip:
    """A simulated clip and the truth about it.

    Attributes
    ----------
    sequence: the clip, calibrated, with view and (true) heart rate.
    masks: (T, H, W) uint8 of :class:`~..sequence.Label` values, inside the sector only.
    displacement, pull_back: (T, H, W, 2) float32 px, conventions of :mod:`..sequence`; the reference
        is ``ed_frames[0]``. Defined smoothly over the whole image.
    volumes_ml: (T,) mL of the LV cavity: discs across the long axis of the exact contour.
    ejection_fraction: percent, mean of ``beat_ejection_fractions`` (of the analytic ES if the clip
        ends before one).
    ed_frames, es_frames: 0-based; ``es_frames[k]`` is the frame of least volume after ``ed_frames[k]``.
        The ED that ends the last beat is among the former.
    landmarks: name -> (T, 2, 2) px, two end points (x, y) per frame. Apical views: "mitral_annulus"
        (left and right hinge) and "long_axis" (annulus centre and apex). PLAX: also "IVS", "LVID" and "LVPW", each from
        the probe's side to the far side, at the level of the leaflet tips.
    sector: (H, W) bool, where there is image.
    settings: what was asked.
    beat_ejection_fractions: percent, one per complete pair of ED and ES.
    """

    sequence: EchoSequence
    masks: NDArray[np.uint8]
    displacement: NDArray[np.float32]
    pull_back: NDArray[np.float32]
    volumes_ml: NDArray[np.float64]
    ejection_fraction: float
    ed_frames: tuple[int, ...]
    es_frames: tuple[int, ...]
    landmarks: Mapping[str, NDArray[np.float32]]
    sector: NDArray[np.bool_]
    settings: PhantomSettings
    beat_ejection_fractions: tuple[float, ...] = ()
