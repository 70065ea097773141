"""The steps that a cohort's clips go through; a further one is a class more in :data:`STEPS`.

A step is made once in each worker and keeps what it loads. It takes what earlier steps left on the
:class:`ClipInWork`, and leaves its own result there and its columns in the clip's row of the table.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from ..engine.errors import UnsuitableMask, WeightsError
from ..engine.progress import Monitor
from ..engine.sequence import EchoSequence, Measurements, SegmentedSequence
from .orders import ClipOrder

if TYPE_CHECKING:
    from ..engine.clip_estimator import ClipEstimate, ClipEstimator
    from ..engine.pipeline import Analysis
    from ..engine.segment import Segmenter
    from ..engine.weights import ModelCard

Cell = str | int | float | None


@dataclass
class ClipInWork:
    """A clip on its way through the steps.

    Attributes
    ----------
    order: what was asked for.
    sequence: the clip as it was read.
    segmented: masks, given or from the first step.
    analysis: the whole job's result, once the masks were propagated.
    measurements: what was measured, on the propagated masks where there are any.
    row: cells of the table of results by the titles of their columns, with units.
    notes: of the steps, one sentence each on what to doubt.
    """

    order: ClipOrder
    sequence: EchoSequence
    segmented: SegmentedSequence | None = None
    analysis: Analysis | None = None
    measurements: Measurements | None = None
    row: dict[str, Cell] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def result(self) -> SegmentedSequence:
        """The propagated masks, or those that there are.

        Raises
        ------
        UnsuitableMask: there are none.
        """
        return self.masks if self.analysis is None else self.analysis.propagated

    @property
    def masks(self) -> SegmentedSequence:
        """The masks that later steps start from.

        Raises
        ------
        UnsuitableMask: there are none.
        """
        if self.segmented is None:
            raise UnsuitableMask("There are no masks of this clip; segment it, or give its masks.")
        return self.segmented


class Step(Protocol):
    """One step of the work on a clip."""

    def prepare(self, order: ClipOrder) -> None:
        """Load what is needed, if it is not there yet; an error here is one of the machine, not of the clip."""

    def run(self, work: ClipInWork, monitor: Monitor) -> None:
        """Do it."""


class Segments:
    """Masks on every frame, by a network that stays loaded."""

    def __init__(self) -> None:
        self._segmenter: Segmenter | None = None

    def prepare(self, order: ClipOrder) -> None:
        """Load the network and make sure that it is the one that the cohort began with."""
        if self._segmenter is not None:
            return
        from ..engine.segment import Segmenter

        segmenter = Segmenter(order.settings.model, device=order.device)
        _require_same(segmenter.card, order.settings.checksum)
        self._segmenter = segmenter

    def run(self, work: ClipInWork, monitor: Monitor) -> None:
        """Segment the clip."""
        self.prepare(work.order)
        assert self._segmenter is not None
        work.segmented = self._segmenter.segment(work.sequence, monitor=monitor)
        quality = work.segmented.provenance.quality
        work.row["frames without LV"] = int(quality["frames_without_lv"])


class Propagates:
    """An ED mask carried through the clip, held by masks at ES and a few more frames."""

    def prepare(self, order: ClipOrder) -> None:
        """Load the registration."""
        from ..engine import pipeline
        from ..engine.registration import propagate

        del order, pipeline, propagate

    def run(self, work: ClipInWork, monitor: Monitor) -> None:
        """Find ED and ES on the masks and propagate."""
        from ..engine.pipeline import analyse
        from ..engine.registration.settings import RegistrationSettings

        settings = work.order.settings
        work.analysis = analyse(
            work.sequence,
            segmenter=_Known(work.masks),
            registration=RegistrationSettings.named(settings.preset),
            anchors=settings.anchors,
            device=work.order.device,
            monitor=monitor,
        )
        folds = work.analysis.propagated.provenance.quality.get("folds")
        work.row["folds"] = None if folds is None else int(folds)


class Measures:
    """EF, volumes, areas, lengths, strain and heart rate."""

    def prepare(self, order: ClipOrder) -> None:
        """Load the measuring."""
        from ..engine import measure

        del order, measure

    def run(self, work: ClipInWork, monitor: Monitor) -> None:
        """Measure the propagated masks, or those that there are."""
        from ..engine.measure import measure

        if work.analysis is None:
            monitor.stage("Measuring", 1).finish()
            found, alone = measure(work.masks), None
        else:
            found, alone = work.analysis.measurements, work.analysis.segmentation_measurements
        work.measurements = found
        work.row |= measured_cells(found, alone)
        work.notes += found.notes


class _Estimates(ABC):
    """What a network that stays loaded says straight from the clip; masks aren't needed."""

    def __init__(self) -> None:
        self._estimator: ClipEstimator | None = None

    def prepare(self, order: ClipOrder) -> None:
        """Load the network and make sure that it is the one that the cohort began with."""
        if self._estimator is None:
            self._estimator = self._load(order)

    def run(self, work: ClipInWork, monitor: Monitor) -> None:
        """Estimate, with the range of clips and small changes; a model of whole beats sees those that were measured."""
        self.prepare(work.order)
        assert self._estimator is not None
        measured = work.measurements.beats if work.measurements and self._estimator.use.whole else ()
        beats = [(beat.ed_frame, beat.next_ed_frame) for beat in measured if beat.next_ed_frame is not None]
        found = self._estimator.estimate(work.sequence, beats=beats, monitor=monitor)
        work.row |= self._cells(found)
        work.notes += found.notes

    @abstractmethod
    def _load(self, order: ClipOrder) -> ClipEstimator: ...

    @abstractmethod
    def _cells(self, found: ClipEstimate) -> dict[str, Cell]: ...


class EstimatesEf(_Estimates):
    """The ejection fraction straight from the clip."""

    def _load(self, order: ClipOrder) -> ClipEstimator:
        from ..engine.ef import EfEstimator

        estimator = EfEstimator(order.settings.ef_model, order.device)
        _require_same(estimator.card, order.settings.ef_checksum)
        return estimator

    def _cells(self, found: ClipEstimate) -> dict[str, Cell]:
        return estimated_cells("ejection_fraction of the clip", found, "%")


class EstimatesInfarction(_Estimates):
    """How probable an infarction is."""

    def _load(self, order: ClipOrder) -> ClipEstimator:
        from ..engine.infarction import InfarctionEstimator

        estimator = InfarctionEstimator(order.settings.infarction_model, order.device)
        _require_same(estimator.card, order.settings.infarction_checksum)
        return estimator

    def _cells(self, found: ClipEstimate) -> dict[str, Cell]:
        return estimated_cells("infarction probability", found)


@dataclass(frozen=True)
class _Known:
    """Stands where a segmenter is asked for, with the masks that are there already."""

    masks: SegmentedSequence

    def segment(self, sequence: EchoSequence, *, monitor: Monitor | None = None) -> SegmentedSequence:
        del sequence, monitor
        return self.masks


STEPS: Mapping[str, type[Step]] = {
    "segment": Segments,
    "propagate": Propagates,
    "measure": Measures,
    "ef": EstimatesEf,
    "infarction": EstimatesInfarction,
}
"""All steps by name, in the order in which a clip goes through those that are asked for."""
BY_MASKS = ("segment", "propagate", "measure")
"""Steps that make masks or need them: those that are done where nobody says which."""


def measured_cells(found: Measurements, alone: Measurements | None) -> dict[str, Cell]:
    """The columns of what was measured, EF first; ``alone`` is measured on the segmentation itself."""
    cells: dict[str, Cell] = {"beats": len(found.beats)}
    names = sorted(found.summary, key=lambda name: name != "ejection_fraction")  # stable: the others keep their order
    for name in names:
        summary = found.summary[name]
        cells[titled(name, summary.unit)] = finite(summary.mean)
        if name == "ejection_fraction":
            cells[titled(f"{name} SD", summary.unit)] = finite(summary.sd)
            if alone is not None and name in alone.summary:
                cells[titled(f"{name} of the segmentation", summary.unit)] = finite(alone.summary[name].mean)
    cells["frames to check"] = len({flag.frame for flag in found.flags})
    return cells


def estimated_cells(title: str, found: ClipEstimate, unit: str = "") -> dict[str, Cell]:
    """The columns of an answer straight from the clip."""
    return {
        titled(title, unit): finite(found.value),
        titled(f"{title}, low", unit): finite(found.low),
        titled(f"{title}, high", unit): finite(found.high),
        f"{title}, unlike the training data": None if found.distance is None else "yes" if found.unlike else "no",
        f"{title}, model": found.model,
    }


def titled(name: str, unit: str) -> str:
    """A column's title."""
    return f"{name} ({unit})" if unit else name


def finite(value: float) -> float | None:
    """A number as JSON takes it, to the seven digits that none of them exceeds."""
    return float(f"{value:.7g}") if math.isfinite(value) else None


def _require_same(card: ModelCard, checksum: str) -> None:
    if card.checksum != checksum:
        raise WeightsError(
            f"The model {card.name} is not the one that this cohort began with; give all machines the same weights, or "
            "write to a new folder."
        )
