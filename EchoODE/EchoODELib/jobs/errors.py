"""What can go wrong with the worker itself; the engine's own errors come through as they are."""

from __future__ import annotations

from ..engine import errors
from ..engine.errors import EchoODEError


class WorkerBusy(EchoODEError):
    """A task was submitted while another one runs."""

    exit_code = 10


class WorkerEnded(EchoODEError):
    """The worker process could not be started, crashed, or was killed."""

    exit_code = 11


class MissingPackage(EchoODEError):
    """A Python package that the engine needs is absent or broken in the worker's Python.

    Attributes
    ----------
    package: the name it is imported by ("torch"), or "".
    """

    exit_code = 12

    def __init__(self, message: str = "", package: str = "") -> None:
        super().__init__(message)
        self.package = package


class UnexpectedFault(EchoODEError):
    """A defect of ours; the message names a log file with the traceback."""

    exit_code = 13


def known_errors() -> dict[str, type[EchoODEError]]:
    """All expected errors by class name."""
    own = (WorkerBusy, WorkerEnded, MissingPackage, UnexpectedFault)
    engine = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, EchoODEError)]
    return {one.__name__: one for one in (*engine, *own)}


def rebuilt(kind: str, message: str, package: str = "") -> EchoODEError:
    """The error that the worker raised, of the same class and with the same sentence."""
    if kind == MissingPackage.__name__:
        return MissingPackage(message, package)
    return known_errors().get(kind, EchoODEError)(message)
