"""Solvers against exact solutions: their order, clips by themselves, times in any order, and gradients."""

import pytest
import torch
from EchoODELib.engine.models.ode import SOLVERS, Solver

TIMES = torch.tensor([[0.0, 0.3, 1.0, 0.3, -0.4], [1.7, 0.2, 0.9, 0.0, 0.0], [0.01, 0.5, 0.6, 0.7, 0.8]]).double()
SPAN = torch.tensor([1.0, 0.8, 1.3]).double()
FIXED = ("euler", "midpoint", "rk4")
STEPS = {"euler": 400, "midpoint": 60, "rk4": 12, "dopri5": 1, "torchdiffeq": 1}


@pytest.fixture
def rates() -> torch.Tensor:
    """A linear system for each of three clips, one slow and one fast."""
    systems = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(0)).double()
    return systems * torch.tensor([0.1, 1.0, 4.0]).double()[:, None, None]


@pytest.fixture
def start() -> torch.Tensor:
    return torch.randn(3, 4, generator=torch.Generator().manual_seed(1)).double()


def solve(solver, rates, start, times=TIMES, span=SPAN):
    return solver(lambda y: torch.einsum("bij,bj->bi", rates, y), start, times, span)


def exact(rates, start):
    return torch.stack(
        [torch.stack([torch.matrix_exp(a * t) @ y for t in ts]) for a, y, ts in zip(rates, start, TIMES, strict=True)]
    )


@pytest.mark.parametrize("method", SOLVERS)
def test_states_are_those_of_the_exact_solution(method, rates, start):
    found = solve(Solver(method, STEPS[method], 1e-7, 1e-7), rates, start)
    expected = exact(rates, start)
    assert found.shape == expected.shape
    torch.testing.assert_close(found / start.norm(), expected / start.norm(), atol=2e-2, rtol=2e-2)


def test_the_tolerance_is_kept(rates, start):
    expected = exact(rates, start)
    errors = [
        float((solve(Solver("dopri5", 1, tol, tol), rates, start) - expected).abs().max()) for tol in (1e-3, 1e-6)
    ]
    assert errors[0] < 1e-1
    assert errors[1] < 1e-4


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("midpoint", 2), ("rk4", 3)])
def test_halving_the_steps_divides_the_error_by_the_order(method, order, rates, start):
    rates = rates[1:2]
    times = torch.tensor([[0.13, 0.5, 0.77]]).double()
    expected = solve(Solver("dopri5", 1, 1e-10, 1e-10), rates, start[1:2], times, SPAN[:1])
    errors = [
        float((solve(Solver(method, steps), rates, start[1:2], times, SPAN[:1]) - expected).abs().max())
        for steps in (16, 32, 64)
    ]
    assert errors[0] / errors[2] > 0.6 * 4**order


@pytest.mark.parametrize("method", [*FIXED, "dopri5"])
def test_a_clip_by_itself_takes_the_steps_that_it_takes_in_a_batch(method, rates, start):
    solver = Solver(method)
    together = solve(solver, rates, start)
    for index in range(3):
        one = slice(index, index + 1)
        alone = solve(solver, rates[one], start[one], TIMES[one], SPAN[one])
        torch.testing.assert_close(together[one], alone, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("method", SOLVERS)
def test_time_zero_is_the_start_whatever_else_is_asked(method, rates, start):
    times = torch.zeros(3, 2).double()
    torch.testing.assert_close(solve(Solver(method), rates, start, times), start[:, None].expand(-1, 2, -1))


@pytest.mark.parametrize("method", SOLVERS)
def test_gradients_are_those_of_the_exact_solution(method, rates, start):
    rates, start = rates.requires_grad_(), start.requires_grad_()
    weights = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(2)).double()
    found = torch.autograd.grad(
        (solve(Solver(method, STEPS[method], 1e-7, 1e-7), rates, start) * weights).sum(), (rates, start)
    )
    expected = torch.autograd.grad((exact(rates, start) * weights).sum(), (rates, start))
    for one, other in zip(found, expected, strict=True):
        size = other.flatten(1).norm(dim=1)
        assert ((one - other).flatten(1).norm(dim=1) < 0.03 * size).all()


def test_more_output_times_cost_no_more_evaluations(rates, start):
    counts = []
    for number in (2, 200):
        calls = []
        Solver("dopri5")(
            lambda y, calls=calls: calls.append(1) or torch.einsum("bij,bj->bi", rates, y),
            start,
            torch.linspace(0, 1, number).double().expand(3, -1),
            SPAN,
        )
        counts.append(len(calls))
    assert counts[0] == counts[1]


def test_a_derivative_that_is_not_a_number_ends_and_shows():
    states = Solver("dopri5")(lambda y: y * float("nan"), torch.ones(2, 3), torch.ones(2, 1), torch.ones(2))
    assert states.isnan().all()


def test_a_jumping_derivative_ends():
    states = Solver("dopri5")(
        lambda y: 1e4 * torch.sign(torch.sin(1e4 * y)), torch.ones(1, 3), torch.ones(1, 1), torch.ones(1)
    )
    assert states.isfinite().all()
