"""Fitting paper 001's network to each leg, and the flow that its velocities make.

One network a leg, fitted from scratch and thrown away. What the paper leaves open, and what is done here:

- The paper follows half a cycle, ED to ES. Here t runs from 0 at a leg's source to 1 at its end, so beats, clips that
  run backwards from the reference, and the tie between two EDs are legs like any other, joined as the spline's are.
- V is given at evenly spaced times, ``step`` apart, in one batch, from frames interpolated there. Euler's method holds
  it constant from one to the next; other solvers need it to be continuous, so it is linear between them.
- The velocity falls to 0 in the rim around the sector, so that flow and inverse stay in the box.
- Guides anywhere on a leg count like the paper's ES mask; they are met exactly only afterwards, when masks are blended.
- Images are compared within the sector alone; of all parameters seen, those of the least loss are kept, as a rate of
  0.01 makes the loss jump.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..progress import Stage
from ..sequence import Label
from .flow import compose, gradients, identity_grid, integrate, invert, sample, warp
from .legs import Leg
from .losses import dice_loss, ejection_fraction_loss, jacobian_loss, similarity, smoothness
from .network import VelocityNetwork
from .optimise import adam
from .settings import LossWeights, NetworkSettings
from .spline_fit import Material
from .work import RIM

_BLUR_REFERENCE = 256  # px along the side at which the settings give the blur
_DAMPED_ITERATIONS = 40
_BETAS = (0.9, 0.999)


@dataclass(frozen=True)
class NetworkFlows:
    """Fitted legs; ``velocities`` (K, 2, s, s) a leg, half extents per leg, at evenly spaced times."""

    legs: tuple[Leg, ...]
    velocities: tuple[Tensor, ...]
    settings: NetworkSettings

    def ends(self, size: tuple[int, int]) -> Tensor:
        """Pull-backs (L, 2, h, w) of each leg's last frame to its source."""
        ends = []
        for velocities in self.velocities:
            at = velocity_at(_resized(velocities, size), self.settings)
            ends.append(_solve(at, [0.0, 1.0], size, self.settings, velocities.device)[-1])
        return torch.stack(ends)

    def fields(self, number: int, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Pull-backs and displacements (N, 2, h, w) of one leg's frames, to and from its source."""
        velocities = _resized(self.velocities[number], size)
        at = velocity_at(velocities, self.settings)
        frames = frame_times(len(self.legs[number].frames))
        if not self.settings.eulerian:
            pull_backs = _solve(at, [0.0, *frames.tolist()], size, self.settings, velocities.device)[1:]
            return pull_backs, _damped_inverses(pull_backs)
        # The flow between two times is a map of its own; solved between all nodes and frames, each is short enough
        # to be inverted, and their composition is the solver's solution.
        nodes = np.arange(sample_count(self.settings) + 1) / sample_count(self.settings)
        times = np.unique(np.concatenate([nodes, frames]).round(9))
        forth = torch.zeros(1, 2, *size, device=velocities.device)
        back = forth
        to: list[Tensor] = []
        out: list[Tensor] = []
        for begin, end in pairwise(times.tolist()):
            step = _solve(partial(_shifted, at, begin), [0.0, end - begin], size, self.settings, velocities.device)[1:]
            forth = compose(step, forth)
            back = compose(back, invert(step, iterations=12))
            if np.isclose(frames, end).any():
                to.append(forth)
                out.append(back)
        return torch.cat(to), torch.cat(out)

    @property
    def gradient_bound(self) -> float:
        """Upper bound of velocity gradient times step length; below 1 no step folds."""
        bounds = []
        for velocities in self.velocities:
            along_x, along_y = gradients(velocities)
            bounds.append(float(along_x.norm(dim=1).max() + along_y.norm(dim=1).max()))
        return max(bounds) / sample_count(self.settings)


def sample_count(settings: NetworkSettings) -> int:
    """Intervals of the times at which the network is asked."""
    return max(1, round(1 / settings.step))


def frame_times(count: int) -> NDArray[np.float64]:
    """Times in (0, 1] of a leg's frames."""
    return np.arange(1, count + 1) / count


def velocity_at(velocities: Tensor, settings: NetworkSettings) -> Callable[[float], Tensor]:
    """V as a function of time in [0, 1], (1, 2, h, w), from its samples."""
    count = sample_count(settings)

    def at(time: float) -> Tensor:
        position = min(max(time * count, 0.0), count)
        low = min(math.floor(position + 1e-6), len(velocities) - 1)
        share = 0.0 if settings.solver == "euler" else max(0.0, position - low)
        if share == 0.0 or low + 1 >= len(velocities):
            return velocities[low : low + 1]
        return velocities[low : low + 1] * (1 - share) + velocities[low + 1 : low + 2] * share

    return at


def _shifted(at: Callable[[float], Tensor], begin: float, time: float) -> Tensor:
    return at(begin + time)


def _solve(
    at: Callable[[float], Tensor],
    times: Sequence[float],
    size: tuple[int, int],
    settings: NetworkSettings,
    device: torch.device,
) -> Tensor:
    """Fields (N, 2, h, w) at times, the first of which is 0."""
    when = torch.tensor(list(times), dtype=torch.float32, device=device)
    step = min(settings.step, float(times[-1]))
    return integrate(at, when, size, solver=settings.solver, step=step, eulerian=settings.eulerian)


def _resized(velocities: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(velocities, size, mode="bilinear", align_corners=False)


def _damped_inverses(fields: Tensor) -> Tensor:
    """Inverses of fields (N, 2, h, w) in order of time, each started from the one before.

    Half steps of the fixed point converge for every field that does not fold, also where its gradient exceeds 1.
    """
    inverse = torch.zeros_like(fields[:1])
    out = []
    for field in fields[:, None]:
        for _ in range(_DAMPED_ITERATIONS):
            inverse = 0.5 * (inverse - warp(field, inverse))
        out.append(inverse)
    return torch.cat(out)


@dataclass(frozen=True)
class _LegData:
    """Tensors of one leg at the network's size."""

    seen: Tensor  # (K, 1, s, s): frames at the times of the velocities
    times: Tensor  # (K,)
    mask: Tensor  # (1, C, s, s)
    source: Tensor  # (1, 1, s, s)
    targets: Tensor  # (N, 1, s, s), blurred
    sector: Tensor  # (1, 1, s, s)
    window: Tensor  # (1, 1, s, s): 1 over the sector, falling to 0 in the rim
    guided: tuple[int, ...]  # positions
    guides: Tensor  # (G, C, s, s)


def fit_network(
    legs: tuple[Leg, ...],
    material: Material,
    settings: NetworkSettings,
    weights: LossWeights,
    seed: int,
    device: torch.device,
    stage: Stage | None = None,
) -> NetworkFlows:
    """Fit a network to every leg, one after another; each starts from the same ``seed``.

    Raises
    ------
    RunCancelled: at the next step after a cancel.
    """
    advance: Callable[[int], None] = stage.advance if stage else lambda steps: None
    velocities = []
    for leg in legs:
        data = _leg_data(leg, material, settings, device)
        torch.manual_seed(seed)
        network = VelocityNetwork(len(material.labels), settings).to(device)
        _fit(network, data, material.labels, settings, weights, advance)
        with torch.no_grad():
            velocities.append(_velocities(network, data, settings))
    return NetworkFlows(tuple(legs), tuple(velocities), settings)


def _leg_data(leg: Leg, material: Material, settings: NetworkSettings, device: torch.device) -> _LegData:
    box, shape = material.box, (settings.size, settings.size)
    used = [leg.source, *leg.frames]
    images = torch.from_numpy(box.images(material.frames[used], shape, 0.0))[:, None].to(device)
    count = sample_count(settings)
    # Euler's method never looks at the end of the last step.
    times = torch.arange(count + (settings.solver != "euler"), dtype=torch.float32, device=device) / count
    position = times * len(leg.frames)
    low = position.floor().long().clamp(0, len(leg.frames) - 1)
    share = (position - low).view(-1, 1, 1, 1)
    guided = [n for n, frame in enumerate(leg.frames) if frame in material.guides]
    guides = [box.memberships(material.guides[leg.frames[n]], material.labels, shape) for n in guided]
    mask = box.memberships(material.sources[leg.source], material.labels, shape)[None].to(device)
    return _LegData(
        seen=images[low] * (1 - share) + images[low + 1] * share,
        times=times,
        mask=mask,
        source=images[:1],
        targets=_blurred(images[1:], settings),
        sector=box.memberships(material.sector.astype(np.uint8), (1,), shape)[None].to(device),
        window=_window(settings.size).to(device),
        guided=tuple(guided),
        guides=torch.stack(guides).to(device) if guides else mask[:0],
    )


def _window(size: int) -> Tensor:
    """(1, 1, size, size): 0 at the box's border, rising smoothly to 1 where the region begins."""
    position = (torch.arange(size) + 0.5) / size
    share = (torch.minimum(position, 1 - position) * (1 + 2 * RIM) / RIM).clamp(0, 1)
    rise = share * share * (3 - 2 * share)
    return (rise[:, None] * rise[None])[None, None]


def _blurred(images: Tensor, settings: NetworkSettings) -> Tensor:
    """Images (N, 1, s, s) blurred by a Gaussian, edges repeated."""
    sigma = settings.blur * settings.size / _BLUR_REFERENCE
    if sigma <= 0:
        return images
    radius = max(1, math.ceil(3 * sigma))
    kernel = torch.from_numpy(cv2.getGaussianKernel(2 * radius + 1, sigma, cv2.CV_32F)).to(images.device)
    padded = F.pad(images, (radius, radius, radius, radius), mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel.view(1, 1, -1, 1)), kernel.view(1, 1, 1, -1))


def _velocities(network: VelocityNetwork, data: _LegData, settings: NetworkSettings) -> Tensor:
    with torch.autocast(data.times.device.type, torch.bfloat16, enabled=settings.mixed):
        velocities = network(data.seen, data.mask, data.times)
    return torch.as_tensor(velocities).float() * data.window


def _fit(
    network: VelocityNetwork,
    data: _LegData,
    labels: tuple[int, ...],
    settings: NetworkSettings,
    weights: LossWeights,
    advance: Callable[[int], None],
) -> None:
    """Descend, and leave the network with the parameters of the least loss seen."""
    frames = torch.from_numpy(frame_times(len(data.targets))).to(data.times)
    when = [0.0, *frames.tolist()]
    best = math.inf
    kept: dict[str, Tensor] = {}

    def loss() -> Tensor:
        nonlocal best, kept
        at = velocity_at(_velocities(network, data, settings), settings)
        fields = _solve(at, when, (settings.size, settings.size), settings, data.times.device)[1:]
        total = _loss(fields, data, labels, settings, weights)
        value = float(total.detach())
        if value < best:
            best, kept = value, {name: each.detach().clone() for name, each in network.state_dict().items()}
        return total

    unknowns = [(parameter, settings.rate) for parameter in network.parameters()]
    adam(loss, unknowns, settings.steps, falling=False, betas=_BETAS, advance=advance)
    with torch.no_grad():
        loss()  # the last step's parameters were not looked at yet
    network.load_state_dict(kept)


def _loss(
    fields: Tensor, data: _LegData, labels: tuple[int, ...], settings: NetworkSettings, weights: LossWeights
) -> Tensor:
    """The paper's five losses, of fields (N, 2, s, s) at the leg's frames."""
    points = identity_grid((settings.size, settings.size), fields.device) + fields
    carried = sample(data.source.expand(len(fields), -1, -1, -1), points)
    with torch.no_grad():
        inside = sample(data.sector.expand(len(fields), -1, -1, -1), points) * data.sector
    total = weights.similarity * similarity(_blurred(carried, settings), data.targets, inside)
    if data.guided:
        masks = sample(data.mask.expand(len(data.guided), -1, -1, -1), points[list(data.guided)])
        total = total + weights.segmentation * dice_loss(masks, data.guides)
        if weights.ejection_fraction and Label.LV in labels:
            lv = labels.index(Label.LV)
            effect = ejection_fraction_loss(masks[:, lv], data.guides[:, lv], data.mask[:, lv])
            total = total + weights.ejection_fraction * effect
    total = total + weights.jacobian * jacobian_loss(fields)
    return total + weights.smoothness * smoothness(fields)
