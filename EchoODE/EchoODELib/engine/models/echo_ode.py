"""Echo-ODE: the heart as a dynamical system.

Lu et al., "Echo-ODE: A dynamics modeling network with neural ODE for temporally consistent segmentation of video
echocardiograms" (Frontiers in Physiology 16:1629121, 2025).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .clip_network import ClipNetwork
from .latent_ode import BackwardODE, ForwardODE, initial_state
from .ode import Solver
from .times import Blend


class EchoODE(ClipNetwork):
    """Echo-ODE: a backward latent ODE finds a clip's dynamics, a forward one brings its state to any time.

    Its parameters are the published 8,720,138 with three channels, seven classes and width 32. While training, the
    initial state is drawn from the mean and spread that the network gives; otherwise it is the mean.

    Parameters
    ----------
    derivative_width: channels inside the two derivatives; None for half the state's.
    latent_ode: whether the frames go through the backward ODE; without it the first frame's features give the initial
        state, and the mean over frames is the dynamic information.
    dynamics: whether the forward derivative sees the dynamic information.
    sampled: whether the initial state is drawn while training.
    solver, steps, rtol, atol: see :class:`~.ode.Solver`; as published, dopri5.
    shared: the arguments of :class:`~.clip_network.ClipNetwork`.
    """

    def __init__(
        self,
        *,
        derivative_width: int | None = None,
        latent_ode: bool = True,
        dynamics: bool = True,
        sampled: bool = True,
        solver: str = "dopri5",
        steps: int = 4,
        rtol: float = 1e-4,
        atol: float = 1e-5,
        **shared: object,
    ) -> None:
        super().__init__(**shared)  # type: ignore[arg-type]
        width = derivative_width or max(1, self.hidden // 2)
        self.sampled = sampled
        self.backward_ode = BackwardODE(self.features, self.hidden, width) if latent_ode else None
        self.narrow = None if latent_ode else nn.Conv2d(self.features, self.hidden, 1)
        self.initial = initial_state(self.hidden)
        self.forward_ode = ForwardODE(self.hidden, width, Solver(solver, steps, rtol, atol), dynamics=dynamics)

    def through_time(self, features: Tensor, input_times: Tensor, output_times: Tensor, blend: Blend) -> Tensor:
        """States (B * S, hidden, h, w) at (B, S) of features (B * T, features, h, w) at (B, T)."""
        if self.backward_ode is not None:
            dynamics = source = self.backward_ode(features, input_times)
        else:
            assert self.narrow is not None
            each = self.narrow(features).unflatten(0, input_times.shape)
            dynamics, source = each.mean(1), each[:, 0]
        mean, spread = self.initial(source).float().chunk(2, 1)
        state = mean + spread.abs() * torch.randn_like(mean) if self.training and self.sampled else mean
        span = input_times[:, -1] - input_times[:, 0]
        span = torch.where(span > 0, span, torch.ones_like(span))
        states: Tensor = self.forward_ode(state, dynamics, output_times - input_times[:, :1], span)
        return states
