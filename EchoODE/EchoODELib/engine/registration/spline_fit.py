"""Fitting the spline velocities of several legs at once, coarse to fine."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..progress import Stage
from ..sequence import Label
from .flow import chain, chain_inverse, identity_grid, sample
from .legs import Leg
from .losses import control_smoothness, dice_loss, ejection_fraction_loss, jacobian_loss, similarity
from .motion_model import MotionModel
from .optimise import adam, lbfgs
from .settings import Level, LossWeights, SplineSettings
from .start import optical_flow_start
from .velocity import SplineGrid, evaluate, time_basis
from .work import HeartBox

_JACOBIAN_FLOOR = 0.1
_AMPLITUDES = (0.0, 0.3, 0.6, 0.9, 1.2)  # of the mean contraction, tried before the fit
_MEAN_SPREAD = 0.5
_AMPLITUDE_RATE = 3.0  # Adam's rate for amplitudes over that for control points, as a share of the box


@dataclass(frozen=True)
class Material:
    """What the legs are fitted to.

    Attributes
    ----------
    frames: (T, H, W) uint8.
    sector: (H, W) bool, where the frames show tissue; the rest is not compared.
    interval: median time between frames, s.
    box: the heart box.
    labels: the labels that masks hold.
    sources: mask (H, W) at each leg's source, by frame.
    guides: masks given at other frames.
    """

    frames: NDArray[np.uint8]
    sector: NDArray[np.bool_]
    interval: float
    box: HeartBox
    labels: tuple[int, ...]
    sources: Mapping[int, NDArray[np.uint8]]
    guides: Mapping[int, NDArray[np.uint8]]


@dataclass(frozen=True)
class LegFlows:
    """Fitted legs: controls (L, K, 2, rows, columns) in px of the box per leg, and their time weights.

    ``basis`` (L, N * substeps, K) sums to 1 over a leg's steps; beyond a leg's end it is 0.
    """

    legs: tuple[Leg, ...]
    grid: SplineGrid
    controls: Tensor
    basis: Tensor
    substeps: int

    def steps(self, size: tuple[int, int], pick: slice = slice(None)) -> Tensor:
        """Step pull-backs (L, N * substeps, 2, h, w) in half extents."""
        rows, columns = self.grid.matrices(size, self.controls.device)
        return _steps(self.controls[pick], self.basis[pick], rows, columns, self.grid.scale(self.controls.device))

    def ends(self, size: tuple[int, int]) -> Tensor:
        """Pull-backs (L, 2, h, w) of each leg's last frame to its source."""
        return chain(self.steps(size))[:, -1]

    def fields(self, number: int, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Pull-backs and displacements (N, 2, h, w) of one leg's frames, to and from its source."""
        count = len(self.legs[number].frames) * self.substeps
        steps = self.steps(size, slice(number, number + 1))[:, :count]
        last = slice(self.substeps - 1, None, self.substeps)
        return chain(steps)[0, last], chain_inverse(steps)[0, last]

    @property
    def gradient_bound(self) -> float:
        """Upper bound of velocity gradient times step length; below 1 no step folds."""
        return self.grid.gradient_bound(torch.einsum("lmk,lkcyx->lmcyx", self.basis, self.controls))


def _steps(controls: Tensor, basis: Tensor, rows: Tensor, columns: Tensor, scale: Tensor) -> Tensor:
    return evaluate(torch.einsum("lmk,lkcyx->lmcyx", basis, controls), rows, columns) * -scale


@dataclass(frozen=True)
class _Images:
    """Tensors of one resolution."""

    rows: Tensor
    columns: Tensor
    source: Tensor  # (L, 1, h, w)
    targets: Tensor  # (L, N, h, w)
    valid: Tensor  # (L, N, h, w): 1 in the sector, 0 outside of it and beyond a leg's end
    sector: Tensor  # (1, 1, h, w)
    guided: tuple[tuple[int, int], ...]  # (leg, position)
    source_masks: Tensor  # (G, C, h, w)
    guide_masks: Tensor  # (G, C, h, w)


class SplineFit:
    """Legs as one optimisation problem; they share no unknowns.

    The velocity is a free spline plus, with a motion model, amplitudes of its modes. Only the free part is
    held smooth, so the model's motion costs nothing.
    """

    def __init__(
        self,
        legs: Sequence[Leg],
        material: Material,
        spline: SplineSettings,
        weights: LossWeights,
        device: torch.device,
        model: MotionModel | None = None,
    ) -> None:
        self.legs, self.material, self.spline, self.weights = tuple(legs), material, spline, weights
        self.device = device
        self.longest = max(len(leg.frames) for leg in self.legs)
        self.substeps = max(1, math.ceil(spline.steps / self.longest))
        self.grid = SplineGrid.over(material.box.shape, spline.knots)
        self.scale = self.grid.scale(device)
        self.basis = self._time_bases()
        count, knots = self.basis.shape[0], self.basis.shape[2]
        self.free = torch.zeros(count, knots, 2, *self.grid.free, device=device)
        self.modes = self._modes(model)
        self.amplitudes = torch.zeros(count, knots, len(self.modes), device=device)

    def _time_bases(self) -> Tensor:
        """(L, M, K), padded with zeros to the longest leg."""
        spacing = min(4.0, max(1.0, self.spline.knot_seconds / self.material.interval))
        bases = []
        for leg in self.legs:
            count = len(leg.frames) * self.substeps
            knots = max(1, round(len(leg.frames) / spacing)) + (3 if len(leg.frames) > 3 * spacing else 0)
            bases.append(time_basis(count, min(2, count) if len(leg.frames) == 1 else knots) / count)
        padded = np.zeros((len(bases), self.longest * self.substeps, max(b.shape[1] for b in bases)), np.float32)
        for into, basis in zip(padded, bases, strict=True):
            into[: basis.shape[0], : basis.shape[1]] = basis
        return torch.from_numpy(padded).to(self.device)

    def _modes(self, model: MotionModel | None) -> Tensor:
        """Controls (J, 2, rows, columns) of the model's velocities, J = 0 without a model or an LV."""
        none = torch.zeros(0, 2, *self.grid.free, device=self.device)
        if model is None or not self.legs:
            return none
        box = self.material.box
        mask = self.material.sources[self.legs[0].source]
        velocities = model.velocities(mask, box, box.size_at(self.spline.levels[-1].size), self.spline.modes)
        return none if velocities is None else self.grid.fit(velocities.to(self.device), ridge=0.002)

    def controls(self) -> Tensor:
        """Controls (L, K, 2, rows, columns) of the whole velocity, px a leg."""
        if not len(self.modes):
            return self.free
        return self.free + torch.einsum("lkj,jcyx->lkcyx", self.amplitudes, self.modes)

    def run(self, stage: Stage | None = None) -> LegFlows:
        """Start, then fit level after level.

        Raises
        ------
        RunCancelled: at the next iteration after a cancel.
        """
        advance: Callable[[int], None] = stage.advance if stage else lambda steps: None
        for number, level in enumerate(self.spline.levels):
            images = self._images(level.size)
            if number == 0 and len(self.modes):
                self._try_amplitudes(images)
            elif number == 0 and self.spline.optical_flow_start:
                self.free = optical_flow_start(
                    self.material.frames, self.material.box, self.legs, self.basis, self.substeps, self.grid
                )
            self._fit(images, level, advance)
        return LegFlows(self.legs, self.grid, self.controls().detach(), self.basis, self.substeps)

    def _try_amplitudes(self, images: _Images) -> None:
        """Start from the share of the mean contraction that explains the images best."""
        losses = []
        with torch.no_grad():
            for amplitude in _AMPLITUDES:
                self.amplitudes[..., 0] = amplitude
                losses.append(float(self.loss(images)))
            self.amplitudes[..., 0] = _AMPLITUDES[int(np.argmin(losses))]

    def _fit(self, images: _Images, level: Level, advance: Callable[[int], None]) -> None:
        self.free = self.free.detach().requires_grad_(True)
        rate = level.rate * max(self.grid.shape)
        unknowns = [(self.free, rate)]
        if len(self.modes):
            self.amplitudes = self.amplitudes.detach().requires_grad_(True)
            unknowns.append((self.amplitudes, level.rate * _AMPLITUDE_RATE))
        if self.spline.optimiser == "lbfgs":
            lbfgs(lambda: self.loss(images), unknowns, level.iterations, advance=advance)
        else:
            tolerance = self.spline.tolerance
            adam(lambda: self.loss(images), unknowns, level.iterations, tolerance=tolerance, advance=advance)

    def _images(self, size: int) -> _Images:
        box, material = self.material.box, self.material
        shape = box.size_at(size)
        used = sorted({f for leg in self.legs for f in (leg.source, *leg.frames)})
        images = dict(zip(used, box.images(material.frames[used], shape, self.spline.blur), strict=True))
        targets = np.zeros((len(self.legs), self.longest, *shape), np.float32)
        within = np.zeros((len(self.legs), self.longest, 1, 1), np.float32)
        guided: list[tuple[int, int]] = []
        masks: list[tuple[Tensor, Tensor]] = []
        for number, leg in enumerate(self.legs):
            for position in range(self.longest):
                frame = leg.frames[min(position, len(leg.frames) - 1)]
                targets[number, position] = images[frame]
                within[number, position] = position < len(leg.frames)
                if position < len(leg.frames) and frame in material.guides:
                    guided.append((number, position))
                    pair = material.sources[leg.source], material.guides[frame]
                    masks.append(
                        (
                            box.memberships(pair[0], material.labels, shape),
                            box.memberships(pair[1], material.labels, shape),
                        )
                    )
        source = np.stack([images[leg.source] for leg in self.legs])[:, None]
        # Tissue moves in and out at the sector's edge: what has no counterpart must not be matched.
        sector = box.memberships(material.sector.astype(np.uint8), (1,), shape)[None].to(self.device)
        rows, columns = self.grid.matrices(shape, self.device)
        empty = [torch.zeros(len(material.labels), *shape)][: 0 if guided else 1]
        return _Images(
            rows,
            columns,
            torch.from_numpy(source).to(self.device),
            torch.from_numpy(targets).to(self.device),
            torch.from_numpy(within).to(self.device) * sector[0],
            sector,
            tuple(guided),
            torch.stack([m[0] for m in masks] or empty).to(self.device),
            torch.stack([m[1] for m in masks] or empty).to(self.device),
        )

    def loss(self, images: _Images) -> Tensor:
        """The weighted sum of all losses at a resolution."""
        weights = self.weights
        controls = self.controls()
        steps = _steps(controls, self.basis, images.rows, images.columns, self.scale)
        legs, count = images.targets.shape[:2]
        shape = (images.targets.shape[2], images.targets.shape[3])
        grid = identity_grid(shape, self.device)
        intervals = steps
        if self.substeps > 1:
            intervals = chain(steps.view(legs * count, self.substeps, 2, *shape))[:, -1].view(legs, count, 2, *shape)
        fields = chain(intervals)
        # One image, the points of all its frames below one another: no copies of the image.
        points = (grid[:, None] + fields).permute(0, 2, 1, 3, 4).flatten(2, 3)
        carried = sample(images.source, points).view(legs, count, *shape)
        with torch.no_grad():
            inside = sample(images.sector.expand(legs, -1, -1, -1), points).view(legs, count, *shape) * images.valid
        total = weights.similarity * similarity(carried, images.targets, inside)
        if weights.neighbour_similarity and count > 1:
            previous = torch.cat([images.source, images.targets[:, :-1]], 1).flatten(0, 1)[:, None]
            moved = sample(previous, grid + intervals.flatten(0, 1)).view_as(images.targets)
            total = total + weights.neighbour_similarity * similarity(moved, images.targets, images.valid)
        if images.guided:
            total = total + self._guide_loss(images, fields, grid)
        total = total + weights.smoothness * control_smoothness(self.grid.padded(self.free), self.grid.spacing)
        if len(self.modes):
            # As likely as among the model's patients, where the mean itself varies by about a half.
            likely = torch.cat([(self.amplitudes[..., :1] - 1) / _MEAN_SPREAD, self.amplitudes[..., 1:]], -1)
            total = total + weights.variation * likely.square().sum(-1).mean()
        if weights.jacobian:
            total = total + weights.jacobian * jacobian_loss(fields.flatten(0, 1), floor=_JACOBIAN_FLOOR)
        return total

    def _guide_loss(self, images: _Images, fields: Tensor, grid: Tensor) -> Tensor:
        weights = self.weights
        legs = torch.tensor([g[0] for g in images.guided], device=self.device)
        positions = torch.tensor([g[1] for g in images.guided], device=self.device)
        carried = sample(images.source_masks, grid + fields[legs, positions])
        total = weights.segmentation * dice_loss(carried, images.guide_masks)
        if weights.ejection_fraction and Label.LV in self.material.labels:
            lv = self.material.labels.index(Label.LV)
            effect = ejection_fraction_loss(carried[:, lv], images.guide_masks[:, lv], images.source_masks[:, lv])
            total = total + weights.ejection_fraction * effect
        return total
