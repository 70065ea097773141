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
    if kind is Kind.VIDEO:
        from .video import read_video

        return read_video(path, frame_rate=frame_rate)
    if kind is Kind.NRRD:
        from .nrrd import read_nrrd

        return read_nrrd(path, frame_rate=frame_rate)
    if kind is Kind.IMAGE:
        from .images import read_images

        return read_images([path], path.name, frame_rate=frame_rate)
    from .camus import describe, info_beside
    from .nifti import read_volume_clip

    rate = frame_rate if frame_rate is not None else info_beside(path).frame_rate
    return describe(read_volume_clip(path, kind, frame_rate=rate), path)


def _read_folder(path: Path, view: View | None, frame_rate: float | None) -> EchoSequence:
    """A CAMUS folder, a folder of images, or a folder around one clip."""
    from .camus import is_camus, read_camus
    from .images import images_in, read_images, visible_files

    try:
        if is_camus(path):
            return read_camus(path, view, frame_rate=frame_rate)
        images = images_in(path)
        files = visible_files(path)
    except PermissionError as error:
        raise UnreadableClip(f"The folder {path.name} can't be opened; check that you may read it.") from error
    if images:
        return read_images(images, path.name, frame_rate=frame_rate)
    clips = [file for file in files if _is_clip(file)]
    if len(clips) == 1:
        return read_file(clips[0], frame_rate)
    if clips:
        raise UnreadableClip(f"The folder {path.name} holds {len(clips)} clips; choose one of its files.")
    raise UnreadableClip(f"The folder {path.name} holds no images; give {READABLE}.")


def _is_clip(path: Path) -> bool:
    try:
        detect(path)
    except UnreadableClip:
        return False
    return True
