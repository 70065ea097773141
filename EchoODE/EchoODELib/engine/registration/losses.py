"""The five losses of paper 001 (Nguyen et al., section IV-B), each a mean and free of units where it can be.

Two of them are not as printed. Equation 5 names the Dice *similarity* a loss; here it is 1 - Dice. The
ejection-fraction loss as printed may be negative and its indicator has no gradient; here it is the
absolute difference of soft areas over the area at end-diastole, which is the paper's first line.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .flow import gradients, jacobian_determinant


def similarity(warped: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean squared difference of blurred images with values in [0, 1] (equation 4).

    ``weight`` broadcasts over the images; 0 leaves samples out.
    """
    squared = (warped - target).square()
    if weight is None:
        return squared.mean()
    return (squared * weight).sum() / weight.expand_as(squared).sum().clamp_min(1e-6)


def dice_loss(warped: Tensor, target: Tensor) -> Tensor:
    """1 - mean soft Dice of (B, C, h, w) label memberships; labels that the target lacks do not count."""
    both = (warped * target).sum((-2, -1))
    sizes = warped.sum((-2, -1)) + target.sum((-2, -1))
    present = (target.sum((-2, -1)) > 0).to(warped.dtype)
    dice = (2 * both + 1e-6) / (sizes + 1e-6)
    return 1 - (dice * present).sum() / present.sum().clamp_min(1)


def ejection_fraction_loss(warped_lv: Tensor, target_lv: Tensor, reference_lv: Tensor) -> Tensor:
    """|EF - EF of the guide| by areas: both share the area at ED, so the ES areas' difference over it.

    All (B, h, w) soft memberships of the LV on grids of one size.
    """
    difference = warped_lv.sum((-2, -1)) - target_lv.sum((-2, -1))
    return (difference.abs() / reference_lv.sum((-2, -1)).clamp_min(1e-6)).mean()


def jacobian_loss(field: Tensor, floor: float = 0.0) -> Tensor:
    """Mean of ReLU(floor - det)^2: punishes folds (equation 6 with floor 0)."""
    return F.relu(floor - jacobian_determinant(field)).square().mean()


def smoothness(field: Tensor) -> Tensor:
    """Mean squared spatial gradient of a field's displacement, dimensionless (equation 7)."""
    along_x, along_y = gradients(field)
    return along_x.square().mean() + along_y.square().mean()


def control_smoothness(controls: Tensor, spacing: tuple[float, float]) -> Tensor:
    """Equation 7 for a B-spline: mean squared first difference of control points (px) over their spacing (px).

    Parameters
    ----------
    controls: (..., Ky, Kx) with the border's zeros in place.
    spacing: (row, column) px.
    """
    along_y = (controls[..., 1:, :] - controls[..., :-1, :]) / spacing[0]
    along_x = (controls[..., 1:] - controls[..., :-1]) / spacing[1]
    return torch.as_tensor(along_x.square().mean() + along_y.square().mean())
