"""Augmented examples: the right shapes, repeatable, and the mask stays on what it belongs to."""

import numpy as np
import pytest
from EchoODELib.engine.metrics import dice
from EchoODETrainingLib.augment import Augmentation, Augmenter
from EchoODETrainingLib.datasets.frames import LabelledFrame

SIZE = (96, 112)
STILL = Augmentation(scale=(1.0, 1.0), rotation=0, shift=0, stretch=0, elastic=0, strength=0)


@pytest.fixture(scope="module")
def a_frame() -> LabelledFrame:
    """A fan with an LV of its own gray (so that it can be found again), a wall and an atrium."""
    rows, columns = np.indices((150, 170)).astype(float)
    sector = (np.abs(columns - 85) < 0.6 * rows + 4) & (np.hypot(rows, columns - 85) < 148)
    mask = np.zeros(sector.shape, np.uint8)
    mask[np.hypot((rows - 70) / 45, (columns - 90) / 30) < 1] = 2
    mask[np.hypot((rows - 70) / 35, (columns - 90) / 20) < 1] = 1
    mask[np.hypot((rows - 122) / 14, (columns - 90) / 18) < 1] = 3
    shades = np.array([90, 230, 150, 40], np.uint8)
    return LabelledFrame("a", np.where(sector, shades[mask], 0).astype(np.uint8), mask, sector)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("strength", [0.0, 1.0, 2.0])
def test_examples_are_finite_and_of_the_size_asked(a_frame, seed, strength):
    augment = Augmenter(Augmentation(strength=strength, mirror=0.5), SIZE, seed)
    for _ in range(10):
        image, mask = augment(a_frame)
        assert image.shape == mask.shape == SIZE
        assert (image.dtype, mask.dtype) == (np.float32, np.uint8)
        assert np.isfinite(image).all()
        assert set(np.unique(mask)) <= {0, 1, 2, 3}


def test_the_same_seed_gives_the_same_examples_and_another_gives_others(a_frame):
    first, second, other = (Augmenter(Augmentation(), SIZE, seed)(a_frame)[0] for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"scale": (0.6, 0.6)},
        {"scale": (1.3, 1.3)},
        {"rotation": 25.0},
        {"shift": 0.15},
        {"stretch": 0.3},
        {"elastic": 4.0},
        {"mirror": 1.0},
    ],
)
def test_image_and_mask_move_together(a_frame, changes):
    settings = Augmentation(**{**vars(STILL), **changes})
    augment = Augmenter(settings, SIZE, 3)
    for _ in range(5):
        image, mask = augment(a_frame)
        bright = image > image.max() - 0.25 * np.ptp(image)  # the LV is the brightest structure
        assert dice(bright, mask == 1) > 0.93


def test_mirroring_swaps_left_and_right(a_frame):
    plain = Augmenter(STILL, SIZE, 0)(a_frame)[1]
    mirrored = Augmenter(Augmentation(**{**vars(STILL), "mirror": 1.0}), SIZE, 0)(a_frame)[1]
    assert dice(mirrored[:, ::-1], plain, label=1) > 0.97


def test_zoom_is_the_ratio_of_lengths(a_frame):
    areas = {
        zoom: (Augmenter(Augmentation(**{**vars(STILL), "scale": (zoom, zoom)}), SIZE, 0)(a_frame)[1] == 1).sum()
        for zoom in (0.7, 1.0, 1.3)
    }
    assert areas[0.7] / areas[1.0] == pytest.approx(0.49, rel=0.05)
    assert areas[1.3] / areas[1.0] == pytest.approx(1.69, rel=0.05)


def test_another_fan_never_takes_much_of_the_ventricle(a_frame):
    whole = (Augmenter(STILL, SIZE, 0)(a_frame)[1] == 1).sum()
    augment = Augmenter(Augmentation(**{**vars(STILL), "strength": 2.5}), SIZE, 1)
    kept = [(augment(a_frame)[1] == 1).sum() / whole for _ in range(40)]
    assert min(kept) > 0.85
