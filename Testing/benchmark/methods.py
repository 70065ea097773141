"""The rows of the registration benchmark: ours, its ablations, and the peers."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial

import numpy as np
from EchoODELib.engine.registration.propagate import propagate
from EchoODELib.engine.registration.settings import RegistrationSettings
from EchoODELib.engine.segment import Segmenter
from EchoODELib.engine.sequence import EchoSequence, Label
from EchoODELib.engine.weights import list_models
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from .cases import Case, Kind
from .peers import PEERS, Peer, follow
from .scores import carry_mask

Mask = NDArray[np.uint8]
GuideMaker = Callable[[Case], Mask]

_UNET = "unet-camus-a4c"


@dataclass(frozen=True)
class Outcome:
    """What a method found: masks (T, H, W), pull-back (T, H, W, 2) px or None, seconds it took."""

    masks: Mask
    pull_back: NDArray[np.float32] | None
    seconds: float


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes
    ----------
    key: for the command line and the cache.
    name: as the table calls it.
    group: the part of the table.
    given: what it is told beside the images and the ED mask.
    kinds: the tables that it stands in.
    run: from a case to an outcome.
    settings: what decides its result, for the cache.
    sources: modules whose change makes cached results stale.
    limits: the most cases it runs on, a kind; absent is all.
    missing: what to install or train before it can run, or "".
    """

    key: str
    name: str
    group: str
    given: str
    kinds: tuple[Kind, ...]
    run: Callable[[Case], Outcome]
    settings: Mapping[str, object]
    sources: tuple[str, ...]
    limits: Mapping[Kind, int] = field(default_factory=dict)
    missing: str = ""


OURS, PEER, ABLATION, REFERENCE = "EchoODE", "Peers", "Ablations", "For reference"
# What decides a result beside the recorded settings; the settings' module itself is left out, as their values count.
_COMMON = ("assemble", "flow", "legs", "losses", "masks", "optimise", "propagate", "quality", "run", "work")
_SPLINE = ("motion_model", "spline_fit", "start", "velocity")
_NETWORK = ("network", "network_fit")
_SEGMENTATION = tuple(
    f"EchoODELib.engine.{name}" for name in ("segment", "models", "weights", "sector", "anatomy_rules")
)
_SIMULATED = (Kind.SYSTOLE, Kind.CYCLE)
_ALL = (Kind.SYSTOLE, Kind.CYCLE, Kind.PAIR)
_EROSION, _SHIFT, _EARLY = 2, 3, 0.2


def true_guide(case: Case) -> Mask:
    """The true ES mask."""
    return case.masks[case.es_frame]


def eroded_guide(case: Case) -> Mask:
    """The true ES mask with a cavity 2 px narrower all around; the wall takes what it loses."""
    mask = true_guide(case).copy()
    cavity = mask == Label.LV
    mask[cavity & ~binary_erosion(cavity, iterations=_EROSION)] = Label.MYOCARDIUM
    return mask


def shifted_guide(case: Case) -> Mask:
    """The true ES mask 3 px to the right."""
    mask = np.zeros_like(true_guide(case))
    mask[:, _SHIFT:] = true_guide(case)[:, :-_SHIFT]
    return mask


def wrong_frame_guide(case: Case) -> Mask:
    """The true mask of a frame a fifth of systole before ES, passed off as that of ES."""
    return case.masks[case.es_frame - max(1, round(_EARLY * case.es_frame))]


@cache
def _segmenter() -> Callable[[EchoSequence], Mask]:
    segmenter = Segmenter(_UNET, device="cpu")
    return lambda sequence: segmenter.segment(sequence).masks


def unet_masks(case: Case) -> Mask:
    """The shipped U-Net's masks on ED and ES, (2, H, W)."""
    chosen = [0, case.es_frame]
    times = case.sequence.times[chosen]
    return _segmenter()(EchoSequence(case.sequence.frames[chosen], times, case.sequence.spacing, case.sequence.view))


def unet_guide(case: Case) -> Mask:
    """The shipped U-Net's ES mask."""
    return unet_masks(case)[1]


def _propagate(case: Case, *, settings: RegistrationSettings, guide: GuideMaker | None, legs: bool = True) -> Outcome:
    begin = time.perf_counter()
    last = len(case.sequence) - 1
    # With the reference as the only known end-diastole the cycle is followed in one composition.
    ends = (0, last) if legs and case.kind is Kind.CYCLE else (0,)
    found = propagate(
        case.sequence,
        case.masks[0],
        guides={} if guide is None else {case.es_frame: guide(case)},
        settings=settings,
        ed_frames=ends,
        es_frames=(case.es_frame,) if legs else (),
        device="cpu",
    )
    assert found.pull_back is not None
    return Outcome(found.masks, found.pull_back, time.perf_counter() - begin)


def _peer(case: Case, *, peer: Peer, chained: bool) -> Outcome:
    begin = time.perf_counter()
    fields = follow(case.sequence.frames, peer.estimate, chained=chained)
    seconds = time.perf_counter() - begin
    masks = np.stack([carry_mask(case.masks[0], each) for each in fields])
    return Outcome(masks, fields, seconds)


def _still(case: Case) -> Outcome:
    fields = np.zeros((*case.sequence.frames.shape, 2), np.float32)
    return Outcome(np.repeat(case.masks[:1], len(case.masks), axis=0), fields, 0.0)


def _unet_alone(case: Case) -> Outcome:
    begin = time.perf_counter()
    return Outcome(unet_masks(case), None, time.perf_counter() - begin)


def mask_only_settings() -> RegistrationSettings:
    """The fast preset without any image: no similarity, no start from optical flow."""
    fast = RegistrationSettings.fast().with_weights(similarity=0.0, neighbour_similarity=0.0)
    return replace(fast, spline=replace(fast.spline, optical_flow_start=False))


def _registration_code(method: str) -> tuple[str, ...]:
    names = (*_COMMON, *(_NETWORK if method == "network" else _SPLINE))
    return tuple(f"EchoODELib.engine.registration.{name}" for name in names)


def _ours(
    key: str,
    name: str,
    settings: RegistrationSettings,
    guide: GuideMaker | None,
    kinds: tuple[Kind, ...],
    given: str,
    group: str = OURS,
    *,
    legs: bool = True,
) -> Method:
    return Method(
        key=key,
        name=name,
        group=group,
        given=given,
        kinds=kinds,
        run=partial(_propagate, settings=settings, guide=guide, legs=legs),
        settings={**settings.as_record(), "guide": guide.__name__ if guide else None, "legs": legs},
        sources=_registration_code(settings.method),
    )


def all_methods() -> list[Method]:
    """Every row, in the order of the table."""
    fast, fine, paper = (RegistrationSettings.named(name) for name in ("fast", "fine", "paper"))
    paper = replace(paper, network=replace(paper.network, mixed=True))
    few, fewer = {Kind.SYSTOLE: 2, Kind.PAIR: 3}, {Kind.SYSTOLE: 1, Kind.PAIR: 3}
    pair_like = (Kind.SYSTOLE, Kind.PAIR)
    mask_only = mask_only_settings()
    six = dict.fromkeys(_SIMULATED, 6)
    rows = [
        _ours("fast", "fast", fast, true_guide, _ALL, "ES mask"),
        _ours("fast-unguided", "fast", fast, None, _ALL, ""),
        _ours("fine", "fine", fine, true_guide, _ALL, "ES mask"),
        _ours("fine-unguided", "fine", fine, None, _ALL, ""),
        replace(_ours("paper", "paper, 112x112, bfloat16", paper, true_guide, pair_like, "ES mask"), limits=few),
        replace(_ours("paper-unguided", "paper, 112x112, bfloat16", paper, None, pair_like, ""), limits=fewer),
        _ours("one-leg", "fast, one composition", fast, true_guide, (Kind.CYCLE,), "ES mask", legs=False),
        _ours("one-leg-unguided", "fast, one composition", fast, None, (Kind.CYCLE,), "", legs=False),
        *_peer_rows(),
        _ours("mask-only", "mask loss only, no image", mask_only, true_guide, _ALL, "ES mask", ABLATION),
        _ours("guide-eroded", "fast", fast, eroded_guide, _ALL, f"ES mask, cavity eroded {_EROSION} px", ABLATION),
        _ours("guide-shifted", "fast", fast, shifted_guide, _ALL, f"ES mask shifted {_SHIFT} px", ABLATION),
        _ours("guide-wrong-frame", "fast", fast, wrong_frame_guide, _SIMULATED, "mask of an earlier frame", ABLATION),
        *_unet_rows(fast),
        Method("still", "ED mask, not moved", REFERENCE, "", _ALL, _still, {}, ()),
    ]
    everywhere = ("fast", "fast-unguided", "still")
    return [
        row if row.limits or row.group == PEER or row.key in everywhere else replace(row, limits=six) for row in rows
    ]


def _unet_rows(fast: RegistrationSettings) -> list[Method]:
    """The U-Net's ES mask as the guide, and the U-Net by itself."""
    checksum = next((card.sha256 for card in list_models() if card.name == _UNET), "")
    missing = "" if checksum else f"the model {_UNET}"
    guided = _ours("guide-unet", "fast", fast, unet_guide, _ALL, "U-Net's ES mask", ABLATION)
    alone = Method(
        "unet", "U-Net on ED and ES", REFERENCE, "no mask", (Kind.PAIR,), _unet_alone, {}, (), missing=missing
    )
    return [
        replace(
            method,
            missing=missing,
            settings={**method.settings, "weights": checksum},
            sources=(*method.sources, *_SEGMENTATION),
        )
        for method in (guided, alone)
    ]


def _peer_rows() -> list[Method]:
    rows = []
    most = {"ffd": 1, "syn": 3, "elastix": 3, "demons": 6}
    slow = ("ffd", "syn", "elastix")
    for key, peer in PEERS.items():
        limits = dict.fromkeys(_SIMULATED, most[key]) if key in most else {}
        missing = "" if peer.installed else peer.requirement
        for way in ("direct", "chained"):
            kinds: tuple[Kind, ...] = _SIMULATED if key not in slow else (Kind.SYSTOLE,)
            # From one frame to the next there is nothing to chain.
            kinds = (*kinds, Kind.PAIR) if way == "direct" else kinds
            rows.append(
                Method(
                    key=f"{key}-{way}",
                    name=f"{peer.name}, {way}",
                    group=PEER,
                    given="",
                    kinds=kinds,
                    run=partial(_peer, peer=peer, chained=way == "chained"),
                    settings={**peer.settings, "way": way},
                    sources=(peer.estimate.__module__ + ":" + peer.estimate.__name__,),  # type: ignore[attr-defined]
                    limits=limits,
                    missing=missing,
                )
            )
    return rows
