"""Maps of the plane: composing, inverting, chaining and solving."""

from __future__ import annotations

import math

import pytest
import torch
from EchoODELib.engine.registration.flow import (
    SOLVERS,
    chain,
    chain_inverse,
    compose,
    identity_grid,
    integrate,
    invert,
    jacobian_determinant,
    warp,
)

SHAPE = (40, 48)


def bump(along_x: float, along_y: float, width: float = 0.45) -> torch.Tensor:
    """A field (1, 2, h, w) that moves the middle and leaves the border still."""
    grid = identity_grid(SHAPE)
    fade = torch.exp(-grid.square().sum(1, keepdim=True) / (2 * width**2 * 0.3))
    return torch.tensor([along_x, along_y]).view(1, 2, 1, 1) * fade


def test_a_warp_reads_where_the_field_points() -> None:
    grid = identity_grid(SHAPE)
    shift = torch.zeros(1, 2, *SHAPE)
    shift[:, 0] = 2 / SHAPE[1]  # one column
    moved = warp(grid, shift)
    torch.testing.assert_close(moved[:, :, :, :-1], grid[:, :, :, 1:], atol=1e-5, rtol=0)


def test_composition_applies_the_inner_map_first() -> None:
    outer, inner = bump(0.1, 0.0), bump(0.0, 0.15)
    point = identity_grid(SHAPE) + inner
    expected = inner + warp(outer, inner)
    torch.testing.assert_close(compose(outer, inner), expected)
    image = torch.sin(5 * identity_grid(SHAPE)[:, :1])
    twice = warp(warp(image, outer), inner)
    torch.testing.assert_close(warp(image, compose(outer, inner)), twice, atol=0.02, rtol=0)
    assert point.shape == (1, 2, *SHAPE)


def test_a_field_and_its_inverse_undo_each_other() -> None:
    field = bump(0.12, -0.08)
    inverse = invert(field, iterations=30)
    px = torch.tensor([SHAPE[1] / 2, SHAPE[0] / 2]).view(1, 2, 1, 1)
    assert ((compose(field, inverse) * px).abs().max()) < 0.05
    assert ((compose(inverse, field) * px).abs().max()) < 0.1
    continued = invert(field, start=inverse, iterations=1)
    assert (continued - inverse).abs().max() < 1e-3


def test_a_chain_follows_the_newest_step_first() -> None:
    steps = torch.stack([bump(0.05, 0.0), bump(0.0, 0.06), bump(-0.03, 0.02)], dim=1)
    fields = chain(steps)
    torch.testing.assert_close(fields[:, 0], steps[:, 0])
    torch.testing.assert_close(fields[:, 1], compose(steps[:, 0], steps[:, 1]))
    torch.testing.assert_close(fields[:, 2], compose(fields[:, 1], steps[:, 2]), atol=1e-6, rtol=0)
    back = chain_inverse(steps)
    for k in range(3):
        assert compose(fields[:, k], back[:, k]).abs().max() < 0.005


def test_determinants_tell_growth_and_folds() -> None:
    grid = identity_grid(SHAPE)
    torch.testing.assert_close(jacobian_determinant(0 * grid), torch.ones(1, SHAPE[0] - 1, SHAPE[1] - 1))
    torch.testing.assert_close(jacobian_determinant(0.5 * grid).mean(), torch.tensor(2.25), atol=1e-3, rtol=0)
    mirrored = grid * torch.tensor([-2.0, 0.0]).view(1, 2, 1, 1)
    assert (jacobian_determinant(mirrored) < 0).all()


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_follows_a_rotation(solver: str) -> None:
    angle = 0.5
    grid = identity_grid((33, 33))

    def spin(time: float) -> torch.Tensor:
        return angle * torch.stack([-grid[:, 1], grid[:, 0]], dim=1)

    times = torch.linspace(0, 1, 5)
    found = integrate(spin, times, (33, 33), solver=solver, step=0.02 if solver == "euler" else 0.1)
    middle = slice(11, 22)
    for time, field in zip(times.tolist(), found, strict=True):
        turn = torch.tensor(
            [[math.cos(angle * time), -math.sin(angle * time)], [math.sin(angle * time), math.cos(angle * time)]]
        )
        expected = torch.einsum("ij,jhw->ihw", turn, grid[0]) - grid[0]
        torch.testing.assert_close(field[:, middle, middle], expected[:, middle, middle], atol=4e-3, rtol=0)


def test_velocities_on_the_grid_only_add_up() -> None:
    velocity = bump(0.3, 0.0)
    times = torch.tensor([0.0, 0.5, 1.0])
    found = integrate(lambda time: velocity, times, SHAPE, eulerian=False)
    torch.testing.assert_close(found[2], velocity[0], atol=1e-5, rtol=0)
    moving = integrate(lambda time: velocity, times, SHAPE, eulerian=True)
    assert (moving[2] - found[2]).abs().max() > 0.005


def test_gradients_pass_through_a_solution() -> None:
    velocity = bump(0.1, 0.1).requires_grad_(True)
    integrate(lambda time: velocity, torch.tensor([0.0, 1.0]), SHAPE)[1].square().sum().backward()
    assert velocity.grad is not None
    assert torch.isfinite(velocity.grad).all()
    assert velocity.grad.abs().max() > 0
