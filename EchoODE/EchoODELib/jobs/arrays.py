"""Arrays in files, so that they pass between processes without a detour through text."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine.errors import OutputError

Array = NDArray[Any]

# Small enough that a cancel is noticed at once, large enough to write at full speed.
_PIECE = 8 * 1024 * 1024


def write_array(path: Path, array: Array, check: Callable[[], None] = lambda: None) -> None:
    """Write an array as ``.npy``, without a copy where it is contiguous.

    Plain writes rather than a writable mapping: on a full disk a mapping ends the process, a write raises.

    Parameters
    ----------
    check: called between pieces; what it raises ends the writing.

    Raises
    ------
    OutputError: the disk is full, or the folder can't be written.
    """
    whole = np.ascontiguousarray(array)
    try:
        with path.open("wb", buffering=0) as file:
            np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(whole))
            content = whole.reshape(-1).view(np.uint8).data
            while len(content):
                check()
                content = content[file.write(content[:_PIECE]) :]
    except OSError as error:
        raise OutputError(temporary_trouble(path.parent, error)) from error


def read_array(path: Path) -> Array:
    """The array in a file, in memory of its own.

    Raises
    ------
    OSError, ValueError: the file is gone or not whole.
    """
    return np.asarray(np.load(path, allow_pickle=False))


def map_array(path: Path) -> Array:
    """The array in a file, mapped: pages are read as they are used, and changes stay private.

    Raises
    ------
    OSError, ValueError: the file is gone or not whole.
    """
    return np.asarray(np.load(path, mmap_mode="c", allow_pickle=False).view(np.ndarray))


def temporary_trouble(folder: Path, error: OSError) -> str:
    """One sentence on a temporary folder that can't be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk with the temporary folder {folder} is full; free some space and try again."
    reason = (error.strerror or type(error).__name__).lower()
    return f"The temporary folder {folder} can't be written ({reason}); make room there or choose another one."
