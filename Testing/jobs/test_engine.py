"""The engine through the worker, on a small phantom."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from EchoODELib.engine.errors import DeviceError, OutputError, RunCancelled, UnsuitableMask, WeightsError
from EchoODELib.engine.export.folder import KINDS
from EchoODELib.engine.live.beats import BeatByBeat
from EchoODELib.engine.live.segmenter import StreamingSegmenter
from EchoODELib.engine.phantom import PhantomClip
from EchoODELib.engine.progress import Progress
from EchoODELib.engine.segment import Segmenter
from EchoODELib.engine.sequence import SegmentedSequence
from EchoODELib.engine.views import propose_view
from EchoODELib.jobs import (
    Export,
    FrameShown,
    JobState,
    Live,
    MissingPackage,
    Propagate,
    ProposeView,
    Segment,
    WarmUp,
    Worker,
    WorkerState,
)
from EchoODELib.jobs.process import default_environment


def test_segmenting_gives_what_the_engine_gives(worker: Worker, a_phantom: PhantomClip) -> None:
    clip = a_phantom.sequence
    seen: list[Progress] = []
    done: list[SegmentedSequence] = []
    job = worker.submit(Segment(clip, device="cpu"), on_progress=seen.append, on_done=done.append)
    result = worker.wait(job)
    direct = Segmenter(device="cpu").segment(clip)
    np.testing.assert_array_equal(result.masks, direct.masks)
    assert done == [result]
    assert job.state is JobState.DONE
    assert result.sequence.frames is clip.frames  # not sent back
    assert replace(result.provenance, quality={}) == replace(direct.provenance, quality={})
    assert result.sequence.source == direct.sequence.source
    assert {one.stage for one in seen} == {"Starting", "Segmenting"}
    assert any(one.stage == "Segmenting" and one.seconds_left for one in seen)
    assert job.progress is not None


def test_some_frames_only(worker: Worker, a_phantom: PhantomClip) -> None:
    whole = worker.wait(worker.submit(Segment(a_phantom.sequence, device="cpu")))
    some = worker.wait(worker.submit(Segment(a_phantom.sequence, device="cpu", frames=(3, 7))))
    assert set(np.flatnonzero(some.masks.any(axis=(1, 2)))) == {3, 7}
    for frame in (3, 7):
        assert np.mean(some.masks[frame] == whole.masks[frame]) > 0.995


def test_propagating(worker: Worker, a_phantom: PhantomClip, true_masks: SegmentedSequence) -> None:
    phases = {"ed_frames": a_phantom.ed_frames[:1], "es_frames": a_phantom.es_frames[:1]}
    segmented = replace(true_masks, guides=(int(a_phantom.es_frames[0]),))
    result = worker.wait(worker.submit(Propagate(segmented, **phases, device="cpu")))
    assert result.displacement is not None and result.pull_back is not None
    assert result.displacement.shape == result.pull_back.shape == (*true_masks.masks.shape, 2)
    assert result.guides == segmented.guides
    assert result.reference_frame == phases["ed_frames"][0]
    lv, truth = result.masks == 1, true_masks.masks == 1
    assert 2 * (lv & truth).sum() / (lv.sum() + truth.sum()) > 0.9
    again = Propagate(segmented, **phases, previous=result, changed=segmented.guides, device="cpu")
    assert worker.wait(worker.submit(again)).masks.shape == result.masks.shape


def test_results_outlive_the_worker(a_phantom: PhantomClip) -> None:
    worker = Worker()
    result = worker.wait(worker.submit(Segment(a_phantom.sequence, device="cpu", frames=(0,))))
    worker.close()
    assert worker.state is WorkerState.STOPPED
    assert result.masks.flags.writeable
    assert result.masks[0].any() and not result.masks[1:].any()
    assert worker.wait(worker.submit(WarmUp(device="cpu"))) is None  # it starts anew
    worker.close()


def test_frames_that_come_one_by_one(worker: Worker, a_phantom: PhantomClip, until: Callable[..., None]) -> None:
    clip, told = a_phantom.sequence, []
    task = Live(clip.frames[::4], device="cpu", spacing=clip.spacing, view=clip.view)
    job = worker.submit(task, on_answer=told.append)

    def heard() -> bool:
        worker.poll()
        return worker.hears(job)

    for number, frame in enumerate(clip.frames):
        until(heard, 60.0)
        worker.say(job, FrameShown(f"{number}", float(clip.times[number]), frame))
    until(lambda: worker.poll() or len(told) == len(clip))
    worker.cancel()
    with pytest.raises(RunCancelled):
        worker.wait(job)
    segmenter = StreamingSegmenter(device="cpu", spacing=clip.spacing, view=clip.view)
    segmenter.start(clip.frames[::4])
    follower = BeatByBeat(clip.spacing, clip.view)
    for number, answer in enumerate(told):
        direct = segmenter.push(clip.frames[number], float(clip.times[number]))
        np.testing.assert_array_equal(answer.mask, direct.mask)
        assert answer.lv_area == direct.lv_area
        assert answer.index == f"{number}"
        ended = follower.feed(direct.time, direct.lv_area, direct.mask)
        assert [beat.es_time for beat in answer.beats] == [beat.es_time for beat in ended]
    assert told[0].provenance.model == segmenter.card.name
    assert told[0].provenance.weights_sha256 == segmenter.card.sha256
    assert all(answer.provenance is None for answer in told[1:])


def test_a_view_is_proposed_while_other_work_may_follow(worker: Worker, a_phantom: PhantomClip) -> None:
    seen = worker.submit(ProposeView(a_phantom.sequence))
    masks = worker.submit(Segment(a_phantom.sequence, device="cpu", frames=(0,)))
    assert worker.wait(masks).masks[0].any()
    direct = propose_view(a_phantom.sequence)
    result = worker.wait(seen)
    assert result.view is direct.view
    assert result.probability == (None if direct.probability is None else pytest.approx(direct.probability, abs=1e-4))


def moved(segmented: SegmentedSequence) -> SegmentedSequence:
    still = np.zeros((*segmented.masks.shape, 2), np.float32)
    return replace(segmented, reference_frame=0, displacement=still, pull_back=still, guides=(2, 5))


def test_exporting_everything(
    worker: Worker, a_phantom: PhantomClip, true_masks: SegmentedSequence, tmp_path: Path
) -> None:
    named = replace(true_masks.sequence, source=replace(true_masks.sequence.source, name="DOE_JANE.dcm"))
    result = replace(moved(true_masks), sequence=named)
    phases = {"ed_frames": (0,), "es_frames": (int(a_phantom.es_frames[0]),)}
    export = Export(result, true_masks, **phases, folder=tmp_path / "new")
    written = worker.wait(worker.submit(export))
    assert all(path.is_file() and path.parent == tmp_path / "new" for path in written.values())
    assert {"results (JSON)", "frames", "motion from ED", "deformation grid", "segmentation alone"} <= set(written)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(p.name for p in written.values())
    table = pd.read_csv(written["frames"], comment="#")
    assert list(table.index[table["corrected"] == "yes"]) == [2, 5]
    assert table["phase"][0] == "ED"
    assert "DOE" not in written["results (JSON)"].read_text(encoding="utf-8")


@pytest.mark.parametrize("kinds", [("json", "xlsx", "csv", "masks", "motion"), ("pictures",)])
def test_exporting_masks_without_motion(
    worker: Worker, true_masks: SegmentedSequence, tmp_path: Path, kinds: tuple[str, ...]
) -> None:
    task = Export(true_masks, None, (), (), tmp_path, kinds=kinds, source_name=True)
    written = worker.wait(worker.submit(task))
    assert not {"motion from ED", "deformation grid", "segmentation alone"} & set(written)
    assert len(written) == len(list(tmp_path.iterdir()))


def test_errors_come_back_as_they_are(
    worker: Worker, a_phantom: PhantomClip, true_masks: SegmentedSequence, tmp_path: Path
) -> None:
    clip, blocked = a_phantom.sequence, tmp_path / "file"
    blocked.write_text("")
    empty = replace(true_masks, masks=np.zeros_like(true_masks.masks))
    cases = [
        (Segment(clip, model="nonesuch"), WeightsError, "no model “nonesuch”"),
        (Segment(clip, device="toaster"), DeviceError, "no device “toaster”"),
        (Export(true_masks, None, (), (), blocked / "below"), OutputError, "can't be written"),
        (Export(true_masks, None, (), (), tmp_path, kinds=("motion",)), OutputError, "no motion"),
        (Export(true_masks, None, (), (), tmp_path, kinds=("gold",)), OutputError, ", ".join(KINDS)),
        (Propagate(empty, (0,), (), device="cpu"), UnsuitableMask, "LV"),
    ]
    for task, kind, words in cases:
        told: list[Exception] = []
        job = worker.submit(task, on_failed=told.append)
        with pytest.raises(kind, match=words):
            worker.wait(job)
        assert job.state is JobState.FAILED
        assert told == [job.error]


# Run as Python starts: the package can't be imported.
WITHOUT = """
import sys

class Without:
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] == {!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Without)
"""


@pytest.mark.parametrize(("package", "name"), [("torch", "PyTorch"), ("numpy", "numpy"), ("cv2", "opencv")])
def test_a_missing_package_is_named(a_phantom: PhantomClip, tmp_path: Path, package: str, name: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT.format(package))
    environment = default_environment()
    environment["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{environment['PYTHONPATH']}"
    worker = Worker(environment=environment)
    try:
        with pytest.raises(MissingPackage, match=name) as caught:
            worker.wait(worker.submit(Segment(a_phantom.sequence)))
        assert caught.value.package == package
    finally:
        worker.close()
