import numpy as np
import pytest
from EchoODELib.engine.metrics import count_components, count_holes, fill_holes, largest_component
from scipy import ndimage


@pytest.mark.parametrize("seed", range(4))
def test_a_clip_is_counted_as_its_frames_one_by_one(seed):
    clip = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal((8, 60, 70)), (0, 2, 2)) > 0
    for frame, components, holes, filled, largest in zip(
        clip, count_components(clip), count_holes(clip), fill_holes(clip), largest_component(clip), strict=True
    ):
        labels, count = ndimage.label(frame, np.ones((3, 3)))
        assert components == count
        assert np.array_equal(filled, ndimage.binary_fill_holes(frame))
        assert holes == ndimage.label(filled & ~frame)[1]
        assert largest.sum() == np.bincount(labels.ravel())[1:].max()
        assert (frame | ~largest).all()


def test_small_cases_by_hand():
    ring = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    assert count_components(ring).tolist() == [1]
    assert count_holes(ring).tolist() == [1]
    assert fill_holes(ring).sum() == 5
    two = np.array([[1, 1, 0, 0], [0, 0, 0, 1]])
    assert count_components(two).tolist() == [2]
    assert largest_component(two).tolist() == [[True, True, False, False], [False] * 4]


@pytest.mark.parametrize("fill", [0, 1])
def test_empty_and_full_frames(fill):
    clip = np.full((3, 5, 6), fill)
    assert count_components(clip).tolist() == [fill] * 3
    assert count_holes(clip).tolist() == [0] * 3
    assert np.array_equal(fill_holes(clip), clip == 1)
    assert np.array_equal(largest_component(clip), clip == 1)
    assert largest_component(clip[0]).shape == (5, 6)
