"""The private temporary folder that arrays pass through, gone when its owner is."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from ..engine.errors import OutputError
from .arrays import temporary_trouble

_PREFIX = "echoode-jobs-"
_LOCK = "owner.lock"
# A folder younger than this may be one that its owner has made but not locked yet.
_SETTLED_SECONDS = 60.0


class SharedFolder:
    """A folder that only this user can read.

    Its owner holds a lock in it, which the system lets go of however the owner ends; folders whose lock is free
    are left-overs of a crash and removed when the next one is made.

    Parameters
    ----------
    parent: where to make it; the system's temporary folder by default.

    Raises
    ------
    OutputError: it can't be made.
    """

    def __init__(self, parent: Path | None = None) -> None:
        base = Path(tempfile.gettempdir() if parent is None else parent)
        remove_stale(base)
        try:
            self.path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
            self._lock: IO[bytes] = (self.path / _LOCK).open("wb")
        except OSError as error:
            raise OutputError(temporary_trouble(base, error)) from error
        hold(self._lock)

    @property
    def exists(self) -> bool:
        """Whether it is still there: systems tidy their temporary folders in long sessions."""
        return self.path.is_dir()

    def discard(self, name: str) -> None:
        """Remove a file; one that another process has open (on Windows) is left for later."""
        try:
            (self.path / name).unlink()
        except OSError:
            return

    def sweep(self, active: Iterable[int]) -> None:
        """Remove the files that came and went with jobs (``in-NUMBER-…``, ``out-NUMBER-…``), but for active ones."""
        kept = {str(number) for number in active}
        for path in self.path.glob("*-*-*.npy"):
            if path.name.split("-")[1] not in kept:
                self.discard(path.name)

    def remove(self) -> None:
        """Remove it and everything in it."""
        self._lock.close()
        shutil.rmtree(self.path, ignore_errors=True)


def remove_stale(parent: Path) -> None:
    """Remove folders whose owners have ended without doing so."""
    for folder in parent.glob(f"{_PREFIX}*"):
        try:
            if time.time() - folder.stat().st_mtime < _SETTLED_SECONDS:
                continue
            with (folder / _LOCK).open("ab") as lock:
                if not hold(lock):
                    continue
        except OSError:  # another user's, or being removed right now
            continue
        shutil.rmtree(folder, ignore_errors=True)


def hold(lock: IO[bytes]) -> bool:
    """Take the lock, if it is free."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
