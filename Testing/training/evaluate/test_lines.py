"""Lengths of parasternal lines, by heat maps and across masks, against the marked ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from EchoODELib.engine.models import build_model
from EchoODELib.engine.phantom import PhantomSettings, simulate
from EchoODELib.engine.sequence import View
from EchoODELib.engine.weights import MODELS_VARIABLE, ModelCard, save_model
from EchoODETrainingLib.evaluate.lines import has_lines, line_errors, line_finder, true_lengths
from EchoODETrainingLib.evaluate.page import page
from EchoODETrainingLib.evaluate.run import evaluate
from EchoODETrainingLib.evaluate.summary import group_rows

from .conftest import Given


@pytest.fixture(scope="module")
def a_parasternal_film(a_film):
    made = simulate(PhantomSettings(view=View.PLAX, frames=8, frame_rate=20.0, size=96, seed=2))
    lines = {name.lower(): made.landmarks[name][..., ::-1].copy() for name in ("IVS", "LVID", "LVPW")}
    return replace(
        a_film, name="plax", frames=made.sequence.frames, times=made.sequence.times, masks=made.masks,
        labelled=np.ones(8, bool), sector=made.sector, spacing=made.sequence.spacing, view=View.PLAX,
        ed_frame=0, es_frame=3, ejection_fraction=None, landmarks=lines,
    )  # fmt: skip


@pytest.fixture(scope="module")
def a_line_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lines")
    torch.manual_seed(0)
    configuration = {"width": 4, "hidden": 8, "lines": 3, "solver": "euler", "steps": 1}
    card = ModelCard(
        "lines", "segmentation", "echo_ode", configuration, (32, 32), ("background", "lv", "myocardium", "la"),
        ("PLAX",), "", "", "nothing", "Apache-2.0", "none", "tests", "everything",
    )  # fmt: skip
    save_model(build_model("echo_ode", **configuration), card, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MODELS_VARIABLE, str(folder))
        yield "lines"


def test_true_lengths_are_in_mm(a_parasternal_film):
    clip = replace(
        a_parasternal_film,
        spacing=(0.5, 2.0),
        landmarks={"lvid": np.full((8, 2, 2), np.nan, np.float32)},
    )
    clip.landmarks["lvid"][3] = [[10, 20], [16, 22]]
    lengths = true_lengths(clip)
    assert lengths[3, 1] == pytest.approx(np.hypot(3, 4))
    assert np.isnan(lengths[:, [0, 2]]).all()
    assert np.isnan(lengths[:3]).all()
    assert has_lines(clip)
    assert not has_lines(replace(clip, spacing=None))
    assert not has_lines(replace(clip, landmarks={}))


def test_lines_across_the_true_masks_are_near_the_marked_ones(a_parasternal_film):
    row = line_errors(a_parasternal_film, a_parasternal_film.masks, None)
    assert set(row) == {
        f"{line}_masks_{what}" for line in ("ivs", "lvid", "lvpw") for what in ("error", "bias", "lost")
    }
    assert row["lvid_masks_error"] < 6
    assert row["ivs_masks_error"] < 4
    assert line_errors(a_parasternal_film, np.zeros_like(a_parasternal_film.masks), None) == {}


def test_heat_maps_are_compared_where_ends_are_marked(a_parasternal_film, a_line_model):
    finder = line_finder(a_line_model, "cpu")
    row = finder.errors(a_parasternal_film)
    for line in finder.lines:
        known = np.isfinite(row[f"{line}_error"])
        assert known == (row[f"{line}_lost"] < 8)
        assert not known or row[f"{line}_error"] >= abs(row[f"{line}_bias"]) >= 0
    assert line_finder("unet-camus-a4c", "cpu") is None


def test_a_clip_with_lines_alone_is_evaluated(a_parasternal_film, a_line_model):
    bare = replace(
        a_parasternal_film, labelled=np.zeros(8, bool), masks=np.zeros_like(a_parasternal_film.masks), drawn=frozenset()
    )
    found = evaluate([a_line_model], [Given([bare], "echonet_lvh")], device="cpu")
    (group,) = group_rows(found.rows)
    assert group.structures == []
    assert "ivs_lost" in found.rows
    assert "Published" in page(found)
