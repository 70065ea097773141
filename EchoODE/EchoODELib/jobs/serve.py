"""The worker process: ``python -m EchoODELib.jobs.serve``.

It takes tasks as JSON lines from its standard input, runs one at a time, and answers on its standard output. It ends
when its input does, so it never outlives its owner.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ..engine.errors import RunCancelled
from ..engine.export.atomic import remove_unfinished
from ..engine.progress import Monitor, Progress
from .arrays import Array, map_array, write_array
from .conversation import Conversation, Talker
from .failure import failure_of
from .packing import pack, unpack
from .running import Handler, engine_handlers
from .tasks import Export

# Reports closer together than this are dropped: nobody sees them.
_REPORT_SECONDS = 0.03


class Channel:
    """Messages out, kept apart from what the engine and its libraries print."""

    def __init__(self) -> None:
        self.incoming: BinaryIO = os.fdopen(os.dup(0), "rb")
        self._outgoing: BinaryIO = os.fdopen(os.dup(1), "wb", buffering=0)
        self._lock = threading.Lock()
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - not a path of ours
            os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)
        sys.stdout = sys.stderr

    def send(self, event: str, **content: object) -> None:
        """Send a message; may be called in any thread."""
        line = json.dumps({"event": event, **content}).encode() + b"\n"
        with self._lock:
            try:
                while line:
                    line = line[self._outgoing.write(line) :]
            except OSError:  # the owner is gone, and the end of our input will end us
                return


class Request:
    """A task that was asked for; answered once."""

    def __init__(self, message: Mapping[str, Any], channel: Channel) -> None:
        self.number = int(message["job"])
        self.message = message
        self.monitor = Monitor(self._report)
        self.task: object = None
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._channel = channel
        self._lock = threading.Lock()
        self._answered = self._begun = False
        self._last: tuple[str, float] = ("", 0.0)

    def answer(self, event: str, **content: object) -> bool:
        """Send the answer; False if there was one already."""
        with self._lock:
            if self._answered:
                return False
            self._answered = True
        self._channel.send(event, job=self.number, **content)
        return True

    @property
    def answered(self) -> bool:
        """Whether nothing is waited for any more."""
        return self._answered

    def begin(self) -> bool:
        """Leave preparation, which is worth finishing, for the work proper; False if it was cancelled before."""
        with self._lock:
            self._begun = True
            return not self._answered

    def cancel(self) -> None:
        """Stop at the next step; before the work proper, answer at once and let loading go on for the next task."""
        self.monitor.cancel()
        self.inbox.put(None)
        with self._lock:
            begun = self._begun
        if not begun:
            self.answer("cancelled")

    def _report(self, progress: Progress) -> None:
        now = time.monotonic()
        stage, last = self._last
        edge = progress.stage != stage or progress.done >= progress.total
        if self._answered or (not edge and now - last < _REPORT_SECONDS):
            return
        self._last = (progress.stage, now)
        values = [progress.stage, progress.done, progress.total, progress.seconds_left]
        self._channel.send("progress", job=self.number, progress=values)


class Server:
    """Reads messages in a thread of its own, runs tasks in the main one."""

    def __init__(self, channel: Channel, handlers: Mapping[type, Handler | Talker]) -> None:
        self._channel, self._handlers = channel, handlers
        self._waiting: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._requests: dict[int, Request] = {}
        self._current: Request | None = None

    def run(self) -> None:
        """Serve until the input ends; does not return."""
        threading.Thread(target=self._listen, name="messages", daemon=True).start()
        self._channel.send("ready", pid=os.getpid())
        while True:
            request = self._waiting.get()
            if not request.answered:
                self._current = request
                leaving = self._serve(request)
                self._current = None
                request.task = None
                if leaving:
                    self._leave()
                gc.collect()  # lets go of mapped files
                gc.freeze()  # what stays is not looked through again, which takes 0.1 s with PyTorch loaded
            self._requests.pop(request.number, None)
            if self._waiting.empty():
                self._channel.send("idle")

    def _listen(self) -> None:
        try:
            for line in self._channel.incoming:
                message = json.loads(line)
                if message["do"] == "run":
                    request = Request(message, self._channel)
                    self._requests[request.number] = request
                    self._waiting.put(request)
                elif (known := self._requests.get(message["job"])) is None:
                    continue
                elif message["do"] == "say":
                    known.inbox.put(message["content"])
                elif message["do"] == "cancel":
                    known.cancel()
        finally:
            self._leave()

    def _leave(self) -> None:
        """End at once; what the main thread does is of no use to anybody."""
        task = self._current.task if self._current else None
        if isinstance(task, Export):
            remove_unfinished(task.folder, os.getpid())
        os._exit(0)

    def _serve(self, request: Request) -> bool:
        """Run a task and answer; True if this process is better replaced."""
        folder = Path(request.message["folder"])
        mapped: dict[int, tuple[Array, str]] = {}
        written = 0

        def get(name: str) -> Array:
            array = map_array(folder / name)
            mapped[id(array)] = (array, name)
            return array

        def put(array: Array) -> str:
            nonlocal written
            if id(array) in mapped:
                return mapped[id(array)][1]  # came with the task: its sender has it
            written += 1
            name = f"out-{request.number}-{written}.npy"
            write_array(folder / name, array, request.monitor.raise_if_cancelled)
            return name

        self._channel.send("started", job=request.number)
        try:
            request.task = unpack(request.message["task"], get)
            handler = self._handlers[type(request.task)]
            starting = request.monitor.stage("Starting", 1)
            handler.prepare(request.task)
            if not request.begin():
                return False
            starting.finish()
            self._channel.send("begun", job=request.number)
            result = self._work(handler, request, folder)
            packed = pack(result, put)
        except RunCancelled:
            request.answer("cancelled")
        except Exception as error:  # noqa: BLE001 - whatever happens is told to the owner, and the worker lives on
            failure = failure_of(error, request.task)
            request.answer("failed", error=failure.content)
            if type(request.task) in self._handlers:
                self._handlers[type(request.task)].recover()
            return failure.leaving
        else:
            request.answer("done", result=packed)
        return False

    def _work(self, handler: Handler | Talker, request: Request, folder: Path) -> object:
        if not isinstance(handler, Talker):
            return handler.run(request.task, request.monitor)

        def send(content: object) -> None:
            self._channel.send("said", job=request.number, content=content)

        conversation = Conversation(request.number, folder, request.inbox, send, request.monitor)
        return handler.converse(request.task, conversation, request.monitor)


def main(handlers: Mapping[type, Handler | Talker] | None = None) -> None:
    """Serve the engine, and ``handlers`` for further types of tasks."""
    channel = Channel()
    faulthandler.enable(sys.stderr)
    Server(channel, {**engine_handlers(), **(handlers or {})}).run()


if __name__ == "__main__":
    main()
