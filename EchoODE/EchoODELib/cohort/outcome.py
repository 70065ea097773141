"""How a clip ended, wherever it was worked on, and which errors end the whole run."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Protocol, TypeVar

from ..engine.errors import EchoODEError, OutputError, RunCancelled, WeightsError
from ..jobs.errors import MissingPackage
from .carry_out import Record
from .errors import ClusterError
from .orders import ClipOrder

TRIES = 2
"""How often a clip is begun at most, if its worker dies or its device fails."""

Stopped = Callable[[], bool]

_LOOK_SECONDS = 0.1
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Outcome:
    """A clip's record, or why there is none.

    Attributes
    ----------
    order: the clip.
    record: once it is done.
    error: else.
    """

    order: ClipOrder
    record: Record | None = None
    error: EchoODEError | None = None

    @property
    def ends_the_run(self) -> bool:
        """Whether every other clip would fail, too: a full disk, a missing model or package."""
        return isinstance(self.error, OutputError | WeightsError | MissingPackage | ClusterError)


class Workers(Protocol):
    """Processes of this machine or of a cluster."""

    def outcomes(self, orders: Sequence[ClipOrder], stopped: Stopped) -> Generator[Outcome, None, None]:
        """Work on the orders and give each one's outcome as it comes.

        Closing the iterator stops what is under way.

        Raises
        ------
        RunCancelled: ``stopped`` said so.
        """


def next_done(done: SimpleQueue[_Item], stopped: Stopped) -> _Item:
    """The next item, waited for with a look now and then whether to stop.

    Raises
    ------
    RunCancelled: ``stopped`` said so.
    """
    while True:
        if stopped():
            raise RunCancelled("The run was stopped.")
        try:
            return done.get(timeout=_LOOK_SECONDS)
        except Empty:
            continue
