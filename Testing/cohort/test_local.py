"""Worker processes of this machine: warm, sharing the cores, replaced when they die, gone when the run is."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from cohort.standins import ODD, ODD_SERVE, lives, until
from EchoODELib.cohort.local import LocalWorkers, threads_each
from EchoODELib.cohort.run import Standing, run_cohort
from EchoODELib.engine.errors import OutputError, RunCancelled
from EchoODELib.engine.progress import Monitor

Table = Callable[[Path], pd.DataFrame]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a worker there can't kill itself so")


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], LocalWorkers]:
    """`odd(2)` is two odd workers."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    command = (sys.executable, str(ODD_SERVE))
    return lambda count: LocalWorkers(count, command=command)


def test_dead_workers_are_replaced_and_their_clips_tried_once_more(
    named: Callable[..., Path], odd: Callable[[int], LocalWorkers], tmp_path: Path, table: Table
) -> None:
    folder = named("deadly1", "fault1", "memory1", "once1", "well1", "well2", "well3")
    report = run_cohort(folder, tmp_path / "out", ODD, odd(2))
    assert (report.standing.done, report.standing.failed) == (5, 2)
    results, failures = table(report.files["results"]), table(report.files["failures"])
    assert list(results["clip"]) == [f"clip-0000{number}" for number in (3, 4, 5, 6, 7)]
    assert list(failures["clip"]) == ["clip-00001", "clip-00002"]
    assert "memory ran out" in failures["problem"][0]
    assert "ZeroDivisionError" in failures["problem"][1]
    tries = [len((tmp_path / "out" / f"tries-clip-0000{number}").read_text().split()) for number in range(1, 8)]
    assert tries == [2, 1, 2, 2, 1, 1, 1]
    assert set(results["threads"]) == {threads_each(2)}
    assert not any(lives(pid) for pid in results["process"])
    assert list((tmp_path / "out").rglob(".*")) == []


def test_a_worker_stays_for_many_clips(
    named: Callable[..., Path], odd: Callable[[int], LocalWorkers], tmp_path: Path, table: Table
) -> None:
    run_cohort(named(*"abcdef"), tmp_path / "out", ODD, odd(1))
    assert table(tmp_path / "out" / "results.csv")["process"].nunique() == 1


def test_a_full_disk_stops_all_workers(
    named: Callable[..., Path], odd: Callable[[int], LocalWorkers], tmp_path: Path
) -> None:
    started = time.monotonic()
    with pytest.raises(OutputError, match="The disk is full"):
        run_cohort(named("full", "slow1", "slow2"), tmp_path / "out", ODD, odd(2))
    assert time.monotonic() - started < 8  # a slow one takes ten seconds


def test_a_stop_is_quick_and_leaves_the_rest_for_later(
    named: Callable[..., Path], odd: Callable[[int], LocalWorkers], tmp_path: Path, table: Table
) -> None:
    folder = named("a", "slow")
    monitor = Monitor()
    told: list[float] = []

    def tell(standing: Standing) -> None:
        told.append(time.monotonic())
        if standing.ended:
            monitor.cancel()

    with pytest.raises(RunCancelled, match="1 of 2 clips done"):
        run_cohort(folder, tmp_path / "out", ODD, odd(1), tell=tell, monitor=monitor)
    assert time.monotonic() - told[-1] < 3
    (folder / "slow.seq.nrrd").rename(folder / "quick.seq.nrrd")
    run_cohort(folder, tmp_path / "out", ODD, odd(1))
    results = table(tmp_path / "out" / "results.csv")
    assert list(results["clip"]) == ["clip-00001", "clip-00003"]


def test_a_run_killed_in_the_middle_leaves_no_worker_and_goes_on(
    named: Callable[..., Path],
    odd: Callable[[int], LocalWorkers],
    tmp_path: Path,
    table: Table,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, out = named("a", "b", "c", "slow1", "slow2", "z"), tmp_path / "out"
    code = f"""
from pathlib import Path
from cohort.standins import ODD, ODD_SERVE
from EchoODELib.cohort.local import LocalWorkers
from EchoODELib.cohort.run import run_cohort
workers = LocalWorkers(2, command=({sys.executable!r}, str(ODD_SERVE)))
run_cohort(Path({str(folder)!r}), Path({str(out)!r}), ODD, workers)
"""
    path = {"PYTHONPATH": os.pathsep.join([str(ODD_SERVE.parents[1]), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **path})
    records = {number: out / "clips" / f"clip-0000{number}" / "record.json" for number in range(1, 7)}
    begun = [out / f"tries-clip-0000{number}" for number in (4, 5)]
    until(lambda: all(records[number].exists() for number in (1, 2, 3)) and all(one.exists() for one in begun))
    process.kill()
    process.wait()
    pids = [int(one.read_text()) for one in begun]
    until(lambda: not any(lives(pid) for pid in pids))
    assert not records[4].exists()
    monkeypatch.setenv("ODD_SECONDS", "0.01")
    report = run_cohort(folder, out, ODD, odd(2))
    assert (report.standing.done, report.standing.total) == (6, 6)
    assert list(table(report.files["results"])["clip"]) == [f"clip-0000{number}" for number in records]
    tries = [len((out / f"tries-clip-0000{number}").read_text().split()) for number in records]
    assert tries == [1, 1, 1, 2, 2, 1]


def test_each_worker_gets_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("EchoODELib.cohort.local.usable_cores", lambda: 8)
    told = [LocalWorkers(3, gpus=("0", "2")).environment(number) for number in range(3)]
    assert [one["OMP_NUM_THREADS"] for one in told] == ["2", "2", "2"]
    assert [one["OPENCV_FOR_THREADS_NUM"] for one in told] == ["2", "2", "2"]
    assert [one["CUDA_VISIBLE_DEVICES"] for one in told] == ["0", "2", "0"]
    assert "CUDA_VISIBLE_DEVICES" not in LocalWorkers(9).environment(0)
    assert LocalWorkers(9).environment(0)["OMP_NUM_THREADS"] == "1"
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert LocalWorkers(3).environment(0)["OMP_NUM_THREADS"] == "5"
