"""The gui benchmark runs from end to end, on a clip so small that its figures say nothing."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from .gui_figures import Figure

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("least", "reached"), [(False, True), (True, False)])
def test_the_median_has_to_keep_to_the_goal(least: bool, reached: bool) -> None:
    figure = Figure("a name", "ms", (300.0, 20.0, 30.0), 100.0, least=least)
    assert figure.median == 30.0
    assert figure.reached is reached
    assert Figure("a name", "ms", (1.0,)).reached is None


@pytest.mark.long
@pytest.mark.skipif(importlib.util.find_spec("slicer_core") is None, reason="needs requirements/host.txt")
def test_every_step_gives_figures(tmp_path: Path) -> None:
    output = tmp_path / "figures.json"
    options = ["--repeats", "1", "--frames", "30", "--size", "96", "--output", str(output)]
    ended = subprocess.run(
        [sys.executable, "-m", "Testing.benchmark", "gui", *options], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    assert "Load average" in ended.stdout
    figures = {one["name"]: one for one in json.loads(output.read_text())["figures"]}
    for words in ("panel built", "worker cold", "worker warm", "Propagate", "grid", "ES mark", "stood still", "Cancel"):
        found = [one for name, one in figures.items() if words in name]
        assert found, words
        assert all(value > 0 for one in found for value in one["values"]), found
