"""Solving the initial value problem of a state that differs from clip to clip.

Every solver is an explicit Runge-Kutta method with dense output: the state at any time comes from a
polynomial over the step that the time lies in, so that the number of evaluations doesn't depend on the
number of output times, nor a state at one time on the other times that were asked for. Each clip has its own
steps, so its result doesn't depend on the others in the batch. The derivative doesn't depend on time, so times
are counted from the initial state.

Dormand and Prince, "A family of embedded Runge-Kutta formulae" (1980), with the dense output of Shampine, "Some
practical Runge-Kutta formulas" (1986), whose coefficients SciPy holds. Back-propagation runs through the steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from scipy.integrate import RK45
from torch import Tensor

Derivative = Callable[[Tensor], Tensor]
"""(B, ...) to its change per unit of time, (B, ...), clip by clip."""


@dataclass(frozen=True)
class Tableau:
    """A Runge-Kutta method.

    Attributes
    ----------
    stages: row i holds the weights of the stages before i in the state at which stage i is evaluated.
    result: weights of the stages in the state at the end of the step.
    dense: row i holds the coefficients of x, x^2, ... in the weight of stage i at the share x of the step.
    """

    stages: Sequence[Sequence[float]]
    result: Sequence[float]
    dense: Sequence[Sequence[float]]

    def evaluate(
        self, derivative: Derivative, state: Tensor, step: Tensor, first: Tensor | None = None
    ) -> list[Tensor]:
        """The stages of a step of length ``step`` (B,); ``first`` is the first one, where it is known."""
        found = [derivative(state) if first is None else first]
        for weights in self.stages[1:]:
            found.append(derivative(advance(state, step, found, weights)))
        return found

    def weights(self, share: Tensor) -> list[Tensor]:
        """Weight of every stage at ``share`` (...) of a step, 0 to 1."""
        powers = [share ** (exponent + 1) for exponent in range(len(self.dense[0]))]
        return [
            sum((c * power for c, power in zip(row, powers, strict=True) if c), torch.zeros_like(share))
            for row in self.dense
        ]


TABLEAUS: dict[str, Tableau] = {
    "euler": Tableau([[]], [1], [[1]]),
    "midpoint": Tableau([[], [1 / 2]], [0, 1], [[1, -1], [0, 1]]),
    "rk4": Tableau(
        [[], [1 / 2], [0, 1 / 2], [0, 0, 1]],
        [1 / 6, 1 / 3, 1 / 3, 1 / 6],
        [[1, -3 / 2, 2 / 3], [0, 1, -2 / 3], [0, 1, -2 / 3], [0, -1 / 2, 2 / 3]],
    ),
}
# The seventh stage is the first of the next step.
DOPRI5 = Tableau(
    [*(RK45.A[i, :i].tolist() for i in range(6)), RK45.B.tolist()], [*RK45.B.tolist(), 0.0], RK45.P.tolist()
)
ADAPTIVE = ("dopri5", "torchdiffeq")
SOLVERS = (*TABLEAUS, *ADAPTIVE)


def advance(state: Tensor, step: Tensor, stages: Sequence[Tensor], weights: Sequence[float | Tensor]) -> Tensor:
    """``state`` (N, ...) after steps (N,), by stages (N, ...) with one weight each, a number or (N,)."""
    for stage, weight in zip(stages, weights, strict=False):
        if isinstance(weight, Tensor) or weight:
            state = state + (step * weight).view(-1, *[1] * (state.ndim - 1)).to(state.dtype) * stage
    return state


@dataclass(frozen=True)
class Solver:
    """How the forward ODE is solved.

    Attributes
    ----------
    method: "euler", "midpoint" or "rk4" with fixed steps; "dopri5" with steps chosen clip by clip; "torchdiffeq",
        its dopri5, whose steps all clips of a batch share.
    steps: number of fixed steps over the time from a clip's first to its last frame.
    rtol, atol: tolerances of dopri5, relative and absolute.

    Raises
    ------
    ValueError: an unknown method, no step, or a tolerance that isn't positive.
    """

    method: str = "dopri5"
    steps: int = 4
    rtol: float = 1e-4
    atol: float = 1e-5

    def __post_init__(self) -> None:
        if self.method not in SOLVERS:
            raise ValueError(f"solver is one of {', '.join(SOLVERS)}, not {self.method}")
        if self.steps < 1 or self.rtol <= 0 or self.atol <= 0:
            raise ValueError(f"steps {self.steps}, rtol {self.rtol}, atol {self.atol} are no settings of a solver")

    def __call__(self, derivative: Derivative, state: Tensor, times: Tensor, span: Tensor) -> Tensor:
        """States at times counted from the initial one.

        Parameters
        ----------
        derivative: of the state, not dependent on time.
        state: (B, ...) at time 0.
        times: (B, S) in any order, repeated or not; negative ones lie before the initial state.
        span: (B,), the time that ``steps`` fixed steps cover, positive.

        Returns
        -------
        (B, S, ...).
        """
        states = self._ahead(derivative, state, times.clamp(min=0), span)
        if bool((times < 0).any()):
            before = self._ahead(lambda y: -derivative(y), state, (-times).clamp(min=0), span)
            earlier = (times < 0).view(*times.shape, *[1] * (state.ndim - 1))
            states = torch.where(earlier, before, states)
        return states

    def _ahead(self, derivative: Derivative, state: Tensor, times: Tensor, span: Tensor) -> Tensor:
        if self.method == "dopri5":
            from .dopri5 import solve_dopri5

            return solve_dopri5(derivative, state, times, rtol=self.rtol, atol=self.atol)
        if self.method == "torchdiffeq":
            return _by_torchdiffeq(derivative, state, times, rtol=self.rtol, atol=self.atol)
        return _by_fixed_steps(TABLEAUS[self.method], derivative, state, times, span / self.steps)


def _by_fixed_steps(tableau: Tableau, derivative: Derivative, state: Tensor, times: Tensor, step: Tensor) -> Tensor:
    """Steps of length ``step`` (B,), as many as the latest of ``times`` (B, S) needs."""
    passed = times / step[:, None]
    count = max(1, math.ceil(float(passed.max()) - 1e-4))
    nodes: list[Tensor] = []
    stages: list[list[Tensor]] = []
    for _ in range(count):
        found = tableau.evaluate(derivative, state, step)
        nodes.append(state)
        stages.append(found)
        state = advance(state, step, found, tableau.result)
    index = passed.floor().clamp(max=count - 1)
    weights = tableau.weights((passed - index).flatten())
    rows = (index.long() * len(step) + torch.arange(len(step), device=step.device)[:, None]).flatten()
    # Selecting whole rows keeps the way back cheap.
    start = torch.cat(nodes).index_select(0, rows)
    chosen = [torch.cat(stage).index_select(0, rows) for stage in zip(*stages, strict=True)]
    lengths = step.repeat_interleave(times.shape[1])
    return advance(start, lengths, chosen, weights).reshape(*times.shape, *state.shape[1:])


def _by_torchdiffeq(derivative: Derivative, state: Tensor, times: Tensor, *, rtol: float, atol: float) -> Tensor:
    from torchdiffeq import odeint

    nodes, places = torch.unique(torch.cat((times.new_zeros(1), times.flatten())), return_inverse=True)
    if len(nodes) == 1:
        return state[:, None].expand(-1, times.shape[1], *state.shape[1:])
    states: Tensor = odeint(lambda _, y: derivative(y), state, nodes, rtol=rtol, atol=atol, method="dopri5")
    clip = torch.arange(len(times), device=times.device)[:, None]
    rows = places[1:].view(times.shape) * len(times) + clip
    return states.flatten(0, 1).index_select(0, rows.flatten()).reshape(*times.shape, *state.shape[1:])
