"""The models benchmark counts what it says and runs from end to end, on a video so short that its times say nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from .model_cases import PAPER, Case, ladder, network_cases
from .model_timing import count_macs, measure, put_through

REPOSITORY = Path(__file__).resolve().parents[2]
CPU = torch.device("cpu")


def a_tiny_case(**changes: object) -> Case:
    from EchoODELib.engine.models import build_model

    configuration = {**PAPER, "width": 2, "hidden": 4, "solver": "rk4", "steps": 1}
    return Case("tiny", "tiny", lambda: build_model("echo_ode", **configuration), (16, 24), **changes)


def test_a_multiplication_is_counted_once():
    convolution = nn.Conv2d(3, 5, 3, padding=1, bias=False)
    assert count_macs(convolution, (torch.zeros(2, 3, 8, 10),)) == pytest.approx(2 * 8 * 10 * 3 * 5 * 9 / 1e9)


@pytest.mark.parametrize("changes", [{}, {"plain": True}, {"half": True}, {"batch": 3, "fused": False}])
@pytest.mark.parametrize("frames", [14, 37])
def test_each_frame_of_a_video_gets_probabilities(changes, frames):
    case = a_tiny_case(**changes)
    shown = np.random.default_rng(2).standard_normal((frames, *case.size), np.float32)
    assert put_through(case, case.network(CPU), shown, CPU) >= frames


def test_a_case_has_all_its_figures():
    figures = measure(a_tiny_case(), CPU, 1, 14)
    assert set(figures) == {"parameters", "gmac", "pass_ms", "pass_cpu_ms", "video_s", "video_cpu_s", "memory_mb"}
    assert all(value > 0 for name, value in figures.items() if name != "memory_mb")


def test_published_networks_have_the_published_number_of_parameters():
    cases = {case.key: case for case in network_cases()}
    for key, count in (("echo_ode", 8_720_138), ("echo_lstm", 7_637_002), ("conv_lstm", 7_055_399)):
        assert sum(p.numel() for p in cases[key].build().parameters()) == count
    assert len({case.key for case in (*cases.values(), *ladder())}) == len(cases) + len(ladder())


@pytest.mark.long
def test_the_benchmark_makes_its_tables(tmp_path):
    options = ["--only", "echo_ode", "--frames", "14", "--repeats", "1", "--no-steps", "--output", str(tmp_path)]
    ended = subprocess.run(
        [sys.executable, "-m", "Testing.benchmark", "models", *options], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    made = (tmp_path / "models.md").read_text(encoding="utf-8")
    for words in ("8,720,138", "dopri5", "midpoint", "Published, table 9", "1.95"):
        assert words in made, words


@pytest.mark.long
def test_solvers_near_the_truth_are_told_from_those_that_are_not():
    ended = subprocess.run(
        [sys.executable, "-m", "Testing.benchmark.model_timing", "echo_ode", "--solvers", "--repeats", "1"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    figures = json.loads(ended.stdout)
    assert figures["dopri5, a clip at a time"]["worst"] < figures["Euler, 3 steps"]["worst"]
    assert figures["rk4, 4 steps"]["evaluations"] == 16
