"""A Dask cluster: the same results as here, whichever worker dies; one sentence where there is no cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from cohort.odd_serve import Odd
from cohort.standins import ODD, ODD_SERVE, until
from EchoODELib.cohort import cluster
from EchoODELib.cohort.cluster import ClusterWorkers
from EchoODELib.cohort.errors import ClusterError
from EchoODELib.cohort.find import find_clips
from EchoODELib.cohort.folder import opened
from EchoODELib.cohort.run import Standing, run_cohort
from EchoODELib.cohort.steps import STEPS
from EchoODELib.engine.errors import OutputError, RunCancelled
from EchoODELib.engine.progress import Monitor
from EchoODELib.jobs import WorkerEnded

Table = Callable[[Path], pd.DataFrame]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a scheduler in this process, with two workers."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=None
    ) as made:
        yield made.scheduler_address


@pytest.fixture
def workers(address: str, monkeypatch: pytest.MonkeyPatch) -> ClusterWorkers:
    """They do the odd step."""
    monkeypatch.setitem(STEPS, "odd", Odd)  # type: ignore[arg-type]
    return ClusterWorkers(address, print)


def test_all_clips_are_done_and_failures_told(
    named: Callable[..., Path], workers: ClusterWorkers, tmp_path: Path, table: Table
) -> None:
    folder = named("fault1", "memory1", "well1", "well2", "well3")
    report = run_cohort(folder, tmp_path / "out", ODD, workers)
    assert (report.standing.done, report.standing.failed) == (4, 1)
    assert list(table(report.files["results"])["clip"]) == [f"clip-0000{number}" for number in (2, 3, 4, 5)]
    assert "ZeroDivisionError" in table(report.files["failures"])["problem"][0]
    assert list((tmp_path / "out").rglob(".*")) == []


def test_a_full_disk_ends_the_run(named: Callable[..., Path], workers: ClusterWorkers, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="The disk is full"):
        run_cohort(named("full"), tmp_path / "out", ODD, workers)


def test_a_stop_reaches_the_workers(named: Callable[..., Path], workers: ClusterWorkers, tmp_path: Path) -> None:
    monitor = Monitor()
    mark = tmp_path / "out" / "tries-clip-00003"

    def tell(standing: Standing) -> None:
        if standing.ended:
            until(mark.exists)
            monitor.cancel()

    with pytest.raises(RunCancelled, match="1 of 3 clips done"):
        run_cohort(named("a", "b", "slow"), tmp_path / "out", ODD, workers, tell=tell, monitor=monitor)
    # The slow clip is left, in whatever order the scheduler began them: its mark goes, and no record comes.
    until(lambda: not list((tmp_path / "out").rglob(".try-*")))
    assert not (tmp_path / "out" / "clips" / "clip-00003" / "record.json").exists()


def test_a_clip_is_begun_twice_in_a_run_at_most(some_clips: Path, tmp_path: Path) -> None:
    with opened(tmp_path, ODD) as cohort:
        order = cohort.orders(find_clips(some_clips).clips)[0]
    # Left open, as by workers that died.
    first, second, other = (cluster._begun(order, token) for token in ("one", "one", "two"))
    first.__enter__()
    second.__enter__()
    with pytest.raises(WorkerEnded, match="and so did the next"), cluster._begun(order, "one"):
        pass
    other.__enter__()
    with cluster._begun(order, "two"):
        pass
    assert list(order.folder.iterdir()) == []


def test_no_scheduler(some_clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "_CONNECT_SECONDS", 0.3)
    with pytest.raises(ClusterError, match=r"No Dask scheduler answers at 127\.0\.0\.1:9; start one with"):
        run_cohort(some_clips, tmp_path, ODD, ClusterWorkers("127.0.0.1:9", print))


def test_no_dask(some_clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ClusterError, match=r"install requirements/cluster.txt or echoode\[cluster\]"):
        run_cohort(some_clips, tmp_path, ODD, ClusterWorkers("127.0.0.1:8786", print))


@pytest.fixture
def a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[Any]]]:
    """A scheduler and two workers as a person starts them: the scheduler's address, and the workers' processes."""
    pytest.importorskip("distributed")
    monkeypatch.setenv("ODD_SECONDS", "0.4")
    dask, where = [sys.executable, "-m", "dask"], tmp_path / "scheduler.json"
    here = {"cwd": tmp_path, "env": os.environ.copy(), "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    worker = [*dask, "worker", "--nthreads", "1", "--no-dashboard", "--preload", str(ODD_SERVE)]
    file = ["--scheduler-file", str(where)]
    processes = [subprocess.Popen([*scheduler, *file], **here)]  # type: ignore[call-overload]
    try:
        until(where.exists, seconds=60)
        processes += [subprocess.Popen([*worker, *file], **here) for _ in range(2)]  # type: ignore[call-overload]
        yield str(where), processes[1:]
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait(20)


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_workers_die_in_the_middle(
    named: Callable[..., Path], a_cluster: tuple[str, list[Any]], tmp_path: Path, table: Table
) -> None:
    """The one of a clip in work is killed, and one of those who restart workers, too; a deadly clip alone fails."""
    address, processes = a_cluster
    out, killed = tmp_path / "out", list[str]()

    def begun() -> set[Path]:
        return set(out.glob("tries-*"))

    def tell(standing: Standing) -> None:
        if standing.ended == 6 and not killed:
            processes[0].kill()
            before = begun()
            until(lambda: begun() - before)
            victim = (begun() - before).pop()
            until(victim.read_text)
            os.kill(int(victim.read_text().split()[-1]), signal.SIGKILL)
            killed.append(victim.name.removeprefix("tries-"))

    names = ["deadly", *(f"slow{number:02}" for number in range(24))]
    report = run_cohort(named(*names), out, ODD, ClusterWorkers(address, print), tell=tell)
    assert (report.standing.done, report.standing.failed) == (24, 1)
    results, failures = table(report.files["results"]), table(report.files["failures"])
    assert list(results["clip"]) == [f"clip-{number:05}" for number in range(2, 26)]
    assert list(failures["clip"]) == ["clip-00001"]
    assert "and so did the next one" in failures["problem"][0]
    tries = {path.name.removeprefix("tries-"): len(path.read_text().split()) for path in begun()}
    assert tries["clip-00001"] == tries[killed[0]] == 2
    assert list(out.rglob(".*")) == []
