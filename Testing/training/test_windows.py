"""Windows: which frames, at which times, with which masks, and one geometry for all of them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from EchoODELib.engine.errors import UnsuitableClip
from EchoODELib.engine.metrics import dice
from EchoODELib.engine.models.preparation import Fit, standardise
from EchoODELib.engine.sequence import View
from EchoODETrainingLib.augment import OURS, PAPER_000, PAPER_002, Augmentation
from EchoODETrainingLib.datasets.clips import LabelledClip
from EchoODETrainingLib.windows import IGNORED, WindowSampler

SIZE = (96, 112)
STILL = {"scale": (1.0, 1.0), "rotation": 0.0, "shift": 0.0, "stretch": 0.0, "elastic": 0.0, "strength": 0.0}
MARKS = np.array([[[35.0, 75.0], [40.0, 100.0]], [[65.0, 58.0], [68.0, 112.0]], [[100.0, 58.0], [105.0, 115.0]]])


@pytest.fixture(scope="module")
def beat() -> LabelledClip:
    """20 frames of 150 x 170 whose cavity, brighter than all else, shrinks to the middle; small marks in between."""
    rows, columns = np.indices((150, 170)).astype(float)
    sector = (np.abs(columns - 85) < 0.6 * rows + 4) & (np.hypot(rows, columns - 85) < 148)
    masks = np.zeros((20, 150, 170), np.uint8)
    for frame, mask in enumerate(masks):
        size = 1 - 0.3 * np.sin(np.pi * frame / 19)
        mask[np.hypot((rows - 70) / 45, (columns - 90) / 32) < 1] = 2
        mask[np.hypot((rows - 70) / (35 * size), (columns - 90) / (22 * size)) < 1] = 1
        mask[np.hypot((rows - 124) / 12, (columns - 90) / 18) < 1] = 3
    shades = np.array([90, 230, 150, 40], np.uint8)
    ends = np.broadcast_to(MARKS.astype(np.float32)[:, None], (3, 20, 2, 2))
    return LabelledClip(
        name="beat",
        patient="p",
        kind="simulated",
        frames=np.where(sector, shades[masks], 0).astype(np.uint8),
        times=np.arange(20) / 25,
        masks=masks,
        labelled=np.ones(20, bool),
        sector=sector,
        ed_frame=0,
        es_frame=10,
        landmarks=dict(zip(("ivs", "lvid", "lvpw"), ends, strict=True)),
    )


def pair_of(beat: LabelledClip) -> LabelledClip:
    """Its ED and ES alone."""
    picked = {name: getattr(beat, name)[[0, 10]] for name in ("frames", "masks", "labelled")}
    return replace(beat, **picked, times=np.array([0, 0.4]), es_frame=1, landmarks={})


@pytest.mark.parametrize(("inputs", "outputs"), [(4, 7), (1, 1), (3, 3), (2, 5), (7, 1)])
def test_shapes_and_types_are_the_same_for_every_clip(beat: LabelledClip, inputs: int, outputs: int) -> None:
    sampler = WindowSampler(SIZE, inputs, outputs, lines=("ivs", "lvpw"), augmentation=Augmentation())
    for clip in (beat, pair_of(beat)):
        window = sampler(clip)
        assert window["frames"].shape == (inputs, 1, *SIZE)
        assert window["targets"].shape == (outputs, 1, *SIZE)
        assert window["masks"].shape == (outputs, *SIZE)
        assert window["landmarks"].shape == (outputs, 2, 2, 2)
        assert window["input_times"].shape == (inputs,)
        assert window["output_times"].shape == (outputs,)
        assert window["masks"].dtype == torch.int64
        assert window["view"].dtype == torch.int64
        assert window["view"].shape == ()
        assert all(window[name].dtype == torch.float32 for name in window if name not in ("masks", "view"))
        assert torch.isfinite(window["frames"]).all()
        assert set(window["masks"].unique().tolist()) <= {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("view", "channel"),
    [(View.A2C, 0), (View.A3C, 1), (View.A4C, 2), (View.PLAX, 3), (View.OTHER, 4), (View.UNKNOWN, IGNORED)],
)
def test_views_are_in_the_order_of_the_known_ones(beat: LabelledClip, view: View, channel: int) -> None:
    assert WindowSampler(SIZE)(replace(beat, view=view))["view"].item() == channel


def test_the_papers_window_takes_every_second_of_seven(beat: LabelledClip) -> None:
    window = WindowSampler(SIZE, 4, 7, stride=(2, 2), static=0)(beat)
    torch.testing.assert_close(window["output_times"], torch.linspace(0, 1, 7))
    torch.testing.assert_close(window["input_times"], torch.tensor([0, 1 / 3, 2 / 3, 1]))
    torch.testing.assert_close(window["frames"], window["targets"][::2])


def test_strides_make_windows_of_different_length(beat: LabelledClip) -> None:
    sampler = WindowSampler(SIZE, stride=(1, 3), static=0, seed=2)
    random = np.random.default_rng(0)
    spans = {int(np.ptp(sampler.draw(beat, random).frames)) for _ in range(60)}
    assert min(spans) <= 7
    assert max(spans) == 18
    assert WindowSampler(SIZE, stride=(9, 9), static=0).draw(beat, random).frames.tolist()[-1] == 19


def test_static_and_reversed_windows(beat: LabelledClip) -> None:
    random = np.random.default_rng(1)
    still = WindowSampler(SIZE, static=1).draw(beat, random)
    assert len(set(still.frames.tolist())) == 1
    np.testing.assert_allclose(still.times, np.linspace(0, 1, 7), rtol=1e-6)
    back = WindowSampler(SIZE, static=0, reverse=1).draw(beat, random)
    assert (np.diff(back.frames) < 0).all()
    assert (np.diff(back.times) > 0).all()
    assert back.times[[0, -1]].tolist() == [0, 1]


def sparse(beat: LabelledClip, *frames: int) -> LabelledClip:
    labelled = np.isin(np.arange(len(beat)), frames)
    return replace(beat, masks=np.where(labelled[:, None, None], beat.masks, 0), labelled=labelled, landmarks={})


def test_frames_without_a_mask_teach_nothing(beat: LabelledClip) -> None:
    clip = sparse(beat, 0, 10)
    sampler = WindowSampler(SIZE, static=0, stride=(1, 2), seed=4)
    whole = 0
    for _ in range(30):
        masks = sampler(clip)["masks"]
        known = [(mask != IGNORED).all().item() for mask in masks]
        assert all((mask == IGNORED).all() or not (mask == IGNORED).any() for mask in masks)
        assert 1 <= sum(known) <= 2
        whole += known == [True, False, False, False, False, False, True]
    assert whole >= 5  # from ED to ES


def test_the_labelled_frame_takes_every_place(beat: LabelledClip) -> None:
    clip, sampler = sparse(beat, 9), WindowSampler(SIZE, static=0, stride=(1, 1))
    random = np.random.default_rng(0)
    places = {sampler.draw(clip, random).frames.tolist().index(9) for _ in range(80)}
    assert places == set(range(7))
    edge = sparse(beat, 19)
    assert all(19 in sampler.draw(edge, random).frames for _ in range(20))


def test_pairs_without_motion_between_are_shown_at_rest(beat: LabelledClip) -> None:
    sampler, pair, random = WindowSampler(SIZE, static=0), pair_of(beat), np.random.default_rng(0)
    windows = [set(sampler.draw(pair, random).frames.tolist()) for _ in range(20)]
    assert {frozenset(window) for window in windows} == {frozenset({0}), frozenset({1})}
    assert not (sampler(pair)["masks"] == IGNORED).any()


def test_structures_that_are_not_drawn_are_no_background(beat: LabelledClip) -> None:
    clip = replace(beat, masks=np.where(beat.masks == 1, 1, 0).astype(np.uint8), drawn=frozenset({1}))
    all_three = WindowSampler(SIZE, static=0)(clip)["masks"]
    assert set(all_three.unique().tolist()) == {1, IGNORED}
    only_lv = WindowSampler(SIZE, static=0, labels=(1,))(clip)["masks"]
    assert set(only_lv.unique().tolist()) == {0, 1}


def test_labels_become_classes_in_their_order(beat: LabelledClip) -> None:
    sampler = WindowSampler(SIZE, 1, 1, labels=(3, 1))
    masks = sampler(beat)["masks"][0]
    cavity, atrium = np.argwhere(masks.numpy() == 2).mean(0), np.argwhere(masks.numpy() == 1).mean(0)
    assert cavity[0] < atrium[0]
    assert set(masks.unique().tolist()) == {0, 1, 2}


def test_without_augmentation_a_frame_is_what_the_network_gets_at_use(beat: LabelledClip) -> None:
    window = WindowSampler(SIZE, 4, 7, static=0)(beat)
    random = np.random.default_rng(0)
    picked = WindowSampler(SIZE, 4, 7, static=0).draw(beat, random).frames
    fit = Fit.of(beat.box, SIZE, beat.spacing)
    inside = fit.to_input(beat.sector.astype(np.uint8)) > 0
    expected = standardise(np.stack([fit.to_input(beat.frames[k]) for k in picked]), inside)
    difference = np.abs(window["targets"][:, 0].numpy() - expected)[
        :, cv2.erode(inside.astype(np.uint8), np.ones((5, 5))) > 0
    ]
    assert difference.mean() < 0.03


def test_equal_seeds_give_equal_windows(beat: LabelledClip) -> None:
    first, second, other = (WindowSampler(SIZE, augmentation=Augmentation(), seed=seed)(beat) for seed in (5, 5, 6))
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=0, equal_nan=True)
    assert not torch.equal(first["frames"], other["frames"])
    shared = WindowSampler(SIZE, augmentation=Augmentation())
    given = [shared(beat, np.random.default_rng(9))["frames"] for _ in range(2)]
    torch.testing.assert_close(*given, rtol=0, atol=0)


GEOMETRY = [
    {},
    {"scale": (0.6, 0.6)},
    {"scale": (1.3, 1.3)},
    {"rotation": 25.0},
    {"shift": 0.1},
    {"stretch": 0.3},
    {"elastic": 3.0},
    {"mirror": 1.0},
    {"scale": (0.8, 1.1), "rotation": 20.0, "shift": 0.05, "stretch": 0.1, "elastic": 2.0, "mirror": 0.5},
]


@pytest.mark.parametrize("changes", GEOMETRY)
def test_what_is_marked_stays_with_its_mask_on_every_frame(beat: LabelledClip, changes: dict) -> None:
    sampler = WindowSampler(SIZE, static=0, augmentation=Augmentation(**{**STILL, **changes}), seed=1)
    for _ in range(3):
        window = sampler(beat)
        for image, mask in zip(window["targets"][:, 0].numpy(), window["masks"].numpy(), strict=True):
            assert dice(image > image.max() - 0.25 * np.ptp(image), mask == 1) > 0.93


@pytest.mark.parametrize("changes", GEOMETRY)
def test_landmarks_stay_on_what_they_mark(beat: LabelledClip, changes: dict) -> None:
    dots = np.zeros_like(beat.frames)
    for row, column in MARKS.reshape(-1, 2).astype(int):
        dots[:, row - 2 : row + 3, column - 2 : column + 3] = 255
    clip = replace(beat, frames=dots)
    settings = Augmentation(**{**STILL, **changes})
    sampler = WindowSampler(SIZE, 1, 1, lines=("ivs", "lvid", "lvpw"), augmentation=settings, seed=2)
    for _ in range(4):
        window = sampler(clip)
        image = window["targets"][0, 0].numpy()
        ends = window["landmarks"][0].reshape(-1, 2).numpy()
        assert np.isfinite(ends).all(1).sum() >= 4
        for row, column in ends[np.isfinite(ends).all(1)]:
            near = np.zeros_like(image)
            near[max(0, int(row) - 4) : int(row) + 6, max(0, int(column) - 4) : int(column) + 6] = 1
            weight = np.clip(image - image.min(), 0, None) * near
            if weight[near > 0].max() < 0.5 * np.ptp(image) or min(row, column) < 4:
                continue  # cut by the input's border
            rows, columns = np.indices(image.shape)
            centre = (weight * rows).sum() / weight.sum(), (weight * columns).sum() / weight.sum()
            assert np.hypot(centre[0] - row, centre[1] - column) < 1.2


def test_all_frames_share_the_geometry(beat: LabelledClip) -> None:
    settings = Augmentation(strength=0, elastic=3.0, rotation=30)
    window = WindowSampler(SIZE, static=1, augmentation=settings, seed=3)(beat)
    for other in window["targets"][1:]:
        torch.testing.assert_close(other, window["targets"][0])


@pytest.mark.parametrize("name", sorted({*OURS, *PAPER_000, *PAPER_002}))
def test_every_change_of_appearance_changes_images_and_keeps_masks(beat: LabelledClip, name: str) -> None:
    plain = WindowSampler(SIZE, static=0, augmentation=Augmentation(**STILL), seed=7)
    changed = WindowSampler(
        SIZE, static=0, augmentation=Augmentation(**{**STILL, "strength": 1.0, "chances": {name: 1.0}}), seed=7
    )
    differences = []
    for seed in range(6):
        before, after = (sampler(beat, np.random.default_rng(seed)) for sampler in (plain, changed))
        image, masks = after["targets"].numpy(), after["masks"].numpy()
        assert np.isfinite(image).all()
        if name in ("fan", "depth_cut"):
            assert ((masks == before["masks"].numpy()) | (masks == 0)).all()
            assert (masks == 1).sum() > 0.85 * (before["masks"] == 1).sum().item()
        else:
            np.testing.assert_array_equal(masks, before["masks"].numpy())
        differences.append(np.abs(image - before["targets"].numpy()).mean())
    assert max(differences) > 0.02


def test_speckle_differs_between_frames_and_shadows_do_not(beat: LabelledClip) -> None:
    for name, lasting in (("shadows", True), ("haze", True), ("speckle", False)):
        settings = Augmentation(**{**STILL, "strength": 1.0, "chances": {name: 1.0}})
        targets = WindowSampler(SIZE, static=1, augmentation=settings, seed=0)(beat)["targets"]
        assert torch.equal(targets[0], targets[5]) == lasting


def test_what_can_not_be_is_refused() -> None:
    with pytest.raises(UnsuitableClip, match="no augmentation 'sparkle'"):
        Augmentation(chances={"sparkle": 1.0})
    with pytest.raises(UnsuitableClip, match="stride above 0"):
        WindowSampler(SIZE, stride=(0, 2))
    with pytest.raises(UnsuitableClip, match="no line 'aorta'"):
        WindowSampler(SIZE, lines=("aorta",))
