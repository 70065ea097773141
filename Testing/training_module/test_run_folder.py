"""A run's folder as it is read, whatever somebody or something left in it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from EchoODELib.engine.errors import OutputError
from EchoODETrainingLib.module.curves import Curves
from EchoODETrainingLib.module.process import Errand, ProcessFailed, alive, said_error, start_detached
from EchoODETrainingLib.module.run_folder import Launch, Run, State, fresh_folder, runs_in

NOBODY = 2**22 + 1  # above the largest process number


def told(folder: Path, **fields: object) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "status.json").write_text(json.dumps({"state": "running", "pid": NOBODY, "name": "a", **fields}))
    old = time.time() - 3600
    os.utime(folder / "status.json", (old, old))
    return Run(folder)


def launched(run: Run, pid: int, host: str = socket.gethostname(), started: float = 0.0) -> Run:
    run.write_launch(Launch("r.yaml", ("camus=/c",), "cpu", pid, host, started))
    return run


def test_a_run_without_its_process_is_interrupted(tmp_path: Path) -> None:
    run = launched(told(tmp_path / "run", step=5, steps=10, seconds_left=9), NOBODY)
    status = run.status()
    assert status.state is State.INTERRUPTED
    assert (status.fraction, status.seconds_left) == (0.5, None)


def test_another_machines_run_is_alive_while_it_writes(tmp_path: Path) -> None:
    run = launched(told(tmp_path / "run"), 1, host="elsewhere")
    assert run.status().state is State.INTERRUPTED
    os.utime(tmp_path / "run" / "status.json")
    assert run.status().state is State.RUNNING


def test_a_number_that_another_program_has_now_is_no_run(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
    try:
        assert not alive(other.pid)
        assert launched(told(tmp_path / "run", pid=other.pid), other.pid).status().state is State.INTERRUPTED
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": 5}', '{"state": "running", "step": "x", "best": [1]}'])
def test_a_status_that_makes_no_sense_is_no_error(text: str, tmp_path: Path) -> None:
    run = told(tmp_path / "run")
    run.folder.joinpath("status.json").write_text(text)
    assert run.status().step == 0
    assert run.status().best == {}


def test_a_last_start_that_told_nothing_has_failed_in_its_own_words(tmp_path: Path) -> None:
    run = launched(told(tmp_path / "run"), NOBODY, started=time.time())
    (tmp_path / "run" / "output.txt").write_text("Preparing ...\nError: There is no GPU; choose cpu.\n")
    assert run.status().state is State.FAILED
    assert run.status().message == "There is no GPU; choose cpu."
    assert said_error("Error: First.\nmore of it\n") == "First.\nmore of it"
    assert said_error("Traceback\n  ValueError: Error: no\n") == ""


def test_curves_are_read_as_far_as_they_can_be(tmp_path: Path) -> None:
    curves = Curves(told(tmp_path / "run"))
    assert curves.update()["loss"] == []
    path = tmp_path / "run" / "metrics.csv"
    first = (
        "step,epoch,seconds,loss,learning_rate,valid_lv,valid_myocardium,valid_la\r\n"
        "1,1,0.1,0.5,0.01,,,\r\n2,1,0.2,nan,0.01,0.8,0.7,\r\n"
    )
    path.write_text(f"{first}3,1,0.3,0.2")
    assert curves.update()["loss"] == [(1.0, 0.5)]  # not the row that is being written
    assert curves.points["valid_lv"] == [(2.0, 0.8)]
    assert curves.points["valid_la"] == []
    with path.open("a") as file:
        file.write("5,0.01,,,\r\nrubbish\r\n")
    assert curves.update()["loss"] == [(1.0, 0.5), (3.0, 0.25)]
    path.write_text(first)  # resumed from an earlier step
    assert curves.update()["loss"] == [(1.0, 0.5)]


def test_runs_are_listed_latest_first_and_other_folders_are_not(tmp_path: Path) -> None:
    for age, name in enumerate(("new", "old")):
        launched(told(tmp_path / name), NOBODY)
        os.utime(tmp_path / name / "launch.json", (time.time() - 100 * age,) * 2)
    (tmp_path / "other").mkdir()
    (tmp_path / "file").write_text("")
    assert [run.name for run in runs_in(tmp_path)] == ["new", "old"]
    assert runs_in(tmp_path / "absent") == []


def test_names_become_folders(tmp_path: Path) -> None:
    first, second = fresh_folder(tmp_path, "a b/c"), fresh_folder(tmp_path, "a b/c")
    assert first.name.startswith("a-b-c-")
    assert second.name == f"{first.name}-2"
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another one"):
        fresh_folder(tmp_path / "file", "a")


def test_an_errand_answers_or_says_why_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code = "import sys; print('note'); print({!r}); print({!r}, file=sys.stderr); sys.exit({})"

    def answer(out: str, err: str = "", code_: int = 0) -> object:
        return Errand([sys.executable, "-c", code.format(out, err, code_)]).answer()

    assert answer('{"a": 1}') == {"a": 1}
    with pytest.raises(ProcessFailed, match=r"^Choose another folder\.$"):
        answer("", "Error: Choose another folder.", 3)
    with pytest.raises(ProcessFailed, match="without an answer"):
        answer("nothing")
    with pytest.raises(ProcessFailed, match=r"^No data\.$"):
        answer('{"error": "No data."}')
    errand = Errand([sys.executable, "-c", "import time; time.sleep(60)"])
    errand.cancel()
    assert errand.answer() is None
    with pytest.raises(ProcessFailed, match="can't be started"):
        Errand(["no-such-program"])
    assert not list(tmp_path.iterdir())


def test_a_detached_process_is_nobodys_child_to_a_signal(tmp_path: Path) -> None:
    code = "import os, time; print(os.getsid(0), flush=True); time.sleep(60)"
    pid = start_detached([sys.executable, "-c", code, "echoode"], tmp_path / "output.txt")
    try:
        deadline = time.monotonic() + 20
        while not (tmp_path / "output.txt").read_text() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert int((tmp_path / "output.txt").read_text()) == pid != os.getsid(0)
        assert alive(pid)
    finally:
        os.killpg(pid, 9)
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(pid)
