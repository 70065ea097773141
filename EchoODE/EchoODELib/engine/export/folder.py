"""A whole analysis, or a result as far as it has come, in a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import OutputError
from ..pipeline import Analysis
from ..progress import Monitor
from ..second_opinion import SecondOpinion
from ..sequence import EchoSequence, Label, Measurements, SegmentedSequence
from .atomic import require_writable
from .backdrop import Backdrop, backdrop
from .curves import write_curves
from .fields import write_field
from .grid import write_grid
from .masks import write_masks
from .opinions import opinion_table
from .results import results_document, write_results
from .strip import write_strip
from .tables import beats_table, frames_table, write_csv, write_xlsx
from .video import write_video

KINDS = ("json", "xlsx", "csv", "masks", "motion", "pictures", "video")
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
    wanted = _known(kinds)
    monitor = monitor or Monitor()
    behind = backdrop(analysis.sequence, sector=analysis.sector, whole_frame=whole_frame)
    writer = _Writer(
        folder=Path(folder),
        result=analysis.propagated,
        measurements=analysis.measurements,
        segmented=analysis.segmented,
        alone=analysis.segmentation_measurements,
        behind=behind,
        source_name=source_name,
        monitor=monitor,
    )
    return writer.write(wanted)


def write_result(
    folder: str | os.PathLike[str],
    result: SegmentedSequence,
    *,
    segmentation: SegmentedSequence | None = None,
    ed_frames: Iterable[int] | None = None,
    es_frames: Iterable[int] | None = None,
    kinds: Iterable[str] = KINDS,
    source_name: bool = False,
    whole_frame: bool = False,
    opinion: SecondOpinion | None = None,
    monitor: Monitor | None = None,
) -> dict[str, Path]:
    """Measure masks and write them into a folder, as :func:`write_analysis` does with a whole analysis.

    Parameters
    ----------
    result: masks on every frame; ``guides`` are noted as corrected frames. Without motion nothing of motion is
        written, and asking for nothing but motion is an error.
    segmentation: the segmentation alone, written and measured beside the result.
    ed_frames, es_frames: the phases, 0-based; found where None.
    kinds, source_name, whole_frame, monitor: as in :func:`write_analysis`.
    opinion: what a network said of the clip's ejection fraction, written into JSON and tables beside the masks'.

    Returns
    -------
    what was written, by what it is.

    Raises
    ------
    OutputError: an unknown kind, nothing to write, or a place that can't be written.
    UnsuitableMask: no LV on any frame.
    UnsuitableClip: phases outside the clip.
    RunCancelled: files written until then are whole and stay.
    """
    from ..measure import measure

    wanted = _known(kinds)
    moves = result.displacement is not None and result.reference_frame is not None
    if wanted == {"motion"} and not moves:
        raise OutputError("There is no motion to write; propagate a mask first.")
    require_writable(Path(folder) / "results.json")
    monitor = monitor or Monitor()
    stage = monitor.stage("Measuring", 2)
    measurements = measure(result, ed_frames=ed_frames, es_frames=es_frames)
    stage.advance()
    ed_frames, es_frames, alone = measurements.ed_frames or None, measurements.es_frames or None, None
    if segmentation is not None and (segmentation.masks == Label.LV).any():
        alone = measure(segmentation, ed_frames=ed_frames, es_frames=es_frames)
    stage.advance()
    writer = _Writer(
        folder=Path(folder),
        result=result,
        measurements=measurements,
        segmented=segmentation,
        alone=alone,
        behind=backdrop(result.sequence, whole_frame=whole_frame),
        source_name=source_name,
        monitor=monitor,
        opinion=opinion,
    )
    return writer.write(wanted)


def _known(kinds: Iterable[str]) -> set[str]:
    wanted = set(kinds)
    if unknown := sorted(wanted - set(KINDS)):
        raise OutputError(f"There is no output “{unknown[0]}”; choose among {', '.join(KINDS)}.")
    return wanted


@dataclass(frozen=True)
class _Writer:
    """The jobs of each kind; a method is named as its kind."""

    folder: Path
    result: SegmentedSequence
    measurements: Measurements
    segmented: SegmentedSequence | None
    alone: Measurements | None
    behind: Backdrop
    source_name: bool
    monitor: Monitor
    opinion: SecondOpinion | None = None

    def write(self, wanted: set[str]) -> dict[str, Path]:
        jobs = [job for kind in KINDS if kind in wanted for job in getattr(self, kind)()]
        stage = self.monitor.stage("Writing results", len(jobs))
        written = {}
        for name, job in jobs:
            written[name] = job()
            stage.advance()
        return written

    @property
    def sequence(self) -> EchoSequence:
        return self.result.sequence

    @property
    def moves(self) -> bool:
        return self.result.displacement is not None and self.result.reference_frame is not None

    def json(self) -> Iterator[Job]:
        document = results_document(
            self.sequence,
            self.measurements,
            segmentation=self.alone,
            corrected=self.result.guides,
            source_name=self.source_name,
            opinion=self.opinion,
        )
        yield "results (JSON)", lambda: write_results(self.folder / "results.json", document)

    def xlsx(self) -> Iterator[Job]:
        yield (
            "results (Excel)",
            lambda: write_xlsx(
                self.folder / "results.xlsx",
                self.sequence,
                self.measurements,
                segmentation=self.alone,
                corrected=self.result.guides,
                source_name=self.source_name,
                opinion=self.opinion,
            ),
        )

    def csv(self) -> Iterator[Job]:
        clip, result, corrected = self.sequence, self.measurements, self.result.guides
        yield "beats", lambda: write_csv(self.folder / "beats.csv", beats_table(clip, result))
        yield "frames", lambda: write_csv(self.folder / "frames.csv", frames_table(clip, result, corrected=corrected))
        if (opinion := self.opinion) is not None:
            table = opinion_table(result, opinion)
            yield "second opinion", lambda: write_csv(self.folder / "second_opinion.csv", table)

    def masks(self) -> Iterator[Job]:
        masks, segmented = self.result, self.segmented
        ed, es = self._ed_frame(), self._es_frame()
        yield "masks (NIfTI)", lambda: write_masks(self.folder / "masks.nii.gz", masks)
        yield "masks (Slicer)", lambda: write_masks(self.folder / "masks.seq.nrrd", masks)
        yield "ED mask (Slicer)", lambda: write_masks(self.folder / "ed.seg.nrrd", masks, frame=ed)
        yield "ES mask (Slicer)", lambda: write_masks(self.folder / "es.seg.nrrd", masks, frame=es)
        if segmented is not None:
            yield "segmentation alone", lambda: write_masks(self.folder / "segmentation.nii.gz", segmented)

    def motion(self) -> Iterator[Job]:
        motion = self.result
        if not self.moves:
            return
        yield "motion from ED", lambda: write_field(self.folder / "displacement.seq.nrrd", motion, "displacement")
        yield "motion to ED", lambda: write_field(self.folder / "pull_back.seq.nrrd", motion, "pull_back")

    def pictures(self) -> Iterator[Job]:
        result, behind = self.measurements, self.behind
        yield (
            "frames with contours",
            lambda: write_strip(self.folder / "frames.png", self.result, result, behind=behind),
        )
        yield (
            "curves",
            lambda: write_curves(self.folder / "curves.png", self.sequence, result, segmentation=self.alone),
        )
        if self.moves:
            yield (
                "deformation grid",
                lambda: write_grid(self.folder / "deformation.png", self.result, self._es_frame(), behind=behind),
            )

    def video(self) -> Iterator[Job]:
        yield (
            "overlay video",
            lambda: write_video(
                self.folder / "overlay.mp4",
                self.result,
                self.measurements,
                behind=self.behind,
                monitor=self.monitor,
            ),
        )

    def _ed_frame(self) -> int:
        """Where the motion starts; without motion the first beat's ED, else the frame of the largest LV."""
        if self.result.reference_frame is not None:
            return self.result.reference_frame
        if self.measurements.beats:
            return self.measurements.beats[0].ed_frame
        return int((self.result.masks == Label.LV).sum(axis=(1, 2)).argmax())

    def _es_frame(self) -> int:
        """The ES of the beat of that ED, else the frame of the smallest LV."""
        reference = self._ed_frame()
        for beat in self.measurements.beats:
            if beat.ed_frame == reference:
                return beat.es_frame
        return int((self.result.masks == Label.LV).sum(axis=(1, 2)).argmin())
