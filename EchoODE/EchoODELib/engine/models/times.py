"""Times of frames, one set for a batch or one a clip, and what lies between frames."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import UnsuitableClip


def per_clip(times: Tensor, frames: Tensor) -> Tensor:
    """Times (N,) or (B, N) as float32 (B, N) on the device of ``frames`` (B, ...).

    Raises
    ------
    UnsuitableClip: another shape, or no time at all.
    """
    if times.ndim not in (1, 2) or times.shape[-1] == 0 or (times.ndim == 2 and len(times) != len(frames)):
        raise UnsuitableClip(
            f"Times of shape {tuple(times.shape)} don't go with {len(frames)} clips; give (N,) or ({len(frames)}, N)."
        )
    return times.to(frames.device, torch.float32).expand(len(frames), times.shape[-1])


def clip_times(frames: Tensor, input_times: Tensor, output_times: Tensor) -> tuple[Tensor, Tensor]:
    """Input and output times as (B, T) and (B, S), checked against frames (B, T, channels, H, W).

    Raises
    ------
    UnsuitableClip: frames or times of another shape, or input times that go back.
    """
    if frames.ndim != 5:
        raise UnsuitableClip(f"Frames of shape {tuple(frames.shape)} are no clips; give (B, T, channels, H, W).")
    given, asked = per_clip(input_times, frames), per_clip(output_times, frames)
    if given.shape[1] != frames.shape[1]:
        raise UnsuitableClip(f"There are {frames.shape[1]} frames and {given.shape[1]} times; give a time a frame.")
    if bool((given.diff() < 0).any()):
        raise UnsuitableClip("The frames' times go back; sort the frames by time.")
    return given, asked


class Blend:
    """Linear interpolation along time, from what is known at the input times to the output times.

    At an input time the frame itself comes out; before the first and after the last frame, that frame.

    Parameters
    ----------
    input_times: (B, T), ascending.
    output_times: (B, S), in any order.
    """

    def __init__(self, input_times: Tensor, output_times: Tensor) -> None:
        count = input_times.shape[1]
        after = torch.searchsorted(input_times.contiguous(), output_times.contiguous()).clamp(max=count - 1)
        before = (after - 1).clamp(min=0)
        start, end = input_times.gather(1, before), input_times.gather(1, after)
        weight = ((output_times - start) / (end - start).clamp(min=1e-12)).clamp(0, 1)
        weight = torch.where(end > start, weight, torch.ones_like(weight))
        clip = torch.arange(len(input_times), device=input_times.device)[:, None] * count
        self.shape = tuple(output_times.shape)
        self.before, self.after, self.weight = (clip + before).flatten(), (clip + after).flatten(), weight.flatten()
        self.between = bool(((self.weight > 0) & (self.weight < 1)).any())
        """Whether an output time lies between two frames."""
        self.nearest = torch.where(self.weight < 0.5, self.before, self.after)
        """(B * S,), the nearest frames in the flattened (B * T)."""
        everything = torch.arange(len(input_times) * count, device=input_times.device)
        self.same = not self.between and torch.equal(self.nearest, everything)
        """Whether the output times are the input times."""

    def __call__(self, values: Tensor) -> Tensor:
        """(B * T, ...) to (B * S, ...)."""
        if self.same:
            return values
        if not self.between:
            return values.index_select(0, self.nearest)
        return self.mix(values.index_select(0, self.before), values.index_select(0, self.after))

    def mix(self, before: Tensor, after: Tensor) -> Tensor:
        """What lies between the values (B * S, ...) of the frames before and after the output times."""
        weight = self.weight.to(before.dtype).view(-1, *[1] * (before.ndim - 1))
        return torch.lerp(before, after, weight)
