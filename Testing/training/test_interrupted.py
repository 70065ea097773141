"""Runs as processes of their own: one is killed, one is spread over two."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from EchoODETrainingLib.run_folder import RunFolder
from safetensors.torch import load_file
from torch import Tensor

from training.interrupted import Printer, go
from training.standins import a_recipe

PROGRAM = Path(__file__).with_name("interrupted.py")
# Without batch normalisation, whose statistics are of each process's own part of a batch on CPUs.
CLIPS = {
    "architecture": "echo_ode",
    "configuration": {
        "width": 2,
        "hidden": 4,
        "solver": "euler",
        "steps": 2,
        "normalisation": "none",
        "sampled": False,
    },
    "window": {"inputs": 2, "outputs": 3},
    "epochs": 4,
}
ALONE = {**os.environ, "OMP_NUM_THREADS": "1"}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    for name, value in one.items():
        torch.testing.assert_close(value, other[name], atol=1e-5, rtol=1e-4, msg=name)


@pytest.fixture(scope="module")
def a_whole_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Tensor], list[float]]:
    watcher = Printer()
    folder = RunFolder.begin(tmp_path_factory.mktemp("whole") / "run", a_recipe(**CLIPS))
    return go(CLIPS, folder, watcher).network.state_dict(), watcher.losses


def test_a_killed_run_goes_on_to_the_same_weights(a_whole_run, tmp_path) -> None:
    place = tmp_path / "run"
    command = [sys.executable, str(PROGRAM), json.dumps(CLIPS), str(place), "slow"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ALONE)
    last, deadline = place / "checkpoints" / "last.json", time.monotonic() + 100
    while not (last.exists() and json.loads(last.read_text())["progress"]["step"] >= 3):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (place / "end.safetensors").exists()
    again = go(CLIPS, RunFolder.again(place)[0], Printer(), resume=True)
    assert again.progress.step == again.progress.steps == 8
    same(a_whole_run[0], again.network.state_dict())


def test_two_processes_learn_as_one_does(a_whole_run, tmp_path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", port]
    command = [*torchrun, str(PROGRAM), json.dumps(CLIPS), str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, env=ALONE, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    losses = [float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("loss")]
    assert losses == pytest.approx(a_whole_run[1], rel=1e-4)
    same(a_whole_run[0], load_file(tmp_path / "run" / "end.safetensors"))
