"""A task that goes on while messages pass: order, limits, ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from EchoODELib.engine.errors import OutputError
from EchoODELib.jobs import Job, JobState, Worker, WorkerEnded, WorkerState
from EchoODELib.jobs.conversation import MOST_UNANSWERED


class Talk:
    """A conversation with the odd worker, and what came of it."""

    def __init__(self, worker: Worker, odd: ModuleType, until: Callable[..., None]) -> None:
        self.worker, self.odd, self._until = worker, odd, until
        self.answers: list[Any] = []
        self.failures: list[Exception] = []
        self.job: Job = worker.submit(odd.Chat(), on_answer=self.answers.append, on_failed=self.failures.append)

    def until(self, condition: Callable[[], object]) -> None:
        def met() -> bool:
            self.worker.poll()
            return bool(condition())

        self._until(met)

    def until_heard(self) -> None:
        self.until(lambda: self.worker.hears(self.job))

    def say(self, *content: Any) -> None:
        self.worker.say(self.job, self.odd.Word(*content))


@pytest.fixture
def talk(odd_worker: Worker, odd: ModuleType, until: Callable[..., None]) -> Talk:
    return Talk(odd_worker, odd, until)


def test_each_message_is_answered_in_its_order_and_leaves_no_files(talk: Talk, tmp_path: Path) -> None:
    assert not talk.worker.hears(talk.job)  # it only begins
    shapes = [(3, 4), (60, 50), (1,)]
    for number in range(20):
        talk.until_heard()
        talk.say(number, np.full(shapes[number % 3], number, np.uint8))
    talk.until(lambda: len(talk.answers) == 20)
    for number, answer in enumerate(talk.answers):
        assert answer.number == number
        np.testing.assert_array_equal(answer.array, np.full(shapes[number % 3], 2 * number, np.uint8))
    assert talk.worker.state is WorkerState.BUSY
    files = list((tmp_path / "shared").rglob("*said*.npy"))
    assert 0 < len(files) <= 2 * MOST_UNANSWERED
    talk.worker.cancel()
    talk.until(lambda: talk.job.finished)
    assert talk.job.state is JobState.CANCELLED
    assert not any(path.exists() for path in files)


def test_it_hears_no_more_than_it_can_answer(talk: Talk) -> None:
    talk.until_heard()
    for number in range(MOST_UNANSWERED):
        assert talk.worker.hears(talk.job)
        talk.say(number)
    assert not talk.worker.hears(talk.job)
    talk.say(99)  # is not sent
    talk.until(lambda: len(talk.answers) == MOST_UNANSWERED)
    talk.until_heard()
    talk.say(MOST_UNANSWERED)
    talk.until(lambda: len(talk.answers) == MOST_UNANSWERED + 1)
    assert [answer.number for answer in talk.answers] == list(range(MOST_UNANSWERED + 1))


def test_a_waiting_conversation_ends_at_once_and_the_worker_stays_warm(talk: Talk) -> None:
    talk.until_heard()
    before = time.monotonic()
    talk.worker.cancel()
    talk.until(lambda: talk.job.finished)
    assert time.monotonic() - before < 0.3
    talk.until(lambda: talk.worker.state is WorkerState.IDLE)  # and not STOPPED: it was not killed
    assert not talk.failures
    talk.say(1)
    talk.worker.poll()
    assert not talk.answers


def test_one_that_hangs_ends_in_time_and_another_may_follow(talk: Talk, odd: ModuleType, until: Any) -> None:
    talk.until_heard()
    talk.say(1, None, "hold")
    time.sleep(0.05)
    before = time.monotonic()
    talk.worker.cancel()
    talk.until(lambda: talk.job.finished)
    assert time.monotonic() - before < 0.6
    again = Talk(talk.worker, odd, until)
    again.until_heard()
    again.say(5)
    again.until(lambda: again.answers)


@pytest.mark.parametrize(("what", "words"), [("gpu_memory", "memory of the device"), ("killed", "from outside")])
def test_what_goes_wrong_is_one_sentence(talk: Talk, what: str, words: str) -> None:
    talk.until_heard()
    talk.say(1)
    talk.say(2, None, what)
    talk.until(lambda: talk.job.finished)
    assert talk.job.state is JobState.FAILED
    assert [words in str(error) for error in talk.failures] == [True]
    assert isinstance(talk.failures[0], WorkerEnded) == (what == "killed")
    assert [answer.number for answer in talk.answers] == [1]
    assert not talk.worker.hears(talk.job)


def test_a_full_disk_ends_it(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OutputError("The disk is full.")

    talk.until_heard()
    monkeypatch.setattr("EchoODELib.jobs.conversation.write_array", full)
    talk.say(1, np.zeros(3, np.uint8))
    talk.until(lambda: talk.job.finished)
    assert isinstance(talk.job.error, OutputError)
    talk.until(lambda: talk.worker.state is WorkerState.IDLE)
