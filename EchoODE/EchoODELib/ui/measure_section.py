"""Measurements: EF, the table, the curve's quantity, flagged frames, biplane, notes."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from ..engine.errors import EchoODEError
from ..engine.export.wording import spoken, spoken_summary, title_of
from ..engine.sequence import Measurements, View
from ..scene.study import Study
from .beat_table import BeatTable
from .context import Context
from .section import Section, setUsable

if TYPE_CHECKING:
    from collections.abc import Iterable

HEADLINE = (
    ("end_diastolic_volume", "end_systolic_volume"),
    ("end_diastolic_area", "end_systolic_area"),
    ("fractional_area_change", "global_longitudinal_strain"),
    ("heart_rate",),
)
MOST_FLAGS = 5  # more scroll


class MeasureSection(Section):
    """The fifth section."""

    file = "Measure"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        ui = self.ui
        self._table = BeatTable(ui.beatTable, context.goTo)
        self._flags: list[int] = []
        self._shown: Measurements | None = None
        ui.flagList.setWordWrap(True)
        ui.flagList.setHorizontalScrollBarPolicy(qt.Qt.ScrollBarAlwaysOff)
        ui.flagList.connect("itemClicked(QListWidgetItem*)", self._onFlag)

    def refresh(self, study: Study | None) -> None:
        """See Section."""
        ui = self.ui
        measured, hint = None, _("Load a clip and segment it; EF, volumes and strain appear here.")
        if study is not None:
            try:
                measured = self.context.operations.measure(study)
            except EchoODEError as error:
                hint = str(error)
            if self.context.operations.live.study == study:
                hint = _("Live is on: when it is turned off, everything is measured.")
        ui.measureHint.text = hint
        ui.measureHint.setVisible(measured is None)
        ui.resultsFrame.setVisible(measured is not None)
        if measured is not None and measured is not self._shown:
            self._show(measured)
        self._shown = measured
        if measured is not None:
            volume = "lv_volume" in measured.per_frame
            setUsable(
                ui.curveComboBox,
                _("What the curve shows."),
                "" if volume else _("This clip has no volumes: calibrate it, or choose its view."),
            )
        self._showBiplane(study, measured)

    def _show(self, measured: Measurements) -> None:
        ui, summary = self.ui, measured.summary
        ef = summary.get("ejection_fraction")
        ui.efLabel.text = "–" if ef is None else spoken(ef.mean, ef.unit)
        ui.efLabel.toolTip = _("Ejection fraction, mean over the beats.")
        beats = len(measured.beats)
        told = _("1 beat") if beats == 1 else _("{count} beats").format(count=beats)
        first = "<b>EF</b> · " + told
        if ef is not None and ef.count > 1:
            first = f"<b>EF</b> {html.escape(spoken_summary(ef))} · {told}"
        lines = [first, *_lines(measured)]
        ui.headlineLabel.text = "<br>".join(lines)
        self._table.show(measured)
        self._showFlags(measured)
        ui.notesLabel.text = "\n".join(f"• {note}" for note in measured.notes)
        ui.notesLabel.setVisible(bool(measured.notes))

    def _showFlags(self, measured: Measurements) -> None:
        ui, listed = self.ui, self.ui.flagList
        self._flags = [flag.frame for flag in measured.flags]
        listed.clear()
        for flag in measured.flags:
            listed.addItem(_("Frame {frame}: {reason}").format(frame=flag.frame, reason=flag.reason))
            listed.item(listed.count - 1).setIcon(self.context.icons("Warning"))
        frames = len(set(self._flags))
        ui.flagsLabel.text = (
            _("1 frame changes implausibly: check its mask.")
            if frames == 1
            else _("{count} frames change implausibly: check their masks.").format(count=frames)
        )
        ui.flagsFrame.setVisible(bool(frames))
        if frames:
            line = 2 * listed.fontMetrics().height() + 8
            listed.setFixedHeight(min(len(self._flags), MOST_FLAGS) * line + 2 * listed.frameWidth)

    def _onFlag(self, item: object) -> None:
        row = self.ui.flagList.currentRow
        if 0 <= row < len(self._flags):
            self.context.goTo(self._flags[row])

    def _showBiplane(self, study: Study | None, measured: Measurements | None) -> None:
        ui, parameters = self.ui, self.context.parameters
        partner = None if parameters is None else Study.of(parameters.biplaneBrowser)
        text = ""
        if partner is not None and partner == study:
            text = _("Choose another clip than the one in view.")
        elif partner is not None and study is not None:
            a4c, a2c = (partner, study) if study.view is View.A2C or partner.view is View.A4C else (study, partner)
            try:
                text = _biplane(self.context.operations.biplane(a4c, a2c))
            except EchoODEError as error:
                text = html.escape(str(error))
        ui.biplaneLabel.text = text
        ui.biplaneLabel.setVisible(bool(text))
        reason = "" if measured is not None else _("Segment the clip in view first.")
        setUsable(
            ui.biplaneSelector,
            _("The other apical view of the same heart, segmented too: A2C for an A4C clip and the reverse."),
            reason,
        )


def _lines(measured: Measurements) -> Iterable[str]:
    """The headline's lines below EF, as rich text: volumes, or areas where there are none."""
    summary = measured.summary
    for names in HEADLINE:
        if "end_diastolic_area" in names and "end_diastolic_volume" in summary:
            continue
        found = [f"{title_of(name)} {html.escape(spoken_summary(summary[name]))}" for name in names if name in summary]
        if found:
            yield " · ".join(found)


def _biplane(measured: Measurements) -> str:
    names = ("ejection_fraction", "end_diastolic_volume", "end_systolic_volume", "stroke_volume")
    found = [
        f"{title_of(name)} {html.escape(spoken_summary(measured.summary[name]))}"
        for name in names
        if name in measured.summary
    ]
    notes = "".join(f"<br>{html.escape(note)}" for note in measured.notes)
    return _("<b>Biplane</b> {values}").format(values=" · ".join(found)) + notes
