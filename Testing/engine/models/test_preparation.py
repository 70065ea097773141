"""Frames into a network's input and back: nothing is shifted, stretched or depends on gain."""

import numpy as np
import pytest
from EchoODELib.engine.metrics import dice
from EchoODELib.engine.models.preparation import Fit, brightness, standardise

SIZE = (192, 224)


def a_disc(shape: tuple[int, int], centre: tuple[float, float], radius: float) -> np.ndarray:
    rows, columns = np.indices(shape)
    return np.hypot(rows - centre[0], columns - centre[1]) < radius


@pytest.mark.parametrize(
    ("shape", "box", "spacing"),
    [
        ((240, 320), (20, 204, 38, 302), None),
        ((456, 576), (48, 392, 30, 547), (0.52, 0.52)),
        ((128, 142), (0, 128, 0, 142), (0.7, 0.7)),
        ((768, 1024), (100, 700, 0, 1024), (0.3, 0.15)),
        ((300, 200), (0, 300, 10, 190), (0.2, 0.4)),
    ],
)
class TestFit:
    def test_what_goes_in_comes_back_to_its_place(self, shape, box, spacing):
        fit = Fit.of(box, SIZE, spacing)
        centre = ((box[0] + box[1]) / 2 + 9, (box[2] + box[3]) / 2 - 7)
        disc = a_disc(shape, centre, min(box[1] - box[0], box[3] - box[2]) / 4)
        inside = fit.to_input((disc * 255).astype(np.uint8)).astype(np.float32) / 255
        returned = fit.to_box(np.stack([1 - inside, inside])).argmax(0)
        assert dice(returned == 1, disc[box[0] : box[1], box[2] : box[3]]) > 0.98

    def test_points_come_back_to_their_place(self, shape, box, spacing):
        fit = Fit.of(box, SIZE, spacing)
        centre = np.array([(box[0] + box[1]) / 2 + 9, (box[2] + box[3]) / 2 - 7])
        disc = a_disc(shape, centre, min(box[1] - box[0], box[3] - box[2]) / 4)
        inside = fit.to_input((disc * 255).astype(np.uint8)).astype(float)
        gravity = np.array([(inside * place).sum() for place in np.indices(SIZE)]) / inside.sum()
        assert fit.to_frame(gravity) == pytest.approx(centre, abs=0.6)

    def test_it_fills_the_input_and_pixels_become_square(self, shape, box, spacing):
        top, bottom, left, right = Fit.of(box, SIZE, spacing).placed
        assert bottom - top == SIZE[0] or right - left == SIZE[1]
        row_mm, column_mm = spacing or (1.0, 1.0)
        per_row = (box[1] - box[0]) * row_mm / (bottom - top)
        per_column = (box[3] - box[2]) * column_mm / (right - left)
        assert per_row == pytest.approx(per_column, rel=0.02)

    def test_what_lies_outside_the_box_is_not_seen(self, shape, box, spacing):
        frame = np.full(shape, 255, np.uint8)
        frame[box[0] : box[1], box[2] : box[3]] = 0
        assert not Fit.of(box, SIZE, spacing).to_input(frame).any()


@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (0.3, 0.0), (1.0, 40.0), (2.0, -10.0)])
def test_standardised_frames_do_not_depend_on_gain_and_offset(gain, offset):
    random = np.random.default_rng(0)
    frames = random.uniform(20, 90, (3, 32, 40)).astype(np.float32)
    inside = a_disc((32, 40), (16, 20), 14)
    expected = standardise(frames, inside)
    changed = standardise(gain * frames + offset, inside)
    np.testing.assert_allclose(changed[:, inside], expected[:, inside], atol=1e-3)
    assert brightness(expected, inside) == pytest.approx((0, 1), abs=1e-4)


def test_outside_of_the_sector_is_as_black_as_black_inside():
    frames = np.random.default_rng(1).uniform(0, 99, (1, 20, 20)).astype(np.float32)
    inside = a_disc((20, 20), (10, 10), 8)
    frames[0, 10, 10] = 0
    result = standardise(frames, inside)[0]
    assert np.unique(result[~inside]) == pytest.approx(result[10, 10])


@pytest.mark.parametrize("level", [0, 128])
def test_a_uniform_frame_gives_finite_numbers(level):
    frames = np.full((1, 8, 8), level, np.uint8)
    assert np.isfinite(standardise(frames, np.zeros((8, 8), bool))).all()
    assert np.isfinite(standardise(frames, np.ones((8, 8), bool))).all()
