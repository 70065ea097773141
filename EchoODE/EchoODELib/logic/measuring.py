"""Measuring what the scene holds, again and again, without outlining the same masks twice."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import wait as waitFor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..engine.errors import EchoODEError, UnsuitableMask
from ..engine.sequence import Measurements, SegmentedSequence

if TYPE_CHECKING:
    from ..engine.measure import Outlines
    from ..scene.study import Study


_TURN = 0.01  # seconds that a thread is given at a time


@dataclass
class _Known:
    """What was measured on one clip, and of what."""

    state: tuple[object, ...]
    result: SegmentedSequence
    outlines: Outlines
    phases: tuple[object, ...] = ()
    measurements: Measurements | None = None


class Measurer:
    """Measures studies; what neither masks, motion nor phases changed is remembered."""

    def __init__(self) -> None:
        self._known: dict[Any, _Known] = {}
        self._changing: set[Any] = set()

    def measure(self, study: Study) -> Measurements:
        """Beats, curves and flags of a study, at its own ED and ES frames where it has any.

        Raises
        ------
        UnsuitableMask: there are no masks, or no LV on any.
        """
        from ..engine.measure import measure

        known = self._outlined(study)
        phases = (study.edFrames, study.esFrames)
        if known.measurements is None or known.phases != phases:
            known.measurements = measure(
                known.result,
                ed_frames=study.edFrames or None,
                es_frames=study.esFrames or None,
                outlines=known.outlines,
            )
            known.phases = phases
        return known.measurements

    def findPhases(self, study: Study) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """ED and ES frames as the area curve (or a short clip's file) shows them, whatever was set.

        Raises
        ------
        UnsuitableMask: as :meth:`measure`.
        """
        from ..engine.measure import measure

        known = self._outlined(study)
        found = measure(known.result, outlines=known.outlines)
        return found.ed_frames, found.es_frames

    def biplane(self, a4c: Study, a2c: Study) -> Measurements:
        """Biplane volumes and EF of an A4C and an A2C clip.

        Raises
        ------
        UnsuitableClip: other views, or a clip without a beat.
        UnsuitableMask: a clip without masks.
        """
        from ..engine.measure import measure_biplane

        results = [self._outlined(study).result for study in (a4c, a2c)]
        measured = measure_biplane(
            *results,
            ed_frames=(a4c.edFrames or None, a2c.edFrames or None),
            es_frames=(a4c.esFrames or None, a2c.esFrames or None),
        )
        return replace(measured, notes=(*measured.notes, "The beats of two clips are paired in their order."))

    def result(self, study: Study) -> SegmentedSequence:
        """The study as the engine's type, remembered while nothing changes.

        Raises
        ------
        UnsuitableMask: as :meth:`measure`.
        """
        return self._outlined(study).result

    def isMeasurable(self, study: Study) -> bool:
        """Whether :meth:`measure` would give numbers."""
        try:
            self._outlined(study)
        except EchoODEError:
            return False
        return True

    def forget(self) -> None:
        """Let go of everything; the scene is about to close."""
        self._known.clear()

    @contextmanager
    def changing(self, study: Study) -> Iterator[None]:
        """Within, a study's masks and motion are written bit by bit: what was measured before them still counts.

        Whoever shows measurements would otherwise outline half a result, and keep everything else waiting.
        """
        self._changing.add(study.browserNode)
        try:
            yield
        finally:
            self._changing.discard(study.browserNode)

    def outlining(self, study: Study) -> Iterator[None]:
        """Outline a study's masks beside the application's events: yields until all is known."""
        from ..engine.measure import outline
        from ..scene import motion

        try:
            state = self._stateOf(study)
        except EchoODEError:  # nothing to outline, as whoever measures will hear
            return
        known = self._known.get(study.browserNode)
        if known is not None and known.state == state:
            return
        yield from motion.reading(study)
        result = study.result()
        assert result is not None
        yield
        # Arrays only: the scene is never touched from another thread.
        with ThreadPoolExecutor(1) as beside:
            work = beside.submit(outline, result)
            while not work.done():
                # Rest rather than turn round: only then does the thread get on, in Slicer as elsewhere.
                waitFor([work], _TURN)
                yield
        if work.exception() is None:
            self._known[study.browserNode] = _Known(state, result, work.result())

    def _outlined(self, study: Study) -> _Known:
        from ..engine.measure import outline

        known = self._known.get(study.browserNode)
        if study.browserNode in self._changing:
            if known is None:
                raise UnsuitableMask("The masks are being measured; wait a moment.")
            return known
        state = self._stateOf(study)
        if known is None or known.state != state:
            result = study.result()
            assert result is not None
            known = self._known[study.browserNode] = _Known(state, result, outline(result))
        return known

    def _stateOf(self, study: Study) -> tuple[object, ...]:
        """What outlines depend on; the arrays named by their identity are kept alive by the entry in _known."""
        from ..scene.motion import TRACKING

        masks = study.masks()
        if masks is None or not masks.any():
            raise UnsuitableMask("There are no masks yet: segment the sequence, or draw the LV on the ED frame.")
        tracking = study.browserNode.GetNodeReference(TRACKING)
        return (
            id(masks),
            id(study.sequence()),
            study.correctedFrames,
            study.browserNode.GetAttribute("EchoODE.Provenance"),
            tracking.GetMTime() if tracking is not None else None,
        )
