"""The whole job on a simulated clip whose EF, phases and masks are known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import jsonschema
import numpy as np
import pytest
from EchoODELib.engine.errors import RunCancelled, UnsuitableClip, UnsuitableMask
from EchoODELib.engine.export.folder import KINDS, write_analysis
from EchoODELib.engine.export.results import results_document, results_schema
from EchoODELib.engine.phantom import PhantomClip, PhantomSettings, simulate
from EchoODELib.engine.pipeline import Analysis, analyse, with_corrections
from EchoODELib.engine.progress import Monitor, Progress
from EchoODELib.engine.propagation import anchor_frames, propagate_segmented
from EchoODELib.engine.registration.settings import Level, RegistrationSettings, SplineSettings
from EchoODELib.engine.sequence import EchoSequence, FrameFlag, Label, Provenance, SegmentedSequence

FRAMES, RATE, EJECTION_FRACTION = 26, 25.0, 55.0
# Coarser than the fast preset: how well motion is followed is tested where registration is.
QUICK = RegistrationSettings(spline=SplineSettings(levels=(Level(48, 15, 0.02),), steps=4))


@pytest.fixture(scope="module")
def a_beating_phantom() -> PhantomClip:
    """A little more than one beat at a low frame rate, small: the job takes seconds."""
    return simulate(
        PhantomSettings(
            frames=FRAMES, frame_rate=RATE, size=128, beats=1.15, ejection_fraction=EJECTION_FRACTION, seed=5
        )
    )


@dataclass
class UnsteadySegmenter:
    """Stands for the network: the truth, shifted by up to a pixel from frame to frame."""

    phantom: PhantomClip
    blank: bool = False

    def segment(self, sequence: EchoSequence, *, monitor: Monitor | None = None) -> SegmentedSequence:
        stage = (monitor or Monitor()).stage("Segmenting", len(sequence))
        shifts = np.random.default_rng(0).integers(-1, 2, (len(sequence), 2))
        masks = []
        for mask, shift in zip(self.phantom.masks, shifts, strict=True):
            masks.append(np.roll(mask, shift, (0, 1)) * (not self.blank))
            stage.advance()
        how = Provenance("segment", model="unsteady", weights_sha256="ab" * 32, quality={"seconds": 0.5})
        return SegmentedSequence(sequence, np.stack(masks).astype(np.uint8), how)


@pytest.fixture(scope="module")
def an_analysis(a_beating_phantom: PhantomClip) -> Analysis:
    return analyse(a_beating_phantom.sequence, segmenter=UnsteadySegmenter(a_beating_phantom), registration=QUICK)


def dice(first: np.ndarray, second: np.ndarray) -> float:
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))


def test_ejection_fraction_and_phases_are_found(an_analysis: Analysis, a_beating_phantom: PhantomClip) -> None:
    result = an_analysis.measurements
    assert result.summary["ejection_fraction"].mean == pytest.approx(a_beating_phantom.ejection_fraction, abs=5)
    assert abs(result.ed_frames[0] - a_beating_phantom.ed_frames[0]) <= 2
    assert abs(result.es_frames[0] - a_beating_phantom.es_frames[0]) <= 2
    assert result.summary["heart_rate"].mean == pytest.approx(60 * RATE / (FRAMES - 1) * 1.15, rel=0.15)


def test_masks_are_carried_to_every_frame(an_analysis: Analysis, a_beating_phantom: PhantomClip) -> None:
    truth, carried = a_beating_phantom.masks == Label.LV, an_analysis.propagated.masks == Label.LV
    assert min(dice(one, other) for one, other in zip(truth, carried, strict=True)) > 0.85
    assert np.mean([dice(one, other) for one, other in zip(truth, carried, strict=True)]) > 0.92


def test_both_results_share_their_phases(an_analysis: Analysis) -> None:
    result, alone = an_analysis.measurements, an_analysis.segmentation_measurements
    assert result.ed_frames == alone.ed_frames
    assert result.es_frames == alone.es_frames
    assert an_analysis.propagated.reference_frame in result.ed_frames
    assert "global_longitudinal_strain_tracked" in result.summary
    assert "global_longitudinal_strain_tracked" not in alone.summary


def test_phase_masks_are_met_exactly(an_analysis: Analysis) -> None:
    """What is measured at ED and ES is what the segmentation, or the person, drew there."""
    result = an_analysis.measurements
    for frame in (*result.ed_frames, *result.es_frames):
        np.testing.assert_array_equal(an_analysis.propagated.masks[frame], an_analysis.segmented.masks[frame])


def test_provenance_tells_both_steps(an_analysis: Analysis) -> None:
    how = an_analysis.measurements.provenance
    assert how.method == "segment + propagate"
    assert how.model == "unsteady"
    assert how.weights_sha256 == "ab" * 32
    assert {"segment", "propagate", "measure"} <= set(how.settings)
    assert how.quality["segment_seconds"] == 0.5
    assert how.quality["folds"] == 0
    assert how.software


def test_results_fulfil_the_schema(an_analysis: Analysis) -> None:
    document = results_document(
        an_analysis.sequence, an_analysis.measurements, segmentation=an_analysis.segmentation_measurements
    )
    jsonschema.Draft202012Validator(results_schema()).validate(document)


def test_phases_by_hand_and_a_corrected_mask_are_kept(a_beating_phantom: PhantomClip) -> None:
    corrected = a_beating_phantom.masks[9].copy()
    corrected[:40] = 0
    run = analyse(
        a_beating_phantom.sequence,
        segmenter=UnsteadySegmenter(a_beating_phantom),
        ed_frames=[1],
        es_frames=[8],
        corrected={9: corrected},
        registration=QUICK,
    )
    assert run.measurements.ed_frames == (1,)
    assert run.measurements.es_frames == (8,)
    assert run.propagated.reference_frame == 1
    assert run.propagated.guides == (9,)
    np.testing.assert_array_equal(run.propagated.masks[9], corrected)


def test_everything_is_written(an_analysis: Analysis, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("results")
    stages: list[str] = []
    monitor = Monitor(lambda progress: stages.append(progress.stage))
    written = write_analysis(folder, an_analysis, monitor=monitor)
    assert sorted(folder.iterdir()) == sorted(written.values())
    assert all(path.stat().st_size > 100 for path in written.values())
    names = {path.name for path in written.values()}
    assert {"results.json", "results.xlsx", "masks.nii.gz", "overlay.mp4", "deformation.png", "curves.png"} <= names
    assert set(stages) == {"Writing results", "Drawing the video"}
    only = write_analysis(folder / "some", an_analysis, kinds=["json", "masks"])
    assert {path.suffix for path in only.values()} == {".json", ".gz", ".nrrd"}
    assert len(KINDS) == 7


@pytest.mark.parametrize(
    ("frames", "colour", "ed_frames"),
    [(1, False, None), (FRAMES, True, None), (FRAMES, False, [99])],
    ids=["one frame", "colour Doppler", "a phase outside the clip"],
)
def test_unsuitable_clips_are_refused(
    a_beating_phantom: PhantomClip, frames: int, colour: bool, ed_frames: list[int] | None
) -> None:
    clip = a_beating_phantom.sequence
    source = replace(clip.source, colour_doppler=colour)
    given = replace(clip, frames=clip.frames[:frames], times=clip.times[:frames], source=source)
    with pytest.raises(UnsuitableClip):
        analyse(given, segmenter=UnsteadySegmenter(a_beating_phantom), ed_frames=ed_frames)


def test_a_clip_without_lv_is_refused(a_beating_phantom: PhantomClip) -> None:
    with pytest.raises(UnsuitableMask, match="No LV was found"):
        analyse(a_beating_phantom.sequence, segmenter=UnsteadySegmenter(a_beating_phantom, blank=True))


@pytest.mark.parametrize(
    ("frame", "shape", "raised"), [(3, (64, 64), UnsuitableMask), (99, (128, 128), UnsuitableClip)]
)
def test_corrections_must_fit(
    a_beating_phantom: PhantomClip, frame: int, shape: tuple[int, int], raised: type[Exception]
) -> None:
    segmented = UnsteadySegmenter(a_beating_phantom).segment(a_beating_phantom.sequence)
    with pytest.raises(raised):
        with_corrections(segmented, {frame: np.ones(shape, np.uint8)})


@pytest.mark.parametrize("stage", ["Segmenting", "Registering"])
def test_a_cancel_stops_every_stage(a_beating_phantom: PhantomClip, stage: str) -> None:
    monitor = Monitor()

    def cancel_in_the_middle(progress: Progress) -> None:
        if progress.stage == stage and progress.done >= 1:
            monitor.cancel()

    monitor.report = cancel_in_the_middle
    with pytest.raises(RunCancelled):
        analyse(
            a_beating_phantom.sequence,
            segmenter=UnsteadySegmenter(a_beating_phantom),
            registration=QUICK,
            monitor=monitor,
        )


@pytest.mark.parametrize(
    ("ed_frames", "es_frames", "flagged", "count", "expected"),
    [
        ((0, 30), (12,), (), 31, (6, 18, 24)),
        ((0, 30), (12,), (18,), 31, (6, 17, 24)),
        ((0, 30), (12,), (17, 18, 19), 31, (6, 24)),
        ((0, 30), (12,), (), 40, (6, 18, 24, 39)),
        ((20,), (5,), (), 30, (0, 10, 15, 29)),
        ((0, 8), (4,), (), 9, ()),
        ((), (), (), 30, ()),
        ((1,), (), (), 2, ()),
    ],
)
def test_anchors_lie_between_the_phases(
    an_analysis: Analysis,
    ed_frames: tuple[int, ...],
    es_frames: tuple[int, ...],
    flagged: tuple[int, ...],
    count: int,
    expected: tuple[int, ...],
) -> None:
    flags = tuple(FrameFlag(frame, "lv_area", "Jumps.") for frame in flagged)
    found = replace(an_analysis.measurements, ed_frames=ed_frames, es_frames=es_frames, flags=flags)
    assert anchor_frames(found, count) == expected


def test_anchors_are_told_and_tie_the_motion(an_analysis: Analysis) -> None:
    guides = an_analysis.measurements.provenance.settings["guides"]
    anchors = anchor_frames(an_analysis.segmentation_measurements, FRAMES)
    assert anchors
    assert set(anchors) <= set(guides)
    for frame in anchors:
        np.testing.assert_array_equal(an_analysis.propagated.masks[frame], an_analysis.segmented.masks[frame])


@pytest.fixture(scope="module")
def a_segmentation(a_beating_phantom: PhantomClip) -> SegmentedSequence:
    return UnsteadySegmenter(a_beating_phantom).segment(a_beating_phantom.sequence)


def test_one_outlined_frame_is_enough(a_beating_phantom: PhantomClip) -> None:
    masks = np.zeros_like(a_beating_phantom.masks)
    ed, es = a_beating_phantom.ed_frames[0], a_beating_phantom.es_frames[0]
    masks[ed] = a_beating_phantom.masks[ed]
    lines = np.ones((FRAMES, 6, 2), np.float32)
    drawn = SegmentedSequence(a_beating_phantom.sequence, masks, Provenance("manual"), lines=lines)
    found = propagate_segmented(drawn, ed_frames=[ed], es_frames=[es], registration=QUICK)
    assert found.reference_frame == ed
    assert found.lines is lines
    assert found.provenance.settings["guides"] == []
    assert dice(found.masks[es] == Label.LV, a_beating_phantom.masks[es] == Label.LV) > 0.85


def test_nothing_outlined_is_refused(a_segmentation: SegmentedSequence) -> None:
    blank = replace(a_segmentation, masks=np.zeros_like(a_segmentation.masks))
    with pytest.raises(UnsuitableMask, match="No frame has an LV mask"):
        propagate_segmented(blank, ed_frames=[0], es_frames=[9], registration=QUICK)


def test_without_es_guides_only_diastole_and_corrections_tie(a_segmentation: SegmentedSequence) -> None:
    corrected = with_corrections(a_segmentation, {5: np.roll(a_segmentation.masks[5], 2, 1)})
    found = propagate_segmented(corrected, ed_frames=[1, 23], es_frames=[9], es_guides=False, registration=QUICK)
    assert found.provenance.settings["guides"] == [5, 23]
    assert found.guides == (5,)
    np.testing.assert_array_equal(found.masks[5], corrected.masks[5])
    assert not np.array_equal(found.masks[9], a_segmentation.masks[9])


def test_a_correction_renews_its_beat_alone(a_segmentation: SegmentedSequence) -> None:
    phases = {"ed_frames": [1, 23], "es_frames": [9], "registration": QUICK}
    before = propagate_segmented(a_segmentation, **phases)
    corrected = with_corrections(a_segmentation, {12: np.roll(a_segmentation.masks[12], 2, 1)})
    after = propagate_segmented(corrected, **phases, previous=before, changed=[12])
    np.testing.assert_array_equal(after.masks[12], corrected.masks[12])
    assert after.provenance.settings["anchors"] == before.provenance.settings["anchors"]
    assert after.provenance.method == "segment + propagate"
    for frame in (0, 1, 23, 24, 25):
        for name in ("masks", "displacement", "pull_back"):
            np.testing.assert_array_equal(getattr(after, name)[frame], getattr(before, name)[frame])
    assert not np.array_equal(after.pull_back[13], before.pull_back[13])
    taken_back = propagate_segmented(a_segmentation, **phases, previous=after, changed=[12])
    assert taken_back.guides == ()
    np.testing.assert_array_equal(taken_back.masks[24], before.masks[24])
    moved = propagate_segmented(corrected, **{**phases, "ed_frames": [0, 23]}, previous=before)
    assert moved.reference_frame == 0
