"""Processes: short ones that answer with JSON, and training runs that outlive the application."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from EchoODELib.engine.errors import EchoODEError, OutputError
from EchoODELib.jobs.process import default_command, default_environment

from .. import processes

_LIBRARY_FOLDER = Path(__file__).resolve().parents[2]
_NO_SCRATCH = "The temporary folder can't be written: is there room on the disk?"
_ERRORS = ("Error: ", "Cancelled: ")  # how the command line begins them

_children: dict[int, subprocess.Popen[bytes]] = {}


class ProcessFailed(EchoODEError):
    """A process could not be started, or ended without an answer."""


def python_command(module: str, *arguments: object) -> list[str]:
    """A command line that runs a module of ours in the Python that has the engine's packages."""
    return [default_command()[0], "-m", module, *map(str, arguments)]


def environment() -> dict[str, str]:
    """This process's environment, with both libraries on the path."""
    known = default_environment()
    return {**known, "PYTHONPATH": os.pathsep.join([str(_LIBRARY_FOLDER), known["PYTHONPATH"]])}


def last_line(text: str) -> str:
    """The last line of what a process printed, "" if it printed nothing."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def said_error(text: str) -> str:
    """The error that a command of ours ended with, all lines of it; "" if it told none."""
    text = text.strip()
    start = max((text.rfind(word) for word in _ERRORS), default=-1)
    if start < 0 or (start > 0 and text[start - 1] != "\n"):
        return ""
    return text[start:].partition(": ")[2].strip()


def scratch_folder() -> Path:
    """A new folder for files that are soon not needed any more.

    Raises
    ------
    OutputError: it can't be made.
    """
    try:
        return Path(tempfile.mkdtemp(prefix="echoode-"))
    except OSError as error:
        raise OutputError(_NO_SCRATCH) from error


class Errand:
    """A short process whose standard output is one JSON document.

    Parameters
    ----------
    folder: scratch folder with what the process reads; it goes when the errand is over. None for a new one.

    Raises
    ------
    OutputError: the temporary folder can't be written.
    ProcessFailed: it can't be started.
    """

    def __init__(self, command: Sequence[str], folder: Path | None = None) -> None:
        self._folder = folder or scratch_folder()
        self._out, self._err = self._folder / "out", self._folder / "err"
        self._cancelled = False
        try:
            with self._out.open("wb") as out, self._err.open("wb") as err:
                self._process = _start(command, environment(), out, err)
        except OSError as error:
            self._tidy()
            raise OutputError(_NO_SCRATCH) from error
        except ProcessFailed:
            self._tidy()
            raise

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def answer(self) -> Any:
        """What it answered, once it has ended; None if it was cancelled.

        Raises
        ------
        ProcessFailed: it failed; the sentence that it said itself, where it did.
        """
        code = self._process.wait()
        out, err = _content(self._out), _content(self._err)
        self._tidy()
        if self._cancelled:
            return None
        document = _document(out)
        if isinstance(document, dict) and isinstance(document.get("error"), str):
            raise ProcessFailed(document["error"])
        if code != 0 or document is None:
            raise ProcessFailed(said_error(err) or _silent(code, last_line(err)))
        return document

    def progress(self) -> str:
        """The last line that it has printed to standard error."""
        return last_line(_content(self._err))

    def cancel(self) -> None:
        """End it and all that it started."""
        self._cancelled = True
        if self.running:
            end_group(self._process.pid)

    def _tidy(self) -> None:
        """Take away the files that were for it."""
        shutil.rmtree(self._folder, ignore_errors=True)


def start_detached(command: Sequence[str], output: Path) -> int:
    """Start a process that goes on when this application ends; what it prints is appended to a file.

    Returns
    -------
    its process number, which is its group's, too.

    Raises
    ------
    ProcessFailed: it can't be started.
    """
    try:
        with output.open("ab") as printed:
            process = _start(command, environment(), printed, printed)
    except OSError as error:
        raise ProcessFailed(f"{output.parent} can't be written ({_reason(error)}): choose another folder.") from error
    _children[process.pid] = process
    return process.pid


def alive(pid: int) -> bool:
    """Whether a run's process of this number exists on this machine."""
    if pid in _children:
        return _children[pid].poll() is None  # the poll takes an ended child away, too
    return processes.alive(pid)


def end_group(pid: int) -> None:
    """End a process that was started here, and all that it started, at once."""
    if sys.platform == "win32":
        hidden = subprocess.CREATE_NO_WINDOW
        with suppress(OSError):
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(pid)], capture_output=True, creationflags=hidden)
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _start(command: Sequence[str], env: Mapping[str, str], out: Any, err: Any) -> subprocess.Popen[bytes]:
    # A session of its own: it gets no signal of the application's terminal, and can be ended with its children.
    options: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        options = {"creationflags": subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP}
    try:
        return subprocess.Popen(
            list(command), stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=dict(env), close_fds=True, **options
        )
    except OSError as error:
        raise ProcessFailed(
            f"The engine's Python ({command[0]}) can't be started: {_reason(error)}; repair the installation."
        ) from error


def _silent(code: int, last: str) -> str:
    if code < 0:
        return "The process was ended from outside: is there enough memory? Start it again."
    said = f": {last}" if last else ""
    return f"The process ended without an answer (code {code}){said}"


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _content(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _document(text: str) -> Any:
    """The JSON document that a process printed; a launcher may have printed lines before it."""
    text = text.strip()
    for start in (text, text[text.find("{") :] if "{" in text else "", last_line(text)):
        with suppress(ValueError):
            return json.loads(start)
    return None
