"""Losses by hand-made cases and against MONAI; nothing is learned from what is missing."""

from __future__ import annotations

import math

import pytest
import torch
from EchoODELib.engine.models.clip_output import ClipOutput
from EchoODETrainingLib.losses import (
    GRAY_VARIANCE,
    Criterion,
    cross_entropy,
    dice_loss,
    heat_map_loss,
    temporal_loss,
    view_loss,
)
from EchoODETrainingLib.recipe import Losses
from EchoODETrainingLib.windows import IGNORED
from monai.losses import DiceCELoss
from torch import Tensor

SURE = 40.0


def logits_of(masks: Tensor, classes: int = 4, sure: float = SURE) -> Tensor:
    return sure * torch.nn.functional.one_hot(masks, classes).movedim(-1, 1).float()


@pytest.fixture
def some_masks() -> Tensor:
    torch.manual_seed(0)
    return torch.randint(0, 4, (3, 12, 10))


def test_cross_entropy_by_hand() -> None:
    logits = torch.tensor([[[[math.log(3.0), 0.0]], [[0.0, 0.0]]]])  # probabilities 3/4 and 1/2 of class 0
    masks = torch.tensor([[[0, 1]]])
    expected = -(math.log(3 / 4) + math.log(1 / 2)) / 2
    torch.testing.assert_close(cross_entropy(logits, masks), torch.tensor(expected))


def test_dice_by_hand() -> None:
    masks = torch.tensor([[[1, 1, 0, 0]]])
    guess = torch.tensor([[[1, 0, 1, 0]]])  # one of two hit, one false: Dice 1/2
    torch.testing.assert_close(dice_loss(logits_of(guess, 2), masks), torch.tensor(0.5), atol=1e-4, rtol=0)


@pytest.mark.parametrize("squared", [True, False])
@pytest.mark.parametrize("background", [True, False])
def test_both_are_monais_where_nothing_is_missing(some_masks: Tensor, squared: bool, background: bool) -> None:
    logits = torch.randn(3, 4, 12, 10)
    monai = DiceCELoss(include_background=background, to_onehot_y=True, softmax=True, squared_pred=squared, batch=True)
    ours = Criterion(Losses(squared=squared, background=background)).segmentation(logits, some_masks)
    torch.testing.assert_close(ours, monai(logits, some_masks[:, None]))


def test_nothing_is_learned_where_masks_are_missing(some_masks: Tensor) -> None:
    missing = some_masks.clone()
    missing[:, 6:] = IGNORED
    logits = torch.randn(3, 4, 12, 10, requires_grad=True)
    loss = Criterion(Losses()).segmentation(logits, missing)
    torch.testing.assert_close(loss, Criterion(Losses()).segmentation(logits[:, :, :6], some_masks[:, :6]))
    loss.backward()
    assert logits.grad is not None
    assert logits.grad[:, :, :6].abs().min() > 0
    assert logits.grad[:, :, 6:].abs().max() == 0


def test_a_batch_without_any_mask_costs_nothing_and_is_a_number() -> None:
    logits = torch.randn(1, 4, 5, 5, requires_grad=True)
    loss = Criterion(Losses()).segmentation(logits, torch.full((1, 5, 5), IGNORED))
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert logits.grad is not None and logits.grad.abs().max() == 0


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_frames_prefer_what_is_right_on_every_head(some_masks: Tensor, heads: int) -> None:
    right, criterion = logits_of(some_masks, sure=12.0), Criterion(Losses())
    good, unsure, wrong = (
        criterion.of_frames([x] * heads, some_masks)["segmentation"] for x in (right, 0 * right, -right)
    )
    assert good < 0.01 < unsure < wrong


def test_finer_heads_weigh_more(some_masks: Tensor) -> None:
    right = logits_of(some_masks)
    loss = Criterion(Losses(deep=0.5)).of_frames([right, 0 * right], some_masks)["segmentation"]
    bad = Criterion(Losses()).segmentation(0 * right, some_masks)
    torch.testing.assert_close(loss, bad / 3, atol=1e-5, rtol=1e-5)


def a_batch(masks: Tensor, landmarks: Tensor | None = None) -> dict[str, Tensor]:
    targets = torch.zeros(1, *masks.shape[:1], 1, *masks.shape[1:])
    return {"masks": masks[None], "targets": targets, "landmarks": torch.zeros(0) if landmarks is None else landmarks}


def test_the_reconstruction_weighs_lambda_times_its_error(some_masks: Tensor) -> None:
    logits = logits_of(some_masks)[None]
    batch = a_batch(some_masks)
    image = torch.full_like(batch["targets"], 2.0)
    parts = Criterion(Losses(reconstruction=10.0)).of_clips(ClipOutput(logits, image), batch)
    torch.testing.assert_close(parts["reconstruction"], torch.tensor(10.0 * GRAY_VARIANCE * 4.0))
    assert set(Criterion(Losses()).of_clips(ClipOutput(logits), batch)) == {"segmentation"}


def test_heat_maps_cost_nothing_where_they_are_right_and_one_each_where_they_are_empty() -> None:
    points = torch.tensor([[[20.0, 12.0], [8.0, 30.0]]])
    rows, columns = torch.meshgrid(torch.arange(40.0), torch.arange(44.0), indexing="ij")
    maps = torch.stack([torch.exp(-((rows - r) ** 2 + (columns - c) ** 2) / 8) for r, c in points[0]])[None]
    assert heat_map_loss(maps, points, sigma=2.0).item() == pytest.approx(0, abs=1e-9)
    # The integral of a squared Gaussian is half that of the Gaussian.
    assert heat_map_loss(0 * maps, points, sigma=2.0).item() == pytest.approx(0.5, abs=1e-3)


def test_missing_landmarks_teach_nothing() -> None:
    points = torch.tensor([[[5.0, 5.0], [math.nan, math.nan]]])
    maps = torch.rand(1, 2, 12, 12, requires_grad=True)
    loss = heat_map_loss(maps, points)
    torch.testing.assert_close(loss, heat_map_loss(maps[:, :1], points[:, :1]))
    loss.backward()
    assert maps.grad is not None
    assert maps.grad[:, 0].abs().max() > 0
    assert maps.grad[:, 1].abs().max() == 0
    assert heat_map_loss(maps, torch.full((1, 2, 2), math.nan)).item() == 0


def test_heat_maps_are_in_the_order_of_the_lines_ends(some_masks: Tensor) -> None:
    landmarks = torch.tensor([[[4.0, 3.0], [9.0, 5.0]], [[math.nan] * 2] * 2]).expand(1, 3, 2, 2, 2)
    maps = torch.zeros(1, 3, 4, 12, 10)
    maps[:, :, 0, 4, 3] = maps[:, :, 1, 9, 5] = 1.0
    right = ClipOutput(logits_of(some_masks)[None], None, maps)
    swapped = ClipOutput(logits_of(some_masks)[None], None, maps[:, :, [1, 0, 2, 3]])
    criterion = Criterion(Losses(heat_map_sigma=0.3))
    good, bad = (criterion.of_clips(output, a_batch(some_masks, landmarks))["heat_maps"] for output in (right, swapped))
    assert good < 0.05 < 1 < bad


def test_the_view_costs_the_logarithm_of_its_probability() -> None:
    logits = torch.log(torch.tensor([[[0.5, 0.25, 0.25], [0.125, 0.75, 0.125]]]))
    expected = (math.log(2) + math.log(8)) / 2
    torch.testing.assert_close(view_loss(logits, torch.tensor([0])), torch.tensor(expected))


def test_clips_of_unknown_view_teach_none() -> None:
    logits = torch.randn(3, 2, 5, requires_grad=True)
    views = torch.tensor([4, IGNORED, 1])
    loss = view_loss(logits, views)
    torch.testing.assert_close(loss, view_loss(logits[[0, 2]], views[[0, 2]]))
    loss.backward()
    assert logits.grad is not None
    assert logits.grad[1].abs().max() == 0
    assert logits.grad[[0, 2]].abs().min() > 0
    assert view_loss(logits, torch.full((3,), IGNORED)).item() == 0


def test_the_aggregation_loss_weighs_masks_and_views(some_masks: Tensor) -> None:
    output = ClipOutput(torch.randn(1, 3, 4, 12, 10), views=torch.randn(1, 3, 5))
    batch = a_batch(some_masks) | {"view": torch.tensor([2])}
    one = Criterion(Losses(view=1.0)).of_clips(output, batch)
    other = Criterion(Losses(cross_entropy=3.0, dice=3.0, view=0.2)).of_clips(output, batch)
    assert set(one) == {"segmentation", "view"}
    torch.testing.assert_close(one["view"], view_loss(output.views, batch["view"]))
    torch.testing.assert_close(other["segmentation"], 3 * one["segmentation"])
    torch.testing.assert_close(other["view"], 0.2 * one["view"])


def a_film(*frames: list[int]) -> Tensor:
    """Logits (1, S, 2, 1, W) of masks of one structure."""
    return logits_of(torch.tensor(frames)[:, None], 2)[None]


def test_masks_that_stay_as_they_are_cost_nothing() -> None:
    still = a_film([1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 0])
    assert temporal_loss(still, threshold=0.0) < 1e-5
    unsure = 0.3 * torch.randn(2, 1, 4, 6, 5).expand(-1, 3, -1, -1, -1)
    assert temporal_loss(unsure, threshold=0.0) < 1e-5


def test_what_changes_beyond_the_threshold_costs_by_hand() -> None:
    film = a_film([1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 1, 0])  # Dice 1/2, then 1
    for threshold, wanted in ((0.0, 0.5), (0.1, 0.4), (0.5, 0.0), (0.7, 0.0)):
        found = temporal_loss(film, threshold=threshold)
        torch.testing.assert_close(found, torch.tensor(wanted / 2), atol=1e-4, rtol=0)


def test_the_mean_is_over_structures_and_absent_ones_change_nothing() -> None:
    both = logits_of(torch.tensor([[[1, 1, 0, 0]], [[1, 0, 1, 0]]]), 3)[None]  # class 2 is on neither frame
    torch.testing.assert_close(temporal_loss(both, threshold=0.0), torch.tensor(0.25), atol=1e-4, rtol=0)


def test_single_frames_have_no_temporal_loss_and_small_changes_no_gradient() -> None:
    assert temporal_loss(torch.randn(3, 1, 4, 6, 5)) == 0
    film = (torch.randn(1, 1, 4, 6, 5) + 0.01 * torch.randn(1, 4, 4, 6, 5)).requires_grad_()
    temporal_loss(film, threshold=0.1).backward()
    assert film.grad is not None and film.grad.abs().max() == 0
    film.grad = None
    temporal_loss(film, threshold=0.0).backward()
    assert film.grad.abs().max() > 0


def test_the_combined_loss_is_weighted_as_in_the_paper() -> None:
    weights = Losses(cross_entropy=0, dice=0.4, temporal=0.6)
    masks = torch.randint(0, 4, (2, 3, 6, 5))
    logits = torch.randn(2, 3, 4, 6, 5)
    parts = Criterion(weights).of_clips(ClipOutput(logits), {"masks": masks})
    torch.testing.assert_close(parts["segmentation"], 0.4 * dice_loss(logits.flatten(0, 1), masks.flatten(0, 1)))
    torch.testing.assert_close(parts["temporal"], 0.6 * temporal_loss(logits, threshold=0.01))
    assert "temporal" not in Criterion(Losses()).of_clips(ClipOutput(logits), {"masks": masks})
