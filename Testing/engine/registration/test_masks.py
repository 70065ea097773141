"""Carrying and blending masks, their topology, and the report on fields."""

from __future__ import annotations

import numpy as np
import pytest
from EchoODELib.engine.registration.masks import (
    Topology,
    carried_masks,
    carry,
    labels_of,
    memberships,
    signed_distances,
    to_labels,
    topology,
)
from EchoODELib.engine.registration.quality import QualityReport, determinants
from EchoODELib.engine.registration.work import RIM, HeartBox

from .conftest import ring_mask

WHERE = np.ones((96, 96), np.bool_)


def still(frames: int = 1) -> np.ndarray:
    return np.zeros((frames, 96, 96, 2), np.float32)


def test_labels_survive_memberships_and_distances() -> None:
    mask = ring_mask()
    labels = labels_of(mask)
    assert labels == (1, 2)
    np.testing.assert_array_equal(to_labels(memberships(mask, labels), labels), mask)
    np.testing.assert_array_equal(to_labels(signed_distances(mask, labels), labels), mask)
    distances = signed_distances(mask, (1,))
    assert distances[48, 48, 1] == 12
    assert distances[0, 0, 1] == -12
    assert (signed_distances(np.zeros_like(mask), (1,))[..., 1] == -12).all()


def test_a_mask_is_read_where_the_field_points() -> None:
    mask = ring_mask()
    field = np.zeros((96, 96, 2), np.float32)
    field[..., 0], field[..., 1] = -4, 2
    moved = to_labels(carry(memberships(mask, (1, 2)), field), (1, 2))
    np.testing.assert_array_equal(moved, np.roll(mask, (-2, 4), (0, 1)))


def test_frames_lead_to_a_guide_in_proportion() -> None:
    mask = ring_mask()
    guide = np.roll(mask, 8, axis=1)
    pull_backs = {frame: still()[0] for frame in (1, 2, 3, 4, 5, 6)}
    found = carried_masks(mask, (1, 2), pull_backs, {4: still()[0]}, {4: guide}, (0, 4))
    np.testing.assert_array_equal(found[4], guide)
    columns = [np.argwhere(found[frame] == 1)[:, 1].mean() for frame in range(1, 7)]
    assert columns[:3] == pytest.approx([50, 52, 54], abs=0.8)
    assert columns[4:] == pytest.approx([56, 56], abs=0.1)  # beyond the guide it holds alone


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["000", "010", "000"], Topology(1, 0)),
        (["101", "000", "101"], Topology(4, 0)),
        (["111", "101", "111"], Topology(1, 1)),
        (["222", "212", "222"], Topology(2, 1)),
        (["000", "000", "000"], Topology(0, 0)),
    ],
)
def test_components_and_holes_are_counted(rows: list[str], expected: Topology) -> None:
    assert topology(np.array([[int(v) for v in row] for row in rows], np.uint8), (1, 2)) == expected


def test_the_report_counts_folds_and_misses() -> None:
    rows, columns = np.indices((96, 96), dtype=np.float32)
    doubled = np.stack([columns, rows], -1)
    np.testing.assert_allclose(determinants(doubled), 4)
    report = QualityReport(Topology(2, 1), (1, 2))
    report.add(still()[0], still()[0], WHERE)
    report.add_mask(ring_mask())
    assert report.as_record()["folds"] == 0
    assert report.as_record()["min_jacobian"] == report.as_record()["max_jacobian"] == 1
    fold = np.stack([-2 * (columns - 48) * (np.abs(columns - 48) < 3), 0 * rows], -1)
    report.add(fold, still()[0], WHERE)
    assert report.folds > 0
    assert report.smallest_determinant < 0
    missing = still()[0]
    missing[40, 40, 0] = 1.5
    report.add(still()[0], missing, WHERE)
    assert report.residual == pytest.approx(4, abs=3)
    apart = QualityReport(Topology(2, 1), (1, 2))
    apart.add(still()[0], missing, ~WHERE)
    assert apart.residual == 0
    leaves = np.full((96, 96, 2), 200, np.float32)
    apart.add(still()[0], leaves, WHERE)
    assert apart.residual == 0
    report.add_mask(np.where(ring_mask() == 1, 1, 0).astype(np.uint8))
    assert report.as_record()["frames_of_other_topology"] == 1


def test_a_box_cuts_and_places_beyond_the_frame() -> None:
    mask = np.zeros((40, 60), np.uint8)
    mask[:10, 50:] = 1
    box = HeartBox.around([mask], 0.5)
    assert box.shape == (26, 26)
    assert (box.top, box.left) == (-8, 42)
    cut = box.cut(mask, constant=True)
    assert cut.shape == box.shape
    assert cut.sum() == mask.sum()
    into = np.zeros((40, 60), np.float32)
    box.place(np.asarray(cut, np.float32), into)
    np.testing.assert_array_equal(into, mask)
    region = np.zeros((40, 60), np.bool_)
    region[5:30, 10:50] = True
    over = HeartBox.over(region, [mask])
    assert over.top < 0 < over.left
    assert over.shape[0] >= 30 * (1 + 2 * RIM)
    assert over.left + over.shape[1] >= 60
