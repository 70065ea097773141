"""Random changes by their size: how far they go, and what they leave alone."""

from __future__ import annotations

import numpy as np
import pytest
from EchoODELib.engine.metrics import dice
from EchoODETrainingLib.augment import OURS, PAPER_000, PAPER_002, Augmentation, WindowAugmenter
from EchoODETrainingLib.datasets.clips import LabelledClip

SIZE = (96, 112)
STILL = Augmentation(scale=(1.0, 1.0), rotation=0, shift=0, stretch=0, elastic=0, strength=0)
NO_LINES = np.empty((1, 0, 2, 2), np.float32)


@pytest.fixture(scope="module")
def a_frame() -> LabelledClip:
    """A fan with an LV of its own gray (so that it can be found again), a wall and an atrium."""
    rows, columns = np.indices((150, 170)).astype(float)
    sector = (np.abs(columns - 85) < 0.6 * rows + 4) & (np.hypot(rows, columns - 85) < 148)
    mask = np.zeros(sector.shape, np.uint8)
    mask[np.hypot((rows - 70) / 45, (columns - 90) / 30) < 1] = 2
    mask[np.hypot((rows - 70) / 35, (columns - 90) / 20) < 1] = 1
    mask[np.hypot((rows - 122) / 14, (columns - 90) / 18) < 1] = 3
    shades = np.array([90, 230, 150, 40], np.uint8)
    frames = np.where(sector, shades[mask], 0).astype(np.uint8)[None]
    return LabelledClip("a", "a", "real", frames, np.zeros(1), mask[None], np.ones(1, bool), sector)


def example(clip: LabelledClip, settings: Augmentation, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    made = WindowAugmenter(settings, SIZE)(clip, np.zeros(1, int), NO_LINES, np.random.default_rng(seed))
    return made.images[0], made.masks[0]


def changed(**changes: object) -> Augmentation:
    return Augmentation(**{**vars(STILL), **changes})


@pytest.mark.parametrize("strength", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("chances", [OURS, PAPER_000, PAPER_002])
def test_examples_are_finite_and_of_the_size_asked(
    a_frame: LabelledClip, strength: float, chances: dict | None
) -> None:
    named = {} if chances is None else {"chances": chances}
    for seed in range(10):
        image, mask = example(a_frame, Augmentation(strength=strength, mirror=0.5, **named), seed)
        assert image.shape == mask.shape == SIZE
        assert (image.dtype, mask.dtype) == (np.float32, np.uint8)
        assert np.isfinite(image).all()
        assert set(np.unique(mask)) <= {0, 1, 2, 3}


def test_mirroring_swaps_left_and_right(a_frame: LabelledClip) -> None:
    plain, mirrored = (example(a_frame, changed(mirror=share))[1] for share in (0.0, 1.0))
    assert dice(mirrored[:, ::-1], plain, label=1) > 0.97
    assert dice(mirrored, plain, label=1) < 0.95


def test_zoom_is_the_ratio_of_lengths(a_frame: LabelledClip) -> None:
    areas = {zoom: (example(a_frame, changed(scale=(zoom, zoom)))[1] == 1).sum() for zoom in (0.7, 1.0, 1.3)}
    assert areas[0.7] / areas[1.0] == pytest.approx(0.49, rel=0.05)
    assert areas[1.3] / areas[1.0] == pytest.approx(1.69, rel=0.05)


def test_rotation_keeps_areas_and_stays_within_its_limit(a_frame: LabelledClip) -> None:
    plain = example(a_frame, STILL)[1]
    angles = []
    for seed in range(12):
        mask = example(a_frame, changed(rotation=15.0), seed)[1]
        assert (mask == 1).sum() == pytest.approx((plain == 1).sum(), rel=0.03)
        axis = np.linalg.eigh(np.cov(np.argwhere(mask == 1).T))[1][:, -1]
        angles.append(np.degrees(np.arctan2(axis[1], axis[0]) % np.pi))
    away = [min(angle, 180 - angle) for angle in angles]
    assert max(away) < 17
    assert max(away) > 6


def test_another_fan_never_takes_much_of_the_ventricle(a_frame: LabelledClip) -> None:
    whole = (example(a_frame, STILL)[1] == 1).sum()
    cut = changed(strength=1.0, chances={"fan": 1.0, "depth_cut": 1.0})
    assert min((example(a_frame, cut, seed)[1] == 1).sum() / whole for seed in range(40)) > 0.85


def test_lost_echoes_come_back_and_single_frames_keep_theirs(a_frame: LabelledClip) -> None:
    settings = changed(strength=1.0, chances={"dropout": 1.0})
    augment, plain = WindowAugmenter(settings, SIZE), WindowAugmenter(STILL, SIZE)
    picked, lines = np.zeros(9, int), np.empty((9, 0, 2, 2), np.float32)
    lost, whole = 0, 0
    for seed in range(20):
        frames = augment(a_frame, picked, lines, np.random.default_rng(seed)).images
        differ = np.abs(frames - frames[0]).max((1, 2)) > 0.1
        assert not differ[0]
        assert differ.sum() <= 4
        assert not differ.any() or np.ptp(np.flatnonzero(differ)) < 4
        lost, whole = lost + differ.sum(), whole + (~differ).sum()
    assert 20 <= lost < whole
    single = [make(a_frame, picked[:1], lines[:1], np.random.default_rng(3)).images for make in (augment, plain)]
    assert np.corrcoef(single[0].ravel(), single[1].ravel())[0, 1] > 0.999
