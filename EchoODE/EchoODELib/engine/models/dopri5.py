"""Dormand and Prince's method with a step of its own for every clip of a batch."""

from __future__ import annotations

import torch
from scipy.integrate import RK45
from torch import Tensor

from .ode import DOPRI5, Derivative, advance

SMALLEST_STEP = 1e-3
"""A step as small as this is taken whatever its error, so that a solution always ends."""

_ERROR: list[float] = RK45.E.tolist()
_ORDER = 5
_SAFETY, _LEAST, _MOST = 0.9, 0.2, 10.0


def solve_dopri5(derivative: Derivative, state: Tensor, times: Tensor, *, rtol: float, atol: float) -> Tensor:
    """States at times from the initial one on, with steps chosen for each clip by its own error.

    Parameters
    ----------
    derivative: of the state, clip by clip.
    state: (B, ...) at time 0.
    times: (B, S), 0 or later, in any order.
    rtol, atol: the root mean square over a clip's state of its error over (atol + rtol * state) stays below 1.

    Returns
    -------
    (B, S, ...).
    """
    now = torch.zeros_like(times[:, 0])
    first = derivative(state)
    with torch.no_grad():
        step = _first_step(derivative, state, first, rtol, atol)
    values: list[Tensor] = []
    places: list[Tensor] = []
    waiting = torch.ones_like(times, dtype=torch.bool)
    while bool(waiting.any()):
        stages = DOPRI5.evaluate(derivative, state, step, first)
        after = advance(state, step, stages, DOPRI5.result)
        with torch.no_grad():
            zero = torch.zeros_like(state)
            scale = atol + rtol * torch.maximum(state.abs(), after.abs())
            error = _size(advance(zero, step, stages, _ERROR) / scale)
            # What isn't finite is taken as it is, for the caller to see.
            taken = (error <= 1) | (step <= SMALLEST_STEP) | ~error.isfinite()
            taken = taken & waiting.any(1)
            inside = waiting & taken[:, None] & (times <= (now + step)[:, None])
            clip, place = inside.nonzero(as_tuple=True)
            share = ((times - now[:, None]) / step[:, None])[clip, place]
        if len(clip):
            chosen = [stage.index_select(0, clip) for stage in stages]
            values.append(advance(state.index_select(0, clip), step[clip], chosen, DOPRI5.weights(share)))
            places.append(clip * times.shape[1] + place)
            waiting = waiting & ~inside
        with torch.no_grad():
            now = torch.where(taken, now + step, now)
            factor = (_SAFETY * error.clamp(min=1e-10) ** (-1 / _ORDER)).clamp(_LEAST, _MOST)
            factor = factor.nan_to_num(1.0)
            step = (step * factor).clamp(min=SMALLEST_STEP)
        wide = taken.view(-1, *[1] * (state.ndim - 1))
        state = torch.where(wide, after, state)
        first = torch.where(wide, stages[-1], first)
    order = torch.cat(places).argsort()
    return torch.cat(values).index_select(0, order).reshape(*times.shape, *state.shape[1:])


def _size(values: Tensor) -> Tensor:
    """Root mean square of each clip, (B, ...) to (B,)."""
    return values.float().flatten(1).square().mean(1).sqrt()


def _first_step(derivative: Derivative, state: Tensor, first: Tensor, rtol: float, atol: float) -> Tensor:
    """A careful first step for each clip (Hairer, Nørsett and Wanner, "Solving Ordinary Differential Equations I")."""
    scale = atol + rtol * state.abs()
    of_state, of_first = _size(state / scale), _size(first / scale)
    small = (of_state < 1e-5) | (of_first < 1e-5)
    guess = torch.where(small, torch.full_like(of_state, 1e-6), 0.01 * of_state / of_first.clamp(min=1e-12))
    ahead = derivative(advance(state, guess, [first], [1.0]))
    bend = _size((ahead - first) / scale) / guess
    most = torch.maximum(of_first, bend)
    flat = torch.maximum(torch.full_like(guess, 1e-6), guess * 1e-3)
    better = torch.where(most <= 1e-15, flat, (0.01 / most.clamp(min=1e-15)) ** (1 / _ORDER))
    return torch.minimum(100 * guess, better).nan_to_num(SMALLEST_STEP).clamp(SMALLEST_STEP, 1.0)
