"""Propagating again after a person corrected some frames: only what hangs on them is computed again.

Beats are tied to each other at the end-diastoles (*anchors*) alone, each of which has its own field to the reference.
So a correction inside a beat changes nothing in its neighbours: the legs of that beat are fitted again, from the
masks at its two anchors, and composed with the anchors' earlier fields. A correction at an anchor renews its field
and the beats on both sides of it, one at the reference renews everything.
"""

from __future__ import annotations

import json
import time
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..progress import Monitor
from ..sequence import SegmentedSequence
from .legs import Leg, Plan
from .propagate import NO_GUIDES, finish, prepare, propagate, room_on
from .run import Result
from .settings import RegistrationSettings


def update(
    previous: SegmentedSequence,
    *,
    ed_mask: NDArray[np.uint8] | None = None,
    guides: Mapping[int, NDArray[np.uint8]] = NO_GUIDES,
    changed: Collection[int] = (),
    settings: RegistrationSettings | None = None,
    frames: range | None = None,
    ed_frames: Sequence[int] = (),
    es_frames: Sequence[int] = (),
    sector: NDArray[np.bool_] | None = None,
    device: str = "auto",
    monitor: Monitor | None = None,
) -> SegmentedSequence:
    """Renew a propagation where guides or phases changed; every other frame comes back bit for bit.

    Parameters
    ----------
    previous: what :func:`.propagate.propagate` or this function gave, with its fields.
    ed_mask: (H, W) mask at ``previous.reference_frame``; the previous one if left out.
    guides: all guides (H, W) that hold now, as for :func:`.propagate.propagate`; the changed ones are met exactly.
    changed: frames whose guide was drawn, corrected or taken back. Guides that differ from the previous masks,
        guides and phases that came or went are found besides, where ``previous`` tells what it was made with.
    settings, frames, sector, device, monitor: as for :func:`.propagate.propagate`.
    ed_frames, es_frames: the same; without ``ed_frames`` the previous ones hold.

    Returns
    -------
    As :func:`.propagate.propagate`, relative to the same reference frame. ``provenance.quality`` is of all frames,
    with ``frames_renewed`` beside; ``seconds`` are those of the renewal. Everything is computed again where the mask
    at the reference changed, where ``previous`` has no motion, or where it was made with other settings: one
    result never mixes two.

    Raises
    ------
    As :func:`.propagate.propagate`.
    """
    began = time.perf_counter()
    settings = settings or RegistrationSettings.fast()
    known = _record(previous)
    reference = previous.reference_frame
    ed_frames = tuple(ed_frames) or tuple(_frames(known, "ed_frames"))
    if reference is None or previous.pull_back is None or previous.displacement is None:
        reference = ed_frames[0] if ed_frames and reference is None else (reference or 0)
        whole = True
    else:
        mask_now = guides.get(reference, ed_mask)
        same_mask = mask_now is None or np.array_equal(mask_now, previous.masks[reference])
        whole = reference in changed or not same_mask or _other_settings(known, settings)
    mask = previous.masks[reference] if ed_mask is None else ed_mask
    given = {"guides": guides, "settings": settings, "frames": frames, "sector": sector}
    if whole:
        return propagate(
            previous.sequence,
            mask,
            ed_frame=reference,
            ed_frames=ed_frames,
            es_frames=es_frames,
            device=device,
            monitor=monitor,
            **given,  # type: ignore[arg-type]
        )
    run = prepare(
        previous.sequence,
        mask,
        ed_frame=reference,
        mentioned=(*ed_frames, *es_frames, *changed),
        device=device,
        monitor=monitor,
        **given,  # type: ignore[arg-type]
    )
    plan = run.plan(ed_frames, es_frames)
    renewed = {f for f in changed if f in run.span}
    renewed |= {f for f, guide in run.guides.items() if not np.array_equal(guide, previous.masks[f])}
    if "guides" in known:
        renewed |= (set(_frames(known, "guides")) ^ set(guides)) & set(run.span) - {reference}
    part = stale_part(plan, renewed, known, es_frames)
    assert previous.displacement is not None
    assert previous.pull_back is not None
    result = Result(previous.masks.copy(), previous.displacement.copy(), previous.pull_back.copy(), {})
    reached = {frame for leg in (*part.legs, *part.direct) for frame in leg.frames}
    quality = dict(previous.provenance.quality)
    if reached:
        kept = [a for a in plan.anchors if a != reference and a not in reached]
        with room_on(run.device):
            run.fill(part, result, run.known_anchors(kept, previous.pull_back))
        bound = max(result.quality["gradient_bound"], quality.get("gradient_bound", 0.0))
        quality = {**result.quality, "gradient_bound": bound}
    result.quality = {**quality, "frames_renewed": float(len(reached))}
    return finish(run, plan, result, guides=guides, es_frames=es_frames, began=began)


def stale_part(plan: Plan, changed: Collection[int], known: Mapping[str, object], es_frames: Iterable[int]) -> Plan:
    """The legs of a plan that have to be fitted again.

    Parameters
    ----------
    plan: over all frames.
    changed: frames whose guide changed; not the reference.
    known: the earlier result's record; empty if it tells nothing, and then its phases count as unchanged.
    es_frames: of now.
    """
    anchors = plan.anchors
    before = _frames(known, "ed_frames") if "ed_frames" in known else anchors
    es_changed = set(_frames(known, "es_frames")) ^ set(es_frames) if "es_frames" in known else set()
    # Beats are numbered by the anchor at their end; the last one has none.
    stale: set[int] = set()
    for frame in (*changed, *es_changed, *(set(before) ^ set(anchors))):
        place = bisect_left(anchors, frame)
        stale.add(place)
        if place < len(anchors) and anchors[place] == frame:
            stale.add(place + 1)
    direct = tuple(leg for leg in plan.direct if leg.frames[0] in changed or leg.frames[0] not in before)
    wanted = [n for n, leg in enumerate(plan.legs) if _beat(leg, anchors) in stale]
    return Plan(
        plan.reference,
        anchors,
        direct,
        tuple(plan.legs[n] for n in wanted),
        tuple((wanted.index(a), wanted.index(b)) for a, b in plan.meetings if a in wanted),
    )


def _beat(leg: Leg, anchors: tuple[int, ...]) -> int:
    return bisect_left(anchors, leg.frames[0])


def _record(previous: SegmentedSequence) -> Mapping[str, object]:
    """The settings of the propagation, alone or as one of several steps."""
    settings = previous.provenance.settings
    step = settings.get("propagate", settings)
    return step if isinstance(step, Mapping) else {}


def _frames(known: Mapping[str, object], name: str) -> tuple[int, ...]:
    values = known.get(name, ())
    return tuple(int(v) for v in values) if isinstance(values, list | tuple) else ()


def _other_settings(known: Mapping[str, object], settings: RegistrationSettings) -> bool:
    """Whether a record names other settings; one that was stored as text and read again counts as the same."""
    now = settings.as_record()
    there = {name: value for name, value in known.items() if name in now}
    return bool(there) and json.dumps(there, sort_keys=True) != json.dumps(now, sort_keys=True)
