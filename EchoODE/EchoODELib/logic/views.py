"""Curve, tables, lines and the echo itself, kept in step with what is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..engine.errors import EchoODEError
from ..engine.sequence import Measurements

if TYPE_CHECKING:
    from ..scene.study import Study
    from .measuring import Measurer
    from .options import ViewOptions


class Views:
    """Draws what a :class:`Measurer` knows."""

    def __init__(self, measurer: Measurer) -> None:
        self._measurer = measurer

    def showClip(self, study: Study) -> None:
        """Bring a clip into the layout."""
        from ..scene.layout import EchoLayout

        EchoLayout.fitClip(study)

    def refresh(self, study: Study | None, options: ViewOptions) -> None:
        """Draw the study's curve, tables and lines anew, or clear them where nothing is measured."""
        from ..scene import curves, lines, tables
        from ..scene.study import Study

        if study is None or not study.exists:
            return
        measured = self._measured([study])
        if study in measured:
            lines.showLines(study, measured[study], visible=options.lines)
            tables.showTables(study, measured[study])
        else:
            lines.removeLines(study)
            tables.removeTables(study)
        shown = self._measured(Study.all()) if options.overlay else measured
        curves.showCurves(list(shown), shown, options.quantity)

    def updateCursor(self, study: Study) -> None:
        """Move the curve's cursor to the frame in view."""
        from ..scene import curves

        curves.updateCursor(study)

    def _measured(self, studies: list[Study]) -> dict[Study, Measurements]:
        found = {}
        for study in studies:
            try:
                found[study] = self._measurer.measure(study)
            except EchoODEError:
                continue
        return found
