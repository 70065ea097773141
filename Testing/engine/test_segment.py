"""The Segmenter with the shipped model, through its public door: phantoms, real cines, odd clips."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from EchoODELib.engine.errors import DeviceError, RunCancelled, UnsuitableClip, WeightsError
from EchoODELib.engine.io import read_clip
from EchoODELib.engine.metrics import count_components, count_holes, dice
from EchoODELib.engine.phantom import PhantomClip, PhantomSettings, simulate
from EchoODELib.engine.progress import Monitor
from EchoODELib.engine.segment import Segmenter
from EchoODELib.engine.sequence import EchoSequence, Label, SegmentedSequence, View
from EchoODELib.engine.weights import DEFAULT_MODEL


@pytest.fixture(scope="module")
def a_segmenter() -> Segmenter:
    return Segmenter(device="cpu")


@pytest.fixture(scope="module")
def a_phantom() -> PhantomClip:
    return simulate(PhantomSettings(frames=10, frame_rate=20.0, seed=4321))


@pytest.fixture(scope="module")
def a_segmented_phantom(a_segmenter, a_phantom) -> SegmentedSequence:
    return a_segmenter.segment(a_phantom.sequence)


def lv_dice(segmented: SegmentedSequence, truth: np.ndarray) -> float:
    return float(np.mean(dice(segmented.masks, truth, label=Label.LV)))


def test_a_phantom_heart_is_found(a_segmented_phantom, a_phantom):
    assert lv_dice(a_segmented_phantom, a_phantom.masks) > 0.85
    assert np.mean(dice(a_segmented_phantom.masks, a_phantom.masks, label=Label.LA)) > 0.75


def test_each_frame_has_one_piece_of_each_structure_without_holes(a_segmented_phantom):
    masks = a_segmented_phantom.masks
    for label in (Label.LV, Label.LA):
        assert (count_components(masks == label) == 1).all()
    assert (count_holes(masks == Label.LV) == 0).all()
    assert (count_holes(masks > 0) == 0).all()


def test_the_result_says_how_it_was_made(a_segmented_phantom, a_segmenter):
    provenance = a_segmented_phantom.provenance
    assert (provenance.method, provenance.model, provenance.device) == ("segment", DEFAULT_MODEL, "cpu")
    assert provenance.weights_sha256 == a_segmenter.card.sha256
    assert set(provenance.settings) == {"flips", "clean", "smoothing_s"}
    assert provenance.quality["seconds"] > 0
    assert 0.5 < provenance.quality["mean_certainty"] <= 1
    assert provenance.quality["frames_without_lv"] == 0


def test_the_same_clip_gives_the_same_masks(a_segmenter, a_segmented_phantom, a_phantom):
    np.testing.assert_array_equal(a_segmenter.segment(a_phantom.sequence).masks, a_segmented_phantom.masks)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_short_clips_are_segmented(a_segmenter, a_phantom, frames):
    clip = EchoSequence(a_phantom.sequence.frames[:frames], np.arange(frames) / 20.0, view=View.A4C)
    segmented = a_segmenter.segment(clip)
    assert segmented.masks.shape == clip.frames.shape
    assert lv_dice(segmented, a_phantom.masks[:frames]) > 0.8


@pytest.mark.parametrize(
    ("name", "gray"),
    [
        ("low gain", lambda g: g * 0.4),
        ("high gain", lambda g: np.where(g > 0, g * 0.7 + 75, 0)),
        ("steep", lambda g: 255 * (g / 255) ** 1.6),
        ("flat", lambda g: 255 * (g / 255) ** 0.65),
    ],
)
def test_gain_and_gray_curve_hardly_matter(a_segmenter, a_phantom, name, gray):
    frames = np.clip(gray(a_phantom.sequence.frames[:2].astype(float)), 0, 255).astype(np.uint8)
    clip = EchoSequence(frames, np.arange(2) / 20.0, view=View.A4C)
    assert lv_dice(a_segmenter.segment(clip), a_phantom.masks[:2]) > 0.8, name


@pytest.mark.parametrize("pad", [((40, 10), (90, 15)), ((0, 130), (0, 0))])
def test_a_wide_black_border_changes_nothing_but_the_place(a_segmenter, a_phantom, pad):
    frames = np.pad(a_phantom.sequence.frames, ((0, 0), *pad))
    clip = replace(a_phantom.sequence, frames=frames)
    assert lv_dice(a_segmenter.segment(clip), np.pad(a_phantom.masks, ((0, 0), *pad))) > 0.85


def test_the_unit_of_the_pixels_does_not_matter(a_segmenter, a_segmented_phantom, a_phantom):
    bare = a_segmenter.segment(a_phantom.sequence.with_spacing(None))
    assert lv_dice(bare, a_segmented_phantom.masks) > 0.99


def test_colour_doppler_is_refused_unless_allowed(a_segmenter, a_phantom):
    source = replace(a_phantom.sequence.source, colour_doppler=True)
    clip = replace(a_phantom.sequence, source=source)
    with pytest.raises(UnsuitableClip, match="colour Doppler"):
        a_segmenter.segment(clip)
    assert Segmenter(device="cpu", allow_colour=True).segment(clip).masks.any()


@pytest.mark.parametrize(("view", "said"), [(View.A4C, ""), (View.PLAX, "PLAX"), (View.UNKNOWN, "not known")])
def test_a_view_it_was_not_trained_for_is_noted_once(a_segmenter, a_phantom, view, said):
    clip = replace(a_phantom.sequence, frames=a_phantom.sequence.frames[:1], times=np.zeros(1), view=view)
    again = a_segmenter.segment(a_segmenter.segment(clip).sequence)
    notes = [note for note in again.sequence.source.notes if DEFAULT_MODEL in note]
    assert len(notes) == (1 if said else 0)
    assert all(said in note for note in notes)


@pytest.mark.parametrize("level", [0, 90])
def test_a_clip_without_a_heart_gives_masks_all_the_same(a_segmenter, level):
    clip = EchoSequence(np.full((2, 100, 120), level, np.uint8), np.arange(2) / 30.0)
    assert a_segmenter.segment(clip).masks.shape == (2, 100, 120)


def test_smoothing_steadies_films_and_spares_phases(a_phantom):
    smooth, bare = Segmenter(device="cpu", smoothing=0.1), Segmenter(device="cpu", smoothing=0.0)
    film = a_phantom.sequence
    assert (smooth.segment(film).masks != bare.segment(film).masks).any()
    phases = replace(film, frames=film.frames[[0, 4]], times=np.array([0.0, 0.05]))
    np.testing.assert_array_equal(smooth.segment(phases).masks, bare.segment(phases).masks)


def test_progress_reaches_its_end_and_a_cancel_is_obeyed(a_segmenter, a_phantom):
    reports = []
    monitor = Monitor(report=reports.append)
    a_segmenter.segment(a_phantom.sequence, monitor=monitor)
    assert reports[-1].fraction == 1
    monitor.cancel()
    with pytest.raises(RunCancelled):
        a_segmenter.segment(a_phantom.sequence, monitor=monitor)


def test_bad_requests_are_said():
    with pytest.raises(WeightsError, match=DEFAULT_MODEL):
        Segmenter("no-such-model")
    with pytest.raises(UnsuitableClip, match="Smoothing"):
        Segmenter(device="cpu", smoothing=5.0)
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="GPU"):
            Segmenter(device="cuda")


def heart_is_plausible(segmented: SegmentedSequence) -> None:
    """One cavity on every frame, of a size that changes like a heart's, above its atrium, in its wall."""
    masks = segmented.masks
    area = (masks == Label.LV).sum((1, 2)).astype(float)
    assert (count_components(masks == Label.LV) == 1).all()
    assert (count_components(masks == Label.MYOCARDIUM) == 1).all()
    assert area.min() > 0.3 * area.max()
    assert np.abs(np.diff(area)).max() < 0.2 * area.max()
    for frame in masks:
        assert np.nonzero(frame == Label.LV)[0].mean() < np.nonzero(frame == Label.LA)[0].mean()


def test_a_real_cine_of_another_vendor_holds(a_segmenter, a4c_cine):
    heart_is_plausible(a_segmenter.segment(read_clip(a4c_cine)))


def test_another_real_cine_of_another_vendor_holds(a_segmenter, shared_data):
    heart_is_plausible(a_segmenter.segment(read_clip(shared_data / "dicom" / "fo-dicom_DIRW0007.dcm")))
