"""The latent ODE of Echo-ODE: backward through the frames, then forward to any time.

Lu et al., "Echo-ODE" (Frontiers in Physiology 2025), after Rubanova, Chen and Duvenaud, "Latent ODEs for
Irregularly-Sampled Time Series" (NeurIPS 2019), and Chen et al., "Neural Ordinary Differential Equations" (NeurIPS
2018).
"""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor, nn

from .ode import ADAPTIVE, Solver
from .recurrent import ConvGRU

FIRST_GAP = 0.01
"""Time from the zero state to the last frame, where the backward pass starts."""


def _derivative_net(inputs: int, width: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, width, 3, padding=1),
        nn.Tanh(),
        nn.Conv2d(width, width, 3, padding=1),
        nn.Tanh(),
        nn.Conv2d(width, width, 3, padding=1),
        nn.Tanh(),
        nn.Conv2d(width, outputs, 3, padding=1),
    )


class InitialState(nn.Sequential):
    """From the dynamic information to the initial state.

    Parameters
    ----------
    hidden: channels of both.
    sampled: whether the state is drawn while training, from the mean and spread that are found; otherwise it is the
        mean.
    """

    def __init__(self, hidden: int, *, sampled: bool) -> None:
        super().__init__(nn.Conv2d(hidden, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, 2 * hidden, 1))
        self.sampled = sampled

    def forward(self, dynamics: Tensor) -> Tensor:
        """(B, hidden, h, w) to (B, hidden, h, w) float32."""
        found: Tensor = super().forward(dynamics)  # type: ignore[no-untyped-call]
        mean, spread = found.float().chunk(2, 1)
        return mean + spread.abs() * torch.randn_like(mean) if self.training and self.sampled else mean


class BackwardODE(nn.Module):
    """From the last frame to the first: one Euler step of a learned derivative over the gap, then a ConvGRU.

    Parameters
    ----------
    inputs: channels of the frames' features.
    hidden: channels of the state.
    width: channels inside the derivative.
    """

    def __init__(self, inputs: int, hidden: int, width: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.derivative = _derivative_net(hidden, width, hidden)
        self.cell = ConvGRU(inputs, hidden)

    def forward(self, features: Tensor, times: Tensor) -> Tensor:
        """The dynamic information (B, hidden, h, w) of features (B * T, inputs, h, w) at times (B, T)."""
        batch, count = times.shape
        seen = self.cell.of_input(features).unflatten(0, (batch, count))
        gaps = torch.cat((times.diff(dim=1), times.new_full((batch, 1), FIRST_GAP)), 1)
        state = features.new_zeros(batch, self.hidden, *features.shape[-2:], dtype=torch.float32)
        for index in reversed(range(count)):
            state = state + gaps[:, index].view(-1, 1, 1, 1) * self.derivative(state)
            state = self.cell(seen[:, index], state)
        return state


class ForwardODE(nn.Module):
    """From the initial state to any time, by a derivative that knows the clip's dynamics.

    Parameters
    ----------
    hidden: channels of the state and of the dynamic information.
    width: channels inside the derivative.
    dynamics: whether the derivative sees the dynamic information.
    solver: may be replaced at any time.
    """

    def __init__(self, hidden: int, width: int, solver: Solver, *, dynamics: bool = True) -> None:
        super().__init__()
        self.solver = solver
        self.of_state = nn.Conv2d(hidden, width, 3, padding=1, bias=not dynamics)
        # A convolution over the state and the dynamics is the sum of one over each, and the dynamics stay.
        self.of_dynamics = nn.Conv2d(hidden, width, 3, padding=1) if dynamics else None
        self.rest = _derivative_net(width, width, hidden)[1:]

    def forward(self, state: Tensor, dynamics: Tensor, given: Tensor, asked: Tensor) -> Tensor:
        """States (B * S, hidden, h, w) at times ``asked`` (B, S) of ``state`` at the first of the times (B, T)."""
        span = given[:, -1] - given[:, 0]
        span = torch.where(span > 0, span, torch.ones_like(span))
        # In half precision, rounding would pass for the error of a step, and the steps would become tiny.
        exactly = self.solver.method in ADAPTIVE
        with torch.autocast(state.device.type, enabled=False) if exactly else nullcontext():
            known = None if self.of_dynamics is None else self.of_dynamics(dynamics)

            def derivative(y: Tensor) -> Tensor:
                first = self.of_state(y)
                change: Tensor = self.rest(first if known is None else first + known)
                return change

            return self.solver(derivative, state, asked - given[:, :1], span).flatten(0, 1)
