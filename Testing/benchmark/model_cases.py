"""Which networks are timed, and in which ways a video is put through them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from EchoODELib.engine.models import build_model
from EchoODELib.engine.models.clip_output import ClipOutput
from EchoODELib.engine.models.inference import fuse_normalisation
from EchoODELib.engine.models.ode import Solver
from EchoODELib.engine.models.per_frame import takes_clips
from EchoODELib.engine.weights import COMBINATION, list_models, load_model
from EchoODELib.engine.windows_over_time import WindowUse
from torch import Tensor, nn

PUBLISHED_SIZE = (112, 112)
FRAMES = 158
"""Of a video, the mean of paper 000's."""
#: The paper's configuration: colour images, and six structures beside the background.
PAPER = {"in_channels": 3, "classes": 7}
CLIP_NETWORKS = ("echo_ode", "echo_lstm", "conv_lstm")
_QUICK = {"solver": "rk4", "steps": 1}


@dataclass(frozen=True)
class Case:
    """A network and how it is run.

    Attributes
    ----------
    key: for the command line.
    name: for the table.
    build: makes the network, untrained or with a card's weights.
    size: (rows, columns) of a frame.
    channels: of a frame.
    classes: of the masks, with the background.
    use: how its windows are.
    plain: one window at a time, side by side, as a simple loop does; else overlapping windows, blended, each frame
        encoded once.
    fused: whether convolutions and normalisations are joined.
    half: whether it is computed in bfloat16.
    compiled: whether it goes through torch.compile.
    batch: windows (or frames) at once; None for the Segmenter's choice.
    """

    key: str
    name: str
    build: Callable[[], nn.Module]
    size: tuple[int, int] = PUBLISHED_SIZE
    channels: int = PAPER["in_channels"]
    classes: int = PAPER["classes"]
    use: WindowUse = field(default_factory=WindowUse)
    plain: bool = False
    fused: bool = True
    half: bool = False
    compiled: bool = False
    batch: int | None = None

    def network(self, device: torch.device) -> nn.Module:
        """The network, ready to run."""
        network = self.build().eval()
        if self.fused:
            network = fuse_normalisation(network)
        network = network.to(device, torch.bfloat16 if self.half else torch.float32)
        if self.compiled:
            network.compile()
        return network


class Colour(nn.Module):
    """A network of colour images, shown gray ones: what streaming reads has one channel."""

    def __init__(self, network: nn.Module, channels: int) -> None:
        super().__init__()
        self.network, self.channels = network, channels
        self.takes_clips = takes_clips(network)

    def forward(self, frames: Tensor, *times: Tensor) -> Tensor | ClipOutput:
        """As the network's own."""
        return self.network(frames.expand(*frames.shape[:-3], self.channels, *frames.shape[-2:]), *times)

    def encode(self, frames: Tensor) -> list[Tensor]:
        """As the network's own."""
        return self.network.encode(frames.expand(-1, self.channels, -1, -1))

    def decode(self, *arguments: object) -> ClipOutput:
        """As the network's own."""
        return self.network.decode(*arguments)


def _built(name: str, **configuration: object) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        torch.manual_seed(0)
        return build_model(name, **configuration)

    return build


def _loaded(name: str) -> Callable[[], nn.Module]:
    return lambda: load_model(name)[0]


def network_cases() -> list[Case]:
    """Every architecture as published, and every model that is shipped."""
    cases = [
        Case("unet", "U-Net, ours, default", _built("unet", **PAPER)),
        Case("unet_plus_plus", "U-Net++", _built("unet_plus_plus", **PAPER)),
        Case("enet", "ENet", _built("enet", **PAPER)),
        Case("deeplabv3", "DeepLabv3", _built("deeplabv3", **PAPER)),
        Case("conv_lstm", "ConvLSTM, published", _built("conv_lstm", **PAPER)),
        Case("echo_lstm", "Echo-LSTM, published", _built("echo_lstm", **PAPER)),
        Case("echo_ode", "Echo-ODE, published, dopri5", _built("echo_ode", **PAPER)),
    ]
    for card in list_models():
        if card.architecture == COMBINATION or card.task != "segmentation":
            continue
        cases.append(
            Case(
                card.name,
                f"{card.name}, shipped, {card.input_size[0]}x{card.input_size[1]}",
                _loaded(card.name),
                card.input_size,
                int(str(card.configuration.get("in_channels", 1))),
                len(card.labels),
                WindowUse.of_card(card.use),
                half=bool(card.use.get("half", False)),
            )
        )
    return cases


def ladder() -> list[Case]:
    """Published-size Echo-ODE from a plain loop to what is shipped, one change a row."""
    published, quick = _built("echo_ode", **PAPER), _built("echo_ode", **PAPER, **_QUICK)
    smooth, quickest = WindowUse(stride=4), WindowUse(stride=5)
    name = "Echo-ODE, published size: "
    return [
        Case("before", name + "plain loop, dopri5, windows side by side", published, plain=True, fused=False),
        Case("fused", name + "and normalisation folded", published, plain=True),
        Case("solver", name + "and one step of rk4", quick, plain=True),
        Case("blended", name + "windows overlap by 3 of 7 frames, blended", quick, use=smooth),
        Case("blended-half", name + "and bfloat16", quick, use=smooth, half=True),
        Case("quickest", name + "and an overlap of 2 frames", quick, use=quickest, half=True),
        Case("quickest-batch", name + "and 4 windows at once", quick, use=quickest, half=True, batch=4),
    ]


def solver_choices() -> Sequence[tuple[str, Solver]]:
    """Solvers of the forward ODE, by name."""
    return [
        ("dopri5, a clip at a time", Solver("dopri5")),
        ("dopri5, a batch at a time", Solver("torchdiffeq")),
        *((f"rk4, {steps} step{'s' * (steps > 1)}", Solver("rk4", steps)) for steps in (1, 2, 4)),
        *((f"midpoint, {steps} steps", Solver("midpoint", steps)) for steps in (2, 4)),
        *((f"Euler, {steps} steps", Solver("euler", steps)) for steps in (3, 6, 12)),
    ]


def by_key() -> Mapping[str, Case]:
    """All cases by their keys."""
    return {case.key: case for case in (*network_cases(), *ladder())}
