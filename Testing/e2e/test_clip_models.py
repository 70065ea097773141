"""``echoode embed`` and ``echoode explain``: what networks of whole clips see, by the commands that a person uses."""

from __future__ import annotations

import json
from pathlib import Path

import av
import cv2
import nrrd
import numpy as np
import pandas as pd
import pytest
from EchoODELib.cli.app import app
from EchoODELib.cli.explaining import bar
from EchoODELib.engine.clip_models import estimator_for
from EchoODELib.engine.errors import WeightsError
from EchoODELib.engine.explain import explain, share_by_chance
from EchoODELib.engine.export.masks import write_masks
from EchoODELib.engine.io import read_clip
from EchoODELib.engine.sequence import Label, Provenance, SegmentedSequence
from EchoODELib.engine.weights import ModelCard
from engine.standins import a_clip, save_clip_model, save_view_model
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Four short films, one that is none, and a model with known embeddings that are far from all of them."""
    folder = tmp_path_factory.mktemp("clips")
    for number, name in enumerate(("Anna", "Berta", "Clara", "Dora")):
        (folder / "films" / name).mkdir(parents=True)
        for frame, image in enumerate(a_clip(16).frames[number:]):
            cv2.imwrite(str(folder / "films" / name / f"{frame:03d}.png"), image)
    (folder / "films" / "broken.mp4").write_bytes(b"nothing")
    save_clip_model(folder / "models")
    return folder


@pytest.fixture
def models(made, monkeypatch) -> Path:
    monkeypatch.setenv("ECHOODE_MODELS", str(made / "models"))
    return made / "models"


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_cohort_is_embedded_without_names_and_one_bad_file_is_told(made, models, tmp_path) -> None:
    done = run("embed", made / "films", "-o", tmp_path, "--model", "guess", "--no-map", "--device", "cpu", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["clips"], told["embedded"], told["failed"], told["unlike_training_data"]) == (5, 4, 1, None)
    table = pd.read_csv(tmp_path / "embeddings.csv", comment="#")
    estimator = estimator_for("guess", "cpu")
    names = pd.read_csv(tmp_path / "private" / "clips.csv", comment="#").set_index("clip")["file"]
    for _, row in table.iterrows():
        expected = estimator.estimate(read_clip(made / "films" / names[row["clip"]]), variations=False)
        assert row["EF (%)"] == pytest.approx(expected.value, rel=1e-4)
        np.testing.assert_allclose([row[f"e{n}"] for n in range(1, 9)], expected.embedding, rtol=1e-3, atol=1e-5)
    failures = pd.read_csv(tmp_path / "failures.csv", comment="#")
    assert len(failures) == 1
    public = [path.read_bytes() for path in tmp_path.glob("*.csv")]
    assert not any(name in text for text in public for name in (b"Anna", b"broken"))
    assert set(pd.ExcelFile(tmp_path / "embeddings.xlsx").sheet_names) == {"embeddings", "failures"}
    named = run(
        "embed", made / "films" / "Anna", "-o", tmp_path / "named", "--model", "guess", "--no-map", "--keep-name"
    )
    assert named.exit_code == 0, named.output
    assert "Anna" in (tmp_path / "named" / "embeddings.csv").read_text()


def test_an_explanation_is_drawn_and_its_share_is_that_of_the_masks(made, models, tmp_path) -> None:
    clip = read_clip(made / "films" / "Anna")
    masks = np.zeros(clip.frames.shape, np.uint8)
    masks[:, 8:32, 3:27] = Label.MYOCARDIUM
    masks[:, 10:30, 5:25] = Label.LV
    write_masks(tmp_path / "masks.nii.gz", SegmentedSequence(clip, masks, Provenance("given")))
    asked = ["explain", made / "films" / "Anna", "-o", tmp_path / "out", "--model", "guess", "--device", "cpu"]
    done = run(*asked, "--masks", tmp_path / "masks.nii.gz", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    heat = explain(estimator_for("guess", "cpu"), clip)
    assert told["share_of_heat_in_lv"] == pytest.approx(heat.share_in(masks), abs=1e-3)
    assert told["by_chance"] == pytest.approx(share_by_chance(clip, heat, masks))
    both = heat.share_in(np.minimum(masks, 1))
    assert told["share_of_heat_in_lv_and_wall"] == pytest.approx(both, abs=1e-3)
    assert told["share_of_heat_in_lv"] < both < 1
    written, header = nrrd.read(str(tmp_path / "out" / "heat.seq.nrrd"))
    assert header["type"] in ("uint8", "unsigned char")
    assert sorted(written.shape) == sorted((*heat.maps.shape, 1)[: written.ndim])
    assert int(written.astype(int).sum()) == int(heat.maps.astype(int).sum())
    picture = cv2.imread(str(tmp_path / "out" / "heat.png"))
    assert (np.ptp(picture.astype(int), axis=-1) > 60).sum() > 1000  # the heat has colours
    with av.open(str(tmp_path / "out" / "heat.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) == len(clip)


def test_the_bar_says_share_and_chance() -> None:
    assert bar(0.5, 0.25).startswith("█" * 15 + "░" * 15 + " 50 %")
    assert "25 %" in bar(0.5, 0.25)
    assert bar(float("nan"), 0.2) == "there is no heat"


def test_models_that_segment_do_not_embed(made, models, tmp_path) -> None:
    save_view_model(models, "looks", {})
    try:
        with pytest.raises(WeightsError, match="is for segmentation"):
            estimator_for("looks", "cpu")
        done = run("embed", made / "films", "-o", tmp_path / "out", "--model", "looks")
    finally:
        for path in models.glob("looks.*"):
            path.unlink()
    assert done.exit_code == WeightsError.exit_code
    assert not (tmp_path / "out").exists()


def test_infarction_models_are_asked_in_their_own_words(made, models, tmp_path) -> None:
    card: ModelCard = save_clip_model(models, "infarct", task="infarction")
    done = run("embed", made / "films" / "Anna", "-o", tmp_path, "--model", card.name, "--no-map", "--device", "cpu")
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "embeddings.csv", comment="#")
    assert 0 <= float(table["infarction"][0]) <= 1
