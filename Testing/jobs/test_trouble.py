"""Cancelling, crashing, dying: each ends in a clear sentence, and the next task works."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from EchoODELib.engine.errors import DeviceError, EchoODEError, OutputError, RunCancelled
from EchoODELib.engine.phantom import PhantomClip
from EchoODELib.engine.sequence import ClipSource, EchoSequence
from EchoODELib.jobs import (
    JobState,
    MissingPackage,
    Segment,
    UnexpectedFault,
    WarmUp,
    Worker,
    WorkerBusy,
    WorkerEnded,
    WorkerState,
)

HERE = Path(__file__).resolve().parent
Until = Callable[..., None]
SOON = 0.5  # seconds that a cancel may take

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where log files go meanwhile, the worker's too."""
    folder = tmp_path / "logs"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def cancelled_in(worker: Worker) -> float:
    """Seconds from a cancel to its callback, with the caller polling every 20 ms as the panel does."""
    assert worker.job is not None
    job, start = worker.job, time.perf_counter()
    worker.cancel()
    assert job.state is JobState.CANCELLING
    while not job.finished:
        time.sleep(0.02)
        worker.poll()
    assert job.state is JobState.CANCELLED
    return time.perf_counter() - start


def run(worker: Worker, task: object) -> object:
    return worker.wait(worker.submit(task))  # type: ignore[arg-type]


def test_submitting_returns_at_once(odd_worker: Worker, odd: ModuleType) -> None:
    big = EchoSequence(np.zeros((400, 500, 500), np.uint8), np.arange(400.0))
    start = time.perf_counter()
    job = odd_worker.submit(odd.Odd("echo", sequence=big))
    assert time.perf_counter() - start < 0.05
    assert odd_worker.state is WorkerState.BUSY
    assert odd_worker.wait(job).frames is big.frames


def test_one_at_a_time(odd_worker: Worker, odd: ModuleType) -> None:
    assert odd_worker.state is WorkerState.STOPPED
    job = odd_worker.submit(odd.Odd("steps", size=10))
    with pytest.raises(WorkerBusy):
        odd_worker.submit(odd.Odd("steps", size=1))
    seen: list[float] = []
    job2_done: list[object] = []

    def chain(result: object) -> None:
        assert result == "stepped"
        odd_worker.submit(odd.Odd("steps", size=2), on_done=job2_done.append)

    odd_worker.wait(job)
    first = odd_worker.submit(odd.Odd("steps", size=10), on_progress=lambda p: seen.append(p.done), on_done=chain)
    odd_worker.wait(first)
    while not job2_done:
        odd_worker.poll()
    assert seen == sorted(seen) or seen[0] == 0  # the last of "Starting" may come first
    assert odd_worker.job is None


def test_a_task_may_follow_a_warm_up(worker: Worker, a_phantom: PhantomClip) -> None:
    warming = worker.submit(WarmUp(device="cpu"))
    assert worker.state is WorkerState.STARTING
    job = worker.submit(Segment(a_phantom.sequence, device="cpu", frames=(1,)))
    assert worker.state is WorkerState.BUSY
    worker.wait(job)
    assert warming.state is JobState.DONE


def test_callbacks_come_only_when_polled(odd_worker: Worker, odd: ModuleType) -> None:
    told: list[object] = []
    odd_worker.submit(odd.Odd("steps", size=2), on_progress=told.append, on_done=told.append)
    time.sleep(1.0)
    assert told == []
    odd_worker.poll()
    assert told[-1] == "stepped"


def test_an_exception_in_a_callback_comes_through(odd_worker: Worker, odd: ModuleType) -> None:
    def stumble(result: object) -> None:
        raise ZeroDivisionError

    job = odd_worker.submit(odd.Odd("pid"), on_done=stumble)
    with pytest.raises(ZeroDivisionError):
        odd_worker.wait(job)
    assert job.state is JobState.DONE
    assert run(odd_worker, odd.Odd("pid")) == job.result


@pytest.mark.parametrize("what", ["steps", "hang", "hold"])
@pytest.mark.parametrize("stage", ["prepare", "run"])
def test_cancelling_what_runs(odd_worker: Worker, odd: ModuleType, until: Until, what: str, stage: str) -> None:
    before = run(odd_worker, odd.Odd("pid"))
    told: list[str] = []
    job = odd_worker.submit(odd.Odd(what, stage, size=400), on_cancelled=lambda: told.append("cancelled"))
    until(lambda: odd_worker.poll() or job.progress is not None)
    time.sleep(0.1)
    assert cancelled_in(odd_worker) < SOON
    assert told == ["cancelled"]
    assert job.result is None
    if stage == "run":
        after = run(odd_worker, odd.Odd("pid"))
        assert (after == before) == (what == "steps")


def test_cancelling_while_python_starts(odd_worker: Worker, odd: ModuleType) -> None:
    for pause in (0.0, 0.005, 0.05, 0.1, 0.2):
        odd_worker.submit(odd.Odd("steps", size=400))
        time.sleep(pause)
        assert cancelled_in(odd_worker) < SOON
        odd_worker.close()
    assert run(odd_worker, odd.Odd("steps", size=1)) == "stepped"


def test_cancelling_while_the_engine_is_loaded(a_phantom: PhantomClip) -> None:
    worker = Worker()
    try:
        for pause in (0.4, 0.9, 1.4):
            worker.submit(Segment(a_phantom.sequence, device="cpu"))
            time.sleep(pause)
            assert cancelled_in(worker) < SOON
        assert worker.state in (WorkerState.STARTING, WorkerState.IDLE)
        run(worker, Segment(a_phantom.sequence, device="cpu", frames=(0,)))
    finally:
        worker.close()


@pytest.mark.parametrize("pause", [0.0, 0.02, 0.1, 0.25])
def test_cancelling_while_arrays_travel(odd_worker: Worker, odd: ModuleType, until: Until, pause: float) -> None:
    run(odd_worker, odd.Odd("pid"))
    big = EchoSequence(np.zeros((400, 800, 800), np.uint8), np.arange(400.0))
    odd_worker.submit(odd.Odd("steps", size=400, sequence=big))
    time.sleep(pause)
    assert cancelled_in(odd_worker) < SOON
    job = odd_worker.submit(odd.Odd("array", size=300_000_000))
    until(lambda: odd_worker.poll() or job.progress is not None)
    time.sleep(pause)
    if not job.finished:
        assert cancelled_in(odd_worker) < SOON
    assert run(odd_worker, odd.Odd("steps", size=1)) == "stepped"


def test_cancelling_when_it_is_done_already(odd_worker: Worker, odd: ModuleType) -> None:
    told: list[str] = []
    job = odd_worker.submit(
        odd.Odd("pid"), on_done=lambda _: told.append("done"), on_cancelled=lambda: told.append("cancelled")
    )
    time.sleep(1.0)
    odd_worker.cancel()
    with pytest.raises(RunCancelled):
        odd_worker.wait(job)
    assert told == ["cancelled"]
    odd_worker.cancel()  # nothing runs: nothing happens
    assert run(odd_worker, odd.Odd("steps", size=1)) == "stepped"


@needs_signals
def test_a_kill_takes_the_children_too(
    odd_worker: Worker, odd: ModuleType, tmp_path: Path, until: Until, lives: Callable[[int], bool]
) -> None:
    parent = run(odd_worker, odd.Odd("pid"))
    odd_worker.submit(odd.Odd("family", folder=tmp_path))
    until(lambda: (tmp_path / "child").is_file() and (tmp_path / "child").read_text())
    child = int((tmp_path / "child").read_text())
    assert lives(child) and lives(parent)
    assert cancelled_in(odd_worker) < SOON
    until(lambda: not lives(parent))  # reaped: a zombie would still be there
    until(lambda: "Z" in state_of(child) or not lives(child))  # an orphan's zombie is the system's to reap


@needs_signals
def test_the_children_of_a_worker_that_ended_by_itself_end_too(
    odd_worker: Worker, odd: ModuleType, tmp_path: Path, until: Until, lives: Callable[[int], bool]
) -> None:
    job = odd_worker.submit(odd.Odd("orphans", folder=tmp_path))
    with pytest.raises(WorkerEnded):
        odd_worker.wait(job)
    child = int((tmp_path / "child").read_text())
    until(lambda: "Z" in state_of(child) or not lives(child))


def state_of(pid: int) -> str:
    return subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout


def test_a_killed_worker_is_warm_again_soon(a_phantom: PhantomClip, until: Until) -> None:
    worker = Worker()
    try:
        run(worker, Segment(a_phantom.sequence, device="cpu", frames=(0,)))
        pid = worker._dispatch._process.pid
        job = worker.submit(Segment(a_phantom.sequence, device="cpu"))
        until(lambda: worker.poll() or (job.progress and job.progress.stage == "Segmenting"))
        os.kill(pid, 19)  # SIGSTOP: it will not answer
        assert cancelled_in(worker) < SOON
        assert worker.state is WorkerState.STARTING
        until(lambda: worker.state is WorkerState.IDLE, 60.0)
        last = worker.submit(Segment(a_phantom.sequence, device="cpu", frames=(0,)))
        start = time.perf_counter()
        until(lambda: worker.poll() or (last.progress and last.progress.stage == "Segmenting"))
        assert time.perf_counter() - start < 1.0  # nothing was left to load
        worker.wait(last)
    finally:
        worker.close()


@needs_signals
@pytest.mark.parametrize(
    ("what", "kind", "words"),
    [
        ("crash", WorkerEnded, "crashed"),
        ("killed", WorkerEnded, "memory ran out"),
        ("memory", DeviceError, "memory of the device ran out"),
        ("gpu_memory", DeviceError, "memory of the device ran out"),
        ("gpu", DeviceError, "GPU reported an error"),
        ("missing", MissingPackage, "a_package_that_is_nowhere"),
        ("fault", UnexpectedFault, "KeyError"),
    ],
)
@pytest.mark.parametrize("stage", ["prepare", "run"])
def test_what_can_happen_to_a_run(
    odd_worker: Worker, odd: ModuleType, what: str, kind: type[EchoODEError], words: str, stage: str
) -> None:
    job = odd_worker.submit(odd.Odd(what, stage))
    with pytest.raises(kind, match=words) as caught:
        odd_worker.wait(job)
    assert job.state is JobState.FAILED
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith((".", ".log."))
    assert run(odd_worker, odd.Odd("steps", size=1)) == "stepped"


def test_logs_name_no_patient(odd_worker: Worker, odd: ModuleType, logs: Path, tmp_path: Path) -> None:
    clip = EchoSequence(np.zeros((2, 8, 8), np.uint8), np.arange(2.0), source=ClipSource(name="DOE_JANE_1950.dcm"))
    text = "no DOE_JANE_1950 in '/home/doctor/Jane Doe/clip.dcm' nor C:\\studies\\Doe\\x.avi"
    job = odd_worker.submit(odd.Odd("fault", text=text, sequence=clip, folder=Path("/exports/Roe_Richard")))
    with pytest.raises(UnexpectedFault, match="KeyError"):
        odd_worker.wait(job)
    (log,) = logs.glob("EchoODE-error-*.log")
    assert str(log) in str(job.error)
    content = log.read_text(encoding="utf-8")
    assert "KeyError" in content
    assert "odd_worker.py" in content and "line" in content
    for private in ("DOE", "Jane", "Doe", "doctor", "Roe", "studies", str(HERE)):
        assert private not in content


def test_prints_do_not_disturb(odd_worker: Worker, odd: ModuleType) -> None:
    assert run(odd_worker, odd.Odd("chatter")) == "said"


def test_a_worker_that_died_idle_is_replaced(odd_worker: Worker, odd: ModuleType, until: Until) -> None:
    for wait in (True, False):
        os.kill(run(odd_worker, odd.Odd("pid")), 9)
        if wait:
            until(lambda: odd_worker.state is WorkerState.STOPPED)
        assert run(odd_worker, odd.Odd("steps", size=1)) == "stepped"


def test_an_interpreter_that_is_not_there(odd: ModuleType, tmp_path: Path) -> None:
    for command in (["/nowhere/python"], [sys.executable, "-c", "import sys; sys.exit(3)"]):
        worker = Worker(command, temporary=tmp_path)
        with pytest.raises(WorkerEnded):
            run(worker, odd.Odd("pid"))
        worker.close()


def test_a_temporary_folder_that_is_not_there(odd: ModuleType, tmp_path: Path) -> None:
    worker = Worker(temporary=tmp_path / "nowhere")
    with pytest.raises(OutputError, match="temporary folder"):
        run(worker, odd.Odd("pid"))
    worker.close()


@needs_signals
def test_a_full_disk(tmp_path: Path) -> None:
    """A size limit stands for it, here and in the worker; in a process of its own, since the limit stays."""
    code = f"""
import resource, signal, sys
sys.path[:0] = [{str(HERE)!r}]
import numpy as np
import odd_worker
from EchoODELib.engine.sequence import EchoSequence
from EchoODELib.jobs import Worker
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
worker = Worker([sys.executable, {str(HERE / "odd_worker.py")!r}])
for task in (
    odd_worker.Odd("pid", sequence=EchoSequence(np.zeros((2, 1000, 1000), np.uint8), np.arange(2.0))),
    odd_worker.Odd("array", size=2_000_000),
    odd_worker.Odd("array", size=2_000),
):
    try:
        print(len(worker.wait(worker.submit(task))))
    except Exception as error:
        print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    first, second, third = done.stdout.splitlines()
    for line in (first, second):
        assert line.startswith(("OutputError The temporary folder", "OutputError The disk"))
    assert third == "2000"


@needs_signals
def test_nothing_is_left_when_the_owner_dies(
    odd: ModuleType, tmp_path: Path, until: Until, lives: Callable[[int], bool]
) -> None:
    code = f"""
import os, sys, time
sys.path[:0] = [{str(HERE)!r}]
import odd_worker
from pathlib import Path
from EchoODELib.jobs import Worker
worker = Worker([sys.executable, {str(HERE / "odd_worker.py")!r}], temporary=Path({str(tmp_path)!r}))
pid = worker.wait(worker.submit(odd_worker.Odd("pid")))
job = worker.submit(odd_worker.Odd("hang"))
while job.progress is None:
    worker.poll()
print(pid, flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=False, timeout=60)
    pid = int(done.stdout)
    until(lambda: not lives(pid) or "Z" in state_of(pid))
    (left,) = tmp_path.glob("echoode-jobs-*")
    os.utime(left, (0, 0))
    young = tmp_path / "echoode-jobs-young"
    young.mkdir()
    second = Worker([sys.executable, str(HERE / "odd_worker.py")], temporary=tmp_path)
    run(second, odd.Odd("pid"))
    assert not left.exists()
    assert young.exists()
    (own,) = set(tmp_path.glob("echoode-jobs-*")) - {young}
    os.utime(own, (0, 0))
    third = Worker([sys.executable, str(HERE / "odd_worker.py")], temporary=tmp_path)
    run(third, odd.Odd("pid"))
    assert own.exists()  # its owner lives
    second.close()
    third.close()


def test_a_folder_that_was_tidied_away(odd_worker: Worker, odd: ModuleType, tmp_path: Path) -> None:
    import shutil

    clip = EchoSequence(np.zeros((2, 8, 8), np.uint8), np.arange(2.0))
    run(odd_worker, odd.Odd("echo", sequence=clip))
    (folder,) = (tmp_path / "shared").iterdir()
    shutil.rmtree(folder)
    assert run(odd_worker, odd.Odd("echo", sequence=clip)).frames is clip.frames
