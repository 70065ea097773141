"""Small clips whose truth is known, and models small enough to run at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from EchoODELib.engine.models import build_model
from EchoODELib.engine.phantom import PhantomSettings, simulate
from EchoODELib.engine.sequence import EchoSequence, Provenance, SegmentedSequence, View
from EchoODELib.engine.weights import MODELS_VARIABLE, ModelCard, save_model
from EchoODETrainingLib.datasets.base import DataSet, Entry
from EchoODETrainingLib.datasets.clips import LabelledClip


class Fixed:
    """A segmenter that knows the masks beforehand, and remembers what it was given."""

    def __init__(self, answer: Callable[[EchoSequence], np.ndarray]) -> None:
        self.answer, self.given = answer, []

    def segment(self, sequence: EchoSequence, *, monitor: object = None) -> SegmentedSequence:
        self.given.append(sequence)
        return SegmentedSequence(sequence, self.answer(sequence), Provenance("test"))


class Given(DataSet):
    """Clips at hand as a data set of any kind."""

    kind = "phantom"
    layout = "none"

    def __init__(self, clips: list[LabelledClip], kind: str = "phantom", broken: tuple[str, ...] = ()) -> None:
        self.kind, self.at_hand, self.broken = kind, {clip.name: clip for clip in clips}, broken
        super().__init__()

    def find(self) -> list[Entry]:
        return [Entry(clip.name, clip.patient, "valid") for clip in self.at_hand.values()]

    def read(self, entry: Entry) -> LabelledClip:
        if entry.name in self.broken:
            raise OSError("cut off")
        return self.at_hand[entry.name]


@pytest.fixture(scope="session")
def a_film() -> LabelledClip:
    """A simulated beat of 16 frames, every one with its true mask."""
    made = simulate(PhantomSettings(frames=16, frame_rate=20.0, size=96, ejection_fraction=55.0, seed=4))
    return LabelledClip(
        name="phantom-a",
        patient="heart a",
        kind="simulated",
        frames=made.sequence.frames,
        times=made.sequence.times,
        masks=made.masks,
        labelled=np.ones(len(made.masks), bool),
        sector=made.sector,
        spacing=made.sequence.spacing,
        view=View.A4C,
        ed_frame=made.ed_frames[0],
        es_frame=made.es_frames[0],
        ejection_fraction=made.ejection_fraction,
    )


@pytest.fixture(scope="session")
def a_pair(a_film: LabelledClip) -> LabelledClip:
    """Its ED and ES as if they were a patient's stills."""
    chosen = [a_film.ed_frame, a_film.es_frame]
    return replace(
        a_film,
        name="patient0001_4CH",
        patient="patient0001",
        kind="real",
        frames=a_film.frames[chosen],
        times=np.array([0.0, 0.3]),
        masks=a_film.masks[chosen],
        labelled=np.ones(2, bool),
        ed_frame=0,
        es_frame=1,
    )


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Two untrained U-Nets that are found by name."""
    folder = tmp_path_factory.mktemp("models")
    for number, name in enumerate(("tiny-one", "tiny-two")):
        torch.manual_seed(number)
        configuration = {"widths": [4, 6, 8]}
        card = ModelCard(
            name, "segmentation", "unet", configuration, (32, 40), ("background", "lv", "myocardium", "la"), ("A4C",),
            "", "", "nothing", "Apache-2.0", "none", "tests", "everything",
        )  # fmt: skip
        save_model(build_model("unet", **configuration), card, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MODELS_VARIABLE, str(folder))
        yield "tiny-one", "tiny-two"


@pytest.fixture
def models_folder(tiny_models: tuple[str, str]) -> Path:
    import os

    return Path(os.environ[MODELS_VARIABLE].split(os.pathsep)[0])
