"""The heat lies where and when a network looks, on the recording's own pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from EchoODELib.engine.clips_over_time import ClipUse
from EchoODELib.engine.ef import EfEstimator
from EchoODELib.engine.errors import UnsuitableMask
from EchoODELib.engine.explain import Heat, explain, hires_cam
from EchoODELib.engine.models.coreecho import CoReEcho
from EchoODELib.engine.sequence import EchoSequence, View
from torch import Tensor, nn
from torch.nn import functional

TINY = {"depths": [1, 1, 1, 1], "widths": [4, 4, 8, 8], "head_width": 4}


class Looking(nn.Module):
    """Sees how bright 8x8 px are on every second frame, and answers with what it saw, ``sign`` times.

    Its encoder has two channels: the first sees all, the second nothing that the answer depends on.
    """

    def __init__(self, sign: float = 1.0) -> None:
        super().__init__()
        self.encoder, self.sign = self, sign

    def maps(self, clips: Tensor) -> list[Tensor]:
        seen = functional.avg_pool3d(clips.transpose(1, 2), (2, 8, 8)).relu()
        return [torch.cat((seen, 5 - seen), 1)]

    def pooled(self, last: Tensor) -> Tensor:
        return last.flatten(2).mean(-1)

    def answer(self, embedding: Tensor) -> Tensor:
        return self.sign * embedding[:, :1]


def a_bright_place(frames: int = 12) -> tuple[EchoSequence, np.ndarray]:
    """A bright disc that moves from the upper left to the lower right, and where it is."""
    rows, columns = np.indices((64, 64))
    places = [np.hypot(rows - 14 - 3 * k, columns - 18 - 2.5 * k) < 9 for k in range(frames)]
    masks = np.stack(places).astype(np.uint8)
    gray = 20 + 200 * masks + np.random.default_rng(0).integers(0, 3, masks.shape)
    return EchoSequence(gray.astype(np.uint8), np.arange(frames) / 25, (1.0, 1.0), View.A4C), masks


def an_estimator(network: nn.Module, use: ClipUse, size: int = 64) -> EfEstimator:
    made = EfEstimator.__new__(EfEstimator)
    made.network, made.use, made.device = network, use, torch.device("cpu")
    made.card = type("Card", (), {"input_size": (size, size), "name": "looking"})()
    return made


@pytest.mark.parametrize(
    "use", [ClipUse(12, 1, clips=1), ClipUse(6, 2, clips=1), ClipUse(4, 1), ClipUse(8, whole=True)]
)
def test_the_heat_follows_what_is_looked_at(use: ClipUse) -> None:
    clip, masks = a_bright_place()
    heat = explain(an_estimator(Looking(), use), clip, stage=0)
    assert heat.maps.shape == clip.frames.shape
    assert heat.maps.max() == 255
    assert heat.share_in(masks) > 0.5 > 4 * masks.mean()
    for number in np.flatnonzero(heat.seen):
        row, column = np.unravel_index(heat.maps[number].argmax(), (64, 64))
        assert np.hypot(row - 14 - 3 * number, column - 18 - 2.5 * number) < 12


def test_what_lowers_the_answer_is_not_hot() -> None:
    clip, masks = a_bright_place()
    found = explain(an_estimator(Looking(-1.0), ClipUse(12, 1)), clip, stage=0)
    assert not found.maps.any()
    assert np.isnan(found.share_in(masks))


def test_frames_that_no_clip_shows_are_not_seen() -> None:
    clip, _ = a_bright_place()
    heat = explain(an_estimator(Looking(), ClipUse(4, 1, clips=1)), clip, stage=0)
    assert np.flatnonzero(heat.seen).tolist() == [4, 5, 6, 7]
    assert not heat.maps[~heat.seen].any()


def test_the_heat_lies_in_the_sector() -> None:
    clip, _ = a_bright_place()
    frames = np.zeros((12, 90, 100), np.uint8)
    frames[:, 10:74, 20:84] = clip.frames
    heat = explain(an_estimator(Looking(), ClipUse(12, 1)), replace(clip, frames=frames), stage=0)
    outside = np.ones((90, 100), bool)
    outside[8:76, 18:86] = False
    assert not heat.maps[:, outside].any()
    row, column = np.unravel_index(heat.maps[0].argmax(), (90, 100))
    assert np.hypot(row - 24, column - 38) < 12


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
@pytest.mark.parametrize("side", [64, 50])
def test_every_stage_of_the_encoder_can_be_looked_at(stage: int, side: int) -> None:
    torch.manual_seed(0)
    network = CoReEcho(**TINY).eval()
    clips = torch.randn(2, 6, 1, side, side)
    heat = hires_cam(network, clips, stage)
    assert heat.shape == (2, 6, side, side)
    assert (heat >= 0).all()
    assert heat.isfinite().all()
    assert all(p.grad is None for p in network.parameters())
    alone = hires_cam(network, clips[:1], stage)
    torch.testing.assert_close(alone, heat[:1], atol=1e-6, rtol=1e-3)


def test_the_last_stage_has_the_heat_of_grad_cam() -> None:
    torch.manual_seed(0)
    network = CoReEcho(**TINY).eval()
    clips = torch.randn(1, 6, 1, 64, 64, requires_grad=True)
    maps = network.encoder.maps(clips)[-1]
    (slope,) = torch.autograd.grad(network.answer(network.encoder.pooled(maps))[:, 0].sum(), maps)
    by_channel = (slope.mean((2, 3, 4), keepdim=True) * maps).sum(1, keepdim=True).relu()
    wanted = functional.interpolate(by_channel, (6, 64, 64), mode="trilinear", align_corners=False)[:, 0]
    assert wanted.any()
    torch.testing.assert_close(hires_cam(network, clips, 3), wanted, atol=1e-6, rtol=1e-3)


def test_shares_by_hand() -> None:
    maps = np.array([[[10, 30], [0, 60]]], np.uint8)
    heat = Heat(maps, np.ones(1, bool), "one")
    assert heat.share_in(np.array([[[1, 1], [1, 2]]], np.uint8)) == pytest.approx(0.4)
    with pytest.raises(UnsuitableMask, match="the clip's own"):
        heat.share_in(np.zeros((1, 3, 2), np.uint8))
