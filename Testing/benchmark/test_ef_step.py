"""Two ways to the same gradients are timed."""

from __future__ import annotations

from pathlib import Path

import torch
from EchoODELib.engine.models import build_model
from EchoODELib.engine.models.depthwise import DepthwiseConv3d
from typer.testing import CliRunner

from . import ef_step


def test_torchs_network_says_the_same_and_is_without_ours() -> None:
    torch.manual_seed(0)
    ours = build_model("coreecho", depths=[1, 1, 1, 1], widths=[4, 4, 8, 8], head_width=4).eval()
    clips = torch.randn(2, 4, 1, 32, 32)
    values = ours(clips).values
    torchs = ef_step.with_torchs(ours)
    assert torch.equal(torchs(clips).values, values)
    assert not any(isinstance(part, DepthwiseConv3d) for part in torchs.modules())


def test_steps_are_timed(tmp_path: Path) -> None:
    asked = ["--recipes", "coreecho_tiny", "--recordings", "2", "--repeats", "1", "--output", str(tmp_path)]
    done = CliRunner().invoke(ef_step.app, asked)
    assert done.exit_code == 0, done.output
    assert "| coreecho-tiny | 4 |" in (tmp_path / "ef-step.md").read_text()
