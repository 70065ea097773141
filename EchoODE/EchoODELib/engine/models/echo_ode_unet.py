"""Echo-ODE on a U-Net: the latent ODE tells a still network what the frames around say."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .blocks import Decoder
from .clip_network import ClipNetwork
from .latent_ode import BackwardODE, ForwardODE, InitialState
from .ode import Solver
from .times import Blend
from .unet import UNet


class EchoODEUNet(ClipNetwork):
    """Echo-ODE with the encoder and the target decoder of a :class:`~.unet.UNet`, so that a trained one can start it.

    As in Echo-ODE (Lu et al., Frontiers in Physiology 2025), a backward latent ODE over the frames' deepest features
    gives the clip's dynamic information and initial state, a forward ODE the state at any time, and a decoder
    reconstructs the images from it. What differs: the target decoder sees the U-Net's own features, blended linearly
    between frames, to which state and reconstruction decoder add what they know. These additions start at zero, so an
    untrained network gives the masks of the U-Net that it has adopted, and learns from there.

    Parameters
    ----------
    in_channels, classes, widths, stem_stride, blocks: as of the U-Net.
    hidden, derivative_width: channels of the state and inside its derivatives.
    reconstruction_width: channels of the reconstruction decoder's finest level; doubled at each coarser one.
    sampled: whether the initial state is drawn while training.
    solver, steps, rtol, atol: see :class:`~.ode.Solver`.

    Raises
    ------
    ValueError: settings that make no network.
    """

    def __init__(
        self,
        *,
        in_channels: int = 1,
        classes: int = 4,
        widths: Sequence[int] = (24, 48, 96, 160, 224),
        stem_stride: int = 2,
        blocks: int = 1,
        hidden: int = 128,
        derivative_width: int = 64,
        reconstruction_width: int = 12,
        sampled: bool = True,
        solver: str = "midpoint",
        steps: int = 4,
        rtol: float = 1e-4,
        atol: float = 1e-5,
    ) -> None:
        super().__init__()
        self.unet = UNet(
            in_channels=in_channels, classes=classes, widths=widths, stem_stride=stem_stride, blocks=blocks, heads=1
        )
        self.stride = self.unet.stride
        self.backward_ode = BackwardODE(widths[-1], hidden, derivative_width)
        self.initial = InitialState(hidden, sampled=sampled)
        self.forward_ode = ForwardODE(hidden, derivative_width, Solver(solver, steps, rtol, atol))
        made = [reconstruction_width * 2**level for level in range(len(widths) - 1)]
        self.reconstructor = Decoder(hidden, made, "batch")
        self.image = nn.Conv2d(made[0], in_channels, 1)
        self.additions = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 1) for inputs, outputs in zip((*made, hidden), widths, strict=True)
        )
        for addition in self.additions:
            for parameter in addition.parameters():
                nn.init.zeros_(parameter)

    def adopt(self, unet: nn.Module) -> None:
        """Take over the weights of a trained U-Net; its coarser heads are left behind.

        Raises
        ------
        ValueError: a network of another kind or configuration.
        """
        own = self.unet.state_dict()
        given = {name: value for name, value in unet.state_dict().items() if name in own}
        if set(given) != set(own) or any(given[name].shape != own[name].shape for name in own):
            raise ValueError("the network to adopt is no U-Net of the same widths, blocks and classes")
        self.unet.load_state_dict(given)

    def levels(self, padded: Tensor) -> list[Tensor]:
        """The U-Net's features of padded frames (N, in_channels, H, W), the finest first."""
        return self.unet.encode(padded)

    def outputs(
        self, encoded: Sequence[Tensor], given: Tensor, asked: Tensor, blend: Blend
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """Logits and images, no heat maps, see :meth:`ClipNetwork.outputs`."""
        dynamics = self.backward_ode(encoded[-1], given)
        states = self.forward_ode(self.initial(dynamics), dynamics, given, asked)
        states = states.contiguous(memory_format=torch.channels_last)
        made = self.reconstructor(states)
        told = [
            blend(level) + addition(knows)
            for level, addition, knows in zip(encoded, self.additions, (*made, states), strict=True)
        ]
        return self.unet.heads[0](self.unet.expand(told)[0]), self.image(made[0]), None
