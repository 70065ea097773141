"""Recordings with what is known of each as a whole, decoded once into files that are mapped into memory.

Networks of whole clips see thousands of videos again and again, two clips of each at a time. Decoding them takes far
longer than that: so each is decoded once, cut to its sector and kept as plain pixels, of which only those that a clip
shows are read, and which all processes of a machine share.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
from EchoODELib.engine.errors import UnsuitableClip
from EchoODELib.engine.export.atomic import write_bytes
from EchoODELib.engine.sequence import View
from numpy.typing import NDArray

from .base import SPLITS, DataSet, Entry
from .clips import LabelledClip

_VERSION = 1  # rises when what is kept of an equal clip changes


@dataclass(frozen=True)
class Recording:
    """A recording, cut to its sector.

    Attributes
    ----------
    name, patient, kind, spacing, view: as of a :class:`~.clips.LabelledClip`.
    frames: (T, h, w) uint8, black outside the sector; may lie on disk.
    times: (T,) seconds.
    sector: (h, w) bool.
    ejection_fraction: percent, or None.
    infarction: whether there is one, or None.
    """

    name: str
    patient: str
    kind: str
    frames: NDArray[np.uint8]
    times: NDArray[np.float64]
    sector: NDArray[np.bool_]
    spacing: tuple[float, float] | None
    view: View
    ejection_fraction: float | None
    infarction: bool | None

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(row0, row1, column0, column1), half-open: all of it."""
        return 0, self.frames.shape[1], 0, self.frames.shape[2]

    @property
    def masks(self) -> NDArray[np.uint8]:
        """(T, h, w): none are known; takes no memory."""
        return np.broadcast_to(np.uint8(0), self.frames.shape)

    @property
    def nbytes(self) -> int:
        """Of memory that it holds, besides what the system keeps of files and can let go."""
        return 0 if isinstance(self.frames, np.memmap) else self.frames.nbytes

    def wanted(self, task: str) -> float:
        """What a network for ``task`` should say: percent, or 1 for yes and 0 for no.

        Raises
        ------
        UnsuitableClip: it isn't known.
        """
        known = self.infarction if task == "infarction" else self.ejection_fraction
        if known is None or not np.isfinite(known):
            raise UnsuitableClip(f"{self.name}: its {task.replace('_', ' ')} is not known; leave it out.")
        return float(known)


class Recordings(DataSet):
    """The recordings of another data set.

    Parameters
    ----------
    inner: the other data set.
    cache: folder in which they are kept; delete it where files of ``inner`` were replaced by others of equal names.
    options: that ``inner`` was opened with, as far as its clips depend on them.
    longest: px, of the longer side of what is kept; larger frames are shrunk.
    """

    kind: ClassVar[str] = "recordings"
    layout: ClassVar[str] = "another data set"

    def __init__(self, inner: DataSet, cache: Path, *, options: Mapping[str, Any], longest: int) -> None:
        self.inner, self.cache, self.options, self.longest = inner, cache, dict(options), longest
        super().__init__(inner.folder)
        self.skipped = inner.skipped
        # What people read names the data that they know.
        self.kind, self.layout, self.made = inner.kind, inner.layout, inner.made  # type: ignore[misc]

    def find(self) -> Iterable[Entry]:
        """The other's entries."""
        for split in SPLITS:
            yield from self.inner.entries(split)

    def read(self, entry: Entry) -> Recording:  # type: ignore[override]
        """The recording, from the disk where it is kept."""
        told = [_VERSION, self.inner.kind, str(self.folder), entry.name, self.options, self.longest]
        mark = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]
        place = self.cache / f"{re.sub(r'[^A-Za-z0-9.-]+', '_', entry.name)}-{mark}"
        kept = _kept(place)
        if kept is None:
            write_recording(place, as_recording(self.inner.load(entry), self.longest))
            kept = _kept(place)
            assert kept is not None
        return kept


def as_recording(clip: LabelledClip, longest: int) -> Recording:
    """A clip cut to its sector and shrunk to ``longest`` px where it is larger."""
    row0, row1, column0, column1 = clip.box
    sector = clip.sector[row0:row1, column0:column1]
    frames = np.where(sector, clip.frames[:, row0:row1, column0:column1], np.uint8(0))
    spacing = clip.spacing
    shrink = longest / max(sector.shape)
    if shrink < 1:
        rows, columns = (max(1, round(side * shrink)) for side in sector.shape)
        if spacing is not None:
            spacing = spacing[0] * sector.shape[0] / rows, spacing[1] * sector.shape[1] / columns
        size = (columns, rows)
        frames = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames])
        sector = cv2.resize(sector.astype(np.uint8), size, interpolation=cv2.INTER_AREA).astype(bool)
    return Recording(
        name=clip.name,
        patient=clip.patient,
        kind=clip.kind,
        frames=frames,
        times=clip.times,
        sector=sector,
        spacing=spacing,
        view=clip.view,
        ejection_fraction=clip.ejection_fraction,
        infarction=clip.infarction,
    )


_PLAIN = ("name", "patient", "kind", "ejection_fraction", "infarction")


def write_recording(place: Path, recording: Recording) -> None:
    """Write ``place``.npy, the pixels, and then ``place``.npz, all else: with it the recording is whole.

    Raises
    ------
    OutputError: the folder can't be written to.
    """
    held = io.BytesIO()
    np.save(held, np.ascontiguousarray(recording.frames))
    write_bytes(place.with_name(f"{place.name}.npy"), held.getvalue())
    facts = {key: getattr(recording, key) for key in _PLAIN}
    facts |= {"view": recording.view.value, "spacing": recording.spacing}
    held = io.BytesIO()
    np.savez_compressed(held, facts=np.array(json.dumps(facts)), times=recording.times, sector=recording.sector)
    write_bytes(place.with_name(f"{place.name}.npz"), held.getvalue())


def _kept(place: Path) -> Recording | None:
    """What :func:`write_recording` wrote, its pixels on disk; None where it isn't there, or is damaged."""
    try:
        with np.load(place.with_name(f"{place.name}.npz"), allow_pickle=False) as file:
            facts, times, sector = json.loads(str(file["facts"])), file["times"], file["sector"]
        frames = np.load(place.with_name(f"{place.name}.npy"), mmap_mode="r", allow_pickle=False)
        spacing = tuple(facts.pop("spacing") or ()) or None
        view = View(facts.pop("view"))
        return Recording(**facts, frames=frames, times=times, sector=sector, spacing=spacing, view=view)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None
