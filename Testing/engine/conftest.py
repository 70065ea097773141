"""What several files of this room share."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from EchoODELib.engine.models import build_model
from EchoODELib.engine.weights import MODELS_VARIABLE, save_model
from engine.standins import TINY_ECHO_ODE, a_card, balance


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of untrained models: "clips" and "frames"."""
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
    torch.manual_seed(1)
    for name, architecture, configuration, use in (
        ("clips", "echo_ode", TINY_ECHO_ODE, {"window_seconds": 0.12}),
        ("frames", "unet", {"widths": [4, 4], "heads": 1}, {}),
    ):
        network = build_model(architecture, **configuration)
        balance(network.eval(), network.head if name == "clips" else network.heads[0])
        save_model(network, a_card(name, architecture=architecture, configuration=configuration, use=use), tmp_path)
    return tmp_path
