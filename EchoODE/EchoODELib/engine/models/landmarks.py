"""End points of measurement lines as heat maps, and back to points and lengths in mm.

As Lu et al., "Echo-ODE" (Frontiers in Physiology 2025), section 3.2.6, have it: a heat map for the start and the end
of the interventricular septum (IVS), the left ventricle's internal dimension (LVID) and its posterior wall (LVPW); a
point is the centre of gravity of its map, where what is below 0.3 is left out.
"""

from __future__ import annotations

import torch
from torch import Tensor

LINES = ("ivs", "lvid", "lvpw")
"""Measurement lines in the order of the heat maps."""
THRESHOLD = 0.3


def heat_map_targets(landmarks: Tensor, size: tuple[int, int], sigma: float = 3.0) -> Tensor:
    """Gaussian bumps of height 1 at the end points.

    Parameters
    ----------
    landmarks: (..., lines, 2, 2), start and end of each line as (row, column) in px; NaN where not labelled.
    size: (H, W) of the maps.
    sigma: standard deviation of the bumps in px.

    Returns
    -------
    (..., 2 * lines, H, W) in 0..1, start before end; NaN all over where the point is not labelled.
    """
    rows = torch.arange(size[0], device=landmarks.device, dtype=torch.float32)
    columns = torch.arange(size[1], device=landmarks.device, dtype=torch.float32)
    points = landmarks.float().flatten(-3, -2)
    # A Gaussian is the product of one along the rows and one along the columns.
    down = torch.exp(-0.5 * ((rows - points[..., :1]) / sigma) ** 2)
    across = torch.exp(-0.5 * ((columns - points[..., 1:]) / sigma) ** 2)
    return down[..., :, None] * across[..., None, :]


def centres_of_gravity(heat_maps: Tensor, threshold: float = THRESHOLD) -> Tensor:
    """The points that heat maps show.

    Parameters
    ----------
    heat_maps: (..., 2 * lines, H, W) in 0..1, see :attr:`~.clip_output.ClipOutput.heat_maps`.
    threshold: pixels below it don't count.

    Returns
    -------
    (..., lines, 2, 2), start and end of each line as (row, column) in px; NaN where no pixel counts.
    """
    weights = torch.where(heat_maps >= threshold, heat_maps, torch.zeros_like(heat_maps)).float()
    rows = torch.arange(weights.shape[-2], device=weights.device, dtype=torch.float32)
    columns = torch.arange(weights.shape[-1], device=weights.device, dtype=torch.float32)
    total = weights.sum((-2, -1))
    # Nothing over nothing is NaN, which says that there is no point.
    row, column = (weights.sum(-1) @ rows) / total, (weights.sum(-2) @ columns) / total
    return torch.stack((row, column), -1).reshape(*row.shape[:-1], -1, 2, 2)


def lengths_mm(points: Tensor, spacing: tuple[float, float]) -> Tensor:
    """Lengths of lines (..., lines, 2, 2) in mm, (..., lines), by pixels of ``spacing`` (row, column) mm; NaN stays."""
    along = (points[..., 1, :] - points[..., 0, :]) * torch.tensor(spacing, dtype=points.dtype, device=points.device)
    return along.square().sum(-1).sqrt()
