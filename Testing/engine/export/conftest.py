"""A hand-made beating heart whose every number is known."""

from __future__ import annotations

import numpy as np
import pytest
from EchoODELib.engine.sequence import (
    Beat,
    ClipSource,
    EchoSequence,
    FrameFlag,
    FrameSeries,
    Measurements,
    Provenance,
    Quantity,
    SegmentedSequence,
    Summary,
    View,
)

FRAMES, ROWS, COLUMNS = 12, 90, 118  # no side is a multiple of another: exchanged axes show


@pytest.fixture
def a_clip() -> EchoSequence:
    """Speckle in a fan, uneven frame times, pixels higher than wide, a name that would identify somebody."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:ROWS, :COLUMNS]
    fan = (np.hypot(columns - 59, rows + 4) < 92) & (np.abs(np.arctan2(columns - 59, rows + 4)) < 0.65)
    frames = np.where(fan, rng.integers(20, 220, (FRAMES, ROWS, COLUMNS)), 0).astype(np.uint8)
    frames[:, :9, :40] = 255  # burned-in text
    times = np.cumsum(np.r_[0.0, np.full(FRAMES - 2, 0.04), 0.07])
    source = ClipSource(name="DOE_JANE_19500101.dcm", format="DICOM", heart_rate=63.0, notes=("A note.",))
    return EchoSequence(frames, times, (0.6, 0.4), View.A4C, source)


@pytest.fixture
def a_segmented_clip(a_clip: EchoSequence) -> SegmentedSequence:
    """LV, wall and LA of which the LV narrows towards frame 6; motion to match."""
    rows, columns = np.mgrid[:ROWS, :COLUMNS].astype(float)
    masks = np.zeros((FRAMES, ROWS, COLUMNS), np.uint8)
    displacement = np.zeros((FRAMES, ROWS, COLUMNS, 2), np.float32)
    for frame in range(FRAMES):
        narrow = 1 - 0.3 * np.sin(np.pi * frame / (FRAMES - 1)) ** 2
        lv = ((columns - 56) / (14 * narrow)) ** 2 + ((rows - 40) / 22) ** 2 < 1
        wall = ((columns - 56) / (14 * narrow + 5)) ** 2 + ((rows - 40) / 27) ** 2 < 1
        masks[frame][((columns - 60) / 11) ** 2 + ((rows - 74) / 10) ** 2 < 1] = 3
        masks[frame][wall & (rows < 60)] = 2
        masks[frame][lv & (rows < 60)] = 1
        displacement[frame, ..., 0] = (columns - 56) * (narrow - 1) * np.exp(-(((columns - 56) / 30) ** 2))
        displacement[frame, ..., 1] = 0.1 * frame
    provenance = Provenance(
        method="segment + propagate",
        model="a-model",
        weights_sha256="0f" * 32,
        settings={"preset": "fast", "levels": ({"size": np.int64(48)},), "rate": np.float32(0.5)},
        software="9.9",
        device="cpu",
        quality={"min_jacobian": 0.25, "folds": 0.0, "odd": float("nan")},
    )
    return SegmentedSequence(
        a_clip, masks, provenance, reference_frame=0, displacement=displacement, pull_back=-displacement
    )


@pytest.fixture
def measured(a_segmented_clip: SegmentedSequence) -> Measurements:
    """One beat, with a quantity that does not exist and a series with a gap."""
    areas = (a_segmented_clip.masks == 1).sum(axis=(1, 2)) * 0.24
    volumes = areas**1.5 / 100
    volumes[3] = np.nan
    quantities = {
        "ejection_fraction": Quantity(48.25, "%"),
        "end_diastolic_volume": Quantity(81.0, "mL"),
        "heart_rate": Quantity(float("nan"), "bpm"),
    }
    return Measurements(
        beats=(Beat(0, 6, 11, quantities),),
        summary={
            "ejection_fraction": Summary(48.25, float("nan"), 1, "%"),
            "end_diastolic_volume": Summary(81.0, float("nan"), 1, "mL"),
        },
        per_frame={"lv_area": FrameSeries(areas, "mm²"), "lv_volume": FrameSeries(volumes, "mL")},
        ed_frames=(0, 11),
        es_frames=(6,),
        flags=(FrameFlag(4, "lv_area", "The LV area jumps."), FrameFlag(4, "lv_length", "So does the length.")),
        calibrated=True,
        notes=("Another note.",),
        provenance=a_segmented_clip.provenance,
    )
