import numpy as np
import pytest
import torch
from EchoODELib.engine.metrics import accuracy, dice, iou, structure
from monai.metrics import compute_dice, compute_iou


@pytest.fixture(scope="module")
def two_clips():
    rng = np.random.default_rng(0)
    return rng.integers(0, 4, (5, 40, 50)), rng.integers(0, 4, (5, 40, 50))


@pytest.mark.parametrize("label", [1, 2, 3, (1, 2), None])
def test_dice_and_iou_agree_with_monai(two_clips, label):
    a, b = two_clips
    as_tensor = [torch.tensor(structure(m, label)[:, None].astype(np.float32)) for m in (a, b)]
    assert np.allclose(dice(a, b, label=label), compute_dice(*as_tensor).ravel(), atol=1e-6)
    assert np.allclose(iou(a, b, label=label), compute_iou(*as_tensor).ravel(), atol=1e-6)


@pytest.mark.parametrize(
    ("a", "b", "expected_dice", "expected_iou"),
    [
        ([[1, 1], [0, 0]], [[1, 0], [0, 0]], 2 / 3, 1 / 2),
        ([[1, 1], [0, 0]], [[0, 0], [1, 1]], 0.0, 0.0),
        ([[1, 1], [1, 1]], [[1, 1], [1, 1]], 1.0, 1.0),
        ([[0, 0], [0, 0]], [[0, 0], [0, 0]], 1.0, 1.0),
        ([[0, 0], [0, 0]], [[1, 0], [0, 0]], 0.0, 0.0),
    ],
)
def test_small_cases_by_hand(a, b, expected_dice, expected_iou):
    a, b = np.array(a), np.array(b)
    assert float(dice(a, b)) == pytest.approx(expected_dice)
    assert float(iou(a, b)) == pytest.approx(expected_iou)
    assert float(dice(b, a)) == pytest.approx(expected_dice)


def test_a_clip_gives_a_value_a_frame_and_a_frame_one_value(two_clips):
    a, b = two_clips
    assert dice(a, b).shape == (5,)
    assert np.shape(dice(a[0], b[0])) == ()
    assert float(dice(a[0], b[0])) == dice(a, b)[0]
    assert accuracy(a, b)[0] == pytest.approx((a[0] == b[0]).mean())


@pytest.mark.parametrize("measure", [dice, iou, accuracy])
def test_masks_of_different_size_are_refused(measure):
    with pytest.raises(ValueError, match="one shape"):
        measure(np.zeros((4, 5)), np.zeros((5, 4)))
