"""What is proposed as a clip's view, which model a view gets, and what a person is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from EchoODELib.engine import views
from EchoODELib.engine.errors import WeightsError
from EchoODELib.engine.models import build_model
from EchoODELib.engine.sequence import KNOWN_VIEWS, View
from EchoODELib.engine.views import VIEW_MODEL, ViewProposal, disagreement, model_for_view, propose_view, with_view
from EchoODELib.engine.weights import DEFAULT_MODEL, save_model
from engine.standins import a_card, a_clip, save_view_model


@pytest.fixture
def a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder with models."""
    monkeypatch.setattr("EchoODELib.engine.weights.model_folders", lambda: [tmp_path])
    return tmp_path


def test_the_most_probable_view_is_proposed_with_all_probabilities(a_folder: Path) -> None:
    save_view_model(a_folder, VIEW_MODEL, {View.A3C: 0.7, View.A2C: 0.2, View.OTHER: 0.1})
    proposal = propose_view(a_clip(40))
    assert (proposal.view, proposal.model) == (View.A3C, VIEW_MODEL)
    assert proposal.probability == pytest.approx(0.7, abs=0.01)
    assert sum(proposal.probabilities.values()) == pytest.approx(1)
    assert list(proposal.probabilities) == [*KNOWN_VIEWS, View.OTHER]
    assert proposal.probabilities[View.A2C] == pytest.approx(0.2, abs=0.01)
    assert not proposal.confident
    assert str(proposal) == "A3C (70 %)"


@pytest.mark.parametrize("count", [1, 2, 5, 300])
def test_clips_of_any_length_are_looked_at_in_a_few_frames(
    a_folder: Path, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    save_view_model(a_folder, VIEW_MODEL, {View.A4C: 1})
    plain = views._network

    def watched(*args: str) -> torch.nn.Module:
        network = plain(*args)
        network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].shape))
        return network

    monkeypatch.setattr(views, "_network", watched)
    clip = a_clip(count)
    assert propose_view(clip).view is View.A4C
    (shape,) = seen
    assert shape[0] == min(count, 6)
    assert tuple(shape[1:]) == (1, 1, 32, 40)


def test_without_the_model_it_is_what_the_file_says(a_folder: Path) -> None:
    for view in (View.PLAX, View.UNKNOWN):
        proposal = propose_view(a_clip(3, view=view))
        assert (proposal.view, proposal.probability, dict(proposal.probabilities)) == (view, None, {})
        assert not proposal.confident
        assert str(proposal) == view.value


def test_a_model_that_tells_no_views_is_refused(a_folder: Path) -> None:
    save_model(build_model("unet", widths=[4, 8, 8]), a_card(), a_folder)
    with pytest.raises(WeightsError, match=VIEW_MODEL):
        propose_view(a_clip(3), model="tiny")


def test_a_replaced_model_is_not_mistaken_for_the_old_one(a_folder: Path) -> None:
    for view in (View.A2C, View.OTHER):
        save_view_model(a_folder, VIEW_MODEL, {view: 1})
        assert propose_view(a_clip(3)).view is view


def test_a_clip_of_unknown_view_gets_the_one_that_is_sure(a_folder: Path) -> None:
    save_view_model(a_folder, VIEW_MODEL, {View.PLAX: 0.97, View.A2C: 0.03})
    clip = a_clip(6, view=View.UNKNOWN)
    seen = with_view(clip)
    assert seen.view is View.PLAX
    assert any("looks like PLAX (97 %)" in note for note in seen.source.notes)
    np.testing.assert_array_equal(seen.frames, clip.frames)
    save_view_model(a_folder, VIEW_MODEL, {View.PLAX: 0.5, View.A2C: 0.5})
    assert with_view(clip) is clip


def test_what_the_file_says_stays_and_the_doubt_is_told(a_folder: Path) -> None:
    save_view_model(a_folder, VIEW_MODEL, {View.PLAX: 0.97, View.A2C: 0.03})
    clip = a_clip(6, view=View.A4C)
    seen = with_view(clip)
    assert seen.view is View.A4C
    (note,) = seen.source.notes
    assert "said to be A4C, but looks like PLAX (97 %)" in note
    agreed = a_clip(6, view=View.PLAX)
    assert with_view(agreed) is agreed


@pytest.mark.parametrize(
    ("view", "proposed", "share", "told"),
    [
        (View.A4C, View.A2C, 0.95, True),
        (View.A4C, View.OTHER, 0.95, True),
        (View.A4C, View.A2C, 0.5, False),
        (View.A4C, View.A4C, 0.95, False),
        (View.UNKNOWN, View.A2C, 0.95, False),
        (View.A4C, View.A4C, None, False),
    ],
)
def test_only_a_sure_other_view_is_held_against_the_one_that_is_said(
    view: View, proposed: View, share: float | None, told: bool
) -> None:
    assert bool(disagreement(view, ViewProposal(proposed, share))) == told


def test_each_view_gets_a_model_that_was_trained_on_it(a_folder: Path) -> None:
    assert model_for_view(View.A4C) == DEFAULT_MODEL
    save_view_model(a_folder, "mine", {}, views=("PLAX", "A2C"))
    assert model_for_view(View.PLAX) == model_for_view(View.A2C) == "mine"
    assert model_for_view(View.A3C) == DEFAULT_MODEL
    save_view_model(a_folder, VIEW_MODEL, {}, views=("A4C", "A2C", "A3C", "PLAX"))
    assert model_for_view(View.A2C) == model_for_view(View.A3C) == VIEW_MODEL
    for view in (View.UNKNOWN, View.OTHER):
        assert model_for_view(view) == DEFAULT_MODEL
