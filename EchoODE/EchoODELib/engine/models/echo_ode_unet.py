"""Echo-ODE on a U-Net: the latent ODE tells a still network what the frames around say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from .blocks import Decoder, pad_to_multiple
from .clip_output import ClipOutput
from .latent_ode import BackwardODE, ForwardODE, initial_state
from .ode import Solver
from .times import Blend, clip_times
from .unet import UNet


class EchoODEUNet(nn.Module):
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

    takes_clips: ClassVar[bool] = True

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
        self.sampled = sampled
        self.backward_ode = BackwardODE(widths[-1], hidden, derivative_width)
        self.initial = initial_state(hidden)
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

    def forward(self, frames: Tensor, input_times: Tensor, output_times: Tensor) -> ClipOutput:
        """Masks and images at any times.

        Parameters
        ----------
        frames: (B, T, in_channels, H, W) of any size, standardised.
        input_times: (T,) or (B, T), ascending; a window as in training spans 0 to 1.
        output_times: (S,) or (B, S), in any order.

        Raises
        ------
        UnsuitableClip: shapes that don't go together, or input times that go back.
        """
        given, asked = clip_times(frames, input_times, output_times)
        return self.decode(self.encode(frames.flatten(0, 1)), given, asked, (frames.shape[-2], frames.shape[-1]))

    def encode(self, frames: Tensor) -> list[Tensor]:
        """Features of frames (N, in_channels, H, W), the finest first; windows that overlap can share them."""
        return self.unet.encode(pad_to_multiple(frames.contiguous(memory_format=torch.channels_last), self.stride))

    def decode(self, encoded: Sequence[Tensor], given: Tensor, asked: Tensor, size: tuple[int, int]) -> ClipOutput:
        """Masks and images of B clips at times ``asked`` (B, S).

        Parameters
        ----------
        encoded: of their frames, each (B * T, ...), see :meth:`encode`.
        given: (B, T), the frames' times, ascending.
        size: (H, W) of the frames.
        """
        blend = Blend(given, asked)
        states = self._states(encoded[-1], given, asked).contiguous(memory_format=torch.channels_last)
        made = self.reconstructor(states)
        told = [
            blend(level) + addition(knows)
            for level, addition, knows in zip(encoded, self.additions, (*made, states), strict=True)
        ]
        logits = self.unet.heads[0](self.unet.expand(told)[0])
        return ClipOutput(self._finish(logits, asked, size), self._finish(self.image(made[0]), asked, size), None)

    def _states(self, deepest: Tensor, given: Tensor, asked: Tensor) -> Tensor:
        dynamics = self.backward_ode(deepest, given)
        mean, spread = self.initial(dynamics).float().chunk(2, 1)
        state = mean + spread.abs() * torch.randn_like(mean) if self.training and self.sampled else mean
        span = given[:, -1] - given[:, 0]
        span = torch.where(span > 0, span, torch.ones_like(span))
        states: Tensor = self.forward_ode(state, dynamics, asked - given[:, :1], span)
        return states

    def _finish(self, maps: Tensor, asked: Tensor, size: tuple[int, int]) -> Tensor:
        """Maps (B * S, K, ...) at the frames' own size, (B, S, K, H, W) float32."""
        padded = tuple(side + -side % self.stride for side in size)
        maps = functional.interpolate(maps.float(), size=padded, mode="bilinear", align_corners=False)
        maps = maps[..., : size[0], : size[1]]
        return maps.reshape(*asked.shape, *maps.shape[1:])
