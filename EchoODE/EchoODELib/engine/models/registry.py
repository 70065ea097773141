"""The models by name. A model's module is imported only when it is asked for, so that listing is light."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import WeightsError

if TYPE_CHECKING:
    from torch import nn

# Architecture name, as a model card gives it -> (module of this package, class in it).
ARCHITECTURES: dict[str, tuple[str, str]] = {
    "unet": ("unet", "UNet"),
    "unet_plus_plus": ("unet_plus_plus", "UNetPlusPlus"),
    "enet": ("enet", "ENet"),
    "deeplabv3": ("deeplabv3", "DeepLabv3"),
    "echo_ode": ("echo_ode", "EchoODE"),
    "echo_ode_unet": ("echo_ode_unet", "EchoODEUNet"),
    "echo_lstm": ("echo_lstm", "EchoLSTM"),
    "conv_lstm": ("conv_lstm", "ConvLSTM"),
    "multi_view_unet": ("multi_view", "MultiViewUNet"),
    "multi_view_conv_lstm": ("multi_view", "MultiViewConvLSTM"),
    "ral": ("ral", "RAL"),
    "coreecho": ("coreecho", "CoReEcho"),
}
#: Those that answer about a clip with values, where the others draw masks.
OF_WHOLE_CLIPS = frozenset({"coreecho"})


def network_class(name: str) -> type[nn.Module]:
    """The class of an architecture.

    Raises
    ------
    WeightsError: no such architecture.
    """
    if name not in ARCHITECTURES:
        raise WeightsError(f"There is no architecture “{name}”; choose one of: {', '.join(sorted(ARCHITECTURES))}.")
    module, class_name = ARCHITECTURES[name]
    network: type[nn.Module] = getattr(import_module(f".{module}", __package__), class_name)
    return network


def build_model(name: str, **configuration: object) -> nn.Module:
    """Make an untrained network of an architecture.

    Parameters
    ----------
    name: a key of :data:`ARCHITECTURES`.
    configuration: the class's own arguments; what is left out takes the class's default.

    Raises
    ------
    WeightsError: no such architecture, or arguments that it doesn't take.
    """
    network = network_class(name)
    try:
        return network(**configuration)
    except (TypeError, ValueError) as error:
        raise WeightsError(f"The architecture “{name}” can't be built as its card says: {error}.") from error
