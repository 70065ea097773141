"""Fitting the spline velocities of all legs at once, coarse to fine, until nothing is gained."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..progress import Stage
from .flow import chain, identity_grid, sample
from .legs import Leg
from .losses import control_smoothness, dice_loss, ejection_fraction_loss, jacobian_loss, similarity
from .settings import LossWeights, RegistrationSettings
from .velocity import SplineGrid, evaluate, time_basis
from .work import HeartBox

_CHECK = 5  # iterations between looks at the loss


@dataclass(frozen=True)
class Material:
    """What the legs are fitted to.

    Attributes
    ----------
    frames: (T, H, W) uint8.
    interval: median time between frames, s.
    box: the heart box.
    labels: the labels that masks hold, LV first where it is there.
    sources: mask at each leg's source, by frame.
    guides: masks given at other frames.
    """

    frames: NDArray[np.uint8]
    interval: float
    box: HeartBox
    labels: tuple[int, ...]
    sources: Mapping[int, NDArray[np.uint8]]
    guides: Mapping[int, NDArray[np.uint8]]


@dataclass(frozen=True)
class LegFlows:
    """Fitted legs: controls (L, K, 2, rows, columns) in px of the box per leg, and their bases."""

    legs: tuple[Leg, ...]
    grid: SplineGrid
    controls: Tensor
    basis: Tensor
    substeps: int

    def steps(self, size: tuple[int, int], pick: slice = slice(None)) -> Tensor:
        """Interval pull-backs (L, N * substeps, 2, h, w) in half extents; 0 beyond a leg's end."""
        rows, columns = self.grid.matrices(size, self.controls.device)
        return _steps(self.controls[pick], self.basis[pick], rows, columns, self.grid.scale(self.controls.device))

    @property
    def gradient_bound(self) -> float:
        """Upper bound of the velocity gradient times the step length over all steps; below 1 no step folds."""
        per_step = torch.einsum("lmk,lkcyx->lmcyx", self.basis, self.controls)
        return self.grid.gradient_bound(per_step)


def _steps(controls: Tensor, basis: Tensor, rows: Tensor, columns: Tensor, scale: Tensor) -> Tensor:
    in_time = torch.einsum("lmk,lkcyx->lmcyx", basis, controls)
    return evaluate(in_time, rows, columns) * -scale


@dataclass(frozen=True)
class _Level:
    """Tensors of one resolution."""

    rows: Tensor
    columns: Tensor
    source: Tensor  # (L, 1, h, w)
    targets: Tensor  # (L, N, h, w)
    valid: Tensor  # (L, N, 1, 1)
    guided: tuple[tuple[int, int], ...]  # (leg, position)
    source_masks: Tensor  # (G, C, h, w)
    guide_masks: Tensor  # (G, C, h, w)


class SplineFit:
    """All legs of a plan as one optimisation problem; the legs do not share unknowns.

    Raises
    ------
    RunCancelled: at the next iteration after a cancel.
    """

    def __init__(
        self, legs: Sequence[Leg], material: Material, settings: RegistrationSettings, device: torch.device
    ) -> None:
        self.legs, self.material, self.settings, self.device = tuple(legs), material, settings, device
        spline = settings.spline
        self.longest = max(len(leg.frames) for leg in self.legs)
        self.substeps = max(1, math.ceil(spline.steps / self.longest))
        self.grid = SplineGrid.over(material.box.shape, spline.knots)
        self.basis = self._time_bases()
        self.controls = torch.zeros(len(self.legs), self.basis.shape[2], 2, *self.grid.free, device=device)
        self.scale = self.grid.scale(device)

    def _time_bases(self) -> Tensor:
        """(L, M, K): weights of a leg's K control times in its M steps; each leg moves 1 unit of time in all."""
        spacing = min(4.0, max(1.0, self.settings.spline.knot_seconds / self.material.interval))
        bases = []
        for leg in self.legs:
            count = len(leg.frames) * self.substeps
            knots = max(1, round(len(leg.frames) / spacing)) + (3 if len(leg.frames) > 3 * spacing else 0)
            if len(leg.frames) == 1:
                knots = min(2, self.substeps)
            bases.append(time_basis(count, knots) / count)
        shape = (self.longest * self.substeps, max(b.shape[1] for b in bases))
        padded = np.zeros((len(bases), *shape), np.float32)
        for into, basis in zip(padded, bases, strict=True):
            into[: basis.shape[0], : basis.shape[1]] = basis
        return torch.from_numpy(padded).to(self.device)

    def run(self, stage: Stage | None = None) -> LegFlows:
        """Start, then fit level after level."""
        spline = self.settings.spline
        if spline.optical_flow_start:
            self.controls = optical_flow_start(self)
        for level in spline.levels:
            before = _progress(stage)
            self._fit_level(level.size, level.iterations, level.rate, before)
        return LegFlows(self.legs, self.grid, self.controls.detach(), self.basis, self.substeps)

    def _fit_level(self, size: int, iterations: int, rate: float, advance: Callable[[int], None]) -> None:
        level = self._level(size)
        controls = self.controls.detach().clone().requires_grad_(True)
        unit = rate * max(self.grid.shape)
        if self.settings.spline.optimiser == "lbfgs":
            _lbfgs(lambda: self.loss(level, controls), controls, iterations, advance)
        else:
            _adam(
                lambda: self.loss(level, controls), controls, iterations, unit, self.settings.spline.tolerance, advance
            )
        self.controls = controls.detach()

    def _level(self, size: int) -> _Level:
        box, material = self.material.box, self.material
        shape = box.size_at(size)
        used = sorted({f for leg in self.legs for f in (leg.source, *leg.frames)})
        images = dict(zip(used, box.images(material.frames[used], shape, self.settings.spline.blur), strict=True))
        targets = np.zeros((len(self.legs), self.longest, *shape), np.float32)
        valid = np.zeros((len(self.legs), self.longest, 1, 1), np.float32)
        guided, source_masks, guide_masks = [], [], []
        for number, leg in enumerate(self.legs):
            for position in range(self.longest):
                frame = leg.frames[min(position, len(leg.frames) - 1)]
                targets[number, position] = images[frame]
                valid[number, position] = position < len(leg.frames)
                if position < len(leg.frames) and frame in material.guides:
                    guided.append((number, position))
                    source_masks.append(box.memberships(material.sources[leg.source], material.labels, shape))
                    guide_masks.append(box.memberships(material.guides[frame], material.labels, shape))
        source = np.stack([images[leg.source] for leg in self.legs])[:, None]
        rows, columns = self.grid.matrices(shape, self.device)
        empty = torch.zeros(0, len(material.labels), *shape)
        return _Level(
            rows,
            columns,
            torch.from_numpy(source).to(self.device),
            torch.from_numpy(targets).to(self.device),
            torch.from_numpy(valid).to(self.device),
            tuple(guided),
            (torch.stack(source_masks) if guided else empty).to(self.device),
            (torch.stack(guide_masks) if guided else empty).to(self.device),
        )

    def loss(self, level: _Level, controls: Tensor) -> Tensor:
        """The weighted sum of all losses at a level."""
        weights = self.settings.weights
        steps = _steps(controls, self.basis, level.rows, level.columns, self.scale)
        legs, count = level.targets.shape[:2]
        shape = (level.targets.shape[2], level.targets.shape[3])
        grid = identity_grid(shape, self.device)
        intervals = steps
        if self.substeps > 1:
            intervals = chain(steps.unflatten(1, (count, self.substeps)).flatten(0, 1))[:, -1]
            intervals = intervals.unflatten(0, (legs, count))
        fields = chain(intervals)
        # One image, the points of all its frames below one another: no copies of the image.
        points = (grid[:, None] + fields).permute(0, 2, 1, 3, 4).flatten(2, 3)
        carried = sample(level.source, points).view(legs, count, *shape)
        total = weights.similarity * similarity(carried, level.targets, level.valid)
        if weights.neighbour_similarity and count > 1:
            previous = torch.cat([level.source, level.targets[:, :-1]], 1).flatten(0, 1)[:, None]
            moved = sample(previous, grid + intervals.flatten(0, 1)).view_as(level.targets)
            total = total + weights.neighbour_similarity * similarity(moved, level.targets, level.valid)
        if level.guided:
            total = total + self._guide_loss(level, fields, grid, weights)
        if weights.smoothness:
            # Zero columns of padded bases see no other loss; without this they would drift for nothing.
            total = total + weights.smoothness * control_smoothness(self.grid.padded(controls), self.grid.spacing)
        if weights.jacobian:
            total = total + weights.jacobian * jacobian_loss(fields.flatten(0, 1), floor=0.1)
        return total

    def _guide_loss(self, level: _Level, fields: Tensor, grid: Tensor, weights: LossWeights) -> Tensor:
        legs = torch.tensor([g[0] for g in level.guided], device=self.device)
        positions = torch.tensor([g[1] for g in level.guided], device=self.device)
        carried = sample(level.source_masks, grid + fields[legs, positions])
        total = weights.segmentation * dice_loss(carried, level.guide_masks)
        if weights.ejection_fraction and 1 in self.material.labels:
            lv = self.material.labels.index(1)
            effect = ejection_fraction_loss(carried[:, lv], level.guide_masks[:, lv], level.source_masks[:, lv])
            total = total + weights.ejection_fraction * effect
        return total


def _progress(stage: Stage | None) -> Callable[[int], None]:
    return (lambda steps: None) if stage is None else stage.advance


def _adam(
    loss: Callable[[], Tensor],
    unknown: Tensor,
    iterations: int,
    rate: float,
    tolerance: float,
    advance: Callable[[int], None],
) -> None:
    """Adam with a rate that falls along a cosine to a tenth; ends where 2 * _CHECK iterations gain too little."""
    optimiser = torch.optim.Adam([unknown], lr=rate, betas=(0.9, 0.99))
    seen: list[float] = []
    for iteration in range(iterations):
        share = 0.5 * (1 + math.cos(math.pi * iteration / iterations))
        optimiser.param_groups[0]["lr"] = rate * (0.1 + 0.9 * share)
        optimiser.zero_grad()
        value = loss()
        torch.autograd.backward(value)
        optimiser.step()
        advance(1)
        if iteration % _CHECK == 0:
            seen.append(float(value.detach()))
            if len(seen) > 4 and seen[-3] - seen[-1] < tolerance * abs(seen[-1]):
                advance(iterations - iteration - 1)
                return


def _lbfgs(loss: Callable[[], Tensor], unknown: Tensor, iterations: int, advance: Callable[[int], None]) -> None:
    """L-BFGS with strong Wolfe line search; ``iterations`` counts evaluations."""
    optimiser = torch.optim.LBFGS(
        [unknown], max_iter=iterations, max_eval=iterations, history_size=12, line_search_fn="strong_wolfe"
    )
    spent = 0

    def closure() -> Tensor:
        nonlocal spent
        optimiser.zero_grad()
        value = loss()
        torch.autograd.backward(value)
        if spent < iterations:
            spent += 1
            advance(1)
        return value

    optimiser.step(closure)
    advance(iterations - spent)


def optical_flow_start(fit: SplineFit, size: int = 96, blur: float = 2.0) -> Tensor:
    """Controls that best explain OpenCV's DIS flow between neighbouring frames (Kroeger et al., ECCV 2016)."""
    box = fit.material.box
    shape = box.size_at(size)
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    used = sorted({f for leg in fit.legs for f in (leg.source, *leg.frames)})
    images = np.clip(box.images(fit.material.frames[used], shape, blur) * 255, 0, 255).astype(np.uint8)
    image = dict(zip(used, images, strict=True))
    to_px = np.array([box.shape[1] / shape[1], box.shape[0] / shape[0]], np.float32)
    motion = np.zeros((len(fit.legs), fit.longest, 2, *shape), np.float32)
    for number, leg in enumerate(fit.legs):
        for position, (near, far) in enumerate(zip((leg.source, *leg.frames), leg.frames, strict=False)):
            pull_back = flow.calc(image[far], image[near], None)
            # A velocity in px per leg: the pull-back runs against it, once in so many intervals.
            motion[number, position] = (-pull_back * to_px * len(leg.frames)).transpose(2, 0, 1)
    controls = fit.grid.fit(torch.from_numpy(motion).to(fit.device))
    per_interval = fit.basis.unflatten(1, (fit.longest, fit.substeps)).mean(2)
    started = torch.zeros_like(fit.controls)
    for number, leg in enumerate(fit.legs):
        count = len(leg.frames)
        weights = per_interval[number, :count] * count * fit.substeps
        normal = weights.T @ weights + 1e-3 * torch.eye(weights.shape[1], device=fit.device)
        started[number] = torch.einsum("kn,ncyx->kcyx", torch.linalg.solve(normal, weights.T), controls[number, :count])
    return started
