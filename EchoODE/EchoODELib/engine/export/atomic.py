"""Files that appear only when they are whole."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import OutputError

# Followed by the number of the process that writes.
_UNFINISHED = ".echoode-"


def write_bytes(path: str | os.PathLike[str], data: bytes) -> Path:
    """Write ``data`` to ``path`` in one step: the old file stays until the new one is complete.

    Raises
    ------
    OutputError: the folder can't be made or written, or the disk is full.
    """
    with atomic_file(path) as unfinished:
        unfinished.write_bytes(data)
    return Path(path)


@contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A path beside ``path``, with the same ending, that is moved into place when the block ends well.

    For writers that want a file name; whatever goes wrong in the block, nothing is left behind.

    Raises
    ------
    OutputError: the folder can't be made or written, or the disk is full.
    """
    target = Path(path)
    if target.is_dir():
        raise OutputError(f"{target} is a folder; give the name of a file.")
    with _beside(target) as folder:
        unfinished = folder / target.name
        yield unfinished
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        unfinished.replace(target)


@contextmanager
def atomic_folder(path: str | os.PathLike[str], ours: str) -> Iterator[Path]:
    """A folder beside ``path`` that takes its place when the block ends well.

    Parameters
    ----------
    ours: regular expression that the names in an existing folder must match in full for it to be replaced, so
        that a folder of other files is never lost.

    Raises
    ------
    OutputError: the folder holds other files, can't be made or written, or the disk is full.
    """
    target = Path(path)
    if target.exists():
        if not target.is_dir():
            raise OutputError(f"{target} is a file; give the name of a folder.")
        if any(not re.fullmatch(ours, entry.name) for entry in target.iterdir()):
            raise OutputError(f"{target} holds other files; give a new folder.")
    with _beside(target) as folder:
        unfinished = folder / "new"
        unfinished.mkdir()
        yield unfinished
        if target.exists():
            target.rename(folder / "old")
        unfinished.rename(target)


def require_writable(path: str | os.PathLike[str]) -> None:
    """Make sure, before long work and without leaving a trace, that ``path`` can be written later.

    Raises
    ------
    OutputError: the nearest folder above that exists is none, or can't be written.
    """
    target = Path(path)
    existing = next((parent for parent in (target, *target.absolute().parents) if parent.exists()), target)
    if existing == target and not target.is_dir():
        existing = target.parent
    try:
        with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=existing):
            pass
    except OSError as error:
        raise OutputError(f"{existing} can't be written to ({_reason(error)}); choose another folder.") from error


def remove_unfinished(folder: str | os.PathLike[str], process: int | None = None) -> None:
    """Remove what a process that was killed left half written in a folder; nothing happens where there is nothing.

    Parameters
    ----------
    process: its number, as ``os.getpid`` gave it there; None for all, where nobody writes.
    """
    for path in Path(folder).glob(f"{_UNFINISHED}{'*' if process is None else process}-*"):
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A hidden folder in the target's own folder (so that a move is one step), gone afterwards."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{_UNFINISHED}{os.getpid()}-", dir=target.parent))
    except OSError as error:
        raise OutputError(f"{target.parent} can't be written to ({_reason(error)}); choose another folder.") from error
    try:
        yield folder
    except OSError as error:
        raise OutputError(f"{target.name} could not be written ({_reason(error)}); nothing of it was kept.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
