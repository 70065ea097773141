"""The sector: all of the fan, nothing of text, trace, bar and logo, and back to the clip's own pixels."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from EchoODELib.engine.errors import UnsuitableMask
from EchoODELib.engine.io import read_clip, read_mask
from EchoODELib.engine.phantom import PhantomSettings, simulate
from EchoODELib.engine.sector import Sector, find_sector
from EchoODELib.engine.sequence import ClipSource, EchoSequence, View

SIZE = (300, 400)


def clip_of(frames, **source):
    return EchoSequence(frames, np.arange(len(frames)) / 50, source=ClipSource(**source))


def fan_mask(apex=(20, 200), angle=40.0, depth=240.0, probe=0.0):
    row, column = np.mgrid[: SIZE[0], : SIZE[1]]
    radius = np.hypot(row - apex[0], column - apex[1])
    bearing = np.degrees(np.arctan2(column - apex[1], row - apex[0]))
    return (np.abs(bearing) <= angle) & (radius >= probe) & (radius <= depth)


def speckle(mask, frames, *, dark=None, seed=0):
    """Speckle that moves down a pixel a frame inside ``mask``; ``dark`` is a region of very low gain."""
    rng = np.random.default_rng(seed)
    texture = cv2.GaussianBlur(rng.gamma(1.5, 50.0, (SIZE[0] + frames, SIZE[1])), (0, 0), 1.2)
    clip = np.stack([texture[frames - t : frames - t + SIZE[0]] for t in range(frames)])
    gain = np.where(mask, 1.0, 0.0)
    if dark is not None:
        gain = np.where(dark & mask, 0.02, gain)
    return np.clip(clip * gain, 0, 255).astype(np.uint8)


def with_graphics(frames):
    """Text beside and below, a gray bar, a banner, a logo, a scrolling ECG with a cursor, a running clock."""
    frames = frames.copy()
    for t, frame in enumerate(frames):
        cv2.rectangle(frame, (0, 0), (399, 14), 90, -1)
        for line, text in enumerate(("A4C", "62 Hz", "16 cm", "2D 55%")):
            cv2.putText(frame, text, (5, 40 + 16 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 220, 1)
        cv2.putText(frame, f"0:0{t % 10}", (340, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 220, 1)
        frame[60:160, 388:394] = np.linspace(255, 0, 100)[:, None]
        cv2.circle(frame, (300, 30), 8, 180, -1)
        phase = np.arange(60, 340)
        trace = 285 - 20 * np.exp(-(((phase + 6 * t) % 90 - 45.0) ** 2) / 18)
        cv2.polylines(frame, [np.stack([phase, trace], axis=1).astype(np.int32)], False, 200, 1)
        cv2.line(frame, (60 + 9 * t, 262), (60 + 9 * t, 292), 255, 1)
    return frames


def overlap(found, truth):
    return (found & truth).sum() / (found | truth).sum()


@pytest.mark.parametrize("graphics", [False, True])
@pytest.mark.parametrize("frames", [2, 3, 12, 40])
@pytest.mark.parametrize(
    "fan",
    [
        {},
        {"angle": 30.0},
        {"angle": 55.0, "depth": 200.0},
        {"probe": 25.0},
        {"apex": (-20, 200), "depth": 260.0, "probe": 40.0},
    ],
)
def test_fans_are_found_whole(fan, frames, graphics):
    truth = fan_mask(**fan)
    clip = speckle(truth, frames)
    sector = find_sector(clip_of(with_graphics(clip) if graphics else clip))
    filled = cv2.morphologyEx(truth.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((61, 61), np.uint8)) > 0
    assert (truth & ~sector.mask).sum() < 0.005 * truth.sum()
    assert overlap(sector.mask, filled) > 0.94


@pytest.mark.parametrize("frames", [12, 40])
def test_dark_sides_belong_to_the_fan(frames):
    """A wall that drops out at the side must not fall out of the sector."""
    truth = fan_mask()
    column = np.arange(SIZE[1])[None, :]
    dark = np.broadcast_to((column > 270) & (column < 330), SIZE)
    found = find_sector(clip_of(with_graphics(speckle(truth, frames, dark=dark)))).mask
    assert overlap(found, truth) > 0.93


def test_graphics_are_blank_after_cropping():
    frames = with_graphics(speckle(fan_mask(), 20))
    sector = find_sector(clip_of(frames))
    whole = sector.restore(sector.crop(frames))
    assert np.array_equal(whole[:, sector.mask], frames[:, sector.mask])
    assert whole[:, :15].max() == 0 and whole[:, 265:].max() == 0 and whole[:, :110, :60].max() == 0


@pytest.mark.parametrize("frames", [1, 2, 10])
def test_a_rectangle(frames):
    truth = np.zeros(SIZE, bool)
    truth[40:260, 60:340] = True
    found = find_sector(clip_of(speckle(truth, frames))).mask
    assert overlap(found, truth) > 0.97


@pytest.mark.parametrize("size", [(64, 64), (112, 112), (1, 40), (40, 1)])
@pytest.mark.parametrize("frames", [1, 2, 9])
def test_frames_that_are_all_sector(size, frames):
    clip = np.random.default_rng(0).integers(20, 230, (frames, *size), dtype=np.uint8)
    assert find_sector(clip_of(clip)).mask.mean() > 0.97


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("frames", [1, 2, 9])
def test_frames_that_show_nothing(frames, level):
    sector = find_sector(clip_of(np.full((frames, 60, 80), level, np.uint8)))
    assert sector.mask.all() and sector.box == (0, 60, 0, 80)


def test_a_clip_that_stands_still():
    frozen = np.repeat(speckle(fan_mask(), 1), 15, axis=0)
    assert overlap(find_sector(clip_of(frozen)).mask, fan_mask()) > 0.94


def test_the_files_own_boxes_bound_it():
    frames = speckle(np.ones(SIZE, bool), 10)
    sector = find_sector(clip_of(frames, region=(20, 250, 30, 380), overlays=((200, 250, 0, 400),)))
    assert sector.box == (20, 200, 30, 380)


@pytest.mark.parametrize("kind", ["frames", "mask", "field", "one field"])
def test_crop_and_restore_are_inverse_inside(kind):
    rng = np.random.default_rng(1)
    shape = {"frames": (5, *SIZE), "mask": SIZE, "field": (5, *SIZE, 2), "one field": (*SIZE, 2)}[kind]
    array = rng.normal(size=shape).astype(np.float32)
    sector = find_sector(clip_of(speckle(fan_mask(), 10)))
    cropped = sector.crop(array)
    whole = sector.restore(cropped, SIZE)
    inside = sector.mask[..., None] if "field" in kind else sector.mask
    assert whole.shape == array.shape and whole.dtype == array.dtype
    assert np.array_equal(whole, np.where(inside, array, 0))
    assert np.array_equal(sector.crop(whole), cropped)


def test_arrays_that_do_not_fit():
    mask = np.zeros((30, 40), bool)
    mask[5:25, 10:30] = True
    sector = Sector(mask, (5, 25, 10, 30))
    with pytest.raises(UnsuitableMask, match=r"31, 40"):
        sector.crop(np.zeros((31, 40)))
    with pytest.raises(UnsuitableMask, match="20x20"):
        sector.restore(np.zeros((21, 20)))
    with pytest.raises(UnsuitableMask, match="24x28"):
        sector.restore(np.zeros((20, 20)), (24, 28))


@pytest.fixture(scope="module", params=[(View.A4C, "poor"), (View.PLAX, "medium")], ids=str)
def phantom(request):
    """A simulated clip with text, logo, bar and running ECG."""
    view, quality = request.param
    return simulate(PhantomSettings(view=view, quality=quality, frames=12, frame_rate=20, overlays=True, size=128))


@pytest.mark.parametrize("frames", [2, 12])
def test_the_phantoms_sector(phantom, frames):
    clip = replace(phantom.sequence, frames=phantom.sequence.frames[:frames], times=phantom.sequence.times[:frames])
    found = find_sector(clip).mask
    assert overlap(found, phantom.sector) > 0.93
    assert (phantom.sector & ~found).sum() < 0.01 * phantom.sector.sum()
    labelled = (phantom.masks > 0).any(axis=0)
    assert (labelled & ~found).sum() <= 0.002 * labelled.sum()


def test_camus_fans_are_kept_whole(camus_patients):
    for folder in camus_patients[::4]:
        clip = read_clip(folder)
        found = find_sector(clip).mask
        lit = clip.frames.max(axis=0) > 8
        assert (lit & ~found).sum() < 0.01 * lit.sum()
        labelled = (read_mask(folder, shape=clip.frames.shape) > 0).any(axis=0) & lit
        assert (labelled & ~found).sum() < 0.004 * labelled.sum()


def test_the_wheels_cine(a4c_cine):
    """Text at both sides, a marker at the apex, a row of buttons below."""
    sector = find_sector(read_clip(a4c_cine))
    row0, row1, column0, column1 = sector.box
    assert row0 in range(20, 28) and row1 in range(200, 208) and column0 in range(30, 44) and column1 in range(294, 306)
    assert 0.33 < sector.mask.mean() < 0.41


@pytest.mark.parametrize("region", [True, False])
def test_a_real_clip_with_text_ecg_and_bar(shared_data, region):
    clip = read_clip(shared_data / "dicom" / "fo-dicom_DIRW0007.dcm")
    if not region:
        clip = replace(clip, source=replace(clip.source, region=None))
    sector = find_sector(clip)
    assert not sector.mask[:40].any() and not sector.mask[400:].any() and not sector.mask[:150, 450:].any()
    assert 0.38 < sector.mask.mean() < 0.42
