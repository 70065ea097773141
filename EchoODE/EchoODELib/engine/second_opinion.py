"""A second opinion on the ejection fraction: what a network says of the clip itself, beside what the masks give.

Nothing heavy is loaded here: the scene keeps opinions, and the panel compares them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from .errors import UnsuitableMask
from .sequence import Label, Measurements

LARGE_DIFFERENCE = 10.0
"""Percentage points above which two ejection fractions of one clip are told to differ.

Two examinations of the same stable heart by 2D echo, days apart, differ by up to as much (95 % limits; Gordon et al.,
"Reproducibility of left ventricular volumes by two-dimensional echocardiography", J Am Coll Cardiol 1983;2:506-13).
"""


@dataclass(frozen=True)
class BeatEf:
    """The ejection fraction of one beat.

    Attributes
    ----------
    ed_frame, next_ed_frame: 0-based, where it begins and where the next one does.
    value: percent.
    """

    ed_frame: int
    next_ed_frame: int
    value: float


@dataclass(frozen=True)
class SecondOpinion:
    """What a network said of a clip, without masks; see :class:`~.ef.EfEstimate`.

    Attributes
    ----------
    value: percent, of the whole clip.
    low, high: percent, the range of all that the network said of it.
    clips, variations: percent, of the cuts that were averaged, and of one that was changed a little.
    beats: of the whole beats that were asked for.
    embedding: what the clip looks like to the network.
    distance: to its training recordings; None where they are not known.
    unlike: the clip is farther from them than others of their kind are.
    model, weights_sha256: which network.
    validated: it was validated on patients.
    notes: one sentence each on what to doubt.
    """

    value: float
    low: float
    high: float
    clips: tuple[float, ...]
    variations: tuple[float, ...]
    beats: tuple[BeatEf, ...]
    embedding: tuple[float, ...]
    distance: float | None
    unlike: bool
    model: str
    weights_sha256: str
    validated: bool
    notes: tuple[str, ...]

    @property
    def network(self) -> str:
        """Names card and weights: what else belongs to this opinion has the same, see :func:`network_named`."""
        return network_named(self.model, self.weights_sha256)

    def of_beat(self, ed_frame: int, next_ed_frame: int | None) -> float | None:
        """Percent, of the beat between these frames; None where it was not asked for."""
        same = (beat.value for beat in self.beats if (beat.ed_frame, beat.next_ed_frame) == (ed_frame, next_ed_frame))
        return next(same, None)

    def plain(self) -> dict[str, object]:
        """As values for JSON; :meth:`of_plain` brings it back."""
        return asdict(self)

    @classmethod
    def of_plain(cls, told: object) -> SecondOpinion | None:
        """An opinion back from its plain values; None if they aren't one."""
        if not isinstance(told, Mapping) or not {field.name for field in fields(cls)} <= set(told):
            return None
        known = {field.name: told[field.name] for field in fields(cls)}
        lists = {name: tuple(known[name]) for name in ("clips", "variations", "embedding", "notes")}
        return cls(**{**known, **lists, "beats": tuple(BeatEf(**beat) for beat in known["beats"])})


@dataclass(frozen=True)
class Comparison:
    """Two ejection fractions of the same heart beats.

    Attributes
    ----------
    beat: from 1; None for the whole clip.
    masks: percent, from the masks (their mean over the beats for the whole clip); None where there is none.
    clip: percent, from the clip; None where there is none.
    low, high: percent, the range of what the network said; NaN for single beats.
    """

    beat: int | None
    masks: float | None
    clip: float | None
    low: float = float("nan")
    high: float = float("nan")

    @property
    def difference(self) -> float | None:
        """Clip less masks, percentage points; None where either is missing."""
        return None if self.masks is None or self.clip is None else self.clip - self.masks

    @property
    def large(self) -> bool:
        """Whether they differ by more than :data:`LARGE_DIFFERENCE`, in whole points, as they are read."""
        return self.difference is not None and round(abs(self.difference)) > LARGE_DIFFERENCE


def network_named(model: str, weights_sha256: str) -> str:
    """A network by its card's name and its weights; one that is trained anew is another."""
    return f"{model} {weights_sha256}"


def whole_beats(measurements: Measurements | None) -> tuple[tuple[int, int], ...]:
    """The beats that can be asked for: (ED, next ED) frames of those that the clip shows to their end."""
    beats = () if measurements is None else measurements.beats
    return tuple((beat.ed_frame, beat.next_ed_frame) for beat in beats if beat.next_ed_frame is not None)


def compare(measurements: Measurements | None, opinion: SecondOpinion | None) -> tuple[Comparison, ...]:
    """The whole clip, then beat by beat; nothing where neither has a word."""
    return tuple(_compared(measurements, opinion))


def _compared(measurements: Measurements | None, opinion: SecondOpinion | None) -> Iterator[Comparison]:
    name = "ejection_fraction"
    mean = None if measurements is None or name not in measurements.summary else measurements.summary[name].mean
    if opinion is not None:
        yield Comparison(None, mean, opinion.value, opinion.low, opinion.high)
    elif mean is not None:
        yield Comparison(None, mean, None)
    for number, beat in enumerate(() if measurements is None else measurements.beats, start=1):
        masks = beat.quantities[name].value if name in beat.quantities else None
        clip = None if opinion is None else opinion.of_beat(beat.ed_frame, beat.next_ed_frame)
        if masks is not None or clip is not None:
            yield Comparison(number, masks, clip)


def share_in(heat: NDArray[np.uint8], masks: NDArray[np.uint8], label: Label = Label.LV) -> float:
    """What share of a heat map, 0 to 1, lies in a structure; NaN where there is no heat.

    Parameters
    ----------
    heat: (T, H, W), more where a network looked more.
    masks: (T, H, W) of labels.

    Raises
    ------
    UnsuitableMask: masks of another size.
    """
    if masks.shape != heat.shape:
        raise UnsuitableMask(f"The masks have shape {masks.shape}, the heat {heat.shape}; give the clip's own.")
    total = float(heat.sum(dtype=np.int64))
    return float(heat[masks == label].sum(dtype=np.int64)) / total if total else float("nan")
