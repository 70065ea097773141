"""The spline velocity: its basis, its fit, its bound."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from EchoODELib.engine.registration.flow import identity_grid, jacobian_determinant
from EchoODELib.engine.registration.velocity import SplineGrid, evaluate, time_basis


@pytest.mark.parametrize(("count", "knots"), [(10, 1), (10, 2), (10, 3), (10, 6), (10, 10), (4, 9)])
def test_time_weights_sum_to_one(count: int, knots: int) -> None:
    basis = time_basis(count, knots)
    assert basis.shape == (count, count if knots >= count else max(1, knots))
    np.testing.assert_allclose(basis.sum(1), 1)
    assert (basis >= 0).all()


def test_the_border_stays_still() -> None:
    grid = SplineGrid.over((120, 160), 12)
    rows, columns = grid.matrices((120, 160), torch.device("cpu"))
    field = evaluate(torch.ones(2, *grid.free), rows, columns)
    assert field[:, 60, 80].mean() == pytest.approx(1, abs=1e-4)
    assert max(float(edge.abs().max()) for edge in (field[:, 0], field[:, -1], field[..., 0], field[..., -1])) < 1e-3


def test_a_smooth_motion_is_fitted() -> None:
    grid = SplineGrid.over((96, 96), 12)
    distance = identity_grid((96, 96)).square().sum(1)
    motion = torch.exp(-distance / 0.1) * torch.tensor([3.0, -2.0]).view(2, 1, 1)
    controls = grid.fit(motion)
    assert controls.shape == (2, *grid.free)
    fitted = evaluate(controls, *grid.matrices((96, 96), torch.device("cpu")))
    assert float((fitted - motion).abs().max()) < 0.25


def test_below_the_bound_a_step_cannot_fold() -> None:
    grid = SplineGrid.over((80, 100), 12)
    controls = torch.randn(2, *grid.free, generator=torch.Generator().manual_seed(0))
    controls *= 0.95 / grid.gradient_bound(controls)
    assert grid.gradient_bound(controls) == pytest.approx(0.95, abs=1e-3)
    field = evaluate(controls, *grid.matrices((80, 100), torch.device("cpu"))) * grid.scale(torch.device("cpu"))
    assert float(jacobian_determinant(field[None]).min()) > 0
    assert float(jacobian_determinant(20 * field[None]).min()) < 0
