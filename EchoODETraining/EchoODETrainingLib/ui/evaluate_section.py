"""Evaluate: a model on the data sets above, its key figures, the report."""

from __future__ import annotations

import qt
from EchoODELib.ui.context import SharedContext
from EchoODELib.ui.messages import Kind
from EchoODELib.ui.section import setUsable
from slicer.i18n import tr as _

from ..module import models
from ..module.data import DataChoice
from ..module.events import Event
from .errand_control import ErrandControl
from .recipe_section import RecipeSection
from .section import Section
from .table import Table


class EvaluateSection(Section):
    """The fourth section.

    Parameters
    ----------
    recipe: the section that knows how the recipe opens data sets.
    """

    file = "TrainingEvaluate"

    def __init__(self, context: SharedContext, recipe: RecipeSection) -> None:
        super().__init__(context)
        ui = self.ui
        self._recipe = recipe
        self._models: list[tuple[str, str]] = []  # (what is evaluated, as the combo box says it)
        self._chosen = ""
        self._draws = True  # masks, the chosen one
        self._table = Table(ui.figuresTable, (_("Figure"), _("Value"), _("95 %")), selectable=False)
        self._table.show([])
        ui.openReportButton.setIcon(context.icons("Report"))
        ui.openReportButton.connect("clicked()", self._onOpen)
        ui.evaluateModelComboBox.connect("activated(int)", self._onModel)
        self.errand = ErrandControl(
            context,
            Event.EVALUATION,
            ui.evaluateButton,
            ui,
            "evaluate",
            _("Evaluate"),
            "Evaluate",
            _("Compare the model's masks with those of the data sets' experts, and write a report."),
            _("Evaluating…"),
            self.start,
        )

    def start(self) -> None:
        """Evaluate the chosen model on the data sets above.

        Raises
        ------
        UnsuitableClip, MissingPackages: as ``TrainingOperations.evaluate``.
        """
        parameters = self.context.parameters
        data = [DataChoice.parse(text) for text in parameters.dataSets]
        split, device = parameters.split.value, parameters.device.value
        self.operations.evaluate(self._chosen, data, split, device, self._recipe.options)

    def ended(self) -> None:
        """An evaluation has ended well: say where the report is."""
        evaluation = self.operations.evaluation
        if evaluation is not None:
            text = _("{model} was evaluated; the report is in {folder}.").format(
                model=evaluation.model, folder=evaluation.report.parent
            )
            self.context.messages.show(Kind.DONE, text)

    def refresh(self) -> None:
        """See Section."""
        parameters = self.context.parameters
        self._fill()
        reason = ""
        if parameters is None or not parameters.dataSets:
            reason = _("Add a data set in the section Data first.")
        elif not self._chosen:
            reason = _("There is no model yet: train one.")
        elif not self._draws:
            reason = _("This model draws no masks: how good its answers are is shown with its run.")
        self.errand.refresh(reason)
        evaluation = self.operations.evaluation
        self._table.show([] if evaluation is None else evaluation.rows)
        setUsable(
            self.ui.openReportButton,
            _("Show the report in the web browser."),
            "" if evaluation is not None and evaluation.report.is_file() else _("Evaluate a model first."),
        )

    def refreshProgress(self) -> None:
        """See Section."""
        self.errand.refreshProgress()

    def _fill(self) -> None:
        run = self.operations.run
        card = None if run is None else run.model()
        found = [] if card is None else [(str(card), _("Result of %s") % run.name)]
        found += [(model.name, model.name) for model in models.known() if model.draws]
        if found != self._models:
            if card is not None and found[0] not in self._models:  # it has just been made
                self._chosen = found[0][0]
            self._models = found
            self.ui.evaluateModelComboBox.clear()
            for _value, text in found:
                self.ui.evaluateModelComboBox.addItem(text)
        values = [value for value, _text in found]
        if self._chosen not in values:
            self._chosen = values[0] if values else ""
        self._draws = card is None or self._chosen != str(card) or models.draws_masks(card)
        if values:
            self.ui.evaluateModelComboBox.setCurrentIndex(values.index(self._chosen))

    def _onModel(self, index: int) -> None:
        self._chosen = self._models[index][0]
        self.refresh()

    def _onOpen(self) -> None:
        evaluation = self.operations.evaluation
        if evaluation is not None:
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(evaluation.report)))
