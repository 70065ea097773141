"""Echo-ODE: the heart as a dynamical system.

Lu et al., "Echo-ODE: A dynamics modeling network with neural ODE for temporally consistent segmentation of video
echocardiograms" (Frontiers in Physiology 16:1629121, 2025).
"""

from __future__ import annotations

from torch import Tensor, nn

from .encoder_decoder import EncoderDecoder
from .latent_ode import BackwardODE, ForwardODE, InitialState
from .ode import Solver
from .times import Blend


class EchoODE(EncoderDecoder):
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
    shared: the arguments of :class:`~.encoder_decoder.EncoderDecoder`.
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
        self.backward_ode = BackwardODE(self.features, self.hidden, width) if latent_ode else None
        self.narrow = None if latent_ode else nn.Conv2d(self.features, self.hidden, 1)
        self.initial = InitialState(self.hidden, sampled=sampled)
        self.forward_ode = ForwardODE(self.hidden, width, Solver(solver, steps, rtol, atol), dynamics=dynamics)

    def through_time(self, features: Tensor, input_times: Tensor, output_times: Tensor, blend: Blend) -> Tensor:
        """States (B * S, hidden, h, w) at (B, S) of features (B * T, features, h, w) at (B, T)."""
        if self.backward_ode is not None:
            dynamics = source = self.backward_ode(features, input_times)
        else:
            assert self.narrow is not None
            each = self.narrow(features).unflatten(0, input_times.shape)
            dynamics, source = each.mean(1), each[:, 0]
        states: Tensor = self.forward_ode(self.initial(source), dynamics, input_times, output_times)
        return states
