"""A run over a cohort: from a folder of clips to two tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from ..engine.errors import EchoODEError, OutputError, RunCancelled
from ..engine.progress import Monitor
from .find import find_clips
from .folder import CohortFolder, opened
from .orders import ClipOrder, CohortSettings
from .outcome import Outcome, Workers


@dataclass(frozen=True)
class Standing:
    """Where a run stands.

    Attributes
    ----------
    done, failed: clips, those of earlier runs included.
    total: clips found.
    rate: clips a second in this run; 0 before the first.
    """

    done: int
    failed: int
    total: int
    rate: float

    @property
    def ended(self) -> int:
        """Clips that need no more work."""
        return self.done + self.failed

    @property
    def seconds_left(self) -> float | None:
        """By the pace until now; None before the first clip."""
        return (self.total - self.ended) / self.rate if self.rate else None


@dataclass(frozen=True)
class CohortReport:
    """What came of a run.

    Attributes
    ----------
    standing: at its end.
    files: the tables, by what they are.
    closed: folders that could not be looked into.
    """

    standing: Standing
    files: Mapping[str, Path]
    closed: tuple[Path, ...]


def run_cohort(
    folder: Path,
    output: Path,
    settings: CohortSettings,
    workers: Workers,
    *,
    match: str | None = None,
    masks: Path | None = None,
    device: str = "auto",
    retry: bool = False,
    tell: Callable[[Standing], None] = lambda _: None,
    monitor: Monitor | None = None,
) -> CohortReport:
    """Work on all clips below a folder; those that an earlier run into ``output`` has done are left alone.

    A clip that fails is recorded with its reason and stops nothing. Tables are written at the end, however it comes.

    Parameters
    ----------
    folder, match: the clips, see :func:`~.find.find_clips`.
    output: folder for the results, see :mod:`.folder`.
    settings: what is done; of a folder that is gone on with, the same as before.
    workers: :class:`~.local.LocalWorkers` or :class:`~.cluster.ClusterWorkers`.
    masks: folder to take masks from, where the steps don't segment.
    device: "auto", "cpu" or "cuda".
    retry: try clips that failed before again.
    tell: told after each clip.
    monitor: cancels the run; it reports nothing.

    Raises
    ------
    UnreadableClip: no such folder, or no clip in it.
    OutputError: the results can't be written, the disk is full, or the folder holds results of other settings.
    WeightsError, DeviceError, ClusterError: no clip can be worked on.
    RunCancelled: the monitor was cancelled.
    """
    monitor = monitor or Monitor()
    found = find_clips(folder, match=match, view=settings.view, leave_out=output)
    with opened(output, settings) as cohort:
        orders = cohort.orders(found.clips, masks=masks, device=device)
        run = _Run(cohort, orders, retry=retry)
        tell(run.standing)
        try:
            with closing(workers.outcomes(run.waiting, lambda: monitor.cancelled)) as outcomes:
                for outcome in outcomes:
                    run.take(outcome)
                    tell(run.standing)
        except RunCancelled as cancelled:
            cohort.write_tables()
            raise RunCancelled(
                f"Stopped with {run.standing.ended} of {len(orders)} clips done; the same command goes on from there."
            ) from cancelled
        except EchoODEError:
            with suppress(OutputError):  # a full disk has been told of
                cohort.write_tables()
            raise
        return CohortReport(run.standing, cohort.write_tables(), tuple(found.closed))


class _Run:
    """What is still to be done, and how much was."""

    def __init__(self, cohort: CohortFolder, orders: list[ClipOrder], *, retry: bool) -> None:
        kept = ("done",) if retry else ("done", "failed")
        states = [cohort.state(order) for order in orders]
        self.waiting = [order for order, state in zip(orders, states, strict=True) if state not in kept]
        self._cohort, self._total, self._started = cohort, len(orders), time.perf_counter()
        self._done = states.count("done")
        self._failed = self._total - len(self.waiting) - self._done
        self._earlier = self._done + self._failed

    @property
    def standing(self) -> Standing:
        passed = time.perf_counter() - self._started
        now = self._done + self._failed - self._earlier
        return Standing(self._done, self._failed, self._total, now / passed if now else 0.0)

    def take(self, outcome: Outcome) -> None:
        if outcome.error is None and outcome.record is not None:
            self._cohort.records[outcome.order.clip] = outcome.record
            self._done += 1
        elif outcome.error is not None:
            if outcome.ends_the_run:
                raise outcome.error
            self._cohort.fail(outcome.order, outcome.error)
            self._failed += 1
