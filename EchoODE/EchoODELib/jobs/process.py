"""The worker process as its owner sees it: started, written to, read from, killed with all its children."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from ..engine.export.atomic import remove_unfinished
from .errors import WorkerEnded

Message = dict[str, Any]

_LIBRARY_FOLDER = Path(__file__).resolve().parents[2]


class Owner(Protocol):
    """Who is told what a process says; both are called in the process's own thread."""

    def received(self, process: WorkerProcess, message: Message) -> None:
        """A message came."""

    def ended(self, process: WorkerProcess, code: int) -> None:
        """The process is gone; ``code`` as in subprocess: negative for a signal."""


def default_command() -> list[str]:
    """How the worker is started: by Slicer's Python where there is one, else by this one."""
    name = "PythonSlicer.exe" if sys.platform == "win32" else "PythonSlicer"
    beside = Path(sys.executable or "").with_name(name) if sys.executable else Path(name)
    python = shutil.which("PythonSlicer") or (str(beside) if beside.is_file() else sys.executable)
    return [python, "-m", "EchoODELib.jobs.serve"]


def default_environment() -> dict[str, str]:
    """This process's environment, with this library on the path.

    OpenMP's threads sleep instead of spinning while they wait for each other: where other programs use the
    processor, too, as Slicer itself does, that is up to ten times faster, and elsewhere no slower to speak of.
    """
    known = os.environ.get("PYTHONPATH", "")
    path = os.pathsep.join([str(_LIBRARY_FOLDER), *([known] if known else [])])
    return {"OMP_WAIT_POLICY": "PASSIVE", **os.environ, "PYTHONPATH": path}


class WorkerProcess:
    """A running worker.

    Attributes
    ----------
    ready: it has said that it reads tasks.
    idle: it has nothing to do.
    pid: of the Python process (a launcher's differs), once ready.
    exports: folders that it was asked to write into.
    born: time.monotonic of its start.

    Parameters
    ----------
    command, environment: what to start.
    log: file that takes what it prints.
    owner: who is told.

    Raises
    ------
    WorkerEnded: it can't be started.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path, owner: Owner) -> None:
        self.ready = self.idle = self.killed = False
        self.log = log
        self.exports: list[Path] = []
        self.born = time.monotonic()
        self._owner = owner
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        # A group of its own: the launcher and what it starts can be killed together.
        options: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            options = {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
        try:
            with log.open("wb") as printed:
                self._process = subprocess.Popen(
                    list(command),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=printed,
                    env=dict(environment),
                    bufsize=0,
                    **options,
                )
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            raise WorkerEnded(
                f"The engine's Python ({command[0]}) can't be started: {reason}; repair the installation."
            ) from error
        self.pid = self._process.pid
        for work in (self._read, self._write):
            threading.Thread(target=work, name=f"EchoODE worker {work.__name__}", daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether it can be given tasks."""
        return not self.killed and self._process.poll() is None

    def send(self, message: Message) -> None:
        """Send a message, without waiting for it to be taken."""
        self._outgoing.put(json.dumps(message).encode() + b"\n")

    def kill(self) -> None:
        """End the process and all that it started, without waiting for it."""
        self._nothing_more()
        if self._process.poll() is None:
            self._kill_group()

    def wait(self, seconds: float) -> None:
        """Wait until it is gone, at most so long."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return

    def tidy(self) -> None:
        """Once it is gone: remove what it left half written in the folders it exported to."""
        for folder in self.exports:
            remove_unfinished(folder, self.pid)

    def last_words(self, length: int = 6000) -> str:
        """The end of what it printed."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, self.log.stat().st_size - length))
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def _write(self) -> None:
        pipe = self._process.stdin
        if pipe is None:
            return
        try:
            while (line := self._outgoing.get()) is not None:
                pipe.write(line)
                pipe.flush()
        except OSError:  # it has ended; the reading thread says so
            return
        finally:
            with suppress(OSError):
                pipe.close()

    def _read(self) -> None:
        pipe = self._process.stdout
        if pipe is None:
            return
        with os.fdopen(os.dup(pipe.fileno()), "rb") as lines:
            pipe.close()
            for line in lines:
                message = _message(line)
                if message is not None:
                    self._note(message)
                    self._owner.received(self, message)
        self.wait(2.0)
        self._nothing_more()
        self._kill_group()  # it closed its output but lives on, or has ended and what it started lives on
        code = self._process.wait()
        self._owner.ended(self, code)

    def _nothing_more(self) -> None:
        self.killed = True
        self._outgoing.put(None)

    def _kill_group(self) -> None:
        if sys.platform == "win32":
            command = ["taskkill", "/F", "/T", "/PID", str(self._process.pid)]
            hidden = subprocess.CREATE_NO_WINDOW
            try:
                subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, creationflags=hidden)
            except OSError:
                self._process.kill()
        else:
            # Nobody of it is left; macOS says the other where one is not yet reaped.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _note(self, message: Message) -> None:
        if message["event"] == "ready":
            self.ready = self.idle = True
            self.pid = int(message["pid"])
        elif message["event"] == "started":
            self.idle = False
        elif message["event"] == "idle":
            self.idle = True


def _message(line: bytes) -> Message | None:
    """A message, or None for what a launcher printed."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) and "event" in message else None
