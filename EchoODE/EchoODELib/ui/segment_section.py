"""Segment: model, device, the button, its progress."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from ..engine.errors import WeightsError
from ..jobs.tasks import DEFAULT_MODEL
from ..logic.options import SegmentOptions
from .context import Context
from .run_control import RunControl
from .section import Section
from .shortcuts import withKeys

if TYPE_CHECKING:
    from ..scene.study import Study


def modelNames() -> dict[str, str]:
    """Models that can be chosen: name -> what they are for. Only the default one while cards can't be read yet."""
    if importlib.util.find_spec("yaml") is None:
        return {DEFAULT_MODEL: ""}
    from ..engine.weights import list_models

    try:
        cards = list_models()
    except WeightsError:  # a run will say so; the default may still be fine
        cards = []
    found = {card.name: card.intended_use for card in cards if card.task == "segmentation"}
    return {DEFAULT_MODEL: found.pop(DEFAULT_MODEL, ""), **found}


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
        self.ui.modelComboBox.connect("activated(int)", self._onModel)
        self._fillModels()

    def start(self) -> None:
        """Segment the clip in view."""
        parameters = self.context.parameters
        self.context.operations.segmentSequence(
            self.context.study, SegmentOptions(model=parameters.model, device=parameters.device.value)
        )

    def _fillModels(self) -> None:
        models = modelNames()
        self._models = list(models)
        combo = self.ui.modelComboBox
        combo.clear()
        for index, (name, use) in enumerate(models.items()):
            combo.addItem(name)
            combo.setItemData(index, use, 3)  # Qt.ToolTipRole

    def _onModel(self, index: int) -> None:
        self.context.parameters.model = "" if self._models[index] == DEFAULT_MODEL else self._models[index]

    def refresh(self, study: Study | None) -> None:
        """See Section."""
        parameters = self.context.parameters
        if parameters is not None:
            name = parameters.model or DEFAULT_MODEL
            if name not in self._models:  # of a scene from elsewhere, or trained since
                self._fillModels()
            if name not in self._models:
                self._models.append(name)
                self.ui.modelComboBox.addItem(name)
            self.ui.modelComboBox.setCurrentIndex(self._models.index(name))
        self.run.refresh("" if study is not None else _("Load or choose a clip first."))

    def refreshRun(self) -> None:
        """See Section."""
        self.run.refreshProgress()
