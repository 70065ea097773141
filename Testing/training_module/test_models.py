"""Installing, importing and deleting models, by the module's verbs and in its list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from EchoODELib.engine.errors import WeightsError
from EchoODELib.engine.known_embeddings import KnownEmbeddings, read_known_embeddings, write_known_embeddings
from EchoODELib.engine.models import build_model
from EchoODELib.engine.weights import DEFAULT_MODEL, ModelCard, find_card, load_model, read_card, save_model
from EchoODETrainingLib.module import models
from engine.standins import save_clip_model

TINY = {"in_channels": 1, "classes": 4, "widths": [4, 8, 8], "blocks": 1}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The card of a model as a run makes it."""
    return a_model(tmp_path / "run" / "model", "mine")


def a_model(folder: Path, name: str) -> Path:
    card = ModelCard(
        name=name,
        task="segmentation",
        architecture="unet",
        configuration=TINY,
        input_size=(32, 32),
        labels=("background", "lv", "myocardium", "la"),
        views=("A4C",),
        weights="",
        sha256="",
        training_data="Nothing.",
        licence="None",
        citation="",
        intended_use="Tests.",
        limits="It knows nothing.",
    )
    save_model(build_model("unet", **TINY), card, folder)
    return folder / f"{name}.yaml"


def test_an_installed_model_can_be_loaded_by_its_name(made: Path, own_models: Path) -> None:
    assert models.install(made) == "mine"
    network, card = load_model("mine")
    assert card.folder == own_models
    assert sum(p.numel() for p in network.parameters()) > 0


def test_names_that_are_taken_get_a_number(made: Path, own_models: Path, tmp_path: Path) -> None:
    assert models.install(made) == "mine"
    assert models.install(made) == "mine"  # the same weights again
    assert models.install(a_model(tmp_path / "other", "mine")) == "mine-2"
    assert load_model("mine-2")[1].name == "mine-2"
    shipped = a_model(tmp_path / "third", DEFAULT_MODEL)
    assert models.install(shipped) == f"{DEFAULT_MODEL}-2"  # the shipped one is not hidden


def test_damaged_weights_are_refused_and_nothing_is_installed(made: Path, own_models: Path) -> None:
    weights = made.with_suffix(".safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    a_model(made.parent, "whole")
    with pytest.raises(WeightsError, match="damaged"):
        models.import_folder(made.parent)
    assert not own_models.exists() or not list(own_models.iterdir())


def test_an_import_takes_all_models_of_a_folder(made: Path, own_models: Path, tmp_path: Path) -> None:
    a_model(made.parent, "other")
    assert models.import_folder(made.parent.parent) == ["mine", "other"]  # a run's folder will do
    with pytest.raises(WeightsError, match="no model in"):
        models.import_folder(tmp_path)


def test_known_embeddings_come_and_go_with_their_model(made: Path, own_models: Path, tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    known = KnownEmbeddings.of(points[:5], points[:5, 0], points[5:])
    models.install(made)
    other = a_model(tmp_path / "other", "mine")
    write_known_embeddings(known, read_card(other))
    assert models.install(other) == "mine-2"
    found = read_known_embeddings(find_card("mine-2"))
    assert found is not None
    np.testing.assert_allclose(found.embeddings, known.embeddings, atol=1e-3)
    assert read_known_embeddings(find_card("mine")) is None
    models.delete("mine-2")
    assert sorted(path.name for path in own_models.iterdir()) == ["mine.safetensors", "mine.yaml"]
    path = other.with_name("mine.known.safetensors")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsError, match="damaged"):
        models.import_folder(other.parent)


def test_only_own_models_can_be_deleted(made: Path, own_models: Path) -> None:
    models.install(made)
    models.delete("mine")
    assert not list(own_models.iterdir())
    with pytest.raises(WeightsError, match="not a model of your own"):
        models.delete(DEFAULT_MODEL)


def test_a_damaged_card_is_listed_and_can_be_deleted(own_models: Path) -> None:
    own_models.mkdir()
    (own_models / "broken.yaml").write_text("name: [")
    broken = next(one for one in models.known() if one.name == "broken")
    assert broken.own
    assert "can't be read" in broken.use
    models.delete("broken")
    assert not list(own_models.iterdir())


def test_models_that_draw_no_masks_are_not_compared(person: Any, own_models: Path, runs_folder: Path) -> None:
    save_clip_model(own_models, "answers")
    run = runs_folder / "values-2026-01-01"
    save_clip_model(run / "model", "values")
    told = {"state": "done", "name": "values", "pid": 0, "model": "model/values.yaml", "best": {"mae": 4.25, "r2": 0.8}}
    (run / "status.json").write_text(json.dumps(told))
    person.panel.train.setFolder(str(runs_folder))
    person.panel.context.parameters.dataSets = ["phantom"]
    person.rest()
    box = person.ui.evaluateModelComboBox
    listed = [box.itemText(n) for n in range(box.count)]
    assert listed[0] == "Result of values-2026-01-01"
    assert DEFAULT_MODEL in listed
    assert "answers" not in listed
    assert not person.ui.evaluateButton.enabled
    assert "draws no masks" in person.ui.evaluateButton.toolTip
    assert "mean error 4.2 points, R² 0.80" in person.ui.trainInfoLabel.text
    person.select("evaluateModelComboBox", DEFAULT_MODEL)
    assert person.ui.evaluateButton.enabled
    assert "answers" in {model.name for model in models.known()}  # where it can be deleted


def test_the_list_by_clicks(person: Any, made: Path, monkeypatch: pytest.MonkeyPatch, picture: Any) -> None:
    ui = person.ui
    assert not ui.installButton.enabled
    monkeypatch.setattr("qt.QFileDialog.getExistingDirectory", lambda *_: str(made.parent))
    person.click("importModelButton")
    assert "mine is installed" in person.told
    names = [ui.modelsTable.item(row, 0).text() for row in range(ui.modelsTable.rowCount)]
    assert {"mine", DEFAULT_MODEL} <= set(names)
    ui.modelsTable.selectRow(names.index(DEFAULT_MODEL))
    person.rest()
    assert not ui.deleteModelButton.enabled
    assert "can't be deleted" in ui.deleteModelButton.toolTip
    ui.modelsTable.selectRow(names.index("mine"))
    person.see(ui.deleteModelButton)
    assert "Tests." in ui.modelInfoLabel.text
    picture("training-models")
    slicer.util.selectModule("EchoODE")
    person.rest()
    offered = slicer.modules.echoode.widgetRepresentation().self().panel.ui.modelComboBox
    assert "mine" in [offered.itemText(n) for n in range(offered.count)]
    slicer.util.selectModule("EchoODETraining")
    person.rest()
    monkeypatch.setattr("slicer.util.confirmYesNoDisplay", lambda *_, **__: False)
    person.click("deleteModelButton")
    assert "mine" in [one.name for one in models.known()]
    monkeypatch.setattr("slicer.util.confirmYesNoDisplay", lambda *_, **__: True)
    person.click("deleteModelButton")
    assert "mine was deleted" in person.told
    assert "mine" not in [one.name for one in models.known()]
