"""Curve, tables and lines, kept in step with what is measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..engine.errors import EchoODEError
from ..engine.second_opinion import compare
from ..engine.sequence import Measurements
from ..scene import curves, layout, lines, tables
from ..scene.embedding_map import mapOf
from ..scene.opinions import readOpinion, showComparison
from ..scene.study import Study
from .options import ViewOptions

if TYPE_CHECKING:
    from .measuring import Measurer


class Views:
    """Draws what a :class:`~.measuring.Measurer` knows."""

    def __init__(self, measurer: Measurer) -> None:
        self._measurer = measurer
        self._lined: dict[Any, Any] = {}  # browser node -> the masks that its lines were drawn from

    def refresh(self, study: Study | None, options: ViewOptions) -> None:
        """Draw the study's curve, tables and lines anew, or clear them where nothing is measured."""
        for _ in self.refreshing(study, options):
            pass

    def refreshing(self, study: Study | None, options: ViewOptions) -> Iterator[None]:
        """As :meth:`refresh`, piece by piece, so that other work gets its turn."""
        if study is None or not study.exists:
            return
        measured = self._measured([study])
        yield
        if study in measured:
            self._showLines(study, measured[study], options)
            yield
            tables.showFrames(study, measured[study])
            yield
            layout.showTable(tables.showBeats(study, measured[study]))
        else:
            lines.hideLines(study)
            tables.removeTables(study)
        opinion = readOpinion(study)
        if opinion is not None:
            showComparison(study, compare(measured.get(study), opinion))
        yield
        if options.overlay:
            others = self._measured([other for other in Study.all() if other != study])
            measured = {**measured, **others}
        chart = curves.showCurves(list(measured), measured, options.quantity)
        known = mapOf(study, opinion.network) if options.map and opinion is not None else None
        layout.showChart(known or chart)

    def showLive(self, study: Study, measurements: Measurements) -> None:
        """Draw the curve of a clip while Live is on; what else shows measurements waits for its end."""
        layout.showChart(curves.showCurves([study], {study: measurements}, "area"))

    def updateCursor(self, study: Study) -> None:
        """Move the curve's cursor to the frame in view."""
        curves.updateCursor(study)

    def forget(self) -> None:
        """Let go of the scene's nodes."""
        self._lined.clear()

    def _showLines(self, study: Study, measurements: Measurements, options: ViewOptions) -> None:
        if not options.lines:
            self._lined.pop(study.browserNode, None)
            lines.hideLines(study)
            return
        state = (study.masks(), study.sequence())
        drawn = self._lined.get(study.browserNode)
        if drawn is None or any(new is not old for new, old in zip(state, drawn, strict=True)):
            lines.showLines(study, measurements)
            self._lined[study.browserNode] = state

    def _measured(self, studies: Sequence[Study]) -> dict[Study, Measurements]:
        found = {}
        for study in studies:
            try:
                found[study] = self._measurer.measure(study)
            except EchoODEError:  # nothing to measure yet
                continue
        return found
