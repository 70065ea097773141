"""Clips that show none of the known views, and simulated hearts in the texture of real clips.

A network that is to name views must have seen what is no view, and must not name a view by its texture: the public
clips are of few views, and simulated ones of all.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
from EchoODELib.engine.errors import UnsuitableClip
from EchoODELib.engine.sequence import View
from numpy.typing import NDArray
from scipy import ndimage

from .base import DataSet, Entry
from .cache import cached_clip, default_cache
from .camus import Camus
from .clips import LabelledClip
from .phantom import Phantom
from .pseudo_camus import PseudoCamus

_VERSION = 1  # rises when equal settings make another clip
_NO_CLIPS: Mapping[str, int] = {"train": 150, "valid": 25}
Grays = NDArray[np.float32]


class OtherPhantom(Phantom):
    """Simulated hearts made to no view: turned, moved aside, too near, cut across, or texture alone.

    Parameters are those of :class:`.phantom.Phantom`.
    """

    kind: ClassVar[str] = "other_phantom"

    def __init__(
        self,
        folder: Path | None = None,
        clips: Mapping[str, int] = _NO_CLIPS,
        views: Iterable[str] = ("A4C", "A2C", "A3C", "PLAX"),
        frames: int = 12,
        size: int = 160,
        seed: int = 9,
    ) -> None:
        super().__init__(folder, clips, views, frames, size, seed)

    def read(self, entry: Entry) -> LabelledClip:
        """The clip, from the disk where it is kept."""
        given = {"name": entry.name, "frames": self.frames, "size": self.size, "version": _VERSION}
        made = super().read
        return cached_clip(self.folder, f"other-{entry.name}", given, lambda: made_other(made(entry)))


class OtherCamus(DataSet):
    """Real texture that shows no view: pseudo-sequences of CAMUS, treated as in :class:`OtherPhantom`.

    Parameters
    ----------
    folder: a CAMUS folder.
    cache: where made clips are kept; the user's cache folder by default.
    every: takes one of so many patients.
    views: "4CH" and "2CH", that the clips are made of.
    """

    kind: ClassVar[str] = "other_camus"
    layout: ClassVar[str] = Camus.layout
    made: ClassVar[bool] = True

    def __init__(
        self, folder: Path | None, cache: Path | str | None = None, every: int = 2, views: Iterable[str] = ("4CH",)
    ) -> None:
        if every < 1:
            raise UnsuitableClip("Take one of 1 or more patients.")
        self.cache, self.every = Path(cache) if cache is not None else default_cache() / "other", every
        self.pseudo = PseudoCamus(folder, views=views)
        super().__init__(folder)

    def find(self) -> Iterable[Entry]:
        """An entry for each patient that is taken."""
        for split in ("train", "valid", "test"):
            for entry in self.pseudo.entries(split)[:: self.every]:
                yield replace(entry, name=f"other-{entry.name}")

    def read(self, entry: Entry) -> LabelledClip:
        """The clip, from the disk where it is kept."""
        given = {"name": entry.name, "version": _VERSION}
        source = replace(entry, name=entry.name.removeprefix("other-"))
        return cached_clip(self.cache, entry.name, given, lambda: made_other(self.pseudo.load(source)))


class RestyledPhantom(DataSet):
    """Simulated hearts of all views with the texture and the brightness of real clips; the masks stay exact.

    Parameters
    ----------
    folder: a CAMUS folder, whose pseudo-sequences give texture and brightness.
    cache: where made clips are kept; the user's cache folder by default.
    clips, views, frames, size, seed: of the hearts, as of :class:`.phantom.Phantom`; each is in the texture of a
        patient of its own split.
    """

    kind: ClassVar[str] = "restyled_phantom"
    layout: ClassVar[str] = Camus.layout
    made: ClassVar[bool] = True

    def __init__(
        self,
        folder: Path | None,
        cache: Path | str | None = None,
        clips: Mapping[str, int] = _NO_CLIPS,
        views: Iterable[str] = ("A4C", "A2C", "A3C", "PLAX"),
        frames: int = 12,
        size: int = 160,
        seed: int = 8,
    ) -> None:
        self.cache = Path(cache) if cache is not None else default_cache() / "restyled"
        self.hearts = Phantom(None, clips, views, frames, size, seed)
        self.pseudo = PseudoCamus(folder, views=("4CH",))
        self._sources: dict[str, tuple[Entry, Entry]] = {}
        super().__init__(folder)

    def find(self) -> Iterable[Entry]:
        """An entry a heart."""
        for split in ("train", "valid", "test"):
            styles = self.pseudo.entries(split)
            for number, heart in enumerate(self.hearts.entries(split) if styles else ()):
                style = styles[number % len(styles)]
                name = f"restyled-{heart.name}"
                self._sources[name] = heart, style
                yield Entry(name, style.patient, split)

    def read(self, entry: Entry) -> LabelledClip:
        """The clip, from the disk where it is kept."""
        heart, style = self._sources[entry.name]
        given = {"heart": heart.name, "style": style.name, "of": [self.hearts.frames, self.hearts.size, _VERSION]}

        def make() -> LabelledClip:
            made = restyled(self.hearts.load(heart), self.pseudo.load(style))
            return replace(made, name=entry.name, patient=entry.patient)

        return cached_clip(self.cache, entry.name, given, make)


def restyled(clip: LabelledClip, style: LabelledClip) -> LabelledClip:
    """A clip whose large shades are its own, its texture and the distribution of its gray values those of ``style``."""
    rows, columns = clip.sector.shape
    frames = np.empty_like(clip.frames)
    reference = np.sort(style.frames[0][style.sector])
    for number, frame in enumerate(clip.frames):
        texture = _texture(style.frames[number % len(style)], style.sector)
        texture = cv2.resize(texture, (columns, rows), interpolation=cv2.INTER_LINEAR)
        gray = (cv2.GaussianBlur(frame.astype(np.float32), (0, 0), rows / 110) + 4) * texture
        inside = gray[clip.sector]
        ranks = np.argsort(np.argsort(inside)) * (len(reference) - 1) // max(1, len(inside) - 1)
        frames[number][clip.sector] = reference[ranks]
        frames[number][~clip.sector] = 0
    return replace(clip, frames=frames)


def made_other(clip: LabelledClip) -> LabelledClip:
    """A clip of no view, by one of several ways that its name decides; nothing on it is labelled."""
    random = np.random.default_rng([_VERSION, zlib.crc32(clip.name.encode())])
    way: Callable[[LabelledClip, np.random.Generator], LabelledClip] = _WAYS[int(random.integers(len(_WAYS)))]
    changed = way(clip, random)
    return replace(
        changed,
        name=f"other-{clip.name}",
        masks=np.zeros_like(changed.frames),
        labelled=np.zeros(len(changed), np.bool_),
        view=View.OTHER,
        ed_frame=None,
        es_frame=None,
        ejection_fraction=None,
        landmarks={},
    )


def _turned_over(clip: LabelledClip, random: np.random.Generator) -> LabelledClip:
    """The whole picture by 90, 180 or 270 degrees."""
    turns = int(random.integers(1, 4))
    return replace(
        clip,
        frames=np.ascontiguousarray(np.rot90(clip.frames, turns, (1, 2))),
        masks=np.ascontiguousarray(np.rot90(clip.masks, turns, (1, 2))),
        sector=np.ascontiguousarray(np.rot90(clip.sector, turns)),
        spacing=clip.spacing[::-1] if clip.spacing and turns % 2 else clip.spacing,
    )


def _turned_inside(clip: LabelledClip, random: np.random.Generator) -> LabelledClip:
    """The heart in its sector, by 60 to 300 degrees."""
    return _moved(clip, turn=float(random.uniform(60, 300)), scale=float(random.uniform(1.0, 1.5)))


def _aside(clip: LabelledClip, random: np.random.Generator) -> LabelledClip:
    """The heart mostly out of its sector."""
    across = float(random.choice([-1, 1]) * random.uniform(0.4, 0.6))
    return _moved(clip, shift=(across, float(random.uniform(-0.4, 0.4))))


def _near(clip: LabelledClip, random: np.random.Generator) -> LabelledClip:
    """A piece of it, much enlarged."""
    place = float(random.uniform(-0.6, 0.6)), float(random.uniform(-0.6, 0.6))
    return _moved(clip, turn=float(random.uniform(-40, 40)), scale=float(random.uniform(2.6, 4.0)), shift=place)


def _texture_alone(clip: LabelledClip, random: np.random.Generator) -> LabelledClip:
    """Texture under smooth shades that follow no heart."""
    rows, columns = clip.sector.shape
    coarse = random.uniform(0.02, 0.7, (2, int(random.integers(2, 6)), int(random.integers(2, 6)))).astype(np.float32)
    first, last = (cv2.resize(one, (columns, rows), interpolation=cv2.INTER_CUBIC) for one in coarse)
    mix = float(random.uniform(0, 0.5))
    return _shaded(clip, lambda phase: first + mix * phase * (last - first), random)


def _cut_across(clip: LabelledClip, random: np.random.Generator) -> LabelledClip:
    """A ventricle cut across, as in short-axis views: a ring that narrows, the right ventricle beside it."""
    rows, columns = np.indices(clip.sector.shape, dtype=np.float32) / max(clip.sector.shape)
    height, width = (side / max(clip.sector.shape) for side in clip.sector.shape)
    row, column = height * random.uniform(0.45, 0.6), width * random.uniform(0.42, 0.58)
    inner, wall = random.uniform(0.1, 0.17), random.uniform(0.045, 0.08)
    squeeze, oval = random.uniform(0.1, 0.45), random.uniform(0.9, 1.12)
    muscle, tissue, blood = random.uniform(0.35, 0.6), random.uniform(0.12, 0.5), random.uniform(0.02, 0.1)
    away = np.hypot((rows - row) * oval, columns - column)
    side = np.hypot(rows - row + random.uniform(-0.05, 0.12), columns - column + inner + wall)
    right = (side < (inner + wall) * random.uniform(0.9, 1.2)) & (random.random() < 0.7)

    def shades(phase: float) -> Grays:
        cavity = inner * (1 - squeeze * phase)
        outer = inner + wall * (1 - 0.2 * phase)
        level = np.where(right, blood, tissue)
        level = np.where(away < outer, muscle, level)
        level = np.where(np.abs(away - outer) < 0.006, 1.3 * muscle, level)
        return cv2.GaussianBlur(np.where(away < cavity, blood, level).astype(np.float32), (0, 0), 1.2)

    return _shaded(clip, shades, random)


_WAYS = (_turned_over, _turned_inside, _aside, _near, _texture_alone, _cut_across, _cut_across)


def _moved(
    clip: LabelledClip, *, turn: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)
) -> LabelledClip:
    """What the sector shows, turned (degrees), enlarged and shifted (shares of its half sides); the sector stays."""
    rows, columns = clip.sector.shape
    row0, row1, column0, column1 = clip.box
    half = (column1 - column0) / 2, (row1 - row0) / 2
    centre = (column0 + half[0], row0 + half[1])
    matrix = cv2.getRotationMatrix2D(centre, turn, scale)
    matrix[:, 2] += 2 * np.array(shift) * half
    nearest = ndimage.distance_transform_edt(~clip.sector, return_distances=False, return_indices=True)
    frames = np.stack(
        [
            cv2.warpAffine(frame[tuple(nearest)], matrix, (columns, rows), borderMode=cv2.BORDER_REFLECT)
            for frame in clip.frames
        ]
    )
    return replace(clip, frames=np.where(clip.sector, frames, 0).astype(np.uint8))


def _shaded(clip: LabelledClip, shades: Callable[[float], Grays], random: np.random.Generator) -> LabelledClip:
    """The clip's texture under other shades (0 to 1), which depend on a phase that goes up and down."""
    gain = float(random.uniform(150, 330))
    phases = np.sin(np.pi * (random.random() + np.arange(len(clip)) / len(clip))) ** 2
    frames = np.empty_like(clip.frames)
    for number, (frame, phase) in enumerate(zip(clip.frames, phases, strict=True)):
        gray = gain * shades(float(phase)) * _texture(frame, clip.sector)
        frames[number] = np.where(clip.sector, np.clip(np.rint(gray), 0, 255), 0)
    return replace(clip, frames=frames)


def _texture(frame: NDArray[np.uint8], sector: NDArray[np.bool_]) -> Grays:
    """A frame's fine structure (H, W) as factors about 1, continued beyond the sector."""
    nearest = ndimage.distance_transform_edt(~sector, return_distances=False, return_indices=True)
    gray = frame[tuple(nearest)].astype(np.float32) + 2
    factors = gray / (cv2.GaussianBlur(gray, (0, 0), max(2.0, len(frame) / 60)) + 1)
    return np.asarray(np.clip(factors, 0.2, 2.5), np.float32)
