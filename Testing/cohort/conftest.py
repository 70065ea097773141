"""A folder of small clips, an untrained model, and workers that can be watched."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from cohort.standins import CLIPS, Here
from EchoODELib.cohort.orders import CohortSettings
from EchoODELib.engine.export.clip import write_clip
from EchoODELib.engine.models import build_model
from EchoODELib.engine.phantom import PhantomSettings, simulate
from EchoODELib.engine.weights import MODELS_VARIABLE, find_card, save_model
from engine.standins import TINY_COREECHO, a_card, balance, save_clip_model


@pytest.fixture(scope="session")
def some_clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four clips, two of them alike, in folders; beside them what is no clip."""
    folder = tmp_path_factory.mktemp("clips")
    hearts = [
        simulate(PhantomSettings(frames=6, frame_rate=20.0, size=64, beats=0.5, ejection_fraction=ef, seed=seed))
        for seed, ef in enumerate((60.0, 30.0))
    ]
    for number, name in enumerate(CLIPS):
        write_clip(folder / name, hearts[number % 2].sequence)
    (folder / "b" / "notes.txt").write_text("Nothing to see.")
    return folder


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds the models "quick", "guess" for ejection fractions, and "beats" for infarctions of whole beats."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(1)
    configuration = {"widths": [4, 4], "heads": 1}
    network = build_model("unet", **configuration)
    balance(network.eval(), network.heads[0])
    save_model(network, a_card("quick", configuration=configuration), folder)
    save_clip_model(folder)
    use = {"clips": {"frames": 4, "whole": True, "clips": 1}}
    logit = {**TINY_COREECHO, "middle": 0, "scale": 2.0}
    save_clip_model(folder, "beats", task="infarction", configuration=logit, use=use)
    return folder


@pytest.fixture
def quick(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> CohortSettings:
    """Segment and measure with the model "quick"."""
    monkeypatch.setenv(MODELS_VARIABLE, str(model_folder))
    card = find_card("quick")
    return CohortSettings(steps=("segment", "measure"), model="quick", checksum=card.checksum)


@pytest.fixture
def named(some_clips: Path, tmp_path: Path) -> Callable[..., Path]:
    """`named(*names)` makes a folder of clips named so."""

    def make(*names: str) -> Path:
        folder = tmp_path / "clips"
        folder.mkdir()
        for name in names:
            shutil.copy(some_clips / CLIPS[0], folder / f"{name}.seq.nrrd")
        return folder

    return make


@pytest.fixture
def here() -> Here:
    return Here()


@pytest.fixture(scope="session")
def table() -> Callable[[Path], pd.DataFrame]:
    """`table(file)` reads a table as a person's program would."""
    return lambda path: pd.read_csv(path, comment="#", encoding="utf-8-sig")
