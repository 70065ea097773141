"""Running a segmentation network over many frames, within the memory there is."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..errors import DeviceError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def choose_device(device: str) -> torch.device:
    """``auto`` (CUDA where there is one), ``cpu``, ``cuda`` or ``cuda:N`` as a device that is there.

    Raises
    ------
    DeviceError: an unknown name, or a GPU that is absent.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError as error:
        raise DeviceError(f"There is no device “{device}”; use auto, cpu or cuda.") from error
    if chosen.type == "cuda" and (not torch.cuda.is_available() or (chosen.index or 0) >= torch.cuda.device_count()):
        raise DeviceError(f"The device “{device}” was asked for, but there is no such GPU here; use auto or cpu.")
    if chosen.type not in ("cpu", "cuda"):
        raise DeviceError(f"The device “{device}” is not supported; use auto, cpu or cuda.")
    return chosen


def fuse_normalisation(network: nn.Module) -> nn.Module:
    """A copy of a trained network whose batch normalisations are folded into the convolutions before them.

    The output is the same up to rounding; a CPU is about a quarter faster.
    """
    fused = channels_innermost(copy.deepcopy(network).eval())
    for part in fused.modules():
        if not isinstance(part, nn.Sequential):
            continue
        for index in range(len(part) - 1):
            convolution, normalisation = part[index], part[index + 1]
            if isinstance(convolution, nn.Conv2d) and isinstance(normalisation, nn.BatchNorm2d):
                part[index] = fuse_conv_bn_eval(convolution, normalisation)
                part[index + 1] = nn.Identity()
    return fused


def channels_innermost(network: nn.Module) -> nn.Module:
    """The network with its weights so arranged, where it looks at frames: a CPU is a third faster."""
    if any(parameter.ndim == 5 for parameter in network.parameters()):
        return network  # torch arranges no network of clips so
    arranged: nn.Module = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return arranged


def halves_quickly(device: torch.device) -> bool:
    """Whether the device computes in bfloat16 faster than in float32, by instructions of its own."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return any(
        getattr(torch.cpu, name, lambda: False)() for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    )


@contextmanager
def computing(device: torch.device, half: bool) -> Iterator[None]:
    """Without gradients, and in bfloat16 where asked for."""
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=half):
        yield


class Batches:
    """Runs many items some at once; fewer, down to one, from when memory runs out.

    Parameters
    ----------
    size: items at once.
    device: that the memory is on.
    """

    def __init__(self, size: int, device: torch.device) -> None:
        self.size, self._device = size, device

    def run(self, compute: Callable[[Sequence[_Item]], _Result], items: Sequence[_Item]) -> Iterator[_Result]:
        """What ``compute`` makes of consecutive slices of ``items``, in order.

        Raises
        ------
        DeviceError: not even one item fits in the device's memory.
        """
        start = 0
        while start < len(items):
            chunk = items[start : start + self.size]
            try:
                result = compute(chunk)
            except RuntimeError as error:  # torch's out-of-memory errors; the CPU allocator raises a bare RuntimeError
                if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
                    raise
                if self.size == 1:
                    raise DeviceError(
                        "The device's memory does not hold one frame; close what else uses it, or choose the "
                        "device cpu."
                    ) from error
                self.size = max(1, self.size // 2)
                if self._device.type == "cuda":
                    torch.cuda.empty_cache()
                continue
            start += len(chunk)
            yield result
