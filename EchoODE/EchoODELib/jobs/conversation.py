"""A task that goes on while messages pass: what its owner says, one by one, and the worker's answer to each.

Arrays in messages go through a few files that are written over again and again, so that a conversation may last for
hours. That is safe because each message is answered, and no more than :data:`MOST_UNANSWERED` wait for theirs.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ..engine.errors import RunCancelled
from ..engine.progress import Monitor
from .arrays import Array, read_array, write_array
from .packing import Plain, pack, unpack

MOST_UNANSWERED = 2
"""Messages on their way or being worked on: one, and the next at hand so that the worker need not wait for it."""


class Mail:
    """One direction of a conversation: packs messages into the folder, each in the place of an answered one.

    Parameters
    ----------
    number: of the job, by which the folder is swept.
    name: of the direction.
    """

    def __init__(self, number: int, name: str) -> None:
        self._stem = f"{name}-{number}"
        self._turn = 0

    def pack(self, value: object, folder: Path) -> Plain:
        """A message as JSON values, its arrays written into the folder.

        Raises
        ------
        OutputError: the temporary folder's disk is full.
        """
        self._turn = (self._turn + 1) % MOST_UNANSWERED
        names: list[str] = []

        def put(array: Array) -> str:
            names.append(f"{self._stem}-said-{self._turn}-{len(names)}.npy")
            write_array(folder / names[-1], array)
            return names[-1]

        return pack(value, put)


def unpack_message(plain: Plain, folder: Path) -> Any:
    """What :meth:`Mail.pack` was given, its arrays in memory of their own: their files will be written over.

    Raises
    ------
    OSError, ValueError: a file is gone or not whole.
    """
    return unpack(plain, lambda name: read_array(folder / name))


class Conversation:
    """The worker's side.

    Parameters
    ----------
    number: of the job.
    folder: that arrays pass through.
    inbox: of what the owner said; None wakes up whoever waits, to see that the task was cancelled.
    send: sends an answer.
    monitor: of the task.
    """

    def __init__(
        self,
        number: int,
        folder: Path,
        inbox: queue.SimpleQueue[Plain],
        send: Callable[[Plain], None],
        monitor: Monitor,
    ) -> None:
        self._folder, self._inbox, self._send, self._monitor = folder, inbox, send, monitor
        self._mail = Mail(number, "out")

    def hear(self) -> Any:
        """What the owner says next; waits for it.

        Raises
        ------
        RunCancelled: the conversation is over.
        """
        plain = self._inbox.get()
        self._monitor.raise_if_cancelled()
        if plain is None:
            raise RunCancelled("The conversation is over.")
        return unpack_message(plain, self._folder)

    def answer(self, value: object) -> None:
        """Answer what was heard last."""
        self._send(self._mail.pack(value, self._folder))


@runtime_checkable
class Talker(Protocol):
    """Runs one type of task that is a conversation; the rest as :class:`~.running.Handler`."""

    def prepare(self, task: Any) -> None:
        """Load what the task needs."""

    def recover(self) -> None:
        """Let go of memory after a failure."""

    def converse(self, task: Any, conversation: Conversation, monitor: Monitor) -> object:
        """Hear and answer until the owner cancels."""
