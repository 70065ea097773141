"""From fitted legs to one field a frame: through the anchors, with the gap between meeting legs shared out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from .flow import compose, gradients, invert
from .legs import Leg, Plan

_GAP_GRADIENT = 0.5  # largest gradient of a correction; below 1 it can't fold


@dataclass(frozen=True)
class BoxFields:
    """Fields over the heart box, in half extents, (n, 2, h, w), and the frames that they belong to."""

    frames: tuple[int, ...]
    pull_back: Tensor
    displacement: Tensor

    @classmethod
    def of_anchors(cls, anchors: Mapping[int, Tensor], wanted: Collection[int]) -> BoxFields:
        """The fields of the anchors ``wanted`` alone."""
        frames = tuple(sorted(wanted))
        pull_back = torch.cat([anchors[f] for f in frames])
        return cls(frames, pull_back, invert(pull_back, iterations=12))


class Flows(Protocol):
    """Fitted legs, however their velocities are described."""

    @property
    def legs(self) -> tuple[Leg, ...]:
        """The legs, in the order of the numbers below."""

    @property
    def gradient_bound(self) -> float:
        """Upper bound of velocity gradient times step length; below 1 no step folds."""

    def ends(self, size: tuple[int, int]) -> Tensor:
        """Pull-backs (L, 2, h, w), half extents, of each leg's last frame to its source."""

    def fields(self, number: int, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Pull-backs and displacements (N, 2, h, w), half extents, of one leg's frames, to and from its source."""


def anchor_fields(plan: Plan, flows: Flows | None, size: tuple[int, int], device: torch.device) -> dict[int, Tensor]:
    """Pull-back (1, 2, h, w) to the reference of the reference itself and of every anchor that ``flows`` reach."""
    fields = {plan.reference: torch.zeros(1, 2, *size, device=device)}
    if flows is not None:
        ends = flows.ends(size)
        fields.update({leg.frames[0]: ends[n : n + 1] for n, leg in enumerate(flows.legs)})
    return fields


def leg_fields(flows: Flows, number: int, anchor: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Pull-backs and displacements (N, 2, h, w) of one leg's frames, to and from the reference."""
    to_anchor, from_anchor = flows.fields(number, size)
    if not anchor.any():
        return to_anchor, from_anchor
    anchors = anchor.expand(len(to_anchor), -1, -1, -1)
    outward = invert(anchor, iterations=12).expand(len(to_anchor), -1, -1, -1)
    return compose(anchors, to_anchor), compose(from_anchor, outward)


def assemble(plan: Plan, flows: Flows, anchors: dict[int, Tensor], size: tuple[int, int]) -> BoxFields:
    """All frames of a plan's legs, each once, in order of time."""
    pull_backs: list[Tensor] = []
    displacements: list[Tensor] = []
    for number, leg in enumerate(flows.legs):
        to, out = leg_fields(flows, number, anchors[leg.source], size)
        pull_backs.append(to)
        displacements.append(out)
    for first, second in plan.meetings:
        middle = 0.5 * (pull_backs[first][-1] + pull_backs[second][-1])
        for number in (first, second):
            pull_backs[number], displacements[number] = _close(pull_backs[number], displacements[number], middle)
    done: dict[int, tuple[Tensor, Tensor]] = {}
    for leg, to, out in zip(flows.legs, pull_backs, displacements, strict=True):
        for frame, back, forth in zip(leg.frames, to, out, strict=True):
            done[frame] = (back, forth)
    frames = tuple(sorted(done))
    return BoxFields(frames, torch.stack([done[f][0] for f in frames]), torch.stack([done[f][1] for f in frames]))


def _close(pull_backs: Tensor, displacements: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """Move a leg's fields so that its last pull-back becomes ``end``, more and more along the leg.

    With e = (end o psi_N^-1) - id on the reference frame, psi_n becomes (id + n/N e) o psi_n: a map without
    folds after one without folds, as long as e's gradient stays below 1, so it is limited.
    """
    gap = compose(end[None], displacements[-1:])
    along_x, along_y = gradients(gap)
    steepest = float(along_x.norm(dim=1).max() + along_y.norm(dim=1).max())
    gap = gap * min(1.0, _GAP_GRADIENT / max(steepest, 1e-9))
    share = torch.linspace(0, 1, len(pull_backs) + 1, device=gap.device)[1:].view(-1, 1, 1, 1)
    shares = gap * share
    return compose(shares, pull_backs), compose(displacements, invert(shares, iterations=8))
