"""Propagating again after corrections: what changed is renewed, the rest comes back bit for bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from EchoODELib.engine.errors import RunCancelled, UnsuitableMask
from EchoODELib.engine.phantom import PhantomClip
from EchoODELib.engine.progress import Monitor
from EchoODELib.engine.registration.propagate import propagate
from EchoODELib.engine.registration.settings import RegistrationSettings
from EchoODELib.engine.registration.update import update
from EchoODELib.engine.sequence import SegmentedSequence

from .conftest import dice, read

EDS, ESS = (0, 18, 36), (7, 25)
COUNT = 40


@pytest.fixture(scope="module")
def guides(two_beats: PhantomClip) -> dict[int, np.ndarray]:
    return {frame: two_beats.masks[frame] for frame in (*EDS[1:], *ESS)}


@pytest.fixture(scope="module")
def before(two_beats: PhantomClip, guides: dict, quick: RegistrationSettings) -> SegmentedSequence:
    phases = {"ed_frames": EDS, "es_frames": ESS}
    return propagate(two_beats.sequence, two_beats.masks[0], guides=guides, settings=quick, **phases)


def renew(before: SegmentedSequence, quick: RegistrationSettings, **given: object) -> SegmentedSequence:
    phases = {"ed_frames": EDS, "es_frames": ESS, "settings": quick}
    return update(before, **{**phases, **given})


def renewed(before: SegmentedSequence, after: SegmentedSequence) -> list[int]:
    """Frames of which anything differs."""
    names = ("masks", "displacement", "pull_back")
    same = [all(np.array_equal(getattr(before, n)[f], getattr(after, n)[f]) for n in names) for f in range(COUNT)]
    return [frame for frame, is_same in enumerate(same) if not is_same]


@pytest.mark.parametrize(
    ("frame", "expected"),
    [(4, range(1, 18)), (22, range(19, 36)), (38, range(37, 40)), (18, range(1, 36)), (36, range(19, 40))],
)
def test_only_the_beats_of_a_correction_change(
    before: SegmentedSequence, guides: dict, quick: RegistrationSettings, frame: int, expected: range
) -> None:
    drawn = np.roll(before.masks[frame], 2, axis=1)
    after = renew(before, quick, guides={**guides, frame: drawn}, changed=(frame,))
    changed = renewed(before, after)
    assert set(changed) <= set(expected)
    assert len(changed) >= len(expected) - 3  # an untouched end-diastole between two beats
    np.testing.assert_array_equal(after.masks[frame], drawn)
    for guide, mask in guides.items():
        if guide != frame:
            np.testing.assert_array_equal(after.masks[guide], mask)
    assert after.reference_frame == 0
    assert after.provenance.quality["folds"] == 0


def test_fields_stay_relative_to_the_same_reference(
    before: SegmentedSequence, two_beats: PhantomClip, guides: dict, quick: RegistrationSettings
) -> None:
    """The second beat is fitted from its own end-diastole, and still carries the first one's mask."""
    after = renew(before, quick, guides={**guides, 22: two_beats.masks[22]}, changed=(22,))
    for frame in (21, 23, 30):
        carried = read(before.masks[0], after.pull_back[frame], 0)
        assert dice(carried, two_beats.masks[frame]) > dice(before.masks[0], two_beats.masks[frame])
        there = after.displacement[frame]
        missed = there + np.stack([read(after.pull_back[frame][..., a], there) for a in (0, 1)], -1)
        assert np.linalg.norm(missed, axis=-1)[two_beats.sector].max() < 0.5


def test_a_correction_of_the_reference_renews_everything(
    before: SegmentedSequence, guides: dict, quick: RegistrationSettings
) -> None:
    drawn = np.roll(before.masks[0], 1, axis=0)
    after = renew(before, quick, guides=guides, ed_mask=drawn)
    assert renewed(before, after) == list(range(COUNT))
    np.testing.assert_array_equal(after.masks[0], drawn)


def test_without_a_change_nothing_is_computed(
    before: SegmentedSequence, guides: dict, quick: RegistrationSettings
) -> None:
    after = renew(before, quick, guides=guides)
    assert renewed(before, after) == []
    assert after.provenance.quality["frames_renewed"] == 0
    assert after.provenance.quality["min_jacobian"] == before.provenance.quality["min_jacobian"]


def test_what_is_not_named_as_changed_is_noticed(
    before: SegmentedSequence, two_beats: PhantomClip, guides: dict, quick: RegistrationSettings
) -> None:
    moved = renew(before, quick, guides={**guides, 4: two_beats.masks[4]})
    assert set(renewed(before, moved)) <= set(range(1, 18))
    np.testing.assert_array_equal(moved.masks[4], two_beats.masks[4])
    taken_back = renew(moved, quick, guides=guides)
    assert set(renewed(moved, taken_back)) <= set(range(1, 18))
    # Legs that are fitted together share when they end, so the same problem is solved a little differently.
    np.testing.assert_allclose(taken_back.pull_back[5], before.pull_back[5], atol=0.5)
    other_es = renew(before, quick, guides=guides, es_frames=(7, 26))
    assert set(renewed(before, other_es)) <= set(range(19, 36))
    fewer = renew(before, quick, guides=guides, ed_frames=EDS[:2])
    assert set(renewed(before, fewer)) <= set(range(19, 40))


def test_other_settings_or_no_motion_renew_everything(
    before: SegmentedSequence, guides: dict, quick: RegistrationSettings
) -> None:
    after = renew(before, quick, guides=guides, settings=quick.with_weights(smoothness=2.0))
    assert len(renewed(before, after)) > COUNT - 3
    bare = replace(before, displacement=None, pull_back=None)
    assert renew(bare, quick, guides=guides).pull_back is not None


def test_a_cancel_and_a_wrong_guide_leave_the_earlier_result(
    before: SegmentedSequence, guides: dict, quick: RegistrationSettings
) -> None:
    kept = before.masks.copy()
    monitor = Monitor()
    monitor.report = lambda progress: monitor.cancel() if progress.done >= 2 else None
    with pytest.raises(RunCancelled):
        renew(before, quick, guides={**guides, 4: guides[7]}, monitor=monitor)
    with pytest.raises(UnsuitableMask):
        renew(before, quick, guides={4: np.zeros_like(guides[7])})
    np.testing.assert_array_equal(before.masks, kept)


@pytest.mark.parametrize(("frame", "expected"), [(4, range(1, 18)), (0, range(COUNT))])
def test_a_result_that_already_shows_the_correction(
    before: SegmentedSequence, guides: dict, quick: RegistrationSettings, frame: int, expected: range
) -> None:
    """A scene holds the corrected mask beside the old motion, and may have lost how that was made."""
    masks = before.masks.copy()
    masks[frame] = np.roll(masks[frame], 2, axis=1)
    how = replace(before.provenance, settings={})
    shown = replace(before, masks=masks, provenance=how)
    after = renew(shown, quick, guides={**guides, frame: masks[frame]}, changed=(frame,))
    assert set(renewed(before, after)) <= set(expected)
    assert len(renewed(before, after)) > len(expected) - 3
    np.testing.assert_array_equal(after.masks[frame], masks[frame])
