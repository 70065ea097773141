"""Networks of this room: tiny, untrained, but whole."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from EchoODELib.engine.models import build_model
from EchoODELib.engine.weights import save_model
from engine.standins import a_card, balance

_TINY_RAL = {
    "growth": 2,
    "layers": 2,
    "dilations": [1, 2],
    "stem": 4,
    "widths": [4, 4],
    "pools": [True],
    "features": [4, 4],
    "hidden": [4, 4],
    "view_width": 4,
}


@pytest.fixture
def live_models(models: Path) -> Path:
    """Beside "clips" and "frames", two that follow a clip: "follows", and "views", which also tells the view."""
    torch.manual_seed(2)
    for name, architecture, configuration in (
        ("follows", "multi_view_conv_lstm", {"widths": [4, 4, 8]}),
        ("views", "ral", _TINY_RAL),
    ):
        network = build_model(architecture, **configuration)
        balance(network.eval(), network.head)
        save_model(network, a_card(name, architecture=architecture, configuration=configuration), models)
    return models
