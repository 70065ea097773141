"""A simulated clip in front of a person, and what must hold after whatever happens: one sentence, a living window."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from EchoODELib.engine.phantom import PhantomClip, PhantomSettings, simulate
from EchoODELib.engine.sequence import EchoSequence, Provenance
from EchoODELib.scene.clip import createClip
from SlicerHost.mouse import Qt


@functools.cache
def simulated() -> PhantomClip:
    return simulate(PhantomSettings(frames=24, frame_rate=24.0, size=96, beats=1.0, seed=2))


def add(person: Any, sequence: EchoSequence, masks: np.ndarray | None = None, name: str = "A clip") -> Any:
    study = createClip(sequence, name)
    if masks is not None:
        study.setSegmented(masks, Provenance("segment", model="truth"))
        study.setMasks(masks, Provenance("segment", model="truth"))
        person.logic.findPhases(study)
    person.panel.setStudy(study)
    person.rest()
    return study


def start(person: Any, step: str) -> None:
    """Click a step's button and wait until the worker tells of it."""
    person.click(f"{step}Button")
    person.until(lambda: person.logic.progress is not None or not person.logic.busy)


def one_sentence(text: str) -> None:
    """It says one thing, to its end, in words for people."""
    assert text.endswith("."), text
    assert len(text) < 260, text
    assert "\n" not in text
    for word in ("Traceback", "Error:", "Exception", "NoneType", " object at "):
        assert word not in text


def alive(person: Any) -> None:
    """The window does what is asked of it."""
    person.rest()
    assert not person.logic.busy
    assert person.ui.segmentButton.text == "Segment sequence"
    if person.study is not None:
        start = person.study.frame
        person.press(Qt.Key_Right)
        assert person.study.frame == (start + 1) % person.study.frameCount
        person.study.setFrame(start)


def failed(person: Any, *words: str) -> None:
    """The panel says what went wrong, and lives on."""
    person.until_done()
    one_sentence(person.told)
    for word in words:
        assert word.lower() in person.told.lower(), person.told
    alive(person)
