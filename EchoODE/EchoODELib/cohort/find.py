"""The clips below a folder, by content: one a file, a folder of images, or a view of a CAMUS patient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from ..engine.errors import UnreadableClip
from ..engine.io.camus import is_camus, view_of
from ..engine.io.detect import READABLE, Kind, detect
from ..engine.io.images import natural_order
from ..engine.sequence import View
from .register import REGISTER

# Named so, a file is taken for a clip unread: one that is empty or damaged must show up among the failures.
_CLIPS = (".dcm", ".avi", ".mp4", ".mov", ".wmv", ".mkv", ".gif", ".nii", ".nii.gz", ".mhd", ".mha", ".nrrd", ".nhdr")
_IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_NO_CLIPS = ("dicomdir", ".seg.nrrd")


@dataclass(frozen=True)
class FoundClip:
    """A clip that nobody has read yet.

    Attributes
    ----------
    path: absolute.
    name: below the folder that was searched, with slashes.
    view: of a folder that holds several, to be read one by one; None otherwise.
    source: (bytes, seconds): size and time of change of its files.
    """

    path: Path
    name: str
    view: View | None
    source: tuple[int, int]


@dataclass
class Found:
    """What was found below a folder, in natural order; ``closed`` are folders that could not be looked into."""

    clips: list[FoundClip] = field(default_factory=list)
    closed: list[Path] = field(default_factory=list)


def find_clips(
    folder: Path, *, match: str | None = None, view: View | None = None, leave_out: Path | None = None
) -> Found:
    """Look for clips in a folder and all folders below it; hidden ones are passed over.

    Parameters
    ----------
    folder: holds files, or is itself a folder of images or a CAMUS patient.
    match: shell pattern for the name, or the path below the folder, of the clips wanted.
    view: of a CAMUS folder, only this one.
    leave_out: a folder that is not searched. Folders that hold a cohort's results never are.

    Raises
    ------
    UnreadableClip: no such folder, one that can't be opened, or no clip in it.
    """
    if not folder.is_dir():
        what = "is a file; give the folder around it" if folder.exists() else "does not exist; check the path"
        raise UnreadableClip(f"{folder} {what}.")
    search = _Search(folder.absolute(), view, None if leave_out is None else leave_out.resolve())
    found = Found(closed=search.closed)
    for clip in search.below(search.top):
        names = (clip.path.name, clip.name)
        if match is None or any(fnmatch(name, match) for name in names):
            found.clips.append(clip)
    if search.top in found.closed:
        raise UnreadableClip(f"The folder {folder} can't be opened; check that you may read it.")
    if not found.clips:
        such = f" like {match}" if match else ""
        raise UnreadableClip(f"There is no clip{such} in {folder}; give a folder that holds {READABLE}.")
    return found


@dataclass
class _Search:
    top: Path
    view: View | None
    leave_out: Path | None
    closed: list[Path] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)

    def below(self, folder: Path) -> Iterator[FoundClip]:
        real = folder.resolve()
        if real in self.seen or real == self.leave_out or (folder / REGISTER).is_file():
            return  # links may lead in circles
        self.seen.add(real)
        try:
            entries = [entry for entry in sorted(folder.iterdir(), key=natural_order) if entry.name[0] != "."]
            files = [entry for entry in entries if entry.is_file()]
            patient = is_camus(folder)
        except OSError:
            self.closed.append(folder)
            return
        if patient:
            views = {view_of(path) for path in files}
            for view in (View.A4C, View.A2C, View.A3C):
                if view in views and self.view in (None, View.UNKNOWN, view):
                    yield self._clip(folder, files, view)
        else:
            clips = [path for path in files if _is_clip(path)]
            yield from (self._clip(path, [path]) for path in clips)
            # Images beside clips are their thumbnails; where there is nothing else, they are frames.
            if not clips and any(path.suffix.lower() in _IMAGES or _kind(path) is Kind.IMAGE for path in files):
                yield self._clip(folder, files)
        for entry in entries:
            if entry.is_dir():
                yield from self.below(entry)

    def _clip(self, path: Path, files: list[Path], view: View | None = None) -> FoundClip:
        name = path.relative_to(self.top).as_posix()
        states = [file.stat() for file in files]
        source = sum(one.st_size for one in states), max(int(one.st_mtime) for one in states)
        return FoundClip(path, path.name if name == "." else name, view, source)


def _is_clip(path: Path) -> bool:
    name = path.name.lower()
    if name.endswith(_NO_CLIPS):
        return False
    if name.endswith(_CLIPS):
        return True
    return not name.endswith(_IMAGES) and _kind(path) not in (None, Kind.IMAGE)


def _kind(path: Path) -> Kind | None:
    try:
        return detect(path)
    except UnreadableClip:
        return None
