"""A run over a folder: every clip once, whatever stops it; failures beside results; no name where it is not wanted."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from cohort.standins import CLIPS, Here
from EchoODELib.cohort.folder import opened
from EchoODELib.cohort.orders import CohortSettings
from EchoODELib.cohort.run import Standing, run_cohort
from EchoODELib.engine.errors import OutputError, RunCancelled, UnreadableClip, UnsuitableClip, WeightsError
from EchoODELib.engine.io import read_clip, read_mask
from EchoODELib.engine.progress import Monitor
from EchoODELib.engine.sequence import View

Table = Callable[[Path], pd.DataFrame]


@pytest.fixture
def clips(some_clips: Path, tmp_path: Path) -> Path:
    """The clips, to be changed at will."""
    return Path(shutil.copytree(some_clips, tmp_path / "clips"))


def test_a_row_for_each_clip(some_clips: Path, tmp_path: Path, quick: CohortSettings, here: Here, table: Table) -> None:
    told: list[Standing] = []
    report = run_cohort(some_clips, tmp_path / "out", quick, here, tell=told.append)
    assert (report.standing.done, report.standing.failed, report.standing.total) == (4, 0, 4)
    assert [one.ended for one in told] == [0, 1, 2, 3, 4]
    results = table(report.files["results"])
    assert list(results["clip"]) == [f"clip-0000{number}" for number in (1, 2, 3, 4)]
    assert {"view", "frames", "frame rate (Hz)", "ejection_fraction (%)", "end_diastolic_volume (mL)"} <= set(results)
    assert list(results["frames"]) == [6, 6, 6, 6]
    # The second and the fourth clip found are one heart in two files.
    first, second = (results[results["clip"] == name].iloc[0] for name in ("clip-00001", "clip-00003"))
    assert first["ejection_fraction (%)"] == second["ejection_fraction (%)"]
    sheets = openpyxl.load_workbook(report.files["workbook"])
    assert sheets.sheetnames == ["results", "failures", "settings"]
    assert sheets["results"].max_row == 2 + 4


def test_the_numbers_are_those_of_the_clip_alone(
    some_clips: Path, tmp_path: Path, quick: CohortSettings, here: Here, table: Table
) -> None:
    from EchoODELib.engine.measure import measure
    from EchoODELib.engine.segment import Segmenter

    run_cohort(some_clips, tmp_path, quick, here)
    clip = read_clip(some_clips / here.begun[0])
    alone = Segmenter("quick", device="cpu").segment(clip)
    masks = read_mask(tmp_path / "clips" / "clip-00001" / "masks.nii.gz", shape=clip.frames.shape)
    assert (masks == alone.masks).all()
    row = table(tmp_path / "results.csv").iloc[0]
    for name, summary in measure(alone).summary.items():
        assert row[f"{name} ({summary.unit})"] == pytest.approx(summary.mean, rel=1e-4), name


def test_a_failing_clip_stops_nothing_and_names_nobody(
    clips: Path, tmp_path: Path, quick: CohortSettings, here: Here, table: Table
) -> None:
    (clips / "erna.avi").touch()
    (clips / "frida.dcm").write_bytes(b"torn")
    report = run_cohort(clips, tmp_path / "out", quick, here)
    assert (report.standing.done, report.standing.failed) == (4, 2)
    failures = table(report.files["failures"])
    assert list(failures["problem"]) == ["clip-00002 is empty; copy it again.", failures["problem"][1]]
    assert "no known kind" in failures["problem"][1]
    private = tmp_path / "out" / "private"
    words = ("anna", "bert", "carl", "dora", "erna", "frida")
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file() and private not in path.parents and path.suffix != ".xlsx":
            assert not [word for word in words if word.encode() in path.read_bytes().lower()], path
    assert all(word in (private / "clips.csv").read_text() for word in words)


def test_names_where_they_are_asked_for(
    clips: Path, tmp_path: Path, quick: CohortSettings, here: Here, table: Table
) -> None:
    (clips / "erna.avi").touch()
    run_cohort(clips, tmp_path / "out", replace(quick, keep_name=True), here)
    assert set(table(tmp_path / "out" / "results.csv")["file"]) == set(CLIPS)
    failures = table(tmp_path / "out" / "failures.csv")
    assert list(failures.loc[0, ["file", "problem"]]) == ["erna.avi", "erna.avi is empty; copy it again."]
    document = json.loads((tmp_path / "out" / "clips" / "clip-00001" / "results.json").read_text("utf-8"))
    assert document["clip"]["name"] == "dora.seq.nrrd"


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_killed_run_goes_on(clips: Path, tmp_path: Path, quick: CohortSettings, table: Table, after: int) -> None:
    (clips / "erna.avi").touch()
    first, second, third = Here(stop_after=after), Here(), Here()
    with pytest.raises(KeyboardInterrupt):
        run_cohort(clips, tmp_path / "out", quick, first)
    run_cohort(clips, tmp_path / "out", quick, second)
    assert len(first.begun) == after
    assert sorted(first.begun + second.begun) == sorted([*CLIPS, "erna.avi"])
    report = run_cohort(clips, tmp_path / "out", quick, third)
    assert third.begun == []
    assert (report.standing.done, report.standing.failed) == (4, 1)
    assert sorted(table(report.files["results"])["clip"]) == [f"clip-0000{number}" for number in (1, 3, 4, 5)]


def test_what_a_worker_finished_before_the_run_was_killed_counts(
    some_clips: Path, tmp_path: Path, quick: CohortSettings, here: Here
) -> None:
    with opened(tmp_path, quick) as cohort:
        from EchoODELib.cohort.find import find_clips

        order = cohort.orders(find_clips(some_clips).clips)[2]
    here.bench.carry_out(order, Monitor())
    run_cohort(some_clips, tmp_path, quick, here)
    assert order.name not in here.begun
    assert len(here.begun) == 3


def test_new_and_changed_clips_are_done_and_keep_their_names(
    clips: Path, tmp_path: Path, quick: CohortSettings, here: Here, table: Table
) -> None:
    run_cohort(clips, tmp_path / "out", quick, Here())
    (clips / "0.avi").touch()
    shutil.copy(clips / CLIPS[0], clips / CLIPS[1])
    os.utime(clips / CLIPS[1], (1, 1))
    run_cohort(clips, tmp_path / "out", quick, here)
    assert sorted(here.begun) == ["0.avi", CLIPS[1]]
    assert list(table(tmp_path / "out" / "failures.csv")["clip"]) == ["clip-00005"]
    assert len(table(tmp_path / "out" / "results.csv")) == 4
    (clips / CLIPS[1]).write_bytes(b"torn")
    run_cohort(clips, tmp_path / "out", quick, here)
    assert list(table(tmp_path / "out" / "failures.csv")["clip"]) == ["clip-00003", "clip-00005"]
    assert [path.name for path in (tmp_path / "out" / "clips" / "clip-00003").iterdir()] == ["record.json"]


def test_failed_clips_are_tried_again_where_it_is_asked_for(
    some_clips: Path, tmp_path: Path, quick: CohortSettings, here: Here, table: Table
) -> None:
    bad = Here(trouble={CLIPS[3]: UnsuitableClip("It was a bad day.")})
    run_cohort(some_clips, tmp_path, quick, bad)
    assert list(table(tmp_path / "failures.csv")["problem"]) == ["It was a bad day."]
    run_cohort(some_clips, tmp_path, quick, here, retry=True)
    assert here.begun == [CLIPS[3]]
    assert len(table(tmp_path / "failures.csv")) == 0
    assert len(table(tmp_path / "results.csv")) == 4


@pytest.mark.parametrize("error", [OutputError("The disk is full; free some space."), WeightsError("No weights.")])
def test_what_every_clip_would_meet_ends_the_run(
    some_clips: Path, tmp_path: Path, quick: CohortSettings, here: Here, table: Table, error: OutputError
) -> None:
    here.trouble = {CLIPS[0]: error}
    with pytest.raises(type(error)) as caught:
        run_cohort(some_clips, tmp_path, quick, here)
    assert caught.value is error
    done = len(here.begun) - 1
    assert len(table(tmp_path / "results.csv")) == done < 4
    assert len(table(tmp_path / "failures.csv")) == 0


def test_a_stop_keeps_what_is_done_and_says_how_to_go_on(
    some_clips: Path, tmp_path: Path, quick: CohortSettings, here: Here, table: Table
) -> None:
    monitor = Monitor()

    def tell(standing: Standing) -> None:
        if standing.ended == 2:
            monitor.cancel()

    with pytest.raises(RunCancelled, match="2 of 4 clips done; the same command goes on"):
        run_cohort(some_clips, tmp_path, quick, here, tell=tell, monitor=monitor)
    assert len(table(tmp_path / "results.csv")) == 2


def test_a_folder_has_results_of_one_kind(some_clips: Path, tmp_path: Path, quick: CohortSettings, here: Here) -> None:
    run_cohort(some_clips, tmp_path, quick, here)
    with pytest.raises(OutputError, match=r"other settings \(view, spacing\)"):
        run_cohort(some_clips, tmp_path, replace(quick, view=View.A4C, spacing=(0.5, 0.5)), here)


def test_a_cohort_that_began_before_there_was_a_setting_goes_on(
    some_clips: Path, tmp_path: Path, quick: CohortSettings, here: Here
) -> None:
    run_cohort(some_clips, tmp_path, quick, here)
    known = json.loads((tmp_path / "settings.json").read_text())
    (tmp_path / "settings.json").write_text(json.dumps({k: v for k, v in known.items() if not k.startswith("ef_")}))
    run_cohort(some_clips, tmp_path, quick, again := Here())
    assert again.begun == []
    with pytest.raises(OutputError, match=r"other settings \(ef model\)"):
        run_cohort(some_clips, tmp_path, replace(quick, ef_model="guess"), here)
    (tmp_path / "settings.json").write_text("[]")
    with pytest.raises(OutputError, match="can't be read"):
        run_cohort(some_clips, tmp_path, quick, here)


def test_one_run_at_a_time(some_clips: Path, tmp_path: Path, quick: CohortSettings, here: Here) -> None:
    with opened(tmp_path, quick), pytest.raises(OutputError, match="A run is under way"):
        run_cohort(some_clips, tmp_path, quick, here)
    assert here.begun == []


def test_a_worker_with_other_weights_is_refused(
    some_clips: Path, tmp_path: Path, quick: CohortSettings, here: Here
) -> None:
    with pytest.raises(WeightsError, match="not the one that this cohort began with"):
        run_cohort(some_clips, tmp_path, replace(quick, checksum="0" * 64), here)


def test_results_below_the_clips_are_no_clips(clips: Path, quick: CohortSettings, here: Here) -> None:
    run_cohort(clips, clips / "out", quick, here)
    again = Here()
    run_cohort(clips, clips / "out", quick, again)
    assert again.begun == []
    with pytest.raises(UnreadableClip, match="no clip"):
        run_cohort(clips / "out", clips / "more", quick, again)
