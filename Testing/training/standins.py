"""Small things to train with: clips of a bright disc that beats, and a sampler that cuts windows out of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from EchoODELib.engine.sequence import View
from EchoODETrainingLib.datasets.base import DataSet, Entry
from EchoODETrainingLib.datasets.clips import LabelledClip
from EchoODETrainingLib.recipe import Recipe, make_recipe
from EchoODETrainingLib.stream import Part

CARD = {
    "views": ["A4C"],
    "training_data": "discs",
    "licence": "Apache-2.0",
    "citation": "none",
    "intended_use": "tests",
    "limits": "everything",
}


def a_recipe(**changes: Any) -> Recipe:
    content: dict[str, Any] = {
        "name": "tiny",
        "architecture": "unet",
        "configuration": {"widths": [4, 8], "heads": 1, "stem_stride": 1},
        "size": [32, 32],
        "data": [{"kind": "phantom"}],
        "epochs": 3,
        "batch": 4,
        "precision": "32-true",
        "average": 0.5,
        "optimiser": {"learning_rate": 0.01},
        "card": CARD,
    }
    return make_recipe({**content, **changes}, "of this test")


class Discs(DataSet):
    """Clips of 6 frames of 40 x 44 px: the disc is the LV, the ring around it the myocardium, the LA below."""

    kind: ClassVar[str] = "discs"
    layout: ClassVar[str] = "none"

    def __init__(self, count: int = 8, broken: Iterable[str] = ()) -> None:
        self.count, self.broken = count, set(broken)
        super().__init__(Path())

    def find(self) -> Iterable[Entry]:
        for index in range(self.count):
            yield Entry(f"disc{index}", f"patient{index}", "valid" if index >= self.count - 2 else "train")

    def read(self, entry: Entry) -> LabelledClip:
        if entry.name in self.broken:
            raise OSError(f"{entry.name} is damaged")
        return a_clip(entry.name, entry.patient, seed=int(entry.name.removeprefix("disc")))


class Beating(Discs):
    """Discs of 40 x 44 px that contract by what their ejection fraction says, 12 of them."""

    kind: ClassVar[str] = "beating"

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(8)

    def read(self, entry: Entry) -> LabelledClip:
        number = int(entry.name.removeprefix("disc"))
        clip = a_clip(entry.name, entry.patient, seed=number, frames=12)
        return replace(clip, ejection_fraction=20.0 + 5 * number, infarction=number % 2 == 0, view=View.A4C)


def a_clip(name: str = "disc0", patient: str = "patient0", *, seed: int = 0, frames: int = 6) -> LabelledClip:
    random = np.random.default_rng(seed)
    rows, columns = np.indices((40, 44)).astype(float)
    middle = random.uniform(18, 24)
    masks = np.zeros((frames, 40, 44), np.uint8)
    for frame in range(frames):
        radius = 9 - 3 * np.sin(np.pi * frame / max(1, frames - 1))
        away = np.hypot(rows - 16, columns - middle)
        masks[frame][away < radius + 4] = 2
        masks[frame][away < radius] = 1
        masks[frame][(np.abs(rows - 34) < 4) & (np.abs(columns - middle) < 7)] = 3
    shades = np.array([40, 220, 130, 80])
    images = shades[masks] + random.normal(0, 6, masks.shape)
    return LabelledClip(
        name=name,
        patient=patient,
        kind="simulated",
        frames=images.clip(1, 255).astype(np.uint8),
        times=np.arange(frames) / 30,
        masks=masks,
        labelled=np.ones(frames, bool),
        sector=np.ones((40, 44), bool),
        spacing=(1.0, 1.0),
        ed_frame=0,
        es_frame=frames // 2,
    )


@dataclass
class Cutter:
    """Windows of a size, with noise that the random stream decides."""

    size: tuple[int, int] = (32, 32)
    inputs: int = 1
    outputs: int = 1

    def __call__(self, clip: LabelledClip, random: np.random.Generator) -> dict[str, torch.Tensor]:
        first = int(random.integers(len(clip) - max(self.inputs, self.outputs) + 1))
        rows, columns = self.size
        frames = clip.frames[first : first + self.inputs, :rows, :columns].astype(np.float32)
        frames = (frames - 90) / 60 + random.normal(0, 0.1, frames.shape).astype(np.float32)
        masks = clip.masks[first : first + self.outputs, :rows, :columns].astype(np.int64)
        targets = (clip.frames[first : first + self.outputs, :rows, :columns].astype(np.float32) - 90) / 60
        return {
            "frames": torch.from_numpy(frames[:, None]),
            "input_times": torch.linspace(0, 1, self.inputs) if self.inputs > 1 else torch.zeros(1),
            "output_times": torch.linspace(0, 1, self.outputs) if self.outputs > 1 else torch.zeros(1),
            "targets": torch.from_numpy(targets[:, None]),
            "masks": torch.from_numpy(masks),
            "landmarks": torch.full((self.outputs, 0, 2, 2), torch.nan),
        }


def some_parts(count: int = 8, share: float = 1.0) -> list[Part]:
    discs = Discs(count)
    return [Part(discs, discs.entries("train"), share)]
