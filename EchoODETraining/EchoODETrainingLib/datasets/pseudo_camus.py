"""Pseudo-sequences of CAMUS: a whole beat a patient and view, with a mask on every frame, kept on disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

from ..pseudo import PseudoSettings, make_pseudo_sequence
from .base import DataSet, Entry
from .cache import cached_clip, default_cache
from .camus import Camus
from .clips import LabelledClip

_VERSION = 2  # rises when equal settings make another clip


class PseudoCamus(DataSet):
    """A beat for each pair of ED and ES, split as the patients are.

    Parameters
    ----------
    folder: a CAMUS folder.
    cache: where made clips are kept; the user's cache folder by default.
    views: "4CH" and "2CH".
    frames: of each clip.
    variants: clips a pair, each of another heart rate, speckle and drift.
    seed: of the first variant.
    contraction: (least, most), see :class:`~..pseudo.PseudoSettings`.
    """

    kind: ClassVar[str] = "pseudo_camus"
    layout: ClassVar[str] = Camus.layout
    made: ClassVar[bool] = True

    def __init__(
        self,
        folder: Path | None,
        cache: Path | str | None = None,
        views: Iterable[str] = ("4CH", "2CH"),
        frames: int = 24,
        variants: int = 1,
        seed: int = 0,
        contraction: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        self.cache = Path(cache) if cache is not None else default_cache() / "pseudo"
        self.settings, self.variants, self.seed = (
            PseudoSettings(frames=frames, contraction=tuple(contraction)),
            variants,
            seed,
        )
        self.pairs = Camus(folder, views=views, pairs=True)
        self._sources: dict[str, tuple[Entry, int]] = {}
        super().__init__(folder)

    def find(self) -> Iterable[Entry]:
        """An entry for each variant of each pair."""
        for split in ("train", "valid", "test"):
            for pair in self.pairs.entries(split):
                for seed in range(self.seed, self.seed + self.variants):
                    name = f"{pair.name}_pseudo{seed}"
                    self._sources[name] = pair, seed
                    yield Entry(name, pair.patient, split)

    def read(self, entry: Entry) -> LabelledClip:
        """The clip, from the disk where it is kept."""
        source, seed = self._sources[entry.name]
        pair = self.pairs.load(source)
        recognised = [int(pair.frames.sum()), int(pair.masks.sum()), *pair.frames.shape]
        given = {**asdict(self.settings), "pair": recognised, "version": _VERSION}
        if self.settings.contraction == (1.0, 1.0):
            del given["contraction"]  # as clips were named before hearts could contract less
        return cached_clip(self.cache, entry.name, given, lambda: make_pseudo_sequence(pair, self.settings, seed))
