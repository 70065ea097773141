"""Segment: model, device, the button, its progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from ..engine.errors import WeightsError
from ..logic.options import SegmentOptions
from ..logic.view_proposals import cardsCanBeRead, modelFor
from .context import Context
from .live_control import LiveControl
from .run_control import RunControl
from .section import Section
from .shortcuts import withKeys

if TYPE_CHECKING:
    from ..scene.study import Study


def knownModels() -> dict[str, tuple[str, str]]:
    """Models that can be chosen: value of the parameter -> (name, what it is for); "" is the one that fits the view.

    Without PyYAML, which comes with the first run, cards can't be read yet and there is the default only.
    """
    if not cardsCanBeRead():
        return {"": (_("Default"), "")}
    from ..engine.weights import models_for

    try:
        cards = {card.name: card for card in models_for("segmentation")}
    except WeightsError:  # a run will say so; the default may still be fine
        cards = {}
    automatic = _("The model that fits the clip's view.")
    return {"": (_("Automatic"), automatic), **{name: (name, card.intended_use) for name, card in cards.items()}}


class SegmentSection(Section):
    """The second section."""

    file = "Segment"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._models: list[str] = []
        self.run = RunControl(
            context,
            "segment",
            self.ui,
            _("Segment sequence"),
            "Segment",
            withKeys(
                _(
                    "Outline the LV, the myocardium and the left atrium on every frame. "
                    "Corrected frames keep their masks."
                ),
                "segment",
            ),
            self.start,
        )
        self.live = LiveControl(context, self.ui, self.startLive)
        self.ui.modelComboBox.connect("activated(int)", self._onModel)
        self.fillModels()

    def start(self) -> None:
        """Segment the clip in view."""
        self.context.operations.segmentSequence(self.context.study, self._options())

    def startLive(self) -> None:
        """Segment the clip in view as it plays, or is recorded."""
        self.context.operations.startLive(self.context.study, self._options())

    def _options(self) -> SegmentOptions:
        parameters = self.context.parameters
        return SegmentOptions(model=parameters.model, device=parameters.device.value)

    def fillModels(self) -> None:
        """List the models anew: some may have been trained, imported or deleted since."""
        models = knownModels()
        self._models = list(models)
        combo = self.ui.modelComboBox
        combo.clear()
        for index, (name, use) in enumerate(models.values()):
            combo.addItem(name)
            combo.setItemData(index, use, qt.Qt.ToolTipRole)

    def _onModel(self, index: int) -> None:
        self.context.parameters.model = self._models[index]

    def refresh(self, study: Study | None) -> None:
        """See Section."""
        parameters = self.context.parameters
        if parameters is not None:
            name = parameters.model
            if name not in self._models:  # of a scene from elsewhere, or trained since
                self.fillModels()
            if name not in self._models:
                self._models.append(name)
                self.ui.modelComboBox.addItem(name)
            self.ui.modelComboBox.setCurrentIndex(self._models.index(name))
        fitting = "" if study is None else modelFor(study.view)
        self.ui.modelComboBox.setItemText(
            0, _("Automatic ({name})").format(name=fitting) if fitting else _("Automatic")
        )
        reason = "" if study is not None else _("Load or choose a clip first.")
        self.run.refresh(reason)
        self.live.refresh(reason)

    def refreshRun(self) -> None:
        """See Section."""
        self.run.refreshProgress()
        self.live.refreshState()

    def leave(self, study: Study) -> None:
        """See Section: Live follows the clip in view."""
        if self.context.operations.live.study == study:
            self.context.operations.live.stop()
