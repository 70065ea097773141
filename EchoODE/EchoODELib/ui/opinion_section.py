"""Second opinion: EF straight from the clip beside the masks', what the network looked at, where the clip lies."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import qt
from slicer.i18n import tr as _

from ..engine.errors import EchoODEError
from ..engine.export.wording import spoken
from ..engine.second_opinion import LARGE_DIFFERENCE, Comparison, SecondOpinion
from ..logic.options import EstimateOptions
from ..logic.second_opinions import NO_MODEL, efModels
from ..logic.view_proposals import cardsCanBeRead
from ..scene.heat import hideHeat, layOver, showHeat
from .context import Context
from .opinion_table import OpinionTable, spokenDifference
from .run_control import RunControl
from .section import Section
from .shown_run import ShownRun

if TYPE_CHECKING:
    from ..engine.sequence import Beat
    from ..scene.study import Study

_TOLD = ("was not validated on patients", "unlike the training data")  # notes that stand above in bold
_AMBER = "#c77c02"
_WARNING = (
    "QLabel#opinionWarningLabel { background: rgba(224, 142, 11, 32); border: 1px solid rgba(224, 142, 11, 110); "
    "border-radius: 4px; padding: 5px; }"
)


class OpinionSection(Section):
    """The sixth section."""

    file = "Opinion"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        ui = self.ui
        self._models: list[str] = []
        self._drawn: tuple[Any, ...] | None = None
        ui.opinionWarningLabel.setStyleSheet(_WARNING)
        ui.heatBar.setStyleSheet("QProgressBar::chunk { background: #f0681b; }")
        self._table = OpinionTable(ui.opinionTable, context.goTo, context.icons("Warning"))
        self.estimate = RunControl(
            context,
            "estimate",
            ui,
            _("Estimate EF from the clip"),
            "Opinion",
            _("Let a network say the ejection fraction of the clip itself, without masks, and of each whole beat."),
            self._onEstimate,
        )
        self.explain = ShownRun(
            context,
            "explain",
            ui,
            _("Show what it looked at"),
            "Look",
            _("Colour the echo where the network looked for its ejection fraction (HiResCAM): yellow is most."),
            self._onExplain,
            there=lambda: self._study is not None and self._opinions.hasHeat(self._study),
            shown=lambda: self._is("showHeat"),
            show=self._wantHeat,
        )
        self.map = ShownRun(
            context,
            "map",
            ui,
            _("Embedding map"),
            "Map",
            _("In the curve's place: the recordings that the network learned from, and this clip among them."),
            lambda: self._opinions.map(self._study),
            there=lambda: self._study is not None and self._opinions.chart(self._study) is not None,
            shown=lambda: self._is("showMap"),
            show=lambda on: self._set("showMap", on),
        )
        ui.efModelComboBox.connect("activated(int)", self._onModel)
        self.fillModels()

    @property
    def _study(self) -> Study | None:
        return self.context.study

    @property
    def _opinions(self) -> Any:
        return self.context.operations.opinions

    def _is(self, name: str) -> bool:
        return self.context.parameters is not None and bool(getattr(self.context.parameters, name))

    def _set(self, name: str, on: bool) -> None:
        setattr(self.context.parameters, name, on)

    def _wantHeat(self, on: bool) -> None:
        if on:  # one volume at a time lies over the echo
            self._set("showStrain", False)
        self._set("showHeat", on)

    def _options(self) -> EstimateOptions:
        parameters = self.context.parameters
        return EstimateOptions(model=parameters.efModel, device=parameters.device.value)

    def _onEstimate(self) -> None:
        self._opinions.estimate(self._study, self._options())

    def _onExplain(self) -> None:
        self._opinions.explain(self._study, self._options())

    def _onModel(self, index: int) -> None:
        self.context.parameters.efModel = self._models[index]

    def fillModels(self) -> None:
        """List the models anew: some may have been trained, imported or deleted since."""
        models = efModels()
        self._models = ["", *models]
        combo = self.ui.efModelComboBox
        combo.clear()
        first = next(iter(models), "")
        combo.addItem(_("Automatic ({name})").format(name=first) if first else _("None is installed"))
        for index, (name, use) in enumerate(models.items(), start=1):
            combo.addItem(name)
            combo.setItemData(index, use, qt.Qt.ToolTipRole)

    def refresh(self, study: Study | None) -> None:
        """See Section."""
        ui, parameters = self.ui, self.context.parameters
        if parameters is not None:
            self._showModel(parameters.efModel)
            if parameters.showStrain and parameters.showHeat:  # the later choice wins
                parameters.showHeat = False
        missing = NO_MODEL if len(self._models) == 1 and cardsCanBeRead() else ""
        self.estimate.refresh(missing or ("" if study is not None else _("Load or choose a clip first.")))
        opinion = None if study is None else self._opinions.opinion(study)
        first = _("Estimate EF from the clip first.")
        self.explain.refresh("" if opinion is not None else first)
        self.map.refresh("" if opinion is not None else first)
        ui.opinionFrame.setVisible(opinion is not None)
        ui.opinionHint.setVisible(opinion is None)
        ui.opinionHint.text = missing or _(
            "A network that sees no masks says EF; a large difference is a reason to look."
        )
        if study is None or opinion is None:
            self._drawn = None
            return
        self._show(study, opinion)
        self._showHeat(study)
        self._showMap(study, opinion)

    def refreshRun(self) -> None:
        """See Section."""
        for run in (self.estimate, self.explain, self.map):
            run.refreshProgress()

    def leave(self, study: Study) -> None:
        """See Section: two clips share the echo's view."""
        if study.exists:
            hideHeat(study)

    def release(self) -> None:
        """See Section."""
        self._drawn = None
        layOver()

    def _showModel(self, name: str) -> None:
        if name not in self._models:  # of a scene from elsewhere, or trained since
            self.fillModels()
        if name not in self._models:
            self._models.append(name)
            self.ui.efModelComboBox.addItem(name)
        self.ui.efModelComboBox.setCurrentIndex(self._models.index(name))

    def _show(self, study: Study, opinion: SecondOpinion) -> None:
        compared = self._opinions.compared(study)
        beats = self._beats(study)
        drawn = (study, opinion, compared)
        if drawn == self._drawn:
            return
        self._drawn = drawn
        ui, whole = self.ui, compared[0]
        count = len(beats)
        ui.masksEfLabel.text = "–" if whole.masks is None else spoken(whole.masks, "%")
        told = _("1 beat") if count == 1 else _("{count} beats").format(count=count)
        ui.masksEfNote.text = _("no masks with a beat yet") if whole.masks is None else told
        ui.clipEfLabel.text = spoken(opinion.value, "%")
        ui.clipEfNote.text = f"<b>{opinion.low:.0f} – {opinion.high:.0f} %</b>"
        ui.differenceLabel.text = spokenDifference(whole)
        ui.differenceLabel.setStyleSheet(f"color: {_AMBER};" if whole.large else "")
        ui.differenceNote.text = "" if whole.difference is None else _judged(whole)
        warnings = _warnings(whole, compared[1:], opinion)
        ui.opinionWarningLabel.text = "<br>".join(f"⚠ {text}" for text in warnings)
        ui.opinionWarningLabel.setVisible(bool(warnings))
        self._table.show(compared, beats)
        notes = [note for note in opinion.notes if not any(words in note for words in _TOLD)]
        if any(one.clip is None for one in compared if one.beat is not None):
            notes.append(_("Beats without a value are not whole, or their ED was moved since: estimate again."))
        ui.opinionNotesLabel.text = "\n".join(f"• {note}" for note in notes)
        ui.opinionNotesLabel.setVisible(bool(notes))

    def _beats(self, study: Study) -> Sequence[Beat]:
        try:
            return self.context.operations.measure(study).beats
        except EchoODEError:  # no masks yet
            return ()

    def _showHeat(self, study: Study) -> None:
        ui, there = self.ui, self._opinions.hasHeat(study)
        shown = there and self._is("showHeat")
        if shown:
            showHeat(study)
        else:
            hideHeat(study)
        share = self._opinions.shareInLV(study) if shown else None
        ui.heatFrame.setVisible(shown)
        ui.heatBar.setVisible(share is not None)
        masks = study.masks()
        if share is None and masks is not None and masks.any():
            ui.heatLabel.text = _("There is no heat: nothing that the network saw here raised its answer.")
        elif share is None:
            ui.heatLabel.text = _("Segment the clip to see how much of it lies in the LV.")
        else:
            ui.heatBar.value = round(100 * share[0])
            told = [f"{100 * value:.0f}" for value in (*share, *self._opinions.shareInLV(study, wall=True))]
            ui.heatLabel.text = _(
                "{lv} % of the heat lies in the LV, {wall} % in the LV with its wall; spread evenly over the sector it "
                "would be {lvEven} % and {wallEven} %."
            ).format(lv=told[0], lvEven=told[1], wall=told[2], wallEven=told[3])

    def _showMap(self, study: Study, opinion: SecondOpinion) -> None:
        ui, mapped = self.ui, self._is("showMap") and self._opinions.chart(study) is not None
        ui.mapLabel.setVisible(mapped)
        ui.mapLabel.text = (
            _("The map is in the curve's place; this clip is unlike all on it, so its place there says little.")
            if opinion.unlike
            else _("The map is in the curve's place; neighbours look alike to the network.")
        )


def _judged(whole: Comparison) -> str:
    limit = f"{LARGE_DIFFERENCE:.0f}"
    if whole.large:
        return _("more than {limit} points").format(limit=limit)
    return _("points, within {limit}").format(limit=limit)


def _warnings(whole: Comparison, beats: Sequence[Comparison], opinion: SecondOpinion) -> list[str]:
    """What a person must know before anything else, as rich text."""
    warnings = []
    if whole.large:
        warnings.append(
            _(
                "<b>The two differ by {points} points:</b> check masks, ED and ES, and what the network looked at."
            ).format(points=f"{abs(whole.difference or 0.0):.0f}")
        )
    elif apart := [str(one.beat) for one in beats if one.large]:
        warnings.append(
            _("<b>They differ on single beats ({beats}):</b> check masks, ED and ES there.").format(
                beats=", ".join(apart)
            )
        )
    if opinion.unlike:
        warnings.append(_("<b>Unlike the training data:</b> don't rely on the network's answer."))
    if not opinion.validated:
        name = html.escape(opinion.model)
        warnings.append(_("<b>Not validated on patients:</b> {name}.").format(name=name))
    return warnings
