"""The module's panel: a message line, five sections, and what keeps them in step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from EchoODELib.engine.errors import EchoODEError
from EchoODELib.ui.context import SharedContext
from EchoODELib.ui.messages import Kind
from EchoODELib.ui.section_panel import SectionPanel

from ..module.events import Event
from ..module.operations import TrainingOperations
from .data_section import DataSection
from .evaluate_section import EvaluateSection
from .models_section import ModelsSection
from .recipe_section import RecipeSection
from .section import Section
from .train_section import TrainSection


class Panel(SectionPanel):
    """Builds the sections into a layout and follows parameters and operations.

    Parameters
    ----------
    layout: of the module's widget.
    operations: what the buttons call.
    resourcePath: from a path inside ``Resources`` to the file's.

    Attributes
    ----------
    ui: all widgets by name.
    """

    sections: Sequence[Section]

    def __init__(self, layout: Any, operations: TrainingOperations, resourcePath: Callable[[str], str]) -> None:
        context = SharedContext(operations, resourcePath)
        self.operations = operations
        self.data = DataSection(context)
        self.recipe = RecipeSection(context)
        self.data.options = lambda: self.recipe.options
        self.train = TrainSection(context, self.recipe)
        self.evaluate = EvaluateSection(context, self.recipe)
        self.models = ModelsSection(context)
        sections = (self.data, self.recipe, self.train, self.evaluate, self.models)
        super().__init__(layout, "EchoODETrainingPanel", context, sections)
        operations.listeners.append(self._onEvent)
        self.refresh()

    # The module's life

    def enter(self) -> None:
        """The module is shown: arrange the views, find runs that went on meanwhile."""
        self._entered = True
        self.train.views.arrange()
        self.refresh()
        self.train.views.draw()

    def exit(self) -> None:
        """Another module is shown: give the views back."""
        self._entered = False
        self.train.views.layout.restore()

    def setParameterNode(self, parameters: Any) -> None:
        """Bind the widgets to a TrainingParameterNode; None lets go of the scene's nodes."""
        self._unbind()
        if parameters is not None:
            self._bind(parameters)
        self.refresh()

    def sceneClosed(self) -> None:
        """The views' nodes went with the scene: draw them anew."""
        self.train.views.forget()
        if self._entered:
            self.train.views.arrange()
            self.train.views.draw()

    # Following

    def _onParameters(self, caller: Any = None, event: Any = None) -> None:
        if not self._later.active:
            self._later.start()

    def _onEvent(self, event: Event, error: EchoODEError | None) -> None:
        """The operations tell of a change."""
        if error is not None:
            self.context.messages.show(Kind.ERROR, str(error))
        if event is Event.DATA and not self.operations.busy(event):
            self.data.taken(failed=error is not None)
        if event is Event.EVALUATION and error is None:
            self.evaluate.ended()
        if event in (Event.RUNS, Event.PROGRESS) and self._entered:
            self.train.views.draw()
        if event is Event.PROGRESS:
            for section in self.sections:
                section.refreshProgress()
        else:
            self.refresh()  # at once: a button must not be clicked twice

    def tick(self) -> None:
        """Show how far everything is; called now and then."""
        if not self._entered:
            return
        for section in self.sections:
            section.refreshProgress()

    def refresh(self) -> None:
        """Show everything as it is now."""
        self._later.stop()
        for section in self.sections:
            section.refresh()
        if self._entered:
            self.operations.lookAgain(self.data.wanted)
