"""How good the LV's masks are over the cardiac cycle, frame by frame (Li et al. 2019, figure 5, left)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from EchoODELib.engine.metrics import accuracy, dice, hausdorff, mean_surface_distance
from EchoODELib.engine.sequence import Label
from numpy.typing import NDArray

from ..datasets.clips import LabelledClip
from .trials import Trial

Array = NDArray[np.float64]

#: What is followed, as a reader knows it; distances in mm.
FIGURES: Mapping[str, str] = {"accuracy": "Accuracy", "dice": "Dice", "hausdorff": "HD (mm)", "mad": "MAD (mm)"}
BINS = 20
#: End-systole's place in a cycle of 0 to 1, and how long a diastole is taken to be where a clip ends before its end.
SYSTOLE, DIASTOLE_TO_SYSTOLE = 0.4, 1.5


@dataclass
class Course:
    """Means over clips in equal parts of the cycle, 0 and 1 at end-diastole, :data:`SYSTOLE` at end-systole.

    Attributes
    ----------
    values, counts: of each of :data:`FIGURES`, (BINS,) sums over clips, and how many clips have a frame there.
    """

    values: dict[str, Array] = field(default_factory=lambda: {name: np.zeros(BINS) for name in FIGURES})
    counts: dict[str, Array] = field(default_factory=lambda: {name: np.zeros(BINS) for name in FIGURES})

    def add(self, trial: Trial) -> None:
        """Count a film in; one without mm, phases or the LV tells nothing."""
        clip = trial.clip
        at = cycle_places(clip)
        if at is None or clip.spacing is None or int(Label.LV) not in {int(label) for label in clip.drawn}:
            return
        known = clip.labelled & np.isfinite(at)
        found, true = trial.found[known] == Label.LV, clip.masks[known] == Label.LV
        figures = {
            "accuracy": accuracy(found, true),
            "dice": dice(found, true),
            "hausdorff": hausdorff(found, true, spacing=clip.spacing),
            "mad": mean_surface_distance(found, true, spacing=clip.spacing),
        }
        bins = np.minimum((at[known] * BINS).astype(int), BINS - 1)
        for name, values in figures.items():
            for one in np.unique(bins):
                here = values[bins == one]
                here = here[np.isfinite(here)]
                if len(here):
                    self.values[name][one] += here.mean()
                    self.counts[name][one] += 1

    def mean(self, name: str) -> Array:
        """(BINS,) mean over clips; NaN where there is no frame."""
        counts = self.counts[name]
        return np.where(counts > 0, self.values[name] / np.maximum(counts, 1), np.nan)

    def volatility(self, name: str) -> float:
        """Standard deviation of the means over the cycle: 0 where masks are equally good all the time."""
        means = self.mean(name)
        known = means[np.isfinite(means)]
        return float(known.std()) if len(known) > 1 else float("nan")


def cycle_places(clip: LabelledClip) -> Array | None:
    """(T,) each frame's place in its cycle, 0 to 1; None without both phases.

    Frames before the ED, or after the next one (reckoned from the length of systole), belong to the cycles there.
    """
    if clip.ed_frame is None or clip.es_frame is None or clip.ed_frame == clip.es_frame:
        return None
    ed, es = (float(clip.times[frame]) for frame in (clip.ed_frame, clip.es_frame))
    systole = es - ed if es > ed else (ed - es) / DIASTOLE_TO_SYSTOLE
    whole = (1 + DIASTOLE_TO_SYSTOLE) * systole
    since = np.mod(clip.times - ed, whole)
    places = np.where(
        since <= systole, SYSTOLE * since / systole, SYSTOLE + (1 - SYSTOLE) * (since - systole) / (whole - systole)
    )
    return np.asarray(np.mod(places, 1.0), np.float64)
