"""Masks on every frame of a clip, by a trained network."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from .. import __version__
from .anatomy_rules import strongest, tidy_mask
from .combination import NetworksOverClip, load_members
from .errors import UnsuitableClip, WeightsError
from .models.inference import choose_device
from .models.landmarks import centres_of_gravity
from .progress import Monitor
from .sector import Sector, find_sector
from .sequence import EchoSequence, Label, Provenance, SegmentedSequence, View
from .smoothing import Smoothing, mixed
from .streaming import Moment
from .views import view_noted
from .weights import DEFAULT_MODEL
from .windows_over_time import frame_shares

# Frames whose probabilities are kept at once, and over which a structure's usual place is found.
_CHUNK = 256


@dataclass(frozen=True)
class MaskedFrames:
    """Masks of some frames of a clip.

    Attributes
    ----------
    frames: their indices, ascending.
    masks: (n, H, W) uint8 of :class:`~.sequence.Label` values, in the clip's own pixels.
    lines: (n, 6, 2) px, see :class:`~.sequence.SegmentedSequence`; None of a model that marks none.
    """

    frames: NDArray[np.int64]
    masks: NDArray[np.uint8]
    lines: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class MomentsBetween:
    """Pictures and masks at times that need not be those of frames.

    Attributes
    ----------
    times: (S,) seconds.
    images: (S, H, W) uint8, gray.
    masks: (S, H, W) uint8 of :class:`~.sequence.Label` values.
    """

    times: NDArray[np.float64]
    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]


@dataclass
class _Tally:
    """What a run counts as it goes."""

    started: float = field(default_factory=time.perf_counter)
    frames: int = 0
    certainty: float = 0.0
    without_lv: int = 0


class Segmenter:
    """Segments clips with one model, which it keeps loaded.

    Parameters
    ----------
    model: name of a model, see :func:`~.weights.list_models`; it may look at frames or at windows of the clip, or
        combine others.
    device: "auto" (a GPU where there is one), "cpu" or "cuda".
    flips: average with the left-right mirrored frame; None does what the model's card found better.
    clean: keep one piece of each structure and close its holes, see :func:`~.anatomy_rules.tidy_mask`.
    smoothing: how probabilities are averaged along time, see :meth:`.smoothing.Smoothing.of`: seconds, the standard
        deviation of a Gaussian, or "wma:6" for a weighted moving average; 0 treats each frame by itself, None takes
        the card's. Clips of fewer than five frames are never smoothed.
    allow_colour: whether to segment clips with colour flow on them, too.
    half: compute in bfloat16; None does so where the model's card found it as good and the device is faster so.

    Raises
    ------
    WeightsError: no such model, or its weights are damaged or not for segmentation.
    DeviceError: the device asked for is absent.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        device: str = "auto",
        *,
        flips: bool | None = None,
        clean: bool = True,
        smoothing: float | str | Smoothing | None = None,
        allow_colour: bool = False,
        half: bool | None = None,
    ) -> None:
        self.device = choose_device(device)
        self.card, self._members = load_members(model, self.device, half=half)
        if self.card.task != "segmentation" or len(self.card.labels) != len(Label):
            raise WeightsError(f"The model {model} is for {self.card.task}; choose one that segments.")
        self._flips = flips
        self.flips = any(member.flips for member in self._members) if flips is None else flips
        self.clean = clean
        self.smoothing = Smoothing.of(self.card.use.get("smoothing", 0.0) if smoothing is None else smoothing)
        self.allow_colour = allow_colour

    def segment(
        self, sequence: EchoSequence, *, frames: Iterable[int] | None = None, monitor: Monitor | None = None
    ) -> SegmentedSequence:
        """Masks for every frame, in the clip's own pixels.

        Parameters
        ----------
        sequence: one frame or more; a view that the model was not trained for is segmented, with a note.
        frames: only these, 0-based, the others' masks stay empty; None for all.
        monitor: progress by frame, and cancelling.

        Raises
        ------
        UnsuitableClip: colour flow on the frames (unless allowed), no frame asked for, or one outside the clip.
        DeviceError: the device's memory does not hold one frame.
        RunCancelled: the monitor was cancelled.
        """
        wanted = self._accepted(sequence, frames)
        tally = _Tally()
        masks = np.zeros(sequence.frames.shape, np.uint8)
        lines = np.full((len(sequence), 6, 2), np.nan, np.float32)
        marked = False
        for part in self._parts(sequence, wanted, monitor, tally):
            masks[part.frames] = part.masks
            if part.lines is not None:
                lines[part.frames], marked = part.lines, True
        provenance = Provenance(
            method="segment",
            model=self.card.name,
            weights_sha256=self.card.sha256,
            settings={"flips": self.flips, "clean": self.clean, **self.smoothing.settings}
            | ({} if frames is None else {"frames": wanted})
            | ({"half": True} if any(member.half for member in self._members) else {}),
            software=__version__,
            device=self.device.type,
            quality={
                "seconds": time.perf_counter() - tally.started,
                "mean_certainty": tally.certainty / len(wanted),
                "frames_without_lv": float(tally.without_lv),
            },
        )
        return SegmentedSequence(view_noted(sequence, self.card), masks, provenance, lines=lines if marked else None)

    def stream(
        self, sequence: EchoSequence, *, frames: Iterable[int] | None = None, monitor: Monitor | None = None
    ) -> Iterator[MaskedFrames]:
        """Masks piece by piece, some hundreds of frames at once, in memory that doesn't grow with the clip.

        The clip's frames may be a memory map, and so may what the pieces go to:
        ``for part in segmenter.stream(clip): out[part.frames] = part.masks``. Parameters and errors are those of
        :meth:`segment`, whose masks these are.
        """
        return self._parts(sequence, self._accepted(sequence, frames), monitor, _Tally())

    def segment_at(
        self, sequence: EchoSequence, times: Sequence[float] | NDArray[np.float64], *, monitor: Monitor | None = None
    ) -> MomentsBetween:
        """Picture and mask at any times of the clip, also between its frames.

        A network that sees the clip as a dynamical system gives both by its own motion; for others they are mixed
        from the frames before and after. Inside the sector the picture is the network's, where it makes one.

        Parameters
        ----------
        sequence: the clip.
        times: seconds from its first frame's time to its last frame's.
        monitor: progress and cancelling.

        Raises
        ------
        UnsuitableClip: colour flow (unless allowed), no time asked for, or one outside the clip.
        DeviceError, RunCancelled: as :meth:`segment`.
        """
        self._accepted(sequence, None)
        asked = np.asarray(times, np.float64).reshape(-1)
        length = float(sequence.times[-1])
        if not len(asked) or not np.isfinite(asked).all() or asked.min() < 0 or asked.max() > length:
            raise UnsuitableClip(f"Name one or more times, from 0 to {length:g} s, the time of the clip's last frame.")
        sector = find_sector(sequence)
        over = self._over(sequence, sector)
        stage = (monitor or Monitor()).stage("Segmenting", len(asked))
        images = np.empty((len(asked), *sequence.shape), np.uint8)
        masks = np.empty_like(images)
        order = np.argsort(asked, kind="stable")
        for index, moment in zip(order, over.moments(asked[order].tolist()), strict=True):
            images[index] = _picture(sequence, sector, float(asked[index]), moment, over)
            mask = self._mask(over.clip.fit.to_box(moment.probabilities), sector, sequence.view, None)
            masks[index] = sector.restore(mask)
            stage.advance()
        return MomentsBetween(asked, images, masks)

    def warm_up(self) -> None:
        """Run once on nothing: the first run on a device sets it up."""
        rows, columns = self.card.input_size
        blank = EchoSequence(np.zeros((1, rows, columns), np.uint8), np.zeros(1))
        everywhere = Sector(np.ones((rows, columns), bool), (0, rows, 0, columns))
        list(self._over(blank, everywhere).moments([0.0]))

    def _accepted(self, sequence: EchoSequence, frames: Iterable[int] | None) -> list[int]:
        """The frames that are wanted, of a clip that can be segmented."""
        if sequence.source.colour_doppler and not self.allow_colour:
            raise UnsuitableClip(
                "This clip shows colour Doppler, which hides the walls; load a B-mode clip, or allow colour to try."
            )
        return _checked(frames, len(sequence))

    def _over(self, sequence: EchoSequence, sector: Sector) -> NetworksOverClip:
        return NetworksOverClip(
            self._members, sequence, sector, self.card.input_size, flips=self._flips, device=self.device
        )

    def _parts(
        self, sequence: EchoSequence, wanted: list[int], monitor: Monitor | None, tally: _Tally
    ) -> Iterator[MaskedFrames]:
        mixture, count = self.smoothing.over(len(sequence), sequence.frame_rate), len(sequence)
        near = sorted({one for frame in wanted for one in mixture.at(frame, count)[0]})
        stage = (monitor or Monitor()).stage("Segmenting", len(near) + len(wanted))
        sector = find_sector(sequence)
        over = self._over(sequence, sector)
        to_box = over.clip.fit.to_box
        found = zip(near, over.moments(sequence.times[near].tolist()), strict=True)
        held: dict[int, NDArray[np.float16]] = {}
        ends: dict[int, NDArray[np.float32]] = {}
        ahead = -1
        for chunk in np.array_split(wanted, math.ceil(len(wanted) / _CHUNK)):
            earliest, last = min(mixture.at(int(chunk[0]), count)[0]), max(mixture.at(int(chunk[-1]), count)[0])
            held = {frame: maps for frame, maps in held.items() if frame >= earliest}
            while ahead < last:
                ahead, moment = next(found)
                held[ahead] = moment.probabilities.astype(np.float16)
                if moment.heat_maps is not None:
                    ends[ahead] = _line_ends(moment.heat_maps, over)
                stage.advance()
            usual = to_box(_mean(list(held.values()))) if self.clean else None
            masks = np.empty((len(chunk), *sequence.shape), np.uint8)
            for place, index in enumerate(chunk.tolist()):
                neighbours, weights = mixture.at(index, count)
                maps = mixed([held[frame] for frame in neighbours], weights)
                tally.certainty += float(maps.max(0).mean())
                mask = self._mask(to_box(maps), sector, sequence.view, usual)
                tally.without_lv += not (mask == Label.LV).any()
                masks[place] = sector.restore(mask)
                stage.advance()
            marked = [ends.pop(frame) for frame in chunk.tolist()] if ends else None
            yield MaskedFrames(chunk, masks, None if marked is None else np.stack(marked))

    def _mask(
        self, maps: NDArray[np.float32], sector: Sector, view: View, usual: NDArray[np.float32] | None
    ) -> NDArray[np.uint8]:
        """A mask in the sector's box from probabilities there."""
        mask = strongest(maps)
        if not self.clean:
            return mask
        # On a view that it doesn't know, a model draws those that it knows.
        drawn = {view.value} & set(self.card.views) or set(self.card.views)
        return tidy_mask(mask, usual, sector.crop(sector.mask), walls=2 if drawn == {View.PLAX.value} else 1)


def _line_ends(heat_maps: NDArray[np.float32], over: NetworksOverClip) -> NDArray[np.float32]:
    """The ends (6, 2) px (x, y) that heat maps (2 * lines, rows, columns) show; NaN where they show none."""
    ends = np.full((6, 2), np.nan, np.float32)
    shown = centres_of_gravity(torch.from_numpy(heat_maps)).flatten(0, 1).numpy()
    ends[: len(shown)] = over.clip.fit.to_frame(shown)[:, ::-1]
    return ends


def _picture(
    sequence: EchoSequence, sector: Sector, time: float, moment: Moment, over: NetworksOverClip
) -> NDArray[np.uint8]:
    """A frame at a time: inside the sector the network's where it made one, else mixed from its neighbours."""
    gray = np.zeros(sequence.shape)
    for share in frame_shares(sequence.times, time):
        gray += share.weight * sequence.frames[share.window]
    if moment.image is not None:
        gray[sector.mask] = sector.restore(over.clip.gray(moment.image))[sector.mask]
    return np.asarray(gray.round(), np.uint8)


def _mean(maps: Sequence[NDArray[np.float16]]) -> NDArray[np.float32]:
    """The mean of many maps, without a copy of them all."""
    total = np.zeros(maps[0].shape, np.float32)
    for one in maps:
        total += one
    return total / np.float32(len(maps))


def _checked(frames: Iterable[int] | None, count: int) -> list[int]:
    """The frames that are wanted, in order."""
    if frames is None:
        return list(range(count))
    wanted = sorted(set(frames))
    if not wanted or wanted[0] < 0 or wanted[-1] >= count:
        raise UnsuitableClip(f"Name one or more frames to segment, from 0 to {count - 1}.")
    return wanted
