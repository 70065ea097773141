"""What went wrong in the worker, as one sentence for a person."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..engine.errors import DeviceError, EchoODEError, OutputError
from .errors import MissingPackage, UnexpectedFault, WorkerEnded
from .trouble import described, private_texts, write_log

# Names to install by, where they differ from those to import by.
_DISTRIBUTIONS = {
    "torch": "PyTorch (torch)",
    "cv2": "opencv-python-headless (cv2)",
    "PIL": "pillow (PIL)",
    "yaml": "pyyaml (yaml)",
    "nrrd": "pynrrd (nrrd)",
}
_MEMORY = (
    "The memory of the device ran out; close other programs, choose the device cpu, or use a shorter clip or the "
    "fast preset."
)
_GPU = "The GPU reported an error; try again, and choose the device cpu if it comes back."


@dataclass(frozen=True)
class Failure:
    """An error on its way to the owner; ``leaving`` if the process must end after it."""

    error: EchoODEError
    leaving: bool = False

    @property
    def content(self) -> dict[str, str]:
        """Plain values, see :func:`~.errors.rebuilt`."""
        package = self.error.package if isinstance(self.error, MissingPackage) else ""
        return {"kind": type(self.error).__name__, "message": str(self.error), "package": package}


def failure_of(error: Exception, task: object) -> Failure:
    """What to tell of an error; one that nobody expected is logged."""
    if isinstance(error, EchoODEError):
        return Failure(error)
    if isinstance(error, ImportError) and not (error.name or "").startswith("EchoODELib"):
        return Failure(missing(error.name or "", isinstance(error, ModuleNotFoundError)))
    if _is_memory(error):
        return Failure(DeviceError(_MEMORY))
    if isinstance(error, RuntimeError) and ("CUDA" in str(error) or "cuDNN" in str(error)):
        # After such an error every further call to the GPU fails, until a new process starts.
        return Failure(DeviceError(_GPU), leaving=True)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure(OutputError("The disk is full; free some space and try again."))
    log = write_log(f"{type(task).__name__}: {type(error).__name__}", described(error), private_texts(task))
    problem = f"The engine met an unexpected problem ({type(error).__name__})"
    return Failure(UnexpectedFault(f"{problem}; try again, and {report_with(log)}."))


def missing(package: str, absent: bool = True) -> MissingPackage:
    """The error for a package that can't be imported."""
    top = package.split(".")[0]
    name = _DISTRIBUTIONS.get(top, top or "that the engine needs")
    if absent:
        return MissingPackage(f"The package {name} is missing; install it and try again.", top)
    return MissingPackage(f"The package {name} can't be loaded; install it again.", top)


def epitaph(words: str, code: int, tasks: Iterable[object], *, ready: bool) -> EchoODEError:
    """Why a process that had work ended, as far as can be told.

    Parameters
    ----------
    words: the end of what it printed.
    code: that it ended with.
    tasks: that it had.
    ready: whether it had come so far as to take tasks.
    """
    if not ready and (match := re.search(r"ModuleNotFoundError: No module named '([\w.]+)'", words)):
        return missing(match[1])
    if code in (-9, 137):
        return WorkerEnded(
            "The run was ended from outside, most likely because the computer's memory ran out; close other programs "
            "and try again."
        )
    log = write_log(f"The worker process ended with code {code}.", words, set().union(*map(private_texts, tasks)))
    return WorkerEnded(f"The engine's process crashed (code {code}); try again, and {report_with(log)}.")


def report_with(log: Path | None) -> str:
    """The part of a sentence that asks for a report and names the log file, where there is one."""
    return "report it if it comes back" + (f", with the log file {log}" if log else "")


def _is_memory(error: Exception) -> bool:
    text = str(error)
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and ("allocate memory" in text or "out of memory" in text))
    )
