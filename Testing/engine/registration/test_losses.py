"""Each loss on values computed by hand."""

from __future__ import annotations

import pytest
import torch
from EchoODELib.engine.registration.flow import identity_grid
from EchoODELib.engine.registration.losses import (
    control_smoothness,
    dice_loss,
    ejection_fraction_loss,
    jacobian_loss,
    similarity,
    smoothness,
)


def test_similarity() -> None:
    one, other = torch.tensor([[[[0.0, 1.0], [0.5, 0.5]]]]), torch.tensor([[[[0.0, 0.0], [0.5, 0.0]]]])
    assert float(similarity(one, other)) == pytest.approx((1 + 0.25) / 4)
    weight = torch.tensor([[[[1.0, 0.0], [1.0, 1.0]]]])
    assert float(similarity(one, other, weight)) == pytest.approx(0.25 / 3)
    assert float(similarity(one, other, 0 * weight)) == 0


def test_dice() -> None:
    target = torch.zeros(1, 2, 4, 4)
    target[0, 0, :2] = 1
    moved = torch.zeros(1, 2, 4, 4)
    moved[0, 0, 1:3] = 1
    moved[0, 1, 3] = 1  # the target lacks this label
    assert float(dice_loss(moved, target)) == pytest.approx(0.5)
    assert float(dice_loss(target, target)) == pytest.approx(0, abs=1e-6)


def test_ejection_fraction() -> None:
    reference, guide, found = torch.zeros(1, 4, 5), torch.zeros(1, 4, 5), torch.zeros(1, 4, 5)
    reference[:] = 1
    guide[0, :2] = 1
    found[0, :3] = 1
    assert float(ejection_fraction_loss(found, guide, reference)) == pytest.approx(0.25)
    assert float(ejection_fraction_loss(guide, found, reference)) == pytest.approx(0.25)


def test_folds_cost_and_growth_does_not() -> None:
    grid = identity_grid((20, 20))
    assert float(jacobian_loss(0.5 * grid)) == 0
    fold = grid * torch.tensor([-2.0, 0.0]).view(1, 2, 1, 1)  # x -> -x: determinant -1
    assert float(jacobian_loss(fold)) == pytest.approx(1, abs=1e-4)
    assert float(jacobian_loss(-0.5 * grid, floor=0.35)) == pytest.approx(0.01, abs=1e-4)


def test_smoothness() -> None:
    grid = identity_grid((16, 24))
    assert float(smoothness(torch.ones(1, 2, 16, 24))) == 0
    # Each axis stretches by a fifth, in one of two components each.
    assert float(smoothness(0.2 * grid)) == pytest.approx(0.04, rel=1e-3)
    controls = torch.zeros(2, 3, 3)
    controls[:, 1, 1] = 6
    expected = 2 * 2 * (6 / 3) ** 2 / 12 + 2 * 2 * (6 / 2) ** 2 / 12
    assert float(control_smoothness(controls, (3, 2))) == pytest.approx(expected)
