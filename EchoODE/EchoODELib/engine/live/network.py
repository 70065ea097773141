"""A network that is shown one frame after another, and what it remembers of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..combination import Member
from ..following import Follower
from ..models.causal_network import CausalNetwork
from ..models.inference import Batches, computing

_MEMORY = "memory."
_Maps = tuple[NDArray[np.float32], NDArray[np.float32] | None]


class LiveNetwork:
    """A network of frames, or one that follows a clip, shown one frame at a time.

    Parameters
    ----------
    member: the network on its device.
    device: that device.
    mirror: whether to average with the left-right mirrored frame.
    long_axis: whether the view is the apical long-axis (three-chamber) one.
    """

    def __init__(self, member: Member, device: torch.device, *, mirror: bool, long_axis: bool) -> None:
        self._network: nn.Module = member.network
        self._device, self._mirror, self._half = device, mirror, member.half
        self._batches = Batches(1, device)
        self._follower: Follower | None = None
        if isinstance(member.network, CausalNetwork):
            self._follower = Follower(
                member.network, device=device, long_axis=long_axis, mirror=mirror, half=member.half
            )

    def __call__(self, frame: NDArray[np.float32]) -> _Maps:
        """Probabilities (classes, rows, columns) of a standardised frame, and of each view where it tells views.

        Raises
        ------
        DeviceError: the device's memory does not hold one frame.
        """
        return next(self._batches.run(self._see, [frame]))

    def forget(self) -> None:
        """Begin anew: the next frame is the first."""
        if self._follower is not None:
            self._follower.forget()

    def state(self) -> Mapping[str, Tensor]:
        """What it remembers, by name."""
        memory = () if self._follower is None else self._follower.memory or ()
        return {f"{_MEMORY}{number}": part for number, part in enumerate(memory)}

    def resume(self, state: Mapping[str, Tensor]) -> None:
        """Go on where :meth:`state` was taken."""
        if self._follower is not None:
            count = sum(name.startswith(_MEMORY) for name in state)
            parts = tuple(state[f"{_MEMORY}{number}"].to(self._device) for number in range(count))
            self._follower.memory = parts if count else None

    def _see(self, frames: Sequence[NDArray[np.float32]]) -> _Maps:
        if self._follower is not None:
            followed = self._follower.follow(frames[0][None])
            return followed[0], None if self._follower.views is None else self._follower.views[-1]
        with computing(self._device, self._half):
            x = torch.from_numpy(frames[0]).to(self._device)[None, None].contiguous(memory_format=torch.channels_last)
            found: Tensor = self._network(x).float().softmax(1)[0]
            if self._mirror:
                found = (found + self._network(x.flip(-1)).float().softmax(1)[0].flip(-1)) / 2
            maps: NDArray[np.float32] = found.cpu().numpy()
        return maps, None
