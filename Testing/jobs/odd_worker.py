"""A worker that misbehaves in the ways that a process can; started by the tests in place of the real one."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from EchoODELib.engine.progress import Monitor
from EchoODELib.engine.sequence import EchoSequence
from EchoODELib.jobs.conversation import Conversation
from EchoODELib.jobs.packing import register
from EchoODELib.jobs.serve import main


@register
@dataclass(frozen=True)
class Odd:
    """Do something odd; ``phase`` says whether while loading or while running."""

    what: str
    phase: str = "run"
    text: str = ""
    size: int = 0
    sequence: EchoSequence | None = None
    folder: Path | None = None


@register
@dataclass(frozen=True)
class Chat:
    """A conversation in which arrays are doubled; what happens else is said in the message."""


@register
@dataclass(frozen=True)
class Word:
    number: int
    array: np.ndarray | None = None
    what: str = ""


class ChatHandler:
    def prepare(self, task: Chat) -> None:
        return

    def recover(self) -> None:
        return

    def converse(self, task: Chat, conversation: Conversation, monitor: Monitor) -> object:
        while True:
            word = conversation.hear()
            if word.what:
                getattr(OddHandler(), word.what)(Odd(word.what), monitor)
            conversation.answer(Word(word.number, None if word.array is None else 2 * word.array))


class OddHandler:
    def prepare(self, task: Odd) -> None:
        if task.phase == "prepare":
            self.act(task, Monitor())

    def run(self, task: Odd, monitor: Monitor) -> object:
        return self.act(task, monitor) if task.phase == "run" else None

    def recover(self) -> None:
        return

    def act(self, task: Odd, monitor: Monitor) -> object:
        return getattr(self, task.what)(task, monitor)

    def steps(self, task: Odd, monitor: Monitor) -> str:
        stage = monitor.stage("Stepping", task.size)
        for _ in range(task.size):
            time.sleep(0.02)
            stage.advance()
        return "stepped"

    def hang(self, task: Odd, monitor: Monitor) -> None:
        monitor.stage("Hanging", 1)
        time.sleep(60)

    def hold(self, task: Odd, monitor: Monitor) -> None:
        """One long call that lets no other thread run."""
        monitor.stage("Holding", 1)
        ctypes.PyDLL(None).sleep(30)

    def family(self, task: Odd, monitor: Monitor) -> None:
        self._have_child(task)
        self.hang(task, monitor)

    def orphans(self, task: Odd, monitor: Monitor) -> None:
        self._have_child(task)
        self.killed(task, monitor)

    def _have_child(self, task: Odd) -> None:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        assert task.folder is not None
        (task.folder / "child").write_text(str(child.pid))

    def crash(self, task: Odd, monitor: Monitor) -> None:
        ctypes.string_at(0)

    def killed(self, task: Odd, monitor: Monitor) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def fault(self, task: Odd, monitor: Monitor) -> None:
        raise KeyError(task.text)

    def memory(self, task: Odd, monitor: Monitor) -> None:
        raise MemoryError

    def gpu_memory(self, task: Odd, monitor: Monitor) -> None:
        raise type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory. Tried to allocate 20.00 GiB.")

    def gpu(self, task: Odd, monitor: Monitor) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    def missing(self, task: Odd, monitor: Monitor) -> None:
        __import__("a_package_that_is_nowhere.part")

    def chatter(self, task: Odd, monitor: Monitor) -> str:
        print('{"event": "done"}')
        os.write(1, b'{"event": "done", "job": 1, "result": 3}\n')
        subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
        return sys.stdin.readline() + "said"

    def pid(self, task: Odd, monitor: Monitor) -> int:
        return os.getpid()

    def array(self, task: Odd, monitor: Monitor) -> np.ndarray:
        monitor.stage("Making", 1)
        return np.ones(task.size, np.uint8)

    def echo(self, task: Odd, monitor: Monitor) -> object:
        return task.sequence


if __name__ == "__main__":
    main({Odd: OddHandler(), Chat: ChatHandler()})
