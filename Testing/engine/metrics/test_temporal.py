import numpy as np
import pytest
from EchoODELib.engine.metrics import (
    consecutive_hausdorff,
    contour_stability,
    dice,
    flickering_pixels,
    has_large_temporal_error,
    mfip,
    phase_errors,
    tc,
    tcd,
)
from EchoODELib.engine.metrics.shape_context import adjacent_costs, matching_costs, outline_points, shape_contexts
from scipy import ndimage


def ellipse(centre=(64.0, 64.0), axes=(25.0, 40.0), shape=(128, 128)):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return ((columns - centre[0]) / axes[0]) ** 2 + ((rows - centre[1]) / axes[1]) ** 2 <= 1


@pytest.fixture(scope="module")
def beating():
    return np.stack([ellipse(axes=(25 + 4 * np.cos(t / 4), 40 + 3 * np.cos(t / 4))) for t in range(30)])


def naive_warp(cost):
    """Cheapest ordered path, cell by cell; its mean cost."""
    n = len(cost)
    total, steps = np.full((n + 1, n + 1), np.inf), np.zeros((n + 1, n + 1))
    total[0, 0] = 0
    for i in range(1, n + 1):
        for j in range(1, n + 1):
            before = min(((i - 1, j - 1), (i - 1, j), (i, j - 1)), key=lambda cell: total[cell])
            total[i, j], steps[i, j] = total[before] + cost[i - 1, j - 1], steps[before] + 1
    return total[n, n] / steps[n, n]


def naive_contexts(points):
    """Shape contexts of one contour, point by point."""
    n = len(points)
    distance = np.hypot(*(points[:, None] - points[None]).T).T
    mean = distance.sum() / (n * (n - 1))
    histograms = np.zeros((n, 60))
    for i in range(n):
        for j in range(n):
            d = distance[i, j] / mean
            ring = int((np.geomspace(1 / 8, 2, 5) < d).sum())
            if i != j and ring < 5:
                angle = np.arctan2(points[j, 1] - points[i, 1], points[j, 0] - points[i, 0]) % (2 * np.pi)
                histograms[i, ring * 12 + min(11, int(angle / (2 * np.pi) * 12))] += 1
    return histograms / histograms.sum(axis=1, keepdims=True)


def test_matching_agrees_with_the_plain_algorithm():
    masks = np.stack([ellipse(), ellipse(axes=(30, 33)), ellipse() & ~ellipse((84, 64), (14, 14))])
    points = outline_points(masks, 24)
    contexts = [naive_contexts(p) for p in points]
    assert np.allclose(shape_contexts(points), contexts, atol=1e-6)
    expected = []
    for a, b in ((0, 1), (1, 2)):
        x, y = contexts[a][:, None], contexts[b][None]
        chi = 0.5 * ((x - y) ** 2 / np.maximum(x + y, 1e-12)).sum(axis=2)
        expected.append(naive_warp(chi))
    assert np.allclose(matching_costs(points[:-1], points[1:]), expected, atol=1e-5)


def test_neighbours_are_matched_as_pairs_are(beating):
    points = outline_points(np.concatenate([beating, beating[:5]]), 32)
    points[7] = np.nan
    costs = adjacent_costs(points)
    assert costs.shape == (34,)
    assert np.isnan(costs[[6, 7]]).all()
    assert np.allclose(costs, matching_costs(points[:-1], points[1:]), atol=1e-7, equal_nan=True)


def test_standing_still_moving_and_growing_cost_nothing_or_little():
    still = np.stack([ellipse()] * 3)
    assert tc(still) == pytest.approx(0, abs=1e-6)
    assert tc(np.stack([ellipse(), ellipse((70, 60))])) == pytest.approx(0, abs=1e-6)
    assert tc(np.stack([ellipse(), ellipse(axes=(20, 32))])) < 0.02


def test_flicker_costs_more_the_rougher_it_is(beating):
    rng = np.random.default_rng(0)
    smooth = tc(beating)
    costs = []
    for depth in (1.0, 3.0):
        rough = np.stack(
            [
                ndimage.gaussian_filter(m * 1.0, 2)
                + 0.12 * depth * ndimage.gaussian_filter(rng.standard_normal(m.shape), 3) * 8
                > 0.5
                for m in beating
            ]
        )
        costs.append(tc(rough))
    assert smooth < costs[0] < costs[1] <= 1


def test_frames_without_the_structure_are_left_out(beating):
    masks = beating[:6].copy()
    masks[2] = False
    cost = contour_stability(masks)
    assert np.isnan(cost[[1, 2]]).all()
    assert np.isfinite(cost[[0, 3, 4]]).all()
    assert np.isfinite(tc(masks))
    assert np.isnan(tc(np.zeros((3, 9, 9))))


def test_flickering_pixels_by_hand():
    masks = np.zeros((3, 4, 5), int)
    masks[1, 0, 0] = 2
    masks[2, 0, 0], masks[2, 1, 1] = 1, 3
    assert flickering_pixels(masks).tolist() == [1 / 20, 2 / 20]
    assert mfip(masks) == pytest.approx(0.075)
    assert np.isnan(mfip(masks[:1]))


def test_tcd_by_hand_and_over_gaps():
    assert tcd(np.array([0.9, 0.92, 0.89])) == pytest.approx(0.025)
    assert tcd(np.array([0.9, np.nan, 0.8, 0.85])) == pytest.approx(0.05)
    assert np.isnan(tcd(np.array([0.9])))


def test_tcd_is_zero_for_a_constant_error(beating):
    assert tcd(dice(beating, beating)) == 0


@pytest.mark.parametrize(("spacing", "expected"), [(None, 3.0), ((1.0, 0.5), 1.5)])
def test_consecutive_hausdorff_is_the_movement(spacing, expected):
    masks = np.stack([ellipse((50 + 3 * t, 64)) for t in range(5)])
    distances = consecutive_hausdorff(masks, spacing=spacing)
    assert distances.shape == (4,)
    assert np.allclose(distances, expected)


def test_large_temporal_errors_are_counted_against_the_nearest_annotation(beating):
    truth = beating[[0, 15, 29]]
    assert not has_large_temporal_error(beating, truth, [0, 15, 29], spacing=(0.7, 0.7))
    broken = beating.copy()
    broken[10, :3, :3] = True
    assert has_large_temporal_error(broken, truth, [0, 15, 29], spacing=(0.7, 0.7))
    assert not has_large_temporal_error(broken, truth, [0, 15, 29], spacing=(0.7, 0.7), threshold=200)


def test_phase_errors_by_hand():
    assert phase_errors([3, 20, 41], [5, 40]).tolist() == [2, 1]
    assert phase_errors([3], [5, 40], within=10).tolist()[:1] == [2]
    assert np.isnan(phase_errors([3], [5, 40], within=10)[1])
    assert np.isnan(phase_errors([], [4])).all()
    assert phase_errors([4], []).shape == (0,)
