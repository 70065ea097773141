"""What a network of clips looked at: HiResCAM over space and time.

Draelos and Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural networks"
(arXiv:2011.08891). Wherever the answer rises with what a channel of a stage of the encoder shows there, is heat. At the
last stage, whose maps are averaged, this is the Grad-CAM that paper 003 (CoReEcho) shows; at those before, Grad-CAM
would weigh a channel alike everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from .clip_estimator import ClipEstimator, CutClip
from .models.preparation import Fit
from .progress import Monitor
from .second_opinion import share_in
from .sector import find_sector
from .sequence import EchoSequence, Label

FINE_STAGE = 2
"""The third stage: the first that sees the whole clip, at twice the resolution of the last."""


@dataclass(frozen=True)
class Heat:
    """Where and when a network looked.

    Attributes
    ----------
    maps: (T, H, W) uint8 on the recording's own frames and pixels, 255 where it looked most; 0 outside of the sector.
    seen: (T,) bool, the frames that lie in a clip that the network saw.
    model: whose.
    """

    maps: NDArray[np.uint8]
    seen: NDArray[np.bool_]
    model: str

    def share_in(self, masks: NDArray[np.uint8], label: Label = Label.LV) -> float:
        """What share of the heat, 0 to 1, lies in a structure; NaN where there is no heat.

        Parameters
        ----------
        masks: (T, H, W), of the recording.

        Raises
        ------
        UnsuitableMask: masks of another size.
        """
        return share_in(self.maps, masks, label)


def share_by_chance(sequence: EchoSequence, heat: Heat, masks: NDArray[np.uint8], label: Label = Label.LV) -> float:
    """What share of the heat, 0 to 1, would lie in a structure if it were spread evenly over the sector.

    Parameters
    ----------
    masks: (T, H, W), of the recording.
    """
    inside = find_sector(sequence).mask
    return float((masks[heat.seen][:, inside] == label).mean())


def explain(
    estimator: ClipEstimator, sequence: EchoSequence, *, stage: int = FINE_STAGE, monitor: Monitor | None = None
) -> Heat:
    """Where the network looked for its answer, as for an ejection fraction, over the clips that it averages.

    Between the frames that a clip shows heat is interpolated, and where clips overlap it is averaged.

    Parameters
    ----------
    stage: of the encoder, from 0; 3 is the last, as in the paper, which sees coarsely.
    monitor: progress by clip, and cancelling.

    Raises
    ------
    UnsuitableClip, RunCancelled: as :meth:`~.clip_estimator.ClipEstimator.estimate`.
    """
    sector = find_sector(sequence)
    clips = estimator.cut(sequence, sector)
    fit = Fit.of(sector.box, estimator.card.input_size, sequence.spacing)
    running = (monitor or Monitor()).stage("Explaining", len(clips))
    heat = np.zeros((len(sequence), *fit.size), np.float32)
    count = np.zeros(len(sequence), np.float32)
    for clip in clips:
        shown = torch.from_numpy(clip.images)[None, :, None].to(estimator.device)
        own = hires_cam(estimator.network, shown, stage)[0].cpu().numpy()
        inside = _spread(own, clip, sequence.times, heat)
        count += inside
        running.advance()
    heat /= np.maximum(count, 1)[:, None, None]
    heat *= 255 / max(float(heat.max()), 1e-12)
    maps = np.zeros(sequence.frames.shape, np.uint8)
    for number in np.flatnonzero(count):
        boxed = np.where(sector.crop(sector.mask), fit.to_box(heat[number][None])[0], np.float32(0))
        maps[number] = sector.restore(np.rint(boxed).astype(np.uint8))
    return Heat(maps, count > 0, estimator.card.name)


def hires_cam(network: torch.nn.Module, clips: Tensor, stage: int) -> Tensor:
    """Heat (B, T, H, W) of clips (B, T, C, H, W), 0 or more, for the first of the network's values.

    Parameters
    ----------
    network: with an ``encoder`` that has ``maps`` and ``pooled``, and with ``answer``, as
        :class:`~.models.coreecho.CoReEcho` has them.
    stage: whose maps are looked at.
    """
    parts: tuple[Callable[[Tensor], list[Tensor]], Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]
    parts = (network.encoder.maps, network.encoder.pooled, network.answer)  # type: ignore[union-attr, assignment]
    see, pool, answer = parts
    with torch.enable_grad():
        # Maps need a graph even where no weight asks for one.
        maps = see(clips.detach().requires_grad_())
        said = answer(pool(maps[-1]))[:, 0].sum()
        (slope,) = torch.autograd.grad(said, maps[stage])
    heat = (slope * maps[stage].detach()).sum(1, keepdim=True).relu()
    cell = clips.shape[3] // heat.shape[3]
    size = (clips.shape[1], heat.shape[3] * cell, heat.shape[4] * cell)
    fine = functional.interpolate(heat.float(), size, mode="trilinear", align_corners=False)
    # Patches that didn't fill a cell at the lower and right rim saw nothing of their own.
    rim = (0, clips.shape[4] - size[2], 0, clips.shape[3] - size[1], 0, 0)
    return functional.pad(fine, rim, mode="replicate")[:, 0]


def _spread(
    own: NDArray[np.float32], clip: CutClip, times: NDArray[np.float64], heat: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Add a clip's heat (frames, rows, columns) to that of the recording's frames (T, ...), linearly in time.

    Returns 1 for each of the recording's frames (T,) that lies in the clip, else 0.
    """
    known = np.isfinite(clip.times)
    moments, own = clip.times[known], own[known]
    inside = (times >= moments[0] - 1e-9) & (times <= moments[-1] + 1e-9)
    for number in np.flatnonzero(inside):
        after = int(np.clip(np.searchsorted(moments, times[number]), 1, max(1, len(moments) - 1)))
        before = after - 1
        after = min(after, len(moments) - 1)
        length = moments[after] - moments[before]
        part = np.float32(np.clip((times[number] - moments[before]) / length, 0, 1) if length > 0 else 0)
        heat[number] += (1 - part) * own[before] + part * own[after]
    return np.asarray(inside, np.float32)
