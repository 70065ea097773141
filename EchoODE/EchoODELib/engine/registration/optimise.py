"""Descending a loss until nothing is gained: Adam with a falling rate, or L-BFGS."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

_CHECK = 5  # iterations between looks at the loss; each look waits for the device

Unknown = tuple[Tensor, float]  # a leaf that requires a gradient, and Adam's rate for it


def adam(
    loss: Callable[[], Tensor],
    unknowns: Sequence[Unknown],
    iterations: int,
    *,
    tolerance: float = 0.0,
    falling: bool = True,
    betas: tuple[float, float] = (0.9, 0.99),
    advance: Callable[[int], None],
) -> list[float]:
    """Adam (Kingma and Ba, 2015), ended early where ten iterations gain less than ``tolerance`` of the loss.

    Parameters
    ----------
    falling: let the rate fall along a cosine to a tenth; otherwise it stays.
    advance: told of every finished iteration; it may raise to end the run.

    Returns
    -------
    The loss at every fifth iteration.
    """
    optimiser = torch.optim.Adam([{"params": [unknown], "lr": rate} for unknown, rate in unknowns], betas=betas)
    seen: list[float] = []
    for iteration in range(iterations):
        if falling:
            share = 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * iteration / iterations))
            for group, (_, rate) in zip(optimiser.param_groups, unknowns, strict=True):
                group["lr"] = rate * share
        optimiser.zero_grad()
        value = loss()
        torch.autograd.backward(value)
        optimiser.step()
        advance(1)
        if iteration % _CHECK == 0:
            seen.append(float(value.detach()))
            if tolerance and len(seen) > 4 and seen[-3] - seen[-1] < tolerance * abs(seen[-1]):
                advance(iterations - iteration - 1)
                break
    return seen


def lbfgs(
    loss: Callable[[], Tensor],
    unknowns: Sequence[Unknown],
    evaluations: int,
    *,
    tolerance: float = 1e-9,
    advance: Callable[[int], None],
) -> None:
    """L-BFGS with a strong Wolfe line search (Nocedal and Wright, chapter 7); rates are not used."""
    optimiser = torch.optim.LBFGS(
        [unknown for unknown, _ in unknowns],
        max_iter=evaluations,
        max_eval=evaluations,
        history_size=12,
        tolerance_change=tolerance,
        line_search_fn="strong_wolfe",
    )
    spent = 0

    def closure() -> Tensor:
        nonlocal spent
        optimiser.zero_grad()
        value = loss()
        torch.autograd.backward(value)
        if spent < evaluations:  # the last line search may look a few times more
            spent += 1
            advance(1)
        return value

    step: Callable[[Any], object] = optimiser.step
    step(closure)
    advance(evaluations - spent)
