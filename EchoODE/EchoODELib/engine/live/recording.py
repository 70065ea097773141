"""A live session kept on disk as it runs, raw, and written in a known format when it has ended."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ... import __version__
from ..errors import OutputError, UnsuitableClip
from ..sequence import ClipSource, EchoSequence, Provenance, SegmentedSequence, View


class Recording:
    """Takes frames and masks as they come; use it in a ``with`` block, after which nothing of it is left.

    Writing a frame costs some hundred microseconds. Nothing is encoded while the session runs: that would take the
    time that masks are made in.

    Parameters
    ----------
    folder: where there is room; the frames lie there in a hidden folder until the block ends.

    Raises
    ------
    OutputError: the folder can't be written.
    """

    def __init__(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._folder = tempfile.TemporaryDirectory(prefix=".echoode-live-", dir=folder)
        except OSError as error:
            raise OutputError(f"{folder} can't be written to; choose another folder.") from error
        self._files: list[BinaryIO] = [(Path(self._folder.name) / name).open("wb") for name in ("frames", "masks")]
        self._times: list[float] = []
        self._shape = (0, 0)

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files:
            file.close()
        self._folder.cleanup()

    def __len__(self) -> int:
        return len(self._times)

    def add(self, frame: NDArray[np.uint8], mask: NDArray[np.uint8], time: float) -> None:
        """Keep a frame and its mask, both (H, W); a step back in time is left out.

        Raises
        ------
        OutputError: the disk is full.
        """
        if self._times and (time <= self._times[-1] or frame.shape != self._shape):
            return
        self._shape = (frame.shape[0], frame.shape[1])
        try:
            for file, picture in zip(self._files, (frame, mask), strict=True):
                file.write(np.ascontiguousarray(picture, np.uint8).data)
        except OSError as error:
            raise OutputError("The recording fills the disk; record less, or to another disk.") from error
        self._times.append(time)

    def clip(
        self, spacing: tuple[float, float] | None, view: View, source: ClipSource, provenance: Provenance
    ) -> SegmentedSequence:
        """What was recorded, its frames and masks still on disk: good until the ``with`` block ends.

        Raises
        ------
        UnsuitableClip: no frame was recorded.
        """
        if not self._times:
            raise UnsuitableClip("Nothing was recorded: no frame came.")
        for file in self._files:
            file.flush()
        shape = (len(self._times), *self._shape)
        frames, masks = (np.memmap(file.name, np.uint8, "r", shape=shape) for file in self._files)
        return SegmentedSequence(EchoSequence(frames, np.array(self._times), spacing, view, source), masks, provenance)


def live_provenance(model: str, sha256: str, device: str, settings: dict[str, object]) -> Provenance:
    """How live masks were made."""
    return Provenance("live", model, sha256, settings, __version__, device)
