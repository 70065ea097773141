"""End points as heat maps and back, by hand-made cases."""

import pytest
import torch
from EchoODELib.engine.models.landmarks import LINES, centres_of_gravity, heat_map_targets, lengths_mm

NAN = float("nan")


def test_a_line_by_hand_is_measured_by_hand():
    maps = torch.zeros(2, 10, 12)
    maps[0, 2, 3] = 0.9
    maps[1, 6, 4:9] = torch.tensor([0.2, 0.5, 1.0, 0.5, 0.29])
    points = centres_of_gravity(maps)
    torch.testing.assert_close(points, torch.tensor([[[2.0, 3.0], [6.0, 6.0]]]))
    torch.testing.assert_close(lengths_mm(points, (0.5, 1.0)), torch.tensor([(4 * 0.25 * 4 + 9.0) ** 0.5]))


def test_confidence_weighs_and_doubt_is_left_out():
    maps = torch.zeros(2, 5, 5)
    maps[0, 0, 0], maps[0, 0, 4], maps[0, 4, 4] = 0.9, 0.29, 0.1
    maps[1, 1, 1], maps[1, 3, 1] = 0.3, 0.9
    points = centres_of_gravity(maps)
    torch.testing.assert_close(points[0, 0], torch.tensor([0.0, 0.0]))
    torch.testing.assert_close(points[0, 1], torch.tensor([(0.3 * 1 + 0.9 * 3) / 1.2, 1.0]))


def test_nothing_above_the_threshold_is_no_point_and_no_length():
    maps = torch.zeros(3, 2, 6, 6)
    maps[1] = 0.29
    maps[2, 0, 3, 3] = 0.8
    points = centres_of_gravity(maps)
    assert points[:2].isnan().all()
    assert points[2, 0, 0].isfinite().all()
    assert points[2, 0, 1].isnan().all()
    assert lengths_mm(points, (1, 1)).isnan().all()


@pytest.mark.parametrize("sigma", [1.5, 3.0])
def test_what_is_drawn_is_read_back(sigma):
    torch.manual_seed(0)
    landmarks = 15 + 50 * torch.rand(4, 2, len(LINES), 2, 2)
    maps = heat_map_targets(landmarks, (80, 90), sigma)
    assert maps.shape == (4, 2, 6, 80, 90)
    assert maps.max() <= 1
    torch.testing.assert_close(centres_of_gravity(maps), landmarks, atol=0.15, rtol=0)


def test_a_bump_is_highest_at_its_point_and_falls_by_its_width():
    maps = heat_map_targets(torch.tensor([[[4.0, 7.0], [NAN, NAN]]]), (12, 16), sigma=2.0)
    assert maps[0, 4, 7] == 1
    assert float(maps[0, 4, 9]) == pytest.approx(0.60653, abs=1e-4)
    assert float(maps[0, 2, 9]) == pytest.approx(0.36788, abs=1e-4)
    assert maps[1].isnan().all()


def test_spacing_counts_along_its_own_axis():
    points = torch.tensor([[[0.0, 0.0], [3.0, 0.0]], [[0.0, 0.0], [0.0, 3.0]]])
    assert lengths_mm(points, (0.5, 2.0)).tolist() == [1.5, 6.0]
