"""Where a stream shows tissue and how bright it is, learned from its first frames and followed from there.

A clip's sector and brightness are measured on all of its frames. A stream has only those that came: the sector is
found on the first ones, looked for again as soon as there are enough to tell what moves from what stands still, and
from then on every few seconds, since depth and zoom may be turned. Brightness is a running mean over some beats.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from ..models.preparation import Fit, brightness, standardise
from ..sector import Sector, find_sector
from ..sequence import ClipSource, EchoSequence

Arrays = Mapping[str, NDArray[np.generic]]

_BRIGHTNESS_SECONDS = 2.0
# Sector: frames this far apart are looked at, at first so many, later each time that so many new ones have come; then
# they may lie further apart, until something is found to have changed.
_APART, _LATER_APART, _FIRST_LOOKS, _LATER_LOOKS = 0.08, 0.16, (6, 12, 24), 12
# A look takes 20 to 120 ms in a thread of its own. It counts this many frames later, whatever the machine's speed, so
# that a stream's masks don't depend on it.
_LATER = 15
_SAME = 0.95  # overlap of two sectors (intersection over union) above which the old one is kept


class LivePreparation:
    """Turns a stream's frames into a network's inputs.

    Parameters
    ----------
    size: (rows, columns) of the input.
    spacing: (row, column) mm per pixel of the frames, or None.
    adapt: whether sector and brightness follow the stream; else they stay as :meth:`begin` found them.
    """

    def __init__(self, size: tuple[int, int], spacing: tuple[float, float] | None, *, adapt: bool) -> None:
        self._size, self._spacing, self._adapt = size, spacing, adapt
        self._thread: ThreadPoolExecutor | None = None
        self._source = ClipSource()
        self.sector: Sector | None = None
        self._seen: list[NDArray[np.uint8]] = []
        self._seen_at = -math.inf
        self._looks = 0
        self._wait = self._count = 0
        self._moments = np.zeros(2)
        self._look: Future[Sector | None] | None = None
        self._other: Sector | None = None

    def begin(self, frames: NDArray[np.uint8], source: ClipSource | None = None) -> None:
        """Find sector and brightness on a stream's first frames (n, H, W); boxes that ``source`` names are kept."""
        self._source = source or ClipSource()
        self._seen, self._seen_at, self._looks, self._look, self._other = [], -math.inf, 0, None, None
        self._place(_found(frames, self._source))
        self._learn(np.stack([self._gray(frame) for frame in frames]), 1.0)
        self._count = len(frames)

    def follow(self, frame: NDArray[np.uint8], time: float) -> bool:
        """Look at a frame (H, W) of the stream; whether the sector has changed, so that nothing earlier fits any more.

        Parameters
        ----------
        frame: of the shape of those before.
        time: seconds, rising.
        """
        if not self._adapt:
            return False
        changed = self._take_look()
        settled = self._looks >= len(_FIRST_LOOKS) and self._other is None
        if time - self._seen_at >= (_LATER_APART if settled else _APART) or time < self._seen_at:
            self._seen.append(frame.copy())
            self._seen_at = time
            wanted = _FIRST_LOOKS[self._looks] if self._looks < len(_FIRST_LOOKS) else _LATER_LOOKS
            if len(self._seen) >= wanted and self._look is None:
                self._look, self._wait = self._begin_look(np.stack(self._seen)), _LATER
                self._looks += 1
                if self._looks >= len(_FIRST_LOOKS):
                    self._seen = []
        return changed

    def input(self, frame: NDArray[np.uint8], seconds: float) -> NDArray[np.float32]:
        """A frame (H, W) as (rows, columns), standardised; ``seconds`` have passed since the one before."""
        gray = self._gray(frame)
        if self._adapt:
            self._count += 1
            self._learn(gray, max(1 / self._count, 1 - math.exp(-max(seconds, 0.0) / _BRIGHTNESS_SECONDS)))
        return standardise(gray, self._inside, self.statistics)

    @property
    def statistics(self) -> tuple[float, float]:
        """Mean and standard deviation of the sector's gray levels."""
        mean, square = self._moments.tolist()
        return mean, math.sqrt(max(square - mean**2, 0.0))

    def state(self) -> Arrays:
        """All that is known of the stream, for :meth:`resume`."""
        sector = self._known()
        looked = None if self._look is None else self._look.result()
        return {
            "sector": sector.mask.astype(np.uint8),
            "moments": self._moments,
            "counts": np.array([self._count, self._looks, self._wait, self._look is not None]),
            "seen": np.stack(self._seen) if self._seen else np.zeros((0, *sector.mask.shape), np.uint8),
            "seen_at": np.array([self._seen_at]),
            "looked": _bytes(looked),
            "other": _bytes(self._other),
            "region": np.array(self._source.region or (), np.int64),
            "overlays": np.array(self._source.overlays, np.int64).reshape(-1, 4),
        }

    def resume(self, state: Arrays) -> None:
        """Go on where :meth:`state` was taken."""
        region = tuple(int(side) for side in state["region"].tolist())
        overlays = tuple((int(a), int(b), int(c), int(d)) for a, b, c, d in state["overlays"].tolist())
        self._source = ClipSource(region=region if len(region) == 4 else None, overlays=overlays)
        self._place(Sector.of(np.asarray(state["sector"], bool)))
        self._moments = np.asarray(state["moments"], np.float64)
        self._count, self._looks, self._wait, looking = (int(value) for value in state["counts"].tolist())
        self._seen = list(np.asarray(state["seen"], np.uint8))
        self._seen_at = float(state["seen_at"][0])
        self._other, self._look = _sector(state["other"]), None
        if looking:
            self._look = Future()
            self._look.set_result(_sector(state["looked"]))

    def _known(self) -> Sector:
        if self.sector is None:
            raise RuntimeError("a stream begins with begin()")
        return self.sector

    def _gray(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return self.fit.to_input(frame * self._mask)

    def _learn(self, gray: NDArray[np.uint8], share: float) -> None:
        """Let the brightness of an input, or some, count ``share`` in the running one."""
        mean, deviation = brightness(gray, self._inside)
        self._moments = (1 - share) * self._moments + share * np.array([mean, deviation**2 + mean**2])

    def _begin_look(self, frames: NDArray[np.uint8]) -> Future[Sector | None]:
        self._thread = self._thread or ThreadPoolExecutor(1, "echoode-sector")
        return self._thread.submit(_look_again, frames, self._source)

    def _take_look(self) -> bool:
        """Take up what the last look found, once its time has come; later ones must be confirmed by the next."""
        if self._look is None:
            return False
        self._wait -= 1
        if self._wait > 0:
            return False
        found, self._look = self._look.result(), None
        if found is None:
            return False
        if _alike(found, self._known()):
            self._other = None
            return False
        if self._looks > len(_FIRST_LOOKS) and (self._other is None or not _alike(found, self._other)):
            self._other = found
            return False
        self._other = None
        self._place(found)
        self._count = 0
        return True

    def _place(self, sector: Sector) -> None:
        self.sector = sector
        self._mask = sector.mask.astype(np.uint8)
        self.fit = Fit.of(sector.box, self._size, self._spacing)
        self._inside = self.fit.to_input(self._mask).astype(bool)


def _look_again(frames: NDArray[np.uint8], source: ClipSource) -> Sector | None:
    """The sector of some frames; None where the picture is frozen, which tells nothing of what moves."""
    return None if (frames == frames[0]).all() else _found(frames, source)


def _alike(first: Sector, second: Sector) -> bool:
    return bool((first.mask & second.mask).sum() >= _SAME * (first.mask | second.mask).sum())


def _bytes(sector: Sector | None) -> NDArray[np.uint8]:
    return np.zeros((0, 0), np.uint8) if sector is None else sector.mask.astype(np.uint8)


def _sector(mask: NDArray[np.generic]) -> Sector | None:
    return Sector.of(np.asarray(mask, bool)) if mask.size else None


def _found(frames: NDArray[np.uint8], source: ClipSource) -> Sector:
    return find_sector(EchoSequence(frames, np.arange(len(frames), dtype=float), source=source))
