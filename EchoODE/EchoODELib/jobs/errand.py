"""A job as the worker keeps it: its callbacks, its files, and the way it ended."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.errors import EchoODEError, RunCancelled
from ..engine.progress import Progress
from ..engine.sequence import EchoSequence
from .arrays import Array, read_array, write_array
from .conversation import Mail
from .job import Job
from .packing import pack, unpack
from .shared_folder import SharedFolder
from .tasks import BACKGROUND, Task

if TYPE_CHECKING:
    from .process import WorkerProcess

OnProgress = Callable[[Progress], None]
OnDone = Callable[[Any], None]
OnAnswer = Callable[[Any], None]
OnFailed = Callable[[EchoODEError], None]
OnCancelled = Callable[[], None]


@dataclass(eq=False)
class Errand:
    """A job on its way; changed under the worker's lock.

    Attributes
    ----------
    number: of the job; its files are named by it.
    process: that it was sent to.
    started: the process has taken it up.
    begun: what it needs is loaded, and the work proper runs.
    answered: the process is done with it.
    silent: nobody asked for it.
    resent: it was sent to a second process, since the first ended before it began.
    over: how it ended is known; nothing that comes later counts.
    deadline: time.monotonic at which a cancel that was not answered kills the process.
    stop: set to end the writing of its arrays.
    brought: arrays that were sent, by file name, so that those that come back need not be read.
    mail: packs what is said to it.
    unanswered: messages of a conversation that wait for their answer.
    """

    job: Job
    on_progress: OnProgress | None = None
    on_done: OnDone | None = None
    on_failed: OnFailed | None = None
    on_cancelled: OnCancelled | None = None
    on_answer: OnAnswer | None = None
    number: int = 0
    process: WorkerProcess | None = None
    started: bool = False
    begun: bool = False
    answered: bool = False
    silent: bool = False
    resent: bool = False
    over: bool = False
    deadline: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    brought: dict[str, Array] = field(default_factory=dict)
    mail: Mail | None = None
    unanswered: int = 0

    @property
    def task(self) -> Task:
        """What is to be done."""
        return self.job.task

    @property
    def warms(self) -> bool:
        """Whether nobody waits for it, so that other jobs may follow it."""
        return isinstance(self.task, BACKGROUND)


class SentClips:
    """Frames of clips that lie in the shared folder already, as long as the clip itself lives."""

    def __init__(self) -> None:
        self._names: dict[int, tuple[weakref.ref[Array], Path]] = {}
        self._count = 0
        self._lock = threading.Lock()

    def name_of(self, frames: Array, folder: SharedFolder, check: Callable[[], None]) -> str:
        """The file that holds the frames, written now if they are new."""
        with self._lock:
            for key, (kept, path) in list(self._names.items()):
                if kept() is None or not path.is_file():
                    del self._names[key]
                    folder.discard(path.name)
            if (known := self._names.get(id(frames))) is not None and known[1].parent == folder.path:
                return known[1].name
            self._count += 1
            path = folder.path / f"clip-{self._count}.npy"
        try:
            write_array(path, frames, check)
        except EchoODEError:
            folder.discard(path.name)
            raise
        with self._lock:
            self._names[id(frames)] = (weakref.ref(frames), path)
        return path.name


def pack_task(errand: Errand, folder: SharedFolder, clips: SentClips) -> object:
    """The task as JSON values, its arrays written into the folder.

    Raises
    ------
    OutputError: the temporary folder's disk is full.
    RunCancelled: the errand was stopped meanwhile.
    """
    names: dict[int, str] = {}
    frames = {id(one) for one in _clips_in(errand.task)}

    def check() -> None:
        if errand.stop.is_set():
            raise RunCancelled("The run was cancelled.")

    def put(array: Array) -> str:
        if id(array) not in names:
            check()
            if id(array) in frames:
                name = clips.name_of(array, folder, check)
            else:
                name = f"in-{errand.number}-{len(names)}.npy"
                write_array(folder.path / name, array, check)
            names[id(array)] = name
            errand.brought[name] = array
        return names[id(array)]

    return pack(errand.task, put)


def unpack_result(errand: Errand, plain: object, folder: Path) -> Any:
    """The result, its arrays in memory of their own or those that were sent.

    Raises
    ------
    OSError, ValueError: a file is gone or not whole.
    """

    def get(name: str) -> Array:
        known = errand.brought.get(name)
        return read_array(folder / name) if known is None else known

    return unpack(plain, get)


def _clips_in(task: object) -> list[Array]:
    """The frames of all clips in a task."""
    parts = [getattr(task, name, None) for name in ("sequence", "segmented", "segmentation", "previous")]
    clips = [part if isinstance(part, EchoSequence) else getattr(part, "sequence", None) for part in parts]
    return [clip.frames for clip in clips if isinstance(clip, EchoSequence)]
