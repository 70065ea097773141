"""The benchmark's own figures, on fields and masks whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from EchoODELib.engine.sequence import EchoSequence

from .cases import Case, Kind
from .methods import eroded_guide, shifted_guide, true_guide, wrong_frame_guide
from .scores import carry_mask, folded, score, single_plane_ef

SIZE = 64


def heart(height, width, column=32):
    """An LV cavity (half an ellipse, apex up) in a wall 4 px thick, above an atrium."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    base = 44

    def bell(tall, wide):
        return ((rows - base) / tall) ** 2 + ((columns - column) / wide) ** 2 < 1

    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[bell(12, width) & (rows >= base)] = 3
    mask[bell(height + 4, width + 4) & (rows < base)] = 2
    mask[bell(height, width) & (rows < base)] = 1
    return mask


@pytest.fixture
def contracting_case():
    masks = np.stack([heart(30 - t, 12 - t) for t in range(5)])
    frames = np.full(masks.shape, 60, np.uint8)
    sequence = EchoSequence(frames, np.arange(5) / 50.0, (0.5, 0.5))
    return Case("hand made", Kind.SYSTOLE, sequence, masks, np.ones((SIZE, SIZE), bool), 4)


def scaled(factor):
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(np.float32)
    return np.stack([columns - 32, rows - 32], -1) * np.float32(factor - 1)


@pytest.mark.parametrize(("factor", "expected"), [(1.0, False), (0.05, False), (3.0, False), (-0.5, True)])
def test_folded_where_the_map_turns_over(factor, expected):
    """A scaling by a negative factor along x alone turns every cell over."""
    field = scaled(factor)
    field[..., 1] = 0
    assert (folded(field)[:-1, :-1] == expected).all()


def test_folded_sees_a_fold_one_pixel_wide():
    field = np.zeros((SIZE, SIZE, 2), np.float32)
    field[20, 30, 0] = 1.5  # beyond the right neighbour; a central difference would not notice
    rows, columns = np.nonzero(folded(field))
    assert set(rows) <= {19, 20} and set(columns) == {30}


def test_carry_mask_follows_the_pull_back():
    """Tissue that moved 3 px right and 2 px down is found by going back left and up."""
    mask = heart(28, 11)
    moved = carry_mask(mask, np.full((SIZE, SIZE, 2), (-3, -2), np.float32))
    np.testing.assert_array_equal(moved[4:-4, 4:-4], np.roll(mask, (2, 3), (0, 1))[4:-4, 4:-4])


def test_truth_scores_perfectly(contracting_case):
    found = score(contracting_case, contracting_case.masks, None, 1.5)
    assert found.lv == found.myocardium == found.lv_es == 1
    assert found.hd == 0 and found.ef_error == 0 and found.seconds == 1.5
    assert np.isnan(found.folds)


def test_standing_still_gives_an_ef_that_is_too_low_by_all_of_it(contracting_case):
    still = np.repeat(contracting_case.masks[:1], 5, axis=0)
    found = score(contracting_case, still, np.zeros((5, SIZE, SIZE, 2), np.float32), 0)
    truth = single_plane_ef(contracting_case.masks[0], contracting_case.masks[4])
    assert truth > 20
    assert found.ef_error == pytest.approx(-truth)
    assert found.lv_es < found.lv < 1
    assert found.lv_es_carried == found.lv_es
    assert found.folds == found.fold_share == 0


def test_hausdorff_is_in_mm_on_real_pairs_only(contracting_case):
    still = np.repeat(contracting_case.masks[:1], 5, axis=0)
    real = Case(**{**vars(contracting_case), "kind": Kind.PAIR})
    assert score(real, still, None, 0).hd == pytest.approx(score(contracting_case, still, None, 0).hd / 2)


def test_guides_are_worsened_as_they_say(contracting_case):
    truth = true_guide(contracting_case)
    eroded = eroded_guide(contracting_case)
    assert 0 < (eroded == 1).sum() < (truth == 1).sum()
    np.testing.assert_array_equal(eroded > 0, truth > 0)
    np.testing.assert_array_equal(shifted_guide(contracting_case)[:, 3:], truth[:, :-3])
    np.testing.assert_array_equal(wrong_frame_guide(contracting_case), contracting_case.masks[3])


def test_first_frames_of_a_case_end_in_its_own_end_systole(contracting_case):
    short = contracting_case.first(3)
    assert len(short.sequence) == len(short.masks) == 3
    assert short.es_frame == 2
