"""Folders in the layout of the public CAMUS data set.

A patient's folder holds, for each view, ``patientXXXX_4CH_ED``, ``_ES`` and ``_half_sequence`` (or
``_sequence``) as NIfTI or MetaImage, their masks with ``_gt`` behind, and ``Info_4CH.cfg`` with the frames of ED
and ES counted from 1. Source: Leclerc et al., IEEE TMI 38:2198 (2019), and the data set's own description.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UnreadableClip, UnsuitableMask
from ..sequence import ClipSource, EchoSequence, View
from .detect import detect
from .nifti import Volume, gray_of, load_volume, trusted_spacing
from .timing import plausible_rate, regular_times

_NAME = re.compile(
    r"(?P<patient>.+?)_(?P<view>[234]CH)_(?P<part>ED|ES|half_sequence|sequence)(?P<mask>_gt)?\.(nii(\.gz)?|mhd|mha)$",
    re.IGNORECASE,
)
_VIEWS = {"4CH": View.A4C, "2CH": View.A2C, "3CH": View.A3C}
# ED to ES lasts about a third of a second at rest; taken where the folder doesn't say.
_ASSUMED_SYSTOLE = 0.33


@dataclass(frozen=True)
class Info:
    """What ``Info_4CH.cfg`` says: frames 0-based, rate in Hz, EF in percent; None where it says nothing usable."""

    ed_frame: int | None = None
    es_frame: int | None = None
    frame_rate: float | None = None
    ejection_fraction: float | None = None


def view_of(path: Path) -> View:
    """The view that a file name in the CAMUS layout tells."""
    match = _NAME.match(path.name)
    return _VIEWS[match["view"].upper()] if match else View.UNKNOWN


def info_beside(path: Path) -> Info:
    """The Info file that belongs to an image in the CAMUS layout; empty where there is none."""
    match = _NAME.match(path.name)
    return _info(path.parent, match["view"].upper()) if match else Info()


def describe(clip: EchoSequence, path: Path) -> EchoSequence:
    """Add view, ED and ES to a single file of the layout."""
    match = _NAME.match(path.name)
    if not match:
        return clip
    info, part, source = info_beside(path), match["part"].lower(), clip.source
    if part == "ed":
        source = replace(source, ed_frame=0)
    elif part == "es":
        source = replace(source, es_frame=0)
    else:
        source = _marked(source, info, len(clip))
    return replace(clip, view=view_of(path), source=source)


def is_camus(folder: Path) -> bool:
    """Whether a folder holds images (not only masks) in the CAMUS layout."""
    return any(parts for parts in _parts(folder, mask=False).values())


def read_camus(folder: Path, view: View | None, *, frame_rate: float | None = None) -> EchoSequence:
    """Read one view of a patient's folder: its sequence if it is there, else ED and ES as a clip of two frames.

    Raises
    ------
    UnreadableClip: the view is not there, or a file is damaged.
    """
    notes: list[str] = []
    name, parts = _chosen(folder, view, mask=False, notes=notes)
    info = _info(folder, name)
    rate = frame_rate if frame_rate is not None else info.frame_rate
    whole = parts.get("half_sequence") or parts.get("sequence")
    if whole is not None:
        volume = _load(whole)
        source = _marked(ClipSource(), info, len(volume.values))
        times = regular_times(len(volume.values), rate or _rate_of(volume), notes)
    else:
        volume, source = _pair(folder, parts)
        times = _pair_times(volume, source, info, rate, notes)
    gray = gray_of(volume.values, notes)
    spacing = trusted_spacing(volume, notes)
    source = replace(source, name=folder.name, format="CAMUS folder", notes=tuple(notes))
    return EchoSequence(gray.stack(), times, spacing, _VIEWS[name], source)


def read_camus_masks(folder: Path, view: View | None, frames: int | None) -> NDArray[np.generic]:
    """The masks of a patient's folder, (T, H, W): of the sequence, or of ED and ES.

    ``frames`` is the number of the clip's frames, which chooses between the two; None takes what is there.
    """
    _, parts = _chosen(folder, view, mask=True, notes=[])
    pair = [parts[part] for part in ("ed", "es") if part in parts]
    whole = parts.get("half_sequence") or parts.get("sequence")
    if whole is not None and (frames is None or frames > len(pair)):
        return _load(whole).values
    volumes = [_load(path) for path in pair]
    if not volumes or any(volume.values.shape != volumes[0].values.shape for volume in volumes):
        raise UnsuitableMask(f"The masks in {folder.name} differ in size; give one file.")
    return np.concatenate([volume.values for volume in volumes])


def _parts(folder: Path, *, mask: bool) -> dict[str, dict[str, Path]]:
    """View name to part to file."""
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        match = _NAME.match(path.name)
        if match and path.is_file() and bool(match["mask"]) == mask:
            found.setdefault(match["view"].upper(), {})[match["part"].lower()] = path
    return found


def _chosen(folder: Path, view: View | None, *, mask: bool, notes: list[str]) -> tuple[str, dict[str, Path]]:
    found = _parts(folder, mask=mask)
    names = {known: name for name, known in _VIEWS.items()}
    if view is not None and view is not View.UNKNOWN:
        name = names.get(view, "")
        if name not in found:
            raise UnreadableClip(
                f"{folder.name} holds no {'masks of ' if mask else ''}{view.value}; it has "
                f"{', '.join(_VIEWS[known].value for known in _VIEWS if known in found) or 'none'}."
            )
        return name, found[name]
    if not found:
        raise UnreadableClip(f"{folder.name} holds no {'masks' if mask else 'images'} in the CAMUS layout.")
    name = next(known for known in _VIEWS if known in found)
    if len(found) > 1:
        notes.append(f"The folder holds {len(found)} views; {_VIEWS[name].value} was read.")
    return name, found[name]


def _load(path: Path) -> Volume:
    return load_volume(path, detect(path))


def _pair(folder: Path, parts: dict[str, Path]) -> tuple[Volume, ClipSource]:
    volumes = {part: _load(parts[part]) for part in ("ed", "es") if part in parts}
    first = next(iter(volumes.values()))
    if any(volume.values.shape != first.values.shape for volume in volumes.values()):
        raise UnreadableClip(f"ED and ES in {folder.name} differ in size; give images of one clip.")
    values = np.concatenate([volume.values for volume in volumes.values()])
    order = list(volumes)
    source = ClipSource(
        ed_frame=order.index("ed") if "ed" in order else None, es_frame=order.index("es") if "es" in order else None
    )
    return replace(first, values=values), source


def _pair_times(
    volume: Volume, source: ClipSource, info: Info, rate: float | None, notes: list[str]
) -> NDArray[np.float64]:
    if len(volume.values) < 2:
        return np.zeros(1)
    notes.append("The folder holds ED and ES only; the clip has these two frames.")
    if rate and info.ed_frame is not None and info.es_frame is not None and info.ed_frame != info.es_frame:
        return np.array([0.0, abs(info.es_frame - info.ed_frame) / rate])
    notes.append(f"The time from ED to ES is not given; {_ASSUMED_SYSTOLE:g} s is assumed.")
    return np.array([0.0, _ASSUMED_SYSTOLE])


def _rate_of(volume: Volume) -> float | None:
    return 1.0 / volume.frame_time if volume.frame_time else None


def _marked(source: ClipSource, info: Info, count: int) -> ClipSource:
    """ED and ES as the Info file says; where it doesn't, a sequence of the layout runs from ED to ES."""
    ed, es = info.ed_frame, info.es_frame
    if ed is None or es is None:
        ed, es = 0, count - 1
    if not (0 <= ed < count and 0 <= es < count) or ed == es:
        return source
    return replace(source, ed_frame=ed, es_frame=es)


def _info(folder: Path, view: str) -> Info:
    path = next((file for file in folder.iterdir() if file.name.lower() == f"info_{view.lower()}.cfg"), None)
    if path is None:
        return Info()
    fields = dict(re.findall(r"^\s*(\w+)\s*[:=]\s*(\S+)", path.read_text(errors="replace"), re.MULTILINE))
    rate = _number(fields.get("FrameRate"))
    ed, es, fraction = (_number(fields.get(name)) for name in ("ED", "ES", "EF"))
    return Info(
        None if ed is None else int(ed) - 1,
        None if es is None else int(es) - 1,
        rate if rate is not None and plausible_rate(rate) else None,
        fraction if fraction is not None and 0 < fraction < 100 else None,
    )


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and np.isfinite(value) else None
