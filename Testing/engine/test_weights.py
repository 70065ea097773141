"""Models are found by name, verified, and refused with one sentence when anything is wrong."""

import pickle
from pathlib import Path

import pytest
import torch
import yaml
from EchoODELib.engine.combination import load_members
from EchoODELib.engine.errors import WeightsError
from EchoODELib.engine.models import build_model
from EchoODELib.engine.weights import (
    COMBINATION,
    DEFAULT_MODEL,
    MODELS_VARIABLE,
    list_models,
    load_model,
    model_folders,
    save_model,
)
from engine.standins import TINY_UNET, a_card


@pytest.fixture
def a_network() -> torch.nn.Module:
    torch.manual_seed(0)
    return build_model("unet", **TINY_UNET).eval()


@pytest.fixture
def a_folder(tmp_path, a_network, monkeypatch) -> Path:
    """A folder with the model "tiny", named by the environment variable."""
    folder = tmp_path / "models"
    save_model(a_network, a_card(), folder)
    monkeypatch.setenv(MODELS_VARIABLE, str(folder))
    return folder


def rewrite_card(folder: Path, **changes: object) -> None:
    path = folder / "tiny.yaml"
    content = {**yaml.safe_load(path.read_text()), **changes}
    path.write_text(yaml.safe_dump({key: value for key, value in content.items() if value is not None}))


def test_a_saved_model_loads_by_name_and_computes_the_same(a_folder, a_network):
    network, card = load_model("tiny")
    assert card == save_model(a_network, a_card(), a_folder)
    assert not network.training
    assert {p.dtype for p in network.parameters()} == {torch.float32}
    x = torch.randn(1, 1, 32, 48)
    torch.testing.assert_close(network(x), a_network(x), atol=0.02, rtol=0.02)  # weights are kept as float16


def test_models_are_listed_by_name_with_the_first_folder_winning(a_folder, a_network, tmp_path, monkeypatch):
    save_model(a_network, a_card(limits="other"), tmp_path / "other")
    save_model(a_network, a_card("another"), tmp_path / "other")
    monkeypatch.setenv(MODELS_VARIABLE, f"{a_folder}:{tmp_path / 'absent'}:{tmp_path / 'other'}")
    cards = {card.name: card for card in list_models()}
    assert list(cards) == sorted(cards)
    assert {"tiny", "another"} <= set(cards)
    assert cards["tiny"].limits == "everything"
    assert cards["tiny"].path == a_folder / "tiny.safetensors"


def test_the_shipped_models_are_whole(monkeypatch):
    monkeypatch.delenv(MODELS_VARIABLE, raising=False)
    cards = list_models()
    assert DEFAULT_MODEL in [card.name for card in cards]
    assert sum(card.path.stat().st_size for card in cards if card.weights) <= 40e6
    for card in cards:
        if card.architecture == COMBINATION:
            load_members(card.name, torch.device("cpu"))
            continue
        network, _ = load_model(card.name)
        assert all(torch.isfinite(p).all() for p in network.parameters())
        for text in (card.training_data, card.licence, card.citation, card.intended_use, card.limits, card.figures):
            assert text
        if "CAMUS" in card.training_data:
            assert card.licence == "CC BY-NC-SA 4.0"
            assert "Leclerc" in card.citation


@pytest.mark.parametrize("name", ["nothing", "", "../models/tiny", "/etc/passwd"])
def test_an_unknown_name_is_answered_with_the_known_ones(a_folder, name):
    with pytest.raises(WeightsError, match="tiny"):
        load_model(name)


@pytest.mark.parametrize("position", [0, 200, -1])
def test_one_damaged_byte_is_noticed(a_folder, position):
    path = a_folder / "tiny.safetensors"
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="checksum"):
        load_model("tiny")


def test_truncated_and_missing_weights_are_said(a_folder):
    path = a_folder / "tiny.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(WeightsError, match="damaged"):
        load_model("tiny")
    path.unlink()
    with pytest.raises(WeightsError, match="missing"):
        load_model("tiny")


def test_a_pickle_is_never_opened(a_folder, tmp_path):
    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    import hashlib

    content = pickle.dumps(Trap())
    (a_folder / "tiny.safetensors").write_bytes(content)
    rewrite_card(a_folder, sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(WeightsError, match="don't fit"):
        load_model("tiny")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"licence": None}, "lacks licence"),
        ({"colour": "red"}, "unknown colour"),
        ({"input_size": [32]}, "input_size"),
        ({"input_size": [32, -1]}, "input_size"),
        ({"input_size": "32x48"}, "wrong kind"),
        ({"labels": ["background"]}, "labels"),
        ({"weights": "../elsewhere.safetensors"}, "bare"),
        ({"architecture": "perceptron"}, "perceptron"),
        ({"architecture": 3}, "wrong kind"),
        ({"configuration": {"widths": [4]}}, "can't be built"),
        ({"configuration": {"widths": [4, 8, 16]}}, "don't fit"),
        ({"configuration": {"layers": 3}}, "can't be built"),
        ({"name": "huge"}, "huge"),
        ({"use": []}, "wrong kind"),
    ],
)
def test_a_card_that_is_wrong_is_said(a_folder, changes, match):
    rewrite_card(a_folder, **changes)
    with pytest.raises(WeightsError, match=match):
        load_model("tiny")


@pytest.mark.parametrize("content", [b"", b"- a\n- b\n", b"a: [", b"\xff\xfe\x00"])
def test_a_card_that_is_no_card_is_said(a_folder, content):
    (a_folder / "tiny.yaml").write_bytes(content)
    with pytest.raises(WeightsError, match=r"tiny\.yaml"):
        list_models()


def test_the_shipped_folder_is_found_from_the_package(monkeypatch):
    monkeypatch.delenv(MODELS_VARIABLE, raising=False)
    assert [folder for folder in model_folders() if folder.parts[-2:] == ("Resources", "Models")]


@pytest.mark.parametrize("architecture", ["echo_ode", "echo_lstm", "conv_lstm"])
def test_a_clip_network_is_saved_and_loaded_as_any_other(architecture, tmp_path, monkeypatch):
    configuration = {"width": 3, "lines": 3, "normalisation": "batch"}
    torch.manual_seed(0)
    network = build_model(architecture, **configuration).eval()
    save_model(network, a_card("beating", architecture=architecture, configuration=configuration), tmp_path)
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
    loaded, _ = load_model("beating")
    assert loaded.takes_clips
    clips, times = torch.randn(1, 4, 1, 24, 24), torch.linspace(0, 1, 4)
    found, expected = loaded(clips, times, times), network(clips, times, times)
    torch.testing.assert_close(found.logits, expected.logits, atol=1e-2, rtol=1e-2)
    torch.testing.assert_close(found.heat_maps, expected.heat_maps, atol=1e-2, rtol=1e-2)
