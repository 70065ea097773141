"""The commands where a network tells views: what is printed, what is warned of, which model is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from EchoODELib.engine.export.clip import write_clip
from EchoODELib.engine.phantom import PhantomClip
from EchoODELib.engine.sequence import View
from EchoODELib.engine.views import VIEW_MODEL
from engine.standins import save_view_model


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only models: one that takes everything for PLAX, and one that segments PLAX."""
    monkeypatch.setattr("EchoODELib.engine.weights.model_folders", lambda: [tmp_path / "models"])
    save_view_model(tmp_path / "models", VIEW_MODEL, {View.PLAX: 0.97, View.A2C: 0.03}, views=("A4C",))
    save_view_model(tmp_path / "models", "mine", {}, views=("PLAX",))
    return tmp_path / "models"


@pytest.fixture
def unnamed_clip(a_phantom: PhantomClip, tmp_path: Path) -> Path:
    """A video, which tells no view."""
    return write_clip(tmp_path / "clip.mp4", a_phantom.sequence)


@pytest.mark.usefixtures("models")
def test_info_says_what_it_looks_like_and_warns(echoode: Callable, unnamed_clip: Path) -> None:
    said = echoode("info", unnamed_clip, "--view", "A4C")
    assert "A4C; it looks like PLAX (97 %)" in said.out
    assert "said to be A4C, but looks like PLAX (97 %)" in said.err
    plain = echoode("info", unnamed_clip)
    assert "unknown; it looks like PLAX (97 %)" in plain.out
    assert "said to be" not in plain.err
    proposed = echoode("info", unnamed_clip, "--json").document["view_proposed"]
    assert proposed["view"] == "PLAX"
    assert proposed["probabilities"]["A2C"] == pytest.approx(0.03, abs=0.005)
    assert proposed["model"] == VIEW_MODEL


def test_info_without_the_model_says_what_the_file_says(
    echoode: Callable, unnamed_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("EchoODELib.engine.weights.model_folders", list)
    assert "looks like" not in echoode("info", unnamed_clip).out
    assert echoode("info", unnamed_clip, "--json").document["view_proposed"] is None


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize(
    ("options", "model"), [((), "mine"), (("--view", "PLAX"), "mine"), (("--model", VIEW_MODEL), VIEW_MODEL)]
)
def test_the_model_is_the_views_unless_a_person_names_one(
    echoode: Callable, unnamed_clip: Path, tmp_path: Path, options: tuple[str, ...], model: str
) -> None:
    arguments = ("segment", unnamed_clip, "-o", tmp_path / "masks", "--device", "cpu", "--json")
    assert echoode(*arguments, *options).document["provenance"]["model"] == model
