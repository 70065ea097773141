"""Steps in any combination, masks from before, and files beside the masks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from cohort.standins import CLIPS, Here
from EchoODELib.cohort.orders import CohortSettings
from EchoODELib.cohort.run import run_cohort
from EchoODELib.engine.ef import EfEstimator
from EchoODELib.engine.errors import WeightsError
from EchoODELib.engine.export.clip import write_clip
from EchoODELib.engine.export.masks import write_masks
from EchoODELib.engine.infarction import InfarctionEstimator
from EchoODELib.engine.io import read_clip, read_mask
from EchoODELib.engine.measure import measure
from EchoODELib.engine.phantom import PhantomSettings, simulate
from EchoODELib.engine.registration.settings import Level, RegistrationSettings, SplineSettings
from EchoODELib.engine.sequence import Provenance, SegmentedSequence, View
from EchoODELib.engine.weights import find_card

Table = Callable[[Path], pd.DataFrame]
FILES = {"masks.nii.gz", "record.json", "results.json"}


def files(folder: Path, clip: str = "clip-00001") -> set[str]:
    return {path.name for path in (folder / "clips" / clip).iterdir()}


@pytest.fixture(scope="module")
def a_heart(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, float]:
    """A folder with a whole beat, one with its true masks, and its EF."""
    folder = tmp_path_factory.mktemp("heart")
    made = simulate(PhantomSettings(frames=18, frame_rate=20.0, size=64, beats=1.1, ejection_fraction=50.0, seed=3))
    write_clip(folder / "clips" / "clip.seq.nrrd", made.sequence)
    write_masks(folder / "true" / "clip.nii.gz", SegmentedSequence(made.sequence, made.masks, Provenance("true")))
    return folder / "clips", folder / "true", made.ejection_fraction


@pytest.fixture
def quick_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    how = RegistrationSettings(spline=SplineSettings(levels=(Level(32, 5, 0.02),), steps=2))
    monkeypatch.setattr(RegistrationSettings, "named", classmethod(lambda cls, name: how))


def test_segmenting_alone(some_clips: Path, tmp_path: Path, quick: CohortSettings, here: Here, table: Table) -> None:
    run_cohort(some_clips, tmp_path, replace(quick, steps=("segment",)), here)
    assert files(tmp_path) == FILES - {"results.json"}
    results = table(tmp_path / "results.csv")
    assert len(results) == 4
    assert "frames without LV" in results
    assert "beats" not in results


def test_measuring_masks_that_are_there(
    a_heart: tuple[Path, Path, float], tmp_path: Path, here: Here, table: Table
) -> None:
    clips, masks, ejection_fraction = a_heart
    run_cohort(clips, tmp_path / "out", CohortSettings(("measure",), view=View.A4C), here, masks=masks)
    assert files(tmp_path / "out") == FILES - {"masks.nii.gz"}
    row = table(tmp_path / "out" / "results.csv").iloc[0]
    assert row["ejection_fraction (%)"] == pytest.approx(ejection_fraction, abs=6)
    assert row["view"] == "A4C"


@pytest.mark.usefixtures("quick_registration")
def test_propagating_and_measuring(a_heart: tuple[Path, Path, float], tmp_path: Path, here: Here, table: Table) -> None:
    clips, masks, ejection_fraction = a_heart
    settings = CohortSettings(("propagate", "measure"), view=View.A4C, also=("csv", "motion"))
    run_cohort(clips, tmp_path / "out", settings, here, masks=masks, device="cpu")
    assert files(tmp_path / "out") >= FILES | {"frames.csv", "beats.csv", "displacement.seq.nrrd"}
    row = table(tmp_path / "out" / "results.csv").iloc[0]
    assert row["ejection_fraction (%)"] == pytest.approx(ejection_fraction, abs=8)
    assert row["ejection_fraction of the segmentation (%)"] == pytest.approx(ejection_fraction, abs=6)
    assert row["folds"] == 0


def test_masks_of_an_earlier_cohort(
    some_clips: Path, tmp_path: Path, quick: CohortSettings, here: Here, table: Table
) -> None:
    run_cohort(some_clips, tmp_path / "all", quick, here)
    run_cohort(some_clips, tmp_path / "masks", replace(quick, steps=("segment",)), Here())
    (tmp_path / "masks" / "clips" / "clip-00004" / "masks.nii.gz").unlink()
    run_cohort(some_clips, tmp_path / "out", CohortSettings(("measure",)), Here(), masks=tmp_path / "masks")
    whole, parts = table(tmp_path / "all" / "results.csv"), table(tmp_path / "out" / "results.csv")
    pd.testing.assert_frame_equal(
        whole[["clip", "ejection_fraction (%)"]].iloc[:3], parts[["clip", "ejection_fraction (%)"]]
    )
    failures = table(tmp_path / "out" / "failures.csv")
    assert list(failures["clip"]) == ["clip-00004"]
    assert "no masks of this clip" in failures["problem"][0]


def test_the_ejection_fraction_of_the_clip_needs_no_masks(
    some_clips: Path, tmp_path: Path, quick: CohortSettings, here: Here, table: Table
) -> None:
    settings = CohortSettings(("ef",), ef_model="guess", ef_checksum=find_card("guess").checksum, view=View.A4C)
    run_cohort(some_clips, tmp_path / "alone", settings, here)
    assert files(tmp_path / "alone") == {"record.json"}
    alone = table(tmp_path / "alone" / "results.csv")
    low, value, high = (alone[f"ejection_fraction of the clip{part} (%)"] for part in (", low", "", ", high"))
    assert ((low <= value) & (value <= high)).all()
    assert value[0] != value[1]
    clip = read_clip(some_clips / CLIPS[3], view=View.A4C)  # the first: files come before folders
    assert value[0] == pytest.approx(EfEstimator("guess", "cpu").estimate(clip).value, abs=1e-3)
    assert set(alone["ejection_fraction of the clip, model"]) == {"guess"}
    assert "guess was not validated on patients." in alone["notes"][0]
    both = replace(settings, steps=("segment", "measure", "ef"), model="quick", checksum=quick.checksum)
    run_cohort(some_clips, tmp_path / "both", both, Here())
    beside = table(tmp_path / "both" / "results.csv")
    pd.testing.assert_series_equal(beside["ejection_fraction of the clip (%)"], value)
    after = list(beside.columns)[list(beside.columns).index("beats") + 1 :]
    assert [name.startswith("ejection_fraction") for name in after[:6]] == [True] * 6


def test_infarctions_are_told_of_measured_beats(
    a_heart: tuple[Path, Path, float], tmp_path: Path, quick: CohortSettings, here: Here, table: Table
) -> None:
    clips, masks, _ = a_heart
    alone = CohortSettings(
        ("infarction",), infarction_model="beats", infarction_checksum=find_card("beats").checksum, view=View.A4C
    )
    run_cohort(clips, tmp_path / "alone", alone, here)
    run_cohort(clips, tmp_path / "out", replace(alone, steps=("measure", "infarction")), Here(), masks=masks)
    whole, by_beat = (table(tmp_path / name / "results.csv").iloc[0] for name in ("alone", "out"))
    assert by_beat["beats"] == 1
    clip = read_clip(next(clips.iterdir()), view=View.A4C)
    true = read_mask(masks / "clip.nii.gz", shape=clip.frames.shape)
    beat = measure(SegmentedSequence(clip, true, Provenance("true"))).beats[0]
    estimator = InfarctionEstimator("beats", "cpu")
    shown = estimator.estimate(clip, beats=[(beat.ed_frame, beat.next_ed_frame)])
    assert by_beat["infarction probability"] == pytest.approx(shown.value, abs=1e-6)
    assert whole["infarction probability"] == pytest.approx(estimator.estimate(clip).value, abs=1e-6)
    assert whole["infarction probability"] != by_beat["infarction probability"]


def test_other_weights_than_the_cohort_began_with(some_clips: Path, tmp_path: Path, quick: CohortSettings) -> None:
    settings = CohortSettings(("ef",), ef_model="guess", ef_checksum=quick.checksum)
    with pytest.raises(WeightsError, match="guess is not the one that this cohort began with"):
        run_cohort(some_clips, tmp_path, settings, Here())


def test_more_files(some_clips: Path, tmp_path: Path, quick: CohortSettings, here: Here) -> None:
    one = some_clips / CLIPS[0]
    run_cohort(one.parent, tmp_path, replace(quick, also=("xlsx", "pictures")), here, match=one.name)
    assert files(tmp_path) >= FILES | {"results.xlsx", "frames.png"}
