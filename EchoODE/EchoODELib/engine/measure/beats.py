"""Heart beats from ED and ES frames, and what is summed up over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import UnsuitableClip
from ..sequence import Beat, Quantity, Summary

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Span:
    """The frames of one beat: ED, ES and the ED that ends it, if the clip reaches it."""

    ed_frame: int
    es_frame: int
    next_ed_frame: int | None


def checked_frames(frames: Iterable[int] | None, count: int, phase: str) -> tuple[int, ...] | None:
    """Frames given by hand, sorted and without repeats.

    Raises
    ------
    UnsuitableClip: a frame that the clip does not have.
    """
    if frames is None:
        return None
    given = tuple(sorted({int(frame) for frame in frames}))
    outside = [frame for frame in given if not 0 <= frame < count]
    if outside:
        raise UnsuitableClip(f"The {phase} frame {outside[0]} is not in the clip; give frames from 0 to {count - 1}.")
    return given or None


def pair_beats(ed_frames: Sequence[int], es_frames: Sequence[int], curve: Array) -> tuple[Span, ...]:
    """Join each ED to the ES that follows it.

    Parameters
    ----------
    ed_frames, es_frames: increasing.
    curve: (T,) LV size, finite; of several ES between two EDs the smallest counts.

    Returns
    -------
    The beats in order of time. Where no ED has an ES after it (a clip from mid-systole to the next ED),
    the one ES is measured against the ED that follows it.
    """
    spans = []
    for k, ed in enumerate(ed_frames):
        following = ed_frames[k + 1] if k + 1 < len(ed_frames) else None
        inside = [es for es in es_frames if ed < es and (following is None or es < following)]
        if not inside:
            continue
        # After the last ED the clip may run on; only the first contraction belongs to this beat.
        es = min(inside, key=lambda frame: curve[frame]) if following is not None else inside[0]
        spans.append(Span(ed, es, following))
    if not spans and ed_frames and es_frames:
        es = es_frames[-1]
        after = [ed for ed in ed_frames if ed > es]
        if after:
            spans.append(Span(after[0], es, None))
    return tuple(spans)


def add_missing_es(ed_frames: Sequence[int], es_frames: Sequence[int], curve: Array) -> tuple[int, ...]:
    """For EDs given by hand: the smallest frame of every beat that has no ES yet."""
    found = set(es_frames)
    for k, ed in enumerate(ed_frames):
        end = ed_frames[k + 1] if k + 1 < len(ed_frames) else len(curve)
        if end - ed >= 2 and not any(ed < es < end for es in found):
            found.add(ed + 1 + int(np.argmin(curve[ed + 1 : end])))
    return tuple(sorted(found))


def add_missing_ed(ed_frames: Sequence[int], es_frames: Sequence[int], curve: Array) -> tuple[int, ...]:
    """For ESs given by hand: the largest frame before every ES that has no ED before it."""
    found = set(ed_frames)
    for k, es in enumerate(es_frames):
        start = es_frames[k - 1] if k else 0
        if es - start >= 1 and not any(start <= ed < es for ed in found):
            found.add(start + int(np.argmax(curve[start:es])))
    return tuple(sorted(found))


def summarise(beats: Sequence[Beat]) -> Mapping[str, Summary]:
    """Mean and sample SD of every quantity over the beats that have it."""
    keys = list(dict.fromkeys(key for beat in beats for key in beat.quantities))
    summary = {}
    for key in keys:
        quantities = [beat.quantities[key] for beat in beats if key in beat.quantities]
        values = np.array([quantity.value for quantity in quantities])
        values = values[np.isfinite(values)]
        mean = float(values.mean()) if len(values) else float("nan")
        sd = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
        summary[key] = Summary(mean, sd, len(values), quantities[0].unit)
    return summary


def add(quantities: dict[str, Quantity], key: str, value: float, unit: str) -> None:
    """Put a value in, unless it is not known."""
    if np.isfinite(value):
        quantities[key] = Quantity(float(value), unit)
