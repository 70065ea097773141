"""From a path to the reader that fits its content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import UnreadableClip, UnsuitableClip
from ..sequence import EchoSequence, View
from .calibration import checked_spacing
from .detect import READABLE, Kind, detect
from .timing import given_rate


def read(
    path: Path,
    *,
    view: View | str | None = None,
    spacing: float | Sequence[float] | None = None,
    frame_rate: float | None = None,
) -> EchoSequence:
    """See :func:`EchoODELib.engine.io.read_clip`."""
    wanted, given = named_view(view), checked_spacing(spacing)
    rate = given_rate(frame_rate)
    clip = _read_folder(path, wanted, rate) if path.is_dir() else read_file(path, rate)
    if given is not None:
        clip = clip.with_spacing(given)
    return clip if wanted is None else replace(clip, view=wanted)


def named_view(view: View | str | None) -> View | None:
    """The view that a person names ("A4C", "4CH", View.A4C); raises UnsuitableClip if there is none of that name."""
    if view is None or isinstance(view, View):
        return view
    name = view.strip().upper()
    short = {"4CH": View.A4C, "2CH": View.A2C, "3CH": View.A3C, "ALAX": View.A3C, "UNKNOWN": View.UNKNOWN}
    if name in short:
        return short[name]
    if name in View.__members__:
        return View[name]
    raise UnsuitableClip(f"There is no view {view!r}; give one of {', '.join(known.value for known in View)}.")


def read_file(path: Path, frame_rate: float | None = None) -> EchoSequence:
    """Read one file, whatever it is."""
    kind = detect(path)
    if kind is Kind.DICOM:
        from .dicom import read_dicom

        return read_dicom(path, frame_rate=frame_rate)
    if kind in (Kind.NIFTI, Kind.METAIMAGE):
        from .nifti import read_volume_clip

        return read_volume_clip(path, kind, frame_rate=frame_rate)
    raise UnreadableClip(f"{path.name} is of no known kind; give {READABLE}.")


def _read_folder(path: Path, view: View | None, frame_rate: float | None) -> EchoSequence:
    raise UnreadableClip(f"{path.name} holds no images; give {READABLE}.")
