"""Sequences in: :func:`read_clip` and :func:`read_mask`, which find the reader by the file's content."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from ..sequence import EchoSequence, View

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["read_clip", "read_mask"]


def read_clip(
    path: str | PathLike[str],
    *,
    view: View | str | None = None,
    spacing: float | Sequence[float] | None = None,
    frame_rate: float | None = None,
) -> EchoSequence:
    """Read a clip from a file or folder.

    Parameters
    ----------
    path: DICOM, AVI, MP4, GIF (or another video), NIfTI, MetaImage, NRRD, ``.seq.nrrd``, one image, a folder of
        images, or a patient's folder in the CAMUS layout. The content decides, not the ending.
    view: the view shown, where it is known; in a CAMUS folder it chooses between the views.
    spacing: mm per pixel, one number or (row, column); it goes before what the file says.
    frame_rate: frames per second; it goes before what the file says.

    Returns
    -------
    EchoSequence with frames (T, H, W) uint8 in the file's own pixels. Clips of one frame are read; it is the
    tasks that refuse them. What was doubted or changed is in ``source.notes``.

    Raises
    ------
    UnreadableClip: missing, empty, truncated, damaged, of an unknown kind, or without a decoder.
    UnsuitableClip: a spacing, frame rate or view that can't be.
    """
    from .reading import read

    return read(Path(fspath(path)), view=view, spacing=spacing, frame_rate=frame_rate)


def read_mask(
    path: str | PathLike[str], *, shape: tuple[int, ...], view: View | str | None = None
) -> NDArray[np.uint8]:
    """Read the mask of one frame or of a whole clip.

    Parameters
    ----------
    path: NIfTI, MetaImage, NRRD, ``.seg.nrrd``, ``.seq.nrrd``, an image, a folder of images, or a CAMUS folder.
    shape: of the clip's frames (H, W), or of the whole clip (T, H, W); the mask must fit it.
    view: chooses between the views of a CAMUS folder.

    Returns
    -------
    (H, W) uint8 for one frame or (T, H, W) for several, of :class:`~..sequence.Label` values. A mask of one
    value only (1 or 255) is the LV.

    Raises
    ------
    UnreadableClip: missing, empty or damaged file.
    UnsuitableMask: another size, no labelled pixel, or labels that aren't known.
    """
    from .masks import read

    return read(Path(fspath(path)), shape=tuple(shape), view=view)
