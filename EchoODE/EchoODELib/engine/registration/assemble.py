"""From fitted legs to one field a frame: through the anchors, with the gap between meeting legs shared out."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .flow import chain, chain_inverse, compose, gradients, invert
from .legs import Plan
from .spline_fit import LegFlows

_GAP_GRADIENT = 0.5  # largest gradient of a correction; below 1 it can't fold


@dataclass(frozen=True)
class BoxFields:
    """Fields over the heart box, in half extents, (n, 2, h, w), and the frames that they belong to."""

    frames: tuple[int, ...]
    pull_back: Tensor
    displacement: Tensor

    @classmethod
    def of_anchors(cls, anchors: dict[int, Tensor], reference: int) -> BoxFields:
        """The fields of the anchors alone."""
        frames = tuple(sorted(f for f in anchors if f != reference))
        pull_back = torch.cat([anchors[f] for f in frames])
        return cls(frames, pull_back, invert(pull_back, iterations=12))


def anchor_fields(plan: Plan, flows: LegFlows | None, size: tuple[int, int], device: torch.device) -> dict[int, Tensor]:
    """Pull-back (1, 2, h, w) of each anchor to the reference."""
    zero = torch.zeros(1, 2, *size, device=device)
    fields = {plan.reference: zero}
    if flows is not None:
        ends = chain(flows.steps(size))[:, -1:]
        fields.update({leg.frames[0]: ends[n] for n, leg in enumerate(flows.legs)})
    return fields


def leg_fields(flows: LegFlows, number: int, anchor: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Pull-backs and displacements (N, 2, h, w) of one leg's frames, to and from the reference."""
    leg = flows.legs[number]
    count = len(leg.frames) * flows.substeps
    steps = flows.steps(size, slice(number, number + 1))[:, :count]
    last = slice(flows.substeps - 1, None, flows.substeps)
    to_anchor = chain(steps)[0, last]
    from_anchor = chain_inverse(steps)[0, last]
    if not anchor.any():
        return to_anchor, from_anchor
    anchors = anchor.expand(len(to_anchor), -1, -1, -1)
    outward = invert(anchor, iterations=12).expand(len(to_anchor), -1, -1, -1)
    return compose(anchors, to_anchor), compose(from_anchor, outward)


def assemble(plan: Plan, flows: LegFlows, anchors: dict[int, Tensor], size: tuple[int, int]) -> BoxFields:
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
