"""Simulated clips by settings and seed, with exact masks and landmarks, kept on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from EchoODELib.engine.errors import UnsuitableClip
from EchoODELib.engine.phantom import QUALITIES, PhantomSettings, simulate
from EchoODELib.engine.sequence import View

from .base import SPLITS, DataSet, Entry
from .cache import cached_clip
from .clips import LINES, LabelledClip

_STRIDE = 1_000_000  # seeds of the splits lie this far apart, so that no heart is in two of them
_NO_CLIPS: Mapping[str, int] = {"train": 300, "valid": 40}


class Phantom(DataSet):
    """About one beat a clip: the views in turn, every quality, EF 15 to 75 %, varied hearts, rates and rhythms.

    Parameters
    ----------
    folder: where made clips are kept for the next run; None keeps none.
    clips: how many in each split.
    views: names of :class:`~EchoODELib.engine.sequence.View` values.
    frames, size: of a clip, and pixels along its sides.
    seed: other seeds give other hearts.
    phases: label ED and ES alone, as experts often do.
    beats, ejection_fraction, arrhythmia: (least, most) of a heart, see :class:`Hearts`.
    """

    kind: ClassVar[str] = "phantom"
    layout: ClassVar[str] = "any folder that can be written to: simulated clips are kept in it"
    made: ClassVar[bool] = True

    def __init__(
        self,
        folder: Path | None = None,
        clips: Mapping[str, int] = _NO_CLIPS,
        views: Iterable[str] = ("A4C", "A2C"),
        frames: int = 24,
        size: int = 160,
        seed: int = 0,
        phases: bool = False,
        beats: tuple[float, float] = (0.9, 1.15),
        ejection_fraction: tuple[float, float] = (15.0, 75.0),
        arrhythmia: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        self.hearts = Hearts(tuple(beats), tuple(ejection_fraction), tuple(arrhythmia))
        self.phases = phases
        self.counts, self.views = dict(clips), tuple(View(view) for view in views)
        self.frames, self.size, self.seed = frames, size, seed
        super().__init__(folder)

    def find(self) -> Iterable[Entry]:
        """An entry a heart, named by view and seed."""
        if set(self.counts) - set(SPLITS):
            raise UnsuitableClip(f"Phantoms have the splits {', '.join(SPLITS)}, not {sorted(self.counts)}.")
        for number, split in enumerate(SPLITS):
            for index in range(self.counts.get(split, 0)):
                view = self.views[index % len(self.views)]
                name = f"phantom-{view.value}-{self.seed * len(SPLITS) * _STRIDE + number * _STRIDE + index:08d}"
                yield Entry(name, name, split)

    def read(self, entry: Entry) -> LabelledClip:
        """The clip, from the disk where it is kept."""
        view, seed = entry.name.split("-")[1:]
        settings = draw_settings(View(view), int(seed), self.frames, self.size, self.hearts)
        clip = cached_clip(self.folder, entry.name, settings, lambda: _labelled(entry, settings))
        return _of_phases(clip) if self.phases else clip


@dataclass(frozen=True)
class Hearts:
    """Between what hearts are drawn, (least, most).

    Attributes
    ----------
    beats: that a clip covers.
    ejection_fraction: percent.
    arrhythmia: relative spread of the beats' lengths.
    """

    beats: tuple[float, float] = (0.9, 1.15)
    ejection_fraction: tuple[float, float] = (15.0, 75.0)
    arrhythmia: tuple[float, float] = (0.0, 0.0)


def draw_settings(view: View, seed: int, frames: int, size: int, hearts: Hearts | None = None) -> PhantomSettings:
    """Settings of a heart by its seed, at 50 to 110 beats per minute; about one beat unless ``hearts`` say more."""
    hearts = hearts or Hearts()
    random = np.random.default_rng(seed)
    beats = random.uniform(*hearts.beats)
    rate = float(np.clip(random.uniform(50, 110) / 60 * (frames - 1) / beats, 20, 80))
    return PhantomSettings(
        view=view,
        frames=frames,
        frame_rate=rate,
        size=size,
        beats=beats,
        ejection_fraction=float(random.uniform(*hearts.ejection_fraction)),
        quality=list(QUALITIES)[int(random.integers(len(QUALITIES)))],
        start=0.0 if random.random() < 0.5 else float(random.uniform(0, 1)),
        arrhythmia=float(random.uniform(*hearts.arrhythmia)),
        seed=seed,
    )


def _of_phases(clip: LabelledClip) -> LabelledClip:
    labelled = np.isin(np.arange(len(clip)), [clip.ed_frame, clip.es_frame])
    masks = np.where(labelled[:, None, None], clip.masks, np.uint8(0))
    landmarks = {line: np.where(labelled[:, None, None], ends, np.nan) for line, ends in clip.landmarks.items()}
    return replace(clip, labelled=labelled, masks=masks, landmarks=landmarks)


def _labelled(entry: Entry, settings: PhantomSettings) -> LabelledClip:
    made = simulate(settings)
    # The phantom's points are (x, y).
    lines = {line: made.landmarks[line.upper()][..., ::-1].copy() for line in LINES if line.upper() in made.landmarks}
    ed = made.ed_frames[0]
    return LabelledClip(
        name=entry.name,
        patient=entry.patient,
        kind="simulated",
        frames=made.sequence.frames,
        times=made.sequence.times,
        masks=made.masks,
        labelled=np.ones(len(made.masks), np.bool_),
        sector=made.sector,
        spacing=made.sequence.spacing,
        view=settings.view,
        ed_frame=ed,
        es_frame=next((frame for frame in made.es_frames if frame > ed), None),
        ejection_fraction=made.ejection_fraction,
        landmarks=lines,
    )
