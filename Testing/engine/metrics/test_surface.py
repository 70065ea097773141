import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import torch
from EchoODELib.engine.metrics import hausdorff, mean_surface_distance
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance
from scipy import ndimage


@pytest.fixture(scope="module")
def blobs():
    noise = np.random.default_rng(0).standard_normal((6, 80, 100))
    a = ndimage.gaussian_filter(noise, (0, 6, 6)) > 0.02
    return a, np.roll(ndimage.gaussian_filter(a.astype(float), (0, 3, 3)) > 0.45, 2, axis=2)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("spacing", [None, (0.5, 1.2), (2.0, 0.3)])
@pytest.mark.parametrize("percentile", [100, 95])
def test_distances_agree_with_monai(blobs, spacing, percentile):
    tensors = [torch.tensor(m[:, None].astype(np.float32)) for m in blobs]
    theirs = compute_hausdorff_distance(
        *tensors, include_background=True, percentile=None if percentile == 100 else percentile, spacing=spacing
    )
    assert np.allclose(hausdorff(*blobs, spacing=spacing, percentile=percentile), theirs.ravel(), atol=1e-4)
    theirs = compute_average_surface_distance(*tensors, include_background=True, symmetric=True, spacing=spacing)
    assert np.allclose(mean_surface_distance(*blobs, spacing=spacing), theirs.ravel(), atol=1e-4)


def test_a_filled_shapes_hausdorff_agrees_with_simpleitk():
    rows, columns = np.mgrid[:60, :60]
    a = ((columns - 30) / 12) ** 2 + ((rows - 30) / 20) ** 2 <= 1
    b = ((columns - 33) / 14) ** 2 + ((rows - 28) / 17) ** 2 <= 1
    images = [sitk.GetImageFromArray(m.astype(np.uint8)) for m in (a, b)]
    for image in images:
        image.SetSpacing((0.8, 0.5))
    contours = [sitk.LabelContour(image) for image in images]
    meter = sitk.HausdorffDistanceImageFilter()
    meter.Execute(*contours)
    assert float(hausdorff(a, b, spacing=(0.5, 0.8))) == pytest.approx(meter.GetHausdorffDistance(), abs=1e-4)


@pytest.mark.parametrize(
    ("shift", "spacing", "expected"), [((3, 0), None, 3), ((0, 3), (1.0, 0.5), 1.5), ((4, 3), None, 5)]
)
def test_a_shifted_square_is_its_shift_away(shift, spacing, expected):
    square = np.zeros((40, 40), bool)
    square[10:20, 12:22] = True
    assert float(hausdorff(square, np.roll(square, shift, (0, 1)), spacing=spacing)) == pytest.approx(expected)


def test_the_same_mask_is_no_distance_away_also_at_the_images_border():
    mask = np.zeros((3, 20, 20), int)
    mask[:, :8, :8] = 2
    assert (hausdorff(mask, mask, label=2) == 0).all()
    assert (mean_surface_distance(mask, mask, label=2) == 0).all()


def test_an_absent_structure_is_infinitely_far_and_two_are_unknown():
    full, empty = np.ones((1, 9, 9)), np.zeros((1, 9, 9))
    assert np.isinf(hausdorff(full, empty)[0])
    assert np.isinf(mean_surface_distance(empty, full)[0])
    assert np.isnan(hausdorff(empty, empty)[0])


def test_95_percent_forgets_a_single_far_pixel():
    mask = np.zeros((60, 60), bool)
    mask[10:40, 10:40] = True
    stray = mask.copy()
    stray[58, 58] = True
    assert float(hausdorff(mask, stray)) > 20
    assert float(hausdorff(mask, stray, percentile=95)) == 0


def test_masks_of_different_size_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        hausdorff(np.zeros((4, 5)), np.zeros((5, 4)))
