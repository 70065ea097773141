"""The door: masks and motion on every frame, from one mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from EchoODELib.engine.errors import DeviceError, RunCancelled, UnsuitableClip, UnsuitableMask
from EchoODELib.engine.phantom import PhantomClip
from EchoODELib.engine.progress import Monitor, Progress
from EchoODELib.engine.registration.propagate import pick_device, propagate
from EchoODELib.engine.registration.settings import Level, RegistrationSettings, SplineSettings
from EchoODELib.engine.sequence import EchoSequence, Label, SegmentedSequence

from .conftest import KnownMotion, dice, read


def there_and_back(found: SegmentedSequence, frame: int) -> np.ndarray:
    """Distance (px) by which displacement, then pull-back, misses the start."""
    forth, back = found.displacement[frame], found.pull_back[frame]
    return np.linalg.norm(forth + np.stack([read(back[..., axis], forth) for axis in (0, 1)], -1), axis=-1)


@pytest.mark.parametrize("clip", ["a_shift", "a_contraction"])
def test_a_known_motion_is_recovered_with_its_sign(clip: str, request: pytest.FixtureRequest) -> None:
    known: KnownMotion = request.getfixturevalue(clip)
    found = propagate(known.sequence, known.mask)
    heart = known.mask > 0
    for frame in (3, 6):
        error = np.linalg.norm(found.pull_back[frame] - known.pull_back[frame], axis=-1)[heart]
        length = np.linalg.norm(known.pull_back[frame], axis=-1)[heart]
        assert error.mean() < max(0.25, 0.12 * length.mean())
        assert dice(found.masks[frame], known.carried(frame)) > 0.97
        assert there_and_back(found, frame).max() < 0.5
    assert found.pull_back[0].any() == False  # noqa: E712
    quality = found.provenance.quality
    assert quality["folds"] == 0
    assert quality["min_jacobian"] > 0.2
    assert quality["gradient_bound"] < 1
    assert quality["inverse_residual_px"] < 0.5


def test_displacement_and_pull_back_point_opposite_ways(a_shift: KnownMotion) -> None:
    found = propagate(a_shift.sequence, a_shift.mask)
    assert found.displacement[6][48, 48] == pytest.approx([5, -2], abs=0.7)
    assert found.pull_back[6][47, 51] == pytest.approx([-5, 2], abs=0.7)


def test_the_reference_may_be_the_last_frame(a_contraction: KnownMotion) -> None:
    clip = a_contraction.sequence
    reverse = EchoSequence(clip.frames[::-1].copy(), clip.times)
    found = propagate(reverse, a_contraction.mask, ed_frame=6)
    assert dice(found.masks[0], a_contraction.carried(6)) > 0.96
    np.testing.assert_array_equal(found.masks[6], a_contraction.mask)


def test_a_full_cycle_comes_home(a_beat: PhantomClip) -> None:
    last, es = len(a_beat.sequence) - 1, a_beat.es_frames[0]
    guide = {es: a_beat.masks[es]}
    found = propagate(a_beat.sequence, a_beat.masks[0], guides=guide, ed_frames=(0, last), es_frames=(es,))
    overlaps = [dice(one, true) for one, true in zip(found.masks, a_beat.masks, strict=True)]
    assert overlaps[last] > 0.97
    assert np.mean(overlaps) > 0.965
    np.testing.assert_array_equal(found.masks[es], guide[es])
    assert found.provenance.quality["folds"] == 0
    within = a_beat.sector
    assert max(there_and_back(found, frame)[within].max() for frame in range(1, last + 1)) < 0.5
    assert found.guides == (es,)
    assert found.provenance.settings["ed_frames"] == [0, last]


def test_end_diastoles_are_found_where_none_are_given(two_beats: PhantomClip, quick: RegistrationSettings) -> None:
    reference = two_beats.ed_frames[0]
    found = propagate(two_beats.sequence, two_beats.masks[reference], ed_frame=reference, settings=quick)
    ends = found.provenance.settings["ed_frames"]
    assert len(ends) == len(two_beats.ed_frames)
    assert max(abs(a - b) for a, b in zip(ends, two_beats.ed_frames, strict=True)) <= 2


def test_every_guide_is_met_and_leads_its_neighbours(a_contraction: KnownMotion, quick: RegistrationSettings) -> None:
    guides = {frame: np.roll(a_contraction.carried(frame), 3, 1) for frame in (2, 5)}
    free = propagate(a_contraction.sequence, a_contraction.mask, settings=quick)
    found = propagate(a_contraction.sequence, a_contraction.mask, guides=guides, settings=quick)
    for frame, guide in guides.items():
        np.testing.assert_array_equal(found.masks[frame], guide)
    between = guides[2]
    assert dice(found.masks[3], between) > dice(free.masks[3], between)
    other = propagate(a_contraction.sequence, guides[2], guides={0: a_contraction.mask}, settings=quick)
    np.testing.assert_array_equal(other.masks[0], a_contraction.mask)


def test_masks_keep_their_topology(a_contraction: KnownMotion) -> None:
    quality = propagate(a_contraction.sequence, a_contraction.mask).provenance.quality
    # A ring and its cavity: two components, the ring's hole.
    assert (quality["components_reference"], quality["holes_reference"]) == (2, 1)
    assert quality["frames_of_other_topology"] == 0


def test_runs_repeat_bit_for_bit(a_shift: KnownMotion, quick: RegistrationSettings) -> None:
    first, second = (propagate(a_shift.sequence, a_shift.mask, settings=quick) for _ in range(2))
    np.testing.assert_array_equal(first.pull_back, second.pull_back)
    np.testing.assert_array_equal(first.displacement, second.displacement)
    np.testing.assert_array_equal(first.masks, second.masks)


def test_a_range_of_frames_leaves_the_others_empty(a_shift: KnownMotion, quick: RegistrationSettings) -> None:
    found = propagate(a_shift.sequence, a_shift.mask, ed_frame=2, frames=range(1, 5), settings=quick)
    assert [bool(mask.any()) for mask in found.masks] == [False, True, True, True, True, False, False]
    assert not found.pull_back[[0, 2, 5, 6]].any()
    assert found.pull_back[[1, 3, 4]].any(axis=(1, 2, 3)).all()


def test_a_heart_at_the_edge_of_the_frame(a_shift: KnownMotion, quick: RegistrationSettings) -> None:
    cut = EchoSequence(a_shift.sequence.frames[:, 36:, :], a_shift.sequence.times)
    found = propagate(cut, a_shift.mask[36:].copy(), settings=quick)
    assert found.masks.shape == cut.frames.shape
    assert np.isfinite(found.displacement).all()


def test_single_label_and_uncalibrated_clips_do(a_shift: KnownMotion, quick: RegistrationSettings) -> None:
    only = np.where(a_shift.mask == Label.LV, Label.LV, 0).astype(np.uint8)
    found = propagate(a_shift.sequence, only, settings=quick)
    assert set(np.unique(found.masks)) == {0, 1}


def test_lbfgs_is_another_way_down(a_shift: KnownMotion) -> None:
    spline = SplineSettings(levels=(Level(48, 25),), optimiser="lbfgs")
    found = propagate(a_shift.sequence, a_shift.mask, settings=RegistrationSettings(spline=spline))
    assert dice(found.masks[6], a_shift.carried(6)) > 0.95


def test_progress_runs_to_its_end_and_a_cancel_stops_it(a_shift: KnownMotion, quick: RegistrationSettings) -> None:
    seen: list[Progress] = []
    propagate(a_shift.sequence, a_shift.mask, settings=quick, monitor=Monitor(seen.append))
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    assert seen[-1].done == seen[-1].total
    monitor = Monitor()
    monitor.report = lambda progress: monitor.cancel() if progress.done == 3 else None
    with pytest.raises(RunCancelled):
        propagate(a_shift.sequence, a_shift.mask, settings=quick, monitor=monitor)


def test_the_global_random_state_is_left_alone(a_shift: KnownMotion, quick: RegistrationSettings) -> None:
    import torch

    torch.manual_seed(11)
    expected = torch.rand(1)
    torch.manual_seed(11)
    propagate(a_shift.sequence, a_shift.mask, settings=quick)
    torch.testing.assert_close(torch.rand(1), expected)


WRONG_MASKS = {
    "empty": np.zeros((96, 96), np.uint8),
    "another size": np.ones((90, 96), np.uint8),
    "another type": np.ones((96, 96), np.int32),
    "unknown labels": np.full((96, 96), 9, np.uint8),
}


@pytest.mark.parametrize("name", WRONG_MASKS)
def test_unsuitable_masks_are_refused(a_shift: KnownMotion, name: str) -> None:
    with pytest.raises(UnsuitableMask):
        propagate(a_shift.sequence, WRONG_MASKS[name])
    with pytest.raises(UnsuitableMask, match="guide at frame 3"):
        propagate(a_shift.sequence, a_shift.mask, guides={3: WRONG_MASKS[name]})


@pytest.mark.parametrize(
    "given",
    [
        {"ed_frame": 7},
        {"ed_frame": -1},
        {"es_frames": (9,)},
        {"ed_frames": (0, 30)},
        {"guides": {12: WRONG_MASKS["empty"]}},
        {"frames": range(3, 6)},
        {"frames": range(9)},
        {"frames": range(0, 6, 2)},
        {"frames": range(1)},
    ],
    ids=str,
)
def test_unsuitable_frames_are_refused(a_shift: KnownMotion, given: dict) -> None:
    with pytest.raises(UnsuitableClip):
        propagate(a_shift.sequence, a_shift.mask, **given)


def test_a_single_frame_and_a_wrong_sector_are_refused(a_shift: KnownMotion) -> None:
    with pytest.raises(UnsuitableClip, match="two frames"):
        propagate(EchoSequence(a_shift.sequence.frames[:1], np.zeros(1)), a_shift.mask)
    with pytest.raises(UnsuitableMask, match="sector"):
        propagate(a_shift.sequence, a_shift.mask, sector=np.ones((3, 3), np.bool_))


def test_devices_are_checked() -> None:
    assert pick_device("cpu").type == "cpu"
    for name in ("quantum", "cuda:97"):
        with pytest.raises(DeviceError):
            pick_device(name)


def test_settings_are_named_recorded_and_checked() -> None:
    for name in ("fast", "fine", "paper"):
        settings = RegistrationSettings.named(name)
        assert settings.preset == name
        assert ("network" in settings.as_record()) == (name == "paper")
        assert ("spline" in settings.as_record()) == (name != "paper")
    assert RegistrationSettings.fast().with_weights(jacobian=7.0).weights.jacobian == 7
    with pytest.raises(ValueError, match="Unknown preset"):
        RegistrationSettings.named("quick")
    with pytest.raises(ValueError, match="Unknown method"):
        RegistrationSettings(method="magic")
    with pytest.raises(ValueError, match="Unknown optimiser"):
        SplineSettings(optimiser="sgd")
    with pytest.raises(ValueError, match="neighbour similarity"):
        RegistrationSettings(method="network")
    paper = RegistrationSettings.paper()
    for wrong in ({"solver": "leapfrog"}, {"step": 0.0}, {"decoder": (16,)}):
        with pytest.raises(ValueError, match=r"solver|step|decoder"):
            replace(paper.network, **wrong)
