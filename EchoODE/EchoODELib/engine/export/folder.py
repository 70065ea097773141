"""A whole analysis in a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import OutputError
from ..pipeline import Analysis
from ..progress import Monitor
from ..sequence import Label
from .backdrop import Backdrop, backdrop
from .curves import write_curves
from .fields import write_field
from .grid import write_grid
from .masks import write_masks
from .results import results_document, write_results
from .strip import write_strip
from .tables import beats_table, frames_table, write_csv, write_xlsx
from .video import write_video

KINDS = ("json", "tables", "masks", "motion", "pictures", "video")
"""What can be asked for, in the order of writing."""

Job = tuple[str, Callable[[], Path]]


def write_analysis(
    folder: str | os.PathLike[str],
    analysis: Analysis,
    *,
    kinds: Iterable[str] = KINDS,
    source_name: bool = False,
    whole_frame: bool = False,
    monitor: Monitor | None = None,
) -> dict[str, Path]:
    """Write an analysis into a folder, each file in one step; files of other names are left alone.

    Parameters
    ----------
    kinds: what to write, of :data:`KINDS`.
    source_name: put the clip's file name into JSON and tables.
    whole_frame: show what lies outside the sector in pictures and video, burned-in text included.
    monitor: progress and cancel.

    Returns
    -------
    what was written, by what it is.

    Raises
    ------
    OutputError: an unknown kind, or a place that can't be written.
    RunCancelled: files written until then are whole and stay.
    """
    wanted = set(kinds)
    if unknown := sorted(wanted - set(KINDS)):
        raise OutputError(f"There is no output “{unknown[0]}”; choose among {', '.join(KINDS)}.")
    monitor = monitor or Monitor()
    behind = backdrop(analysis.sequence, sector=analysis.sector, whole_frame=whole_frame)
    writer = _Writer(Path(folder), analysis, behind, source_name, monitor)
    jobs = [job for kind in KINDS if kind in wanted for job in getattr(writer, kind)()]
    stage = monitor.stage("Writing results", len(jobs))
    written = {}
    for name, job in jobs:
        written[name] = job()
        stage.advance()
    return written


@dataclass(frozen=True)
class _Writer:
    """The jobs of each kind; a method is named as its kind."""

    folder: Path
    analysis: Analysis
    behind: Backdrop
    source_name: bool
    monitor: Monitor

    def json(self) -> Iterator[Job]:
        run = self.analysis
        document = results_document(
            run.sequence,
            run.measurements,
            segmentation=run.segmentation_measurements,
            source_name=self.source_name,
        )
        yield "results (JSON)", lambda: write_results(self.folder / "results.json", document)

    def tables(self) -> Iterator[Job]:
        run = self.analysis
        yield (
            "results (Excel)",
            lambda: write_xlsx(
                self.folder / "results.xlsx",
                run.sequence,
                run.measurements,
                segmentation=run.segmentation_measurements,
                source_name=self.source_name,
            ),
        )
        yield "beats", lambda: write_csv(self.folder / "beats.csv", beats_table(run.sequence, run.measurements))
        yield "frames", lambda: write_csv(self.folder / "frames.csv", frames_table(run.sequence, run.measurements))

    def masks(self) -> Iterator[Job]:
        masks, ed, es = self.analysis.propagated, self.analysis.propagated.reference_frame, self._es_frame()
        yield "masks (NIfTI)", lambda: write_masks(self.folder / "masks.nii.gz", masks)
        yield "masks (Slicer)", lambda: write_masks(self.folder / "masks.seq.nrrd", masks)
        yield "ED mask (Slicer)", lambda: write_masks(self.folder / "ed.seg.nrrd", masks, frame=ed)
        yield "ES mask (Slicer)", lambda: write_masks(self.folder / "es.seg.nrrd", masks, frame=es)
        yield (
            "segmentation alone",
            lambda: write_masks(self.folder / "segmentation.nii.gz", self.analysis.segmented),
        )

    def motion(self) -> Iterator[Job]:
        motion = self.analysis.propagated
        yield "motion from ED", lambda: write_field(self.folder / "displacement.seq.nrrd", motion, "displacement")
        yield "motion to ED", lambda: write_field(self.folder / "pull_back.seq.nrrd", motion, "pull_back")

    def pictures(self) -> Iterator[Job]:
        run, behind = self.analysis, self.behind
        result, alone = run.measurements, run.segmentation_measurements
        yield (
            "frames with contours",
            lambda: write_strip(self.folder / "frames.png", run.propagated, result, behind=behind),
        )
        yield (
            "curves",
            lambda: write_curves(self.folder / "curves.png", run.sequence, result, segmentation=alone),
        )
        yield (
            "deformation grid",
            lambda: write_grid(self.folder / "deformation.png", run.propagated, self._es_frame(), behind=behind),
        )

    def video(self) -> Iterator[Job]:
        run = self.analysis
        yield (
            "overlay video",
            lambda: write_video(
                self.folder / "overlay.mp4",
                run.propagated,
                run.measurements,
                behind=self.behind,
                monitor=self.monitor,
            ),
        )

    def _es_frame(self) -> int:
        """The ES of the beat that the motion starts in, else the frame of the smallest LV."""
        reference = self.analysis.propagated.reference_frame
        for beat in self.analysis.measurements.beats:
            if beat.ed_frame == reference:
                return beat.es_frame
        return int((self.analysis.propagated.masks == Label.LV).sum(axis=(1, 2)).argmin())
