"""What the worker does in threads: starting processes, sending tasks, taking answers, killing what hangs."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from ..engine.errors import EchoODEError, RunCancelled
from ..engine.progress import Progress
from .conversation import MOST_UNANSWERED, Mail, unpack_message
from .errand import Errand, SentClips, pack_task, unpack_result
from .errors import WorkerEnded, rebuilt
from .failure import epitaph
from .job import Job, WorkerState
from .process import Message, WorkerProcess, default_command, default_environment
from .shared_folder import SharedFolder
from .tasks import Export, WarmUp

# A cancel is answered within this time, or the process is killed.
CANCEL_SECONDS = 0.35
# A process younger than this that does not answer is loading packages; an older one hangs.
LOADING_SECONDS = 20.0
_UNREADABLE = "The result could not be read back; free memory and disk space, then try again."

Event = tuple[Errand, str, Any]


class Dispatch:
    """Brings errands to a process and their answers back as events; safe to use from any thread.

    Attributes
    ----------
    warm: what a process that replaces a killed one loads at once.
    arrived: set when an event is there.
    """

    def __init__(
        self, command: Sequence[str] | None, environment: Mapping[str, str] | None, temporary: Path | None
    ) -> None:
        self.warm: WarmUp | None = None
        self.arrived = threading.Event()
        self._command, self._environment, self._temporary = command, environment, temporary
        self._lock = threading.RLock()
        self._starting = threading.Lock()
        self._process: WorkerProcess | None = None
        self._folder: SharedFolder | None = None
        self._clips = SentClips()
        self._errands: dict[int, Errand] = {}
        self._numbers = count(1)
        self._events: deque[Event] = deque()
        self._round = 0  # grows with every close

    @property
    def state(self) -> WorkerState:
        """See :class:`WorkerState`."""
        with self._lock:
            if any(not errand.warms for errand in self._errands.values()):
                return WorkerState.BUSY
            if any(not errand.over for errand in self._errands.values()):
                return WorkerState.STARTING
            if self._process is None or not self._process.alive:
                return WorkerState.STOPPED
            return WorkerState.IDLE if self._process.idle else WorkerState.STARTING

    def active(self) -> list[Errand]:
        """Errands whose end was not called back yet."""
        with self._lock:
            return list(self._errands.values())

    def enter(self, errand: Errand) -> None:
        """Take an errand and send it on its way."""
        with self._lock:
            errand.number = next(self._numbers)
            self._errands[errand.number] = errand
        self._launch(errand)

    def leave(self, errand: Errand) -> None:
        """Forget an errand whose end is called back."""
        with self._lock:
            self._errands.pop(errand.number, None)

    def next_event(self) -> Event | None:
        """The next thing to call back for; of reports of progress only the latest."""
        with self._lock:
            while self._events:
                event = self._events.popleft()
                if event[1] != "progress" or all(other[0] is not event[0] for other in self._events):
                    return event
            return None

    def hears(self, errand: Errand) -> bool:
        """Whether a conversation has begun, and not too many messages wait for their answers."""
        with self._lock:
            lasts = errand.begun and not errand.over and errand.deadline is None
            return lasts and errand.unanswered < MOST_UNANSWERED

    def say(self, errand: Errand, value: object) -> None:
        """Send a message of a conversation that hears."""
        with self._lock:
            process, folder = errand.process, self._folder
            if process is None or folder is None or not self.hears(errand):
                return
            if errand.mail is None:
                errand.mail = Mail(errand.number, "in")
            try:
                content = errand.mail.pack(value, folder.path)
            except EchoODEError as error:
                self._break_off(errand, error)
                return
            errand.unanswered += 1
            process.send({"do": "say", "job": errand.number, "content": content})

    def cancel(self, errand: Errand) -> None:
        """Ask the process to leave an errand, and see to it that it has ended in time."""
        with self._lock:
            errand.deadline = time.monotonic() + CANCEL_SECONDS
            errand.stop.set()
            if errand.process is not None:
                errand.process.send({"do": "cancel", "job": errand.number})
        timer = threading.Timer(CANCEL_SECONDS, self.expire, (errand,))
        timer.daemon = True
        timer.start()

    def expire(self, errand: Errand) -> None:
        """Kill the process of an errand whose cancel was not answered in time, and start the next one."""
        with self._lock:
            if errand.over or errand.deadline is None or time.monotonic() < errand.deadline - 0.005:
                return
            self._end(errand, "cancelled", None)
            process = errand.process
            if process is None or errand.answered:
                return
            if not errand.begun and time.monotonic() - process.born < LOADING_SECONDS:
                return  # it loads what the next task needs, too, and has been told to leave this one
            if self._process is process:
                self._process = None
            process.kill()
            others = [one for one in self._errands.values() if one.process is process and not one.over]
            for one in others:
                one.process, one.started, one.begun = None, False, False
        for one in others:
            self._launch(one)
        if not others and self.warm is not None:
            self.enter(Errand(Job(self.warm), silent=True))

    def close(self) -> None:
        """End the process and all errands, and remove the folder."""
        with self._lock:
            self._round += 1
            for errand in self.active():
                self._end(errand, "cancelled", None)
            process, self._process = self._process, None
            folder, self._folder = self._folder, None
        if process is not None:
            process.kill()
            process.wait(2.0)
            process.tidy()
        if folder is not None:
            folder.remove()

    def received(self, process: WorkerProcess, message: Message) -> None:
        """Take a message of the process."""
        with self._lock:
            errand = self._errands.get(message.get("job", 0))
            folder = self._folder
        if errand is None or errand.process is not process or errand.over:
            return
        match message["event"]:
            case "started":
                errand.started = True
            case "begun":
                errand.begun = True
            case "progress":
                self._tell(errand, "progress", Progress(*message["progress"]))
            case "said" if folder is not None:
                self._answered(errand, message["content"], folder)
            case "cancelled":
                self._end(errand, "cancelled", None)
            case "failed":
                self._end(errand, "failed", rebuilt(**message["error"]))
            case "done" if folder is not None:
                errand.answered = True
                try:
                    result = unpack_result(errand, message["result"], folder.path)
                except (OSError, ValueError, MemoryError):
                    self._end(errand, "failed", WorkerEnded(_UNREADABLE))
                else:
                    self._end(errand, "done", result)

    def _answered(self, errand: Errand, content: object, folder: SharedFolder) -> None:
        """Take an answer of a conversation."""
        try:
            value = unpack_message(content, folder.path)
        except (OSError, ValueError, MemoryError):
            self._break_off(errand, WorkerEnded(_UNREADABLE))
            return
        with self._lock:
            errand.unanswered -= 1
            self._tell(errand, "answer", value)

    def _break_off(self, errand: Errand, error: EchoODEError) -> None:
        """End a conversation in which something went wrong on this side."""
        if errand.process is not None:
            errand.process.send({"do": "cancel", "job": errand.number})
        self._end(errand, "failed", error)

    def ended(self, process: WorkerProcess, code: int) -> None:
        """Take note that the process is gone: its jobs fail, those that it had not begun get another process."""
        with self._lock:
            if self._process is process:
                self._process = None
            mine = [errand for errand in self._errands.values() if errand.process is process and not errand.over]
            lost = [errand for errand in mine if errand.started or errand.resent]
            again = [errand for errand in mine if errand not in lost]
            for errand in again:
                errand.process, errand.resent = None, True
        if lost:
            error = epitaph(process.last_words(), code, [errand.task for errand in lost], ready=process.ready)
            for errand in lost:
                self._end(errand, "failed", error)
        for errand in again:
            self._launch(errand)
        process.tidy()
        with self._lock:
            if self._folder is not None:
                self._folder.discard(process.log.name)
                self._folder.sweep(self._errands)

    def _launch(self, errand: Errand) -> None:
        threading.Thread(target=self._send, args=(errand,), name="EchoODE task", daemon=True).start()

    def _send(self, errand: Errand) -> None:
        """Bring a task to a process, one that is started now if there is none."""
        try:
            folder, process = self._ready()
            plain = pack_task(errand, folder, self._clips)
        except RunCancelled:
            self._end(errand, "cancelled", None)
            return
        except EchoODEError as error:
            self._end(errand, "failed", error)
            return
        with self._lock:
            if errand.over or errand.stop.is_set():
                self._end(errand, "cancelled", None)
                return
            errand.process = process
            if isinstance(errand.task, Export):
                process.exports.append(errand.task.folder)
            process.send({"do": "run", "job": errand.number, "folder": str(folder.path), "task": plain})
            gone = not process.alive
        if gone:  # it ended before this errand was its own: nobody else will notice
            self.ended(process, 0)

    def _ready(self) -> tuple[SharedFolder, WorkerProcess]:
        """A folder and a process, made where there is none."""
        with self._starting:
            with self._lock:
                folder, process, current = self._folder, self._process, self._round
            if folder is not None and not folder.exists:
                folder.remove()
                folder = None
            if folder is None:
                folder = SharedFolder(self._temporary)
            if process is None or not process.alive:
                command = default_command() if self._command is None else self._command
                environment = default_environment() if self._environment is None else self._environment
                log = folder.path / f"printed-{next(self._numbers)}.txt"
                process = WorkerProcess(command, environment, log, self)
            with self._lock:
                if current == self._round:
                    self._folder, self._process = folder, process
                    return folder, process
        process.kill()
        folder.remove()
        raise RunCancelled("The worker was closed.")

    def _end(self, errand: Errand, kind: str, content: object) -> None:
        with self._lock:
            if errand.over:
                return
            errand.over = True
            errand.stop.set()
            if self._folder is not None:
                self._folder.sweep(one.number for one in self._errands.values() if not one.over)
            if errand.silent:
                self.leave(errand)
            else:
                self._tell(errand, kind, content)

    def _tell(self, errand: Errand, kind: str, content: object) -> None:
        with self._lock:
            self._events.append((errand, kind, content))
        self.arrived.set()
