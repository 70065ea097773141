"""Several networks averaged as one model, and the cards that say which."""

import numpy as np
import pytest
import torch
from EchoODELib.engine.combination import save_combination
from EchoODELib.engine.errors import WeightsError
from EchoODELib.engine.models import build_model
from EchoODELib.engine.segment import Segmenter
from EchoODELib.engine.weights import COMBINATION, save_model
from engine.standins import TINY_ECHO_ODE, a_card, a_clip


def combined(models, members, name="both"):
    return save_combination(a_card(name, architecture=COMBINATION, configuration={"members": members}), models)


def test_a_combination_averages_its_members(models):
    clip = a_clip(12)
    combined(models, [{"model": "clips"}])
    alone = Segmenter("clips", "cpu", clean=False).segment(clip).masks
    np.testing.assert_array_equal(Segmenter("both", "cpu", clean=False).segment(clip).masks, alone)
    frames = Segmenter("frames", "cpu", clean=False).segment(clip).masks
    combined(models, [{"model": "clips", "weight": 1e-6}, {"model": "frames", "weight": 10, "scales": [1.0]}])
    assert (Segmenter("both", "cpu", clean=False).segment(clip).masks == frames).mean() > 0.999
    card = combined(models, [{"model": "clips", "flips": True}, {"model": "frames", "scales": [0.8, 1, 1.2]}])
    mixed = Segmenter("both", "cpu", clean=False).segment(clip)
    assert (mixed.masks != frames).any()
    assert (mixed.masks != alone).any()
    assert mixed.provenance.weights_sha256 == card.sha256 != ""


def test_a_combination_holds_for_its_members_weights_alone(models):
    combined(models, [{"model": "clips"}, {"model": "frames"}])
    torch.manual_seed(99)
    card = a_card("clips", architecture="echo_ode", configuration=TINY_ECHO_ODE)
    save_model(build_model("echo_ode", **TINY_ECHO_ODE), card, models)
    with pytest.raises(WeightsError, match="replaced"):
        Segmenter("both", "cpu")


@pytest.mark.parametrize(
    "members",
    [
        [],
        "clips",
        [{"weight": 1}],
        [{"model": "none"}],
        [{"model": "clips", "weight": 0}],
        [{"model": "clips", "scales": []}],
        [{"model": "clips", "colour": 1}],
    ],
)
def test_a_combination_that_makes_no_sense_is_refused(models, members):
    with pytest.raises(WeightsError):
        combined(models, members)
        Segmenter("both", "cpu")
