"""Maps of embeddings keep like recordings together, and their picture marks who was put in."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pandas as pd
import pytest
from EchoODELib.cli.app import app
from EchoODELib.engine.embedding_map import EmbeddingMap, map_embeddings
from EchoODELib.engine.errors import PackageNeeded, UnsuitableClip
from EchoODELib.engine.export.clip import write_clip
from EchoODELib.engine.export.map_picture import write_map
from EchoODELib.engine.known_embeddings import KnownEmbeddings, write_known_embeddings
from engine.standins import a_clip, save_clip_model
from typer.testing import CliRunner


def in_a_row(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings along a curve, by what their values say, and the values."""
    random = np.random.default_rng(seed)
    values = np.linspace(10, 80, count)
    curve = np.stack([values / 7, 3 * np.sin(values / 25), *random.normal(0, 0.2, (4, count))], 1)
    return curve.astype(np.float32), values


def test_like_recordings_lie_together_and_those_put_in_lie_with_them() -> None:
    pytest.importorskip("umap")
    (known, values), (asked, own) = in_a_row(60, 0), in_a_row(6, 1)
    made = map_embeddings(known, extra=asked, values=values, names=[str(place) for place in range(66)])
    assert made.points.shape == (66, 2)
    assert made.current == tuple(range(60, 66))
    assert made.values is not None
    assert np.isnan(made.values[60:]).all()
    apart = np.linalg.norm(made.points[:, None] - made.points[None, :60], axis=-1)
    apart[np.arange(60), np.arange(60)] = np.inf
    nearest = values[np.argsort(apart, axis=1)[:, :5]].mean(1)
    assert np.corrcoef(nearest[:60], values)[0, 1] > 0.9
    assert np.corrcoef(nearest[60:], own)[0, 1] > 0.9
    again = map_embeddings(known, values=values)
    np.testing.assert_allclose(again.points, made.points[:60], atol=1e-4)


def test_maps_that_can_not_be_are_refused() -> None:
    known, values = in_a_row(8, 0)
    with pytest.raises(UnsuitableClip, match="4 recordings"):
        map_embeddings(known[:3])
    with pytest.raises(UnsuitableClip, match="as many values"):
        map_embeddings(known, values=values[:5])
    with pytest.raises(UnsuitableClip, match="as many values and names"):
        map_embeddings(known, extra=known[:2], values=values, names=["one"])


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(PackageNeeded, match=r"requirements/maps\.txt"):
        map_embeddings(in_a_row(8, 0)[0])


@pytest.mark.parametrize("groups", [(), ("sick", "well", "")])
def test_the_picture_marks_those_put_in(tmp_path, groups) -> None:
    points = np.random.default_rng(0).normal(size=(30, 2))
    values = np.r_[np.linspace(10, 80, 27), 20, 50, np.nan]
    names = ("",) * 27 + ("clip-1", "clip-2", "clip-3")
    made = EmbeddingMap(points, values, names, (27, 28, 29))
    drawn = []
    for unlike in ([False] * 3, [False, True, False]):
        path = write_map(tmp_path / "map.png", made, title="A map", scale="EF (%)", groups=groups, unlike=unlike)
        drawn.append(cv2.imread(str(path)).astype(int))
    red = [((one[..., 2] > 220) & (one[..., 1] < 100) & (one[..., 0] < 100)).sum() for one in drawn]
    assert red[1] > red[0] + 50
    alone = EmbeddingMap(points, values, names, ())
    write_map(tmp_path / "map.png", alone, title="A map", scale="EF (%)")
    assert (np.ptp(cv2.imread(str(tmp_path / "map.png")).astype(int), axis=-1) > 60).sum() > 3000  # its colours


def test_labels_colour_the_map_of_a_cohort_among_the_training_data(tmp_path, monkeypatch) -> None:
    pytest.importorskip("umap")
    random = np.random.default_rng(0)
    monkeypatch.setenv("ECHOODE_MODELS", str(tmp_path / "models"))
    card = save_clip_model(tmp_path / "models")
    far = random.normal(0, 1, (24, 8)).astype(np.float32)
    write_known_embeddings(KnownEmbeddings.of(far, random.uniform(10, 80, 24).astype(np.float32), far), card)
    for name in ("Anna", "Berta", "Dora"):
        write_clip(tmp_path / "films" / f"{name}.seq.nrrd", a_clip(12))
    (tmp_path / "labels.csv").write_text("FileName,Group\nAnna,sick\nBerta.seq.nrrd,well\n")
    asked = ["embed", tmp_path / "films", "--model", "guess", "--device", "cpu", "--labels", tmp_path / "labels.csv"]
    asked = [str(one) for one in asked]
    wrong = CliRunner().invoke(app, [*asked, "--label", "Age", "-o", str(tmp_path / "wrong")])
    assert wrong.exit_code == 3
    assert "no column “Age”" in wrong.output
    done = CliRunner().invoke(app, [*asked, "--label", "Group", "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "out" / "embeddings.csv", comment="#")
    assert table["Group"].fillna("").tolist() == ["sick", "well", ""]
    assert np.isfinite(table[["x", "y"]]).all(axis=None)
    assert set(table["unlike the training data"]) <= {"yes", "no"}
    training = pd.read_excel(tmp_path / "out" / "embeddings.xlsx", sheet_name="training data", skiprows=1)
    assert training.shape == (24, 3)
    assert cv2.imread(str(tmp_path / "out" / "map.png")) is not None
