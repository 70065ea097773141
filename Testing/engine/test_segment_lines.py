"""The shipped model of parasternal lines, from a clip to its millimetres, against simulated hearts of known size."""

from __future__ import annotations

import numpy as np
import pytest
from EchoODELib.engine.combination import save_combination
from EchoODELib.engine.measure import measure
from EchoODELib.engine.phantom import PhantomClip, PhantomSettings, simulate
from EchoODELib.engine.segment import Segmenter
from EchoODELib.engine.sequence import View
from EchoODELib.engine.weights import MODELS_VARIABLE
from engine.standins import a_card

MODEL = "echo-ode-plax-lines"
LINES = ("IVS", "LVID", "LVPW")


@pytest.fixture(scope="module")
def a_parasternal_clip() -> PhantomClip:
    """A heart of a seed that the model was not trained on."""
    return simulate(PhantomSettings(view=View.PLAX, frames=10, frame_rate=20.0, size=160, seed=2_000_002))


def true_lengths(clip: PhantomClip) -> np.ndarray:
    """(T, 3) mm."""
    ends = np.stack([clip.landmarks[name] for name in LINES], 1) * np.array(clip.sequence.spacing)[::-1]
    return np.linalg.norm(ends[:, :, 1] - ends[:, :, 0], axis=-1)


def test_lengths_are_those_of_the_simulated_heart(a_parasternal_clip: PhantomClip) -> None:
    segmented = Segmenter(MODEL, "cpu").segment(a_parasternal_clip.sequence)
    assert segmented.lines is not None
    apart = segmented.lines.reshape(10, 3, 2, 2) - np.stack([a_parasternal_clip.landmarks[n] for n in LINES], 1)
    assert np.abs(np.median(apart, axis=(0, 1, 2))).max() < 2.0  # px: neither axis swapped nor shifted
    measured = measure(segmented)
    found = np.stack([measured.per_frame[name.lower()].values for name in LINES], 1)
    assert np.abs(found - true_lengths(a_parasternal_clip)).mean(0).max() < 2.5


def test_some_frames_and_mirrored_ones_have_their_lines(a_parasternal_clip: PhantomClip) -> None:
    clip = a_parasternal_clip.sequence
    whole = Segmenter(MODEL, "cpu").segment(clip).lines
    some = Segmenter(MODEL, "cpu").segment(clip, frames=[2, 7]).lines
    assert some[[2, 7]] == pytest.approx(whole[[2, 7]], abs=0.01)
    assert np.isnan(some[[0, 1, 3]]).all()
    mirrored = Segmenter(MODEL, "cpu", flips=True).segment(clip).lines
    assert np.nanmedian(np.abs(mirrored - whole)) < 4.0


def test_a_combination_takes_the_lines_of_its_member(
    a_parasternal_clip: PhantomClip, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path))
    members = [{"model": "unet-camus-a4c"}, {"model": MODEL}]
    card = a_card("both", input_size=(128, 128), configuration={"members": members}, views=("PLAX",))
    save_combination(card, tmp_path)
    both = Segmenter("both", "cpu").segment(a_parasternal_clip.sequence).lines
    alone = Segmenter(MODEL, "cpu").segment(a_parasternal_clip.sequence).lines
    assert np.nanmax(np.abs(both - alone)) < 1.5
    assert Segmenter("unet-camus-a4c", "cpu").segment(a_parasternal_clip.sequence, frames=[0]).lines is None
