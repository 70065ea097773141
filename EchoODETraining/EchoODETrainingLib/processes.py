"""The processes of a run: this one's place among those of ``torchrun``, and whether another one still lives."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_OURS = ("EchoODETrainingLib", "echoode")  # one of these stands in the command line of every run
_STILL_ACTIVE, _QUERY_LIMITED_INFORMATION = 259, 0x1000


def rank() -> int:
    """This process's number among those that ``torchrun`` started; 0 for a process alone."""
    return int(os.environ.get("RANK", "0"))


def process_count() -> int:
    """Processes that ``torchrun`` started; 1 for a process alone."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this process is the one that writes and speaks for all."""
    return rank() == 0


def alive(pid: int) -> bool:
    """Whether a run's process of this number exists on this machine."""
    if pid <= 0:
        return False
    if sys.platform == "win32":
        return _alive_windows(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _is_ours(pid)


def _is_ours(pid: int) -> bool:
    """Whether a living process is a run of ours, where the system tells; numbers are used again after a restart."""
    try:
        told = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return True
    return any(name in told for name in _OURS) if told else False  # a zombie has no command line


def _alive_windows(pid: int) -> bool:
    import ctypes

    kernel = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    handle = kernel.OpenProcess(_QUERY_LIMITED_INFORMATION, False, pid)
    if not handle:
        return False
    code = ctypes.c_ulong()
    kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return code.value == _STILL_ACTIVE
