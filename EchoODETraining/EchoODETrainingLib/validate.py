"""How good a network is while it learns: Dice and views on clips that it doesn't learn from, at their own pixels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from EchoODELib.engine.following import FIRST_LOOKS, film_starts
from EchoODELib.engine.metrics import dice
from EchoODELib.engine.models.causal_network import is_causal
from EchoODELib.engine.models.landmarks import centres_of_gravity
from EchoODELib.engine.models.per_frame import as_clip_network
from EchoODELib.engine.models.preparation import Fit, brightness, standardise
from EchoODELib.engine.sequence import View
from EchoODELib.engine.windows_over_time import WindowPlan, WindowUse
from numpy.typing import NDArray
from torch import Tensor, nn

from .datasets.clips import LabelledClip
from .preview import write_preview
from .windows import IGNORED, view_of

_BATCH = 8
_PICTURES = 8
_LOOKED_BACK = 8  # frames, with the one that is judged, after which a memory is about what it would be


@dataclass(frozen=True)
class Shown:
    """A labelled frame with the window that the network sees it in.

    Attributes
    ----------
    name: of the clip and frame.
    frames: (T, rows, columns) float32, standardised, of the network's size.
    input_times: (T,), 0 to 1.
    output_time: of the labelled frame.
    image: (h, w) uint8, the labelled frame's box at the file's pixels.
    mask: (h, w) uint8, likewise, the network's classes.
    known: the classes that are known there.
    points: (2 * lines, 2) px of the network's size, (row, column); NaN where missing.
    millimetres: of a pixel of the network's size; NaN if not known.
    view: the clip's class for a view branch, see :func:`.windows.view_of`.
    """

    name: str
    frames: NDArray[np.float32]
    input_times: NDArray[np.float32]
    output_time: float
    fit: Fit
    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    known: frozenset[int]
    points: NDArray[np.float32]
    millimetres: float
    view: int = IGNORED


def windows_of(
    clip: LabelledClip,
    size: tuple[int, int],
    *,
    use: WindowUse | None = None,
    follows: bool = False,
    frames: int = 4,
    labels: Sequence[int] = (1, 2, 3),
    lines: Sequence[str] = (),
) -> list[Shown]:
    """Up to ``frames`` labelled frames of a clip, spread over it, ED and ES first, as they are seen at use.

    Of a clip whose view alone is known, any frames.

    Parameters
    ----------
    use: the windows that a clip network sees; None for one that sees single frames.
    follows: whether the network follows clips: it sees some frames before each.
    labels: that the network knows; class k + 1 is ``labels[k]``.
    lines: measurement lines whose ends it finds.
    """
    fit = Fit.of(clip.box, size, clip.spacing)
    inside = fit.to_input(clip.sector.astype(np.uint8)).astype(bool)
    fitted = np.stack([fit.to_input(np.where(clip.sector, frame, np.uint8(0))) for frame in clip.frames])
    standard = standardise(fitted, inside, brightness(fitted, inside))
    plan = WindowPlan(clip.times, use) if use is not None else None
    row0, row1, column0, column1 = fit.box
    top, bottom, left, right = fit.placed
    scale = np.array([(bottom - top) / (row1 - row0), (right - left) / (column1 - column0)])
    classes = np.zeros(256, np.uint8)
    for number, label in enumerate(labels, start=1):
        classes[label] = number
    found = []
    for frame in _chosen(clip, frames):
        if follows:
            seen, times, at = _followed(clip.times, frame)
        else:
            seen, times, at = _seen(plan, frame, float(clip.times[frame]))
        ends = [clip.landmarks[line][frame] if line in clip.landmarks else np.full((2, 2), np.nan) for line in lines]
        points = (np.reshape(ends, (-1, 2)) + 0.5 - [row0, column0]) * scale + [top, left] - 0.5
        found.append(
            Shown(
                name=f"{clip.name} {frame}",
                frames=standard[list(seen)],
                input_times=np.array(times, np.float32),
                output_time=at,
                fit=fit,
                image=clip.frames[frame, row0:row1, column0:column1],
                mask=classes[clip.masks[frame, row0:row1, column0:column1]],
                known=frozenset(int(classes[label]) for label in clip.drawn) if clip.labelled[frame] else frozenset(),
                points=np.asarray(points, np.float32),
                millimetres=float(clip.spacing[0] / scale[0]) if clip.spacing else float("nan"),
                view=view_of(clip.view),
            )
        )
    return found


def _seen(plan: WindowPlan | None, frame: int, time: float) -> tuple[tuple[int, ...], tuple[float, ...], float]:
    """Frames and times of the window that counts most at a time, and the network's own time there."""
    if plan is None:
        return (frame,), (0.0,), 0.0
    share = max(plan.shares(time), key=lambda one: one.weight)
    window = plan.windows[share.window]
    return window.inputs, window.input_times, share.at


def _followed(times: NDArray[np.float64], frame: int) -> tuple[tuple[int, ...], tuple[float, ...], float]:
    """A frame after those before it, a film's first one shown a few times; and the network's own time of the last."""
    start = max(first for first in film_starts(times) if first <= frame)
    seen = (*[start] * (FIRST_LOOKS - 1), *range(start, frame + 1))[-max(FIRST_LOOKS, _LOOKED_BACK) :]
    return seen, tuple(np.linspace(0, 1, len(seen)).tolist()), 1.0


def _chosen(clip: LabelledClip, count: int) -> list[int]:
    marked = clip.marked
    labelled = np.flatnonzero(marked)
    if not len(labelled) and view_of(clip.view) != IGNORED:
        labelled = np.arange(len(clip))
    phases = [f for f in (clip.ed_frame, clip.es_frame) if f is not None and marked[f]]
    spread = labelled[np.linspace(0, len(labelled) - 1, min(count, len(labelled))).round().astype(int)]
    return sorted(list(dict.fromkeys([*phases, *map(int, spread)]))[: max(count, len(phases))])


class DiceJudge:
    """Mean Dice over labelled frames, and how often the view is named, for a bare network, without flips or cleaning.

    Parameters
    ----------
    shown: what is looked at.
    labels: class names in the order of the network's channels.
    device: where the network is.
    half: whether to compute in bfloat16.
    """

    def __init__(
        self, shown: Iterable[Shown], labels: Sequence[str], *, device: torch.device, half: bool = False
    ) -> None:
        self.shown, self.labels = list(shown), tuple(labels)
        self.device, self.half = device, half

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Dice by label name, 0 to 1; "lines_mm", mean distance of the lines' ends, where there are lines; "view", the
        share of frames whose view is named right, where the network names views.
        """
        scores: dict[str, list[float]] = {name: [] for name in self.labels[1:]}
        apart: list[float] = []
        named: list[bool] = []
        for one, mask, points, view in zip(self.shown, *self.look(network), strict=True):
            if view is not None and one.view != IGNORED:
                named.append(view == one.view)
            for value, name in enumerate(self.labels[1:], start=1):
                if value in one.known:
                    scores[name].append(float(dice(mask == value, one.mask == value)))
            if points is not None:
                off = np.linalg.norm(points - one.points, axis=-1) * one.millimetres
                apart += off[np.isfinite(off)].tolist()
        found = {name: float(np.mean(values)) for name, values in scores.items() if values}
        found |= {"lines_mm": float(np.mean(apart))} if apart else {}
        return found | ({"view": float(np.mean(named))} if named else {})

    def figure(self, scores: Mapping[str, float]) -> float:
        """Mean Dice, less 0.02 for each mm that the lines' ends are off, and half the share of views named wrong."""
        dices = [value for name, value in scores.items() if name not in ("lines_mm", "view")]
        wrong = 1 - scores.get("view", 1.0)
        return (float(np.mean(dices)) if dices else 0.0) - 0.02 * scores.get("lines_mm", 0.0) - 0.5 * wrong

    def preview(self, network: nn.Module, path: Path) -> None:
        """Write a picture of the first frames that are shown.

        Raises
        ------
        OutputError: it can't be written.
        """
        masks, _, _ = self.look(network, _PICTURES)
        seen = self.shown[:_PICTURES]
        write_preview(path, [s.image for s in seen], masks, [s.mask for s in seen])

    def look(
        self, network: nn.Module, count: int | None = None
    ) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.float32] | None], list[int | None]]:
        """Masks (h, w) at the files' pixels, line ends (P, 2) in the network's, views, of the first ``count`` shown."""
        training = network.training
        network.eval()
        shown = self.shown[:count]
        masks: list[NDArray[np.uint8]] = [np.empty((0, 0), np.uint8)] * len(shown)
        points: list[NDArray[np.float32] | None] = [None] * len(shown)
        views: list[int | None] = [None] * len(shown)
        for places in _alike(shown):
            maps, ends, named = self._run(as_clip_network(network), [shown[place] for place in places])
            for row, place in enumerate(places):
                masks[place] = shown[place].fit.to_box(maps[row]).argmax(0).astype(np.uint8)
                points[place] = None if ends is None else ends[row]
                views[place] = None if named is None else int(named[row])
        network.train(training)
        return masks, points, views

    def _run(
        self, network: nn.Module, chunk: Sequence[Shown]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None, NDArray[np.int64] | None]:
        def stacked(values: Sequence[NDArray[np.float32]]) -> Tensor:
            return torch.from_numpy(np.stack(values)).to(self.device)

        frames = stacked([one.frames for one in chunk])[:, :, None]
        times = stacked([one.input_times for one in chunk])
        asked = stacked([np.array([one.output_time], np.float32) for one in chunk])
        told = {}
        if is_causal(network):
            told = {"long_axis": torch.tensor([one.view == view_of(View.A3C) for one in chunk], device=self.device)}
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16) if self.half else nullcontext():
            output = network(frames, times, asked, **told)
        maps = output.logits[:, 0].float().softmax(1).cpu().numpy()
        views = None if output.views is None else output.views[:, 0].argmax(-1).cpu().numpy()
        if output.heat_maps is None:
            return maps, None, views
        return maps, centres_of_gravity(output.heat_maps[:, 0]).flatten(1, 2).cpu().numpy(), views


def _alike(shown: Sequence[Shown]) -> Iterable[list[int]]:
    """Places of what has equally many frames, a batch at a time."""
    counts: dict[int, list[int]] = {}
    for place, one in enumerate(shown):
        counts.setdefault(len(one.frames), []).append(place)
    for places in counts.values():
        for start in range(0, len(places), _BATCH):
            yield places[start : start + _BATCH]
