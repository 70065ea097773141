"""Flows of velocity fields: composing, integrating and inverting maps of the image plane.

THE convention, stated here and nowhere else
--------------------------------------------
A *field* ``u`` (B, 2, h, w) stands for the map p -> p + u(p); channel 0 is x (column), channel 1 is
y (row), and the unit is half the grid's extent, so that one field serves every resolution: a shift by
the grid's whole width is 2. ``warp(image, u)`` reads the image at p + u(p), so fields that carry an
image of frame a onto frame b live on frame b and point into frame a: they are *pull-backs*.

Let step_k be the pull-back of one small interval (it lives on node k + 1 and points into node k) and
psi_k the pull-back from node k to node 0. Then, "last step first",

    psi_{k+1} = psi_k o (id + step_k),   psi_0 = id                      (``chain``)

which is the physical order: a point of the newest frame is followed back through the newest interval
first. With step_k = -v_k dt this is the discrete transport d psi / dt = -(D psi) v of a velocity v seen
at the place where the tissue is now. Equations 1 and 2 of Nguyen et al. ("Echocardiography Segmentation
Using Neural ODE-based Diffeomorphic Registration Field") integrate d phi / dt = V(phi, t) instead, which
appends the newest step on the other side, phi_{k+1} = (id + dt V_k) o phi_k; that order is what
``integrate`` solves and is kept for the paper's network. Both families hold the same maps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

SOLVERS = ("euler", "midpoint", "rk4", "heun3", "dopri5", "bosh3", "adaptive_heun")
_ADAPTIVE = ("dopri5", "bosh3", "adaptive_heun")


def identity_grid(shape: tuple[int, int], device: torch.device | str = "cpu") -> Tensor:
    """Centres of the pixels, (1, 2, h, w) float32, in half extents: -1 and 1 are the grid's outer edges."""
    axes = [(2 * torch.arange(n, device=device, dtype=torch.float32) + 1) / n - 1 for n in shape]
    rows, columns = torch.meshgrid(*axes, indexing="ij")
    return torch.stack([columns, rows])[None]


def sample(image: Tensor, points: Tensor) -> Tensor:
    """Bilinear values of ``image`` (B, C, h, w) at ``points`` (B, 2, m, n) in half extents, edges repeated."""
    return F.grid_sample(image, points.permute(0, 2, 3, 1), padding_mode="border", align_corners=False)


def warp(image: Tensor, field: Tensor) -> Tensor:
    """``image`` (B, C, h, w) read at p + field(p)."""
    return sample(image, identity_grid((field.shape[-2], field.shape[-1]), field.device) + field)


def compose(outer: Tensor, inner: Tensor) -> Tensor:
    """Field of the map ``outer o inner`` (``inner`` is applied first)."""
    return inner + warp(outer, inner)


def chain(steps: Tensor) -> Tensor:
    """Pull-backs psi_1 .. psi_N of (B, N, 2, h, w) interval steps, all of them: (B, N, 2, h, w)."""
    shape = (steps.shape[-2], steps.shape[-1])
    points = (identity_grid(shape, steps.device)[:, None] + steps).permute(0, 1, 3, 4, 2)
    fields = [steps[:, 0]]
    for k in range(1, steps.shape[1]):
        carried = F.grid_sample(fields[-1], points[:, k], padding_mode="border", align_corners=False)
        fields.append(carried + steps[:, k])
    return torch.stack(fields, dim=1)


def chain_inverse(steps: Tensor, iterations: int = 10) -> Tensor:
    """Inverses of ``chain(steps)``: fields on node 0 that point into nodes 1 .. N."""
    count = steps.shape[1]
    forward = invert(steps.flatten(0, 1), iterations=iterations).view(steps.shape)
    fields = [forward[:, 0]]
    for k in range(1, count):
        fields.append(compose(forward[:, k], fields[-1]))
    return torch.stack(fields, dim=1)


def invert(field: Tensor, start: Tensor | None = None, iterations: int = 10) -> Tensor:
    """Field of the inverse map by the fixed point w <- -u o (id + w) (Chen et al., Med Phys 2008).

    Converges where the field's gradient is below 1; ``start`` is a guess from which fewer iterations do.
    """
    inverse = -field if start is None else start
    for _ in range(iterations):
        inverse = -warp(field, inverse)
    return inverse


def gradients(field: Tensor) -> tuple[Tensor, Tensor]:
    """One-sided differences (d/dx, d/dy) on the (h - 1, w - 1) cells, dimensionless (pixel per pixel)."""
    height, width = field.shape[-2:]
    scale = torch.tensor([width / 2, height / 2], device=field.device).view(2, 1, 1)
    pixels = field * scale
    along_x = (pixels[..., 1:] - pixels[..., :-1])[..., :-1, :]
    along_y = (pixels[..., 1:, :] - pixels[..., :-1, :])[..., :-1]
    return along_x, along_y


def jacobian_determinant(field: Tensor) -> Tensor:
    """Determinant of the map's Jacobian, (B, h - 1, w - 1); 1 at rest, at most 0 where the map folds."""
    along_x, along_y = gradients(field)
    dxx, dyx = along_x[..., 0, :, :], along_x[..., 1, :, :]
    dxy, dyy = along_y[..., 0, :, :], along_y[..., 1, :, :]
    return (1 + dxx) * (1 + dyy) - dxy * dyx


def integrate(
    velocity: Callable[[float], Tensor],
    times: Tensor,
    shape: tuple[int, int],
    *,
    solver: str = "euler",
    step: float = 0.1,
    eulerian: bool = True,
    tolerance: float = 1e-4,
) -> Tensor:
    """Solve d phi / dt = V(phi, t), phi_0 = id (paper 001, equations 1 and 2) and give phi at ``times``.

    Parameters
    ----------
    velocity: V as a field (1, 2, h, w) at a time in [0, 1]; it is read at the moving points.
    times: (N,) increasing, the first is 0.
    solver: "euler" (the paper's) or another of :data:`SOLVERS`, run by torchdiffeq.
    step: step size of the fixed-step solvers (the paper's 0.1).
    eulerian: read V at phi(p); False reads it at p ("on the grid", as NODEO does).

    Returns
    -------
    (N, 2, h, w) fields phi - id. Between the nodes of Euler's method they are linear in time.
    """
    grid = identity_grid(shape, times.device)

    def motion(time: float | Tensor, field: Tensor) -> Tensor:
        at = velocity(float(time))
        return sample(at, grid + field) if eulerian else at

    start = torch.zeros_like(grid)
    if solver == "euler":
        count = max(1, round(float(times[-1]) / step))
        width = float(times[-1]) / count
        nodes = [start]
        for k in range(count):
            nodes.append(nodes[-1] + width * motion(k * width, nodes[-1]))
        return _between(torch.cat(nodes), times / width)
    from torchdiffeq import odeint  # only where another solver is asked for

    options = {} if solver in _ADAPTIVE else {"step_size": step}
    solved = odeint(motion, start, times, method=solver, rtol=tolerance, atol=tolerance, options=options)
    return cast(Tensor, solved)[:, 0]


def _between(nodes: Tensor, position: Tensor) -> Tensor:
    """Linear interpolation of (K + 1, ...) node values at fractional node numbers ``position`` (N,)."""
    low = position.floor().long().clamp(0, len(nodes) - 2)
    share = (position - low).view(-1, *[1] * (nodes.ndim - 1))
    return nodes[low] * (1 - share) + nodes[low + 1] * share
