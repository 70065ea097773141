"""The clips that methods are compared on, each with the truth on every frame.

Simulated clips and real pairs answer different questions, so a case knows its kind and no table may
hold two kinds.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import cv2
import numpy as np
import SimpleITK as sitk  # noqa: N813 - the name that everybody uses
from EchoODELib.engine.phantom.settings import PhantomSettings
from EchoODELib.engine.phantom.simulate import simulate
from EchoODELib.engine.sequence import EchoSequence, View
from numpy.typing import NDArray

EJECTION_FRACTIONS = (35.0, 50.0, 65.0)
QUALITIES = ("good", "good", "medium", "medium", "poor", "poor")
_SYSTOLE_FRAMES, _SYSTOLE_RATE, _SYSTOLE_CYCLE = 30, 80.0, 1.068
_CYCLE_FRAMES, _CYCLE_RATE = 43, 50.0
_REPOSITORY = Path(__file__).resolve().parents[2]


class Kind(Enum):
    """What a case is; the value is the name of its table."""

    SYSTOLE = "Simulated, end-diastole to end-systole"
    CYCLE = "Simulated, full cycle"
    PAIR = "Real pairs, end-diastole to end-systole"

    @property
    def real(self) -> bool:
        """Whether the images come from patients."""
        return self is Kind.PAIR


@dataclass(frozen=True)
class Case:
    """A clip with its truth; frame 0 is end-diastole and its mask is given to every method.

    Attributes
    ----------
    name: unique within its kind.
    kind: simulated or real.
    sequence: the images.
    masks: (T, H, W) uint8, the truth.
    region: (H, W) bool, where there is image; folds are counted there.
    es_frame: end-systole.
    pull_back: (T, H, W, 2) float32 px, the true motion of a simulated clip, else None.
    facts: what the clip is, for the file of results.
    """

    name: str
    kind: Kind
    sequence: EchoSequence
    masks: NDArray[np.uint8]
    region: NDArray[np.bool_]
    es_frame: int
    pull_back: NDArray[np.float32] | None = None
    facts: dict[str, object] = field(default_factory=dict)

    def first(self, count: int) -> Case:
        """The same case cut to its first frames, the last of which counts as end-systole."""
        sequence = EchoSequence(
            self.sequence.frames[:count], self.sequence.times[:count], self.sequence.spacing, self.sequence.view
        )
        motion = None if self.pull_back is None else self.pull_back[:count]
        end = min(count - 1, self.es_frame)
        return Case(self.name, self.kind, sequence, self.masks[:count], self.region, end, motion, self.facts)


@dataclass(frozen=True)
class Plan:
    """A case that is not made yet; making one takes seconds.

    Attributes
    ----------
    name, kind: as in :class:`Case`.
    settings: of the phantom, or None for a patient.
    folder: of the patient, or None for a phantom.
    """

    name: str
    kind: Kind
    settings: PhantomSettings | None = None
    folder: Path | None = None

    def make(self) -> Case:
        """Simulate or read the case."""
        if self.settings is not None:
            return _phantom(self.name, self.kind, self.settings)
        assert self.folder is not None
        return read_pair(self.folder)


def phantom_settings(kind: Kind, seed: int, ejection_fraction: float) -> PhantomSettings:
    """A 256x256 A4C phantom: 30 frames from ED to ES, or one beat whose last frame is again ED."""
    if kind is Kind.CYCLE:
        frames, rate, beats = _CYCLE_FRAMES, _CYCLE_RATE, 1.0
    else:
        # At 56 beats a minute systole lasts 29 intervals of 12.5 ms, so the last frame is end-systole.
        frames, rate = _SYSTOLE_FRAMES, _SYSTOLE_RATE
        beats = (frames - 1) / rate / _SYSTOLE_CYCLE
    return PhantomSettings(
        view=View.A4C,
        frames=frames,
        frame_rate=rate,
        size=256,
        beats=beats,
        ejection_fraction=ejection_fraction,
        seed=seed,
        quality=QUALITIES[seed % len(QUALITIES)],
    )


def phantoms(kind: Kind, seeds: int, fractions: Sequence[float] = EJECTION_FRACTIONS) -> Iterator[Plan]:
    """Every seed with every EF, ordered so that the first ``seeds`` hold each seed once and each EF equally often."""
    for turn in range(len(fractions)):
        for seed in range(seeds):
            value = fractions[(seed + turn) % len(fractions)]
            yield Plan(f"seed{seed}-ef{value:.0f}", kind, phantom_settings(kind, seed, value))


def _phantom(name: str, kind: Kind, settings: PhantomSettings) -> Case:
    clip = simulate(settings)
    es = clip.es_frames[0]
    count = es + 1 if kind is Kind.SYSTOLE else len(clip.sequence)
    facts = {"seed": settings.seed, "true_ef": settings.ejection_fraction, "quality": settings.quality}
    return Case(name, kind, clip.sequence, clip.masks, clip.sector, es, clip.pull_back, facts).first(count)


def data_folder() -> Path:
    """The developers' data: the folder that ECHOODE_TEST_DATA names, or ../shared/data."""
    named = os.environ.get("ECHOODE_TEST_DATA")
    return Path(named) if named else _REPOSITORY.parent / "shared" / "data"


def pairs() -> list[Plan]:
    """The CAMUS validation patients, in order of name; empty where the data is absent."""
    folders = sorted((data_folder() / "camus_4ch" / "valid").glob("patient*"))
    return [Plan(folder.name, Kind.PAIR, folder=folder) for folder in folders]


def read_pair(folder: Path) -> Case:
    """Read ED and ES of a patient in the public CAMUS layout as a clip of two frames."""
    stem = f"{folder.name}_4CH"
    images, masks = [], []
    for phase in ("ED", "ES"):
        image = sitk.ReadImage(str(folder / f"{stem}_{phase}.nii.gz"))
        images.append(sitk.GetArrayFromImage(image))
        masks.append(sitk.GetArrayFromImage(sitk.ReadImage(str(folder / f"{stem}_{phase}_gt.nii.gz"))))
    across, down = image.GetSpacing()[:2]
    facts = _facts(folder)
    frames = np.ascontiguousarray(np.stack(images), np.uint8)
    seconds = float(facts.get("systole_s", 0.35))
    sequence = EchoSequence(frames, np.array([0.0, seconds]), (down, across), View.A4C)
    truth_masks = np.ascontiguousarray(np.stack(masks), np.uint8)
    return Case(folder.name, Kind.PAIR, sequence, truth_masks, _image_region(frames), 1, facts=facts)


def _facts(folder: Path) -> dict[str, object]:
    table = folder.parents[1] / "info.csv"
    if not table.is_file():
        return {}
    with table.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["patient"] == folder.name:
                frames = abs(int(row["es_frame"]) - int(row["ed_frame"]))
                seconds = max(frames / float(row["frame_rate_hz"]), 0.05)
                return {"quality": row["image_quality"].lower(), "systole_s": seconds}
    return {}


def _image_region(frames: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The convex hull of all that is not black."""
    shown = cv2.findNonZero((frames.max(0) > 0).astype(np.uint8))
    region = np.zeros(frames.shape[1:], np.uint8)
    cv2.fillConvexPoly(region, cv2.convexHull(shown), 1)
    return region.astype(bool)
