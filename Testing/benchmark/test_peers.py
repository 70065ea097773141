"""Each peer's field must point the right way before its figures may stand in a table."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from .peers import PEERS, compose, follow, limit_threads

SIZE = 96
INNER = np.s_[20:-20, 20:-20]


@pytest.fixture(scope="module", autouse=True)
def two_threads():
    limit_threads(2)


@pytest.fixture(scope="module")
def speckled_image():
    """Blobs of several sizes, so that every method finds something to hold on to."""
    noise = np.random.default_rng(3).standard_normal((SIZE, SIZE)).astype(np.float32)
    layers = [cv2.GaussianBlur(noise, (0, 0), sigma) * sigma for sigma in (2.0, 4.0, 8.0)]
    return cv2.normalize(sum(layers), None, 10, 245, cv2.NORM_MINMAX)


def grid():
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    return columns, rows


def translation(x, y):
    return np.full((SIZE, SIZE, 2), (x, y), np.float32)


def bulge():
    """Rows and columns are treated differently, and so is each side: no mirroring can hide."""
    x, y = grid()
    bell = np.exp(-((x - 52) ** 2 + (y - 42) ** 2) / (2 * 16.0**2))
    return np.stack([3.5 * bell, -2.0 * bell * (y - 42) / 16], -1).astype(np.float32)


def pulled(image, field):
    x, y = grid()
    return cv2.remap(image, x + field[..., 0], y + field[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


@pytest.mark.parametrize("field", [translation(3, 0), translation(0, -2), translation(-2.5, 1.5), bulge()])
@pytest.mark.parametrize("name", PEERS)
def test_field_pulls_back(name, field, speckled_image):
    peer = PEERS[name]
    pytest.importorskip(peer.package)
    found = peer.estimate(pulled(speckled_image, field), speckled_image)
    assert found.shape == field.shape and found.dtype == np.float32
    error = np.linalg.norm(found - field, axis=-1)[INNER]
    motion = np.linalg.norm(field, axis=-1)[INNER]
    assert np.median(error[motion > 1]) < 0.35
    assert error.mean() < 0.25 * motion.mean() + 0.05


@pytest.mark.parametrize("name", PEERS)
def test_same_result_twice(name, speckled_image):
    peer = PEERS[name]
    pytest.importorskip(peer.package)
    fixed = pulled(speckled_image, bulge())
    np.testing.assert_allclose(
        peer.estimate(fixed, speckled_image), peer.estimate(fixed, speckled_image), atol=0.02, rtol=0
    )


def test_compose_adds_translations():
    both = compose(translation(3, 0), translation(-1, 2))
    np.testing.assert_allclose(both, translation(2, 2), atol=1e-5)


def test_compose_follows_the_first_field_before_the_second():
    """A shift by a whole number of pixels samples the second field exactly there."""
    both = compose(translation(5, -3), bulge())
    expected = np.roll(bulge(), (3, -5), (0, 1)) + np.float32([5, -3])
    np.testing.assert_allclose(both[INNER], expected[INNER], atol=1e-4)


@pytest.mark.parametrize("chained", [False, True])
def test_follow_reaches_the_first_frame(chained, speckled_image):
    """Tissue that moves one pixel to the right a frame is pulled back to the left."""
    frames = np.stack([pulled(speckled_image, translation(-t, 0)) for t in range(4)]).astype(np.uint8)
    fields = follow(frames, PEERS["farneback"].estimate, chained=chained)
    assert fields.shape == (4, SIZE, SIZE, 2)
    assert not fields[0].any()
    for t in range(1, 4):
        np.testing.assert_allclose(np.median(fields[t][INNER], (0, 1)), (-t, 0), atol=0.1)
