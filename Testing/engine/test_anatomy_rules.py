"""Tidied masks: one piece of each structure, no holes, nothing lost of a mask that was good."""

import cv2
import numpy as np
import pytest
from EchoODELib.engine.anatomy_rules import strongest, tidy_mask
from EchoODELib.engine.metrics import count_components, count_holes
from EchoODELib.engine.sequence import Label


@pytest.fixture
def a_heart() -> np.ndarray:
    """LV, wall and LA as an expert would draw them, 160x160."""
    mask = np.zeros((160, 160), np.uint8)
    cv2.ellipse(mask, (80, 70), (38, 52), 0, 180, 360, int(Label.MYOCARDIUM), -1)
    cv2.rectangle(mask, (42, 70), (118, 90), int(Label.MYOCARDIUM), -1)
    cv2.ellipse(mask, (80, 70), (26, 40), 0, 180, 360, int(Label.LV), -1)
    cv2.rectangle(mask, (54, 70), (106, 90), int(Label.LV), -1)
    cv2.ellipse(mask, (80, 91), (26, 34), 0, 0, 180, int(Label.LA), -1)
    return mask


def test_a_good_mask_is_left_alone(a_heart):
    np.testing.assert_array_equal(tidy_mask(a_heart), a_heart)


@pytest.mark.parametrize("label", [Label.LV, Label.MYOCARDIUM, Label.LA])
@pytest.mark.parametrize("island", [(5, 5, 12, 12), (3, 140, 9, 156), (140, 2, 158, 20)])
def test_islands_are_taken_away(a_heart, label, island):
    messy = a_heart.copy()
    messy[island[0] : island[2], island[1] : island[3]] = label
    np.testing.assert_array_equal(tidy_mask(messy), a_heart)


@pytest.mark.parametrize("filling", [Label.BACKGROUND, Label.MYOCARDIUM, Label.LA])
def test_holes_in_the_cavity_are_filled(a_heart, filling):
    messy = a_heart.copy()
    messy[60:70, 74:84] = filling
    np.testing.assert_array_equal(tidy_mask(messy), a_heart)


def test_gaps_between_structures_go_to_a_neighbour(a_heart):
    messy = a_heart.copy()
    messy[60:75, 50:56] = 0
    tidied = tidy_mask(messy)
    assert (tidied[60:75, 50:56] > 0).all()
    assert count_holes(tidied > 0) == 0


def test_the_piece_where_the_label_usually_is_wins_over_a_larger_one(a_heart):
    usual = np.stack([a_heart == label for label in Label]).astype(np.float32)
    messy = a_heart.copy()
    messy[95:160, 120:160] = Label.LV  # larger than the cavity would be after losing most of it
    messy[40:90, 54:80][messy[40:90, 54:80] == Label.LV] = 0
    kept = tidy_mask(messy, usual) == Label.LV
    assert not kept[95:, 120:].any()
    assert kept.any()
    assert (tidy_mask(messy) == Label.LV)[100:, 125:].any()


def test_wall_that_does_not_touch_the_cavity_gives_way_to_wall_that_does(a_heart):
    messy = a_heart.copy()
    messy[a_heart == Label.MYOCARDIUM] = 0
    messy[60:70, 44:54] = Label.MYOCARDIUM
    messy[0:25, 0:120] = Label.MYOCARDIUM
    tidied = tidy_mask(messy)
    assert not (tidied == Label.MYOCARDIUM)[:25].any()
    assert (tidied == Label.MYOCARDIUM)[60:70, 44:54].all()


def test_cavities_end_at_the_sector_and_the_wall_may_pass_it(a_heart):
    inside = np.zeros_like(a_heart, bool)
    inside[:, 60:] = True
    tidied = tidy_mask(a_heart, inside=inside)
    assert not np.isin(tidied[:, :60], (Label.LV, Label.LA)).any()
    assert (tidied[:, :60] == Label.MYOCARDIUM).any()


@pytest.mark.parametrize("label", list(Label))
def test_masks_of_one_label_or_none_are_fine(a_heart, label):
    alone = np.where(a_heart == label, a_heart, 0).astype(np.uint8)
    assert (tidy_mask(alone)[alone > 0] == label).all()


@pytest.mark.parametrize("seed", range(5))
def test_whatever_comes_in_each_structure_comes_out_in_one_piece(seed):
    random = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(random.standard_normal((96, 96, 4)).astype(np.float32), (0, 0), 3)
    tidied = tidy_mask(noise.argmax(-1).astype(np.uint8))
    assert count_components(tidied == Label.LV) == 1
    assert count_holes(tidied > 0) == 0
    for label in (Label.MYOCARDIUM, Label.LA):
        assert (tidied == label).any()


def test_a_parasternal_mask_keeps_septum_and_posterior_wall_and_no_more():
    mask = np.zeros((100, 120), np.uint8)
    mask[20:30, 10:90] = Label.MYOCARDIUM
    mask[30:60, 10:90] = Label.LV
    mask[60:68, 10:90] = Label.MYOCARDIUM
    messy = mask.copy()
    messy[90:94, 100:110] = Label.MYOCARDIUM
    np.testing.assert_array_equal(tidy_mask(messy, walls=2), mask)
    assert count_components(tidy_mask(messy) == Label.MYOCARDIUM) == 1


def test_what_lies_around_a_mask_changes_nothing():
    random = np.random.default_rng(3)
    for _ in range(10):
        maps = np.stack([cv2.GaussianBlur(random.random((40, 50), np.float32), (0, 0), 2.5) for _ in range(4)])
        mask, inside = maps.argmax(0).astype(np.uint8), random.random((40, 50)) > 0.02
        around = ((7, 5), (3, 11))
        padded = np.pad(maps, ((0, 0), *around))
        alone = tidy_mask(mask, maps, inside)
        np.testing.assert_array_equal(
            tidy_mask(np.pad(mask, around), padded, np.pad(inside, around)), np.pad(alone, around)
        )
        np.testing.assert_array_equal(
            tidy_mask(mask[::-1, ::-1], maps[:, ::-1, ::-1], inside[::-1, ::-1]) > 0, alone[::-1, ::-1] > 0
        )


def test_the_strongest_class_is_that_of_argmax():
    maps = np.random.default_rng(0).integers(0, 4, (4, 20, 30)).astype(np.float32)  # with many equals
    np.testing.assert_array_equal(strongest(maps), maps.argmax(0))
