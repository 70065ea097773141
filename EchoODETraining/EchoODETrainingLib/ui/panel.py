"""The module's panel: a message line, five sections, and what keeps them in step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
import vtk
from EchoODELib.engine.errors import EchoODEError
from EchoODELib.ui.context import Context
from EchoODELib.ui.messages import Kind
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..module.operations import Event, TrainingOperations
from ..module.views import TrainingLayout
from .data_section import DataSection
from .evaluate_section import EvaluateSection
from .models_section import ModelsSection
from .recipe_section import RecipeSection
from .section import Section
from .train_section import TrainSection


class Widgets:
    """Widgets by name, as ``connectGui`` takes them."""


class Panel(VTKObservationMixin):
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

    def __init__(self, layout: Any, operations: TrainingOperations, resourcePath: Callable[[str], str]) -> None:
        VTKObservationMixin.__init__(self)
        self.context = Context(operations, resourcePath)  # type: ignore[arg-type]
        self.operations = operations
        self.data = DataSection(self.context)
        self.recipe = RecipeSection(self.context)
        self.data.options = lambda: self.recipe.options
        self.train = TrainSection(self.context, self.recipe)
        self.evaluate = EvaluateSection(self.context, self.recipe)
        self.models = ModelsSection(self.context)
        self.sections: tuple[Section, ...] = (self.data, self.recipe, self.train, self.evaluate, self.models)
        self.layout = TrainingLayout()
        self.ui: Any = Widgets()
        self._bound: Any = Widgets()
        self.widget = qt.QWidget()
        self.widget.objectName = "EchoODETrainingPanel"
        self._arrange(layout)
        self._entered = False
        self._connection: Any = None
        # Many changes come together; the panel is drawn once for all of them.
        self._later = qt.QTimer()
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.connect("timeout()", self.refresh)
        operations.listeners.append(self._onEvent)
        self.refresh()

    def _arrange(self, layout: Any) -> None:
        column = qt.QVBoxLayout(self.widget)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.context.messages.widget)
        for section in self.sections:
            column.addWidget(section.widget)
            for name, widget in vars(section.ui).items():
                setattr(self.ui, name, widget)
                if widget.property("SlicerParameterName"):
                    setattr(self._bound, name, widget)
        note = qt.QLabel(_("Research software, not a medical device."))
        note.objectName = "disclaimerLabel"
        note.alignment = qt.Qt.AlignCenter
        note.enabled = False
        column.addWidget(note)
        layout.addWidget(self.widget)
        layout.addStretch(1)

    # The module's life

    def enter(self) -> None:
        """The module is shown: arrange the views, find runs that went on meanwhile."""
        self._entered = True
        self.layout.install()
        self.refresh()
        self.train.showViews()

    def exit(self) -> None:
        """Another module is shown: give the views back."""
        self._entered = False
        self.layout.restore()

    def cleanup(self) -> None:
        """Let go of everything; the panel is not used again."""
        self._later.stop()
        if self._entered:
            self.exit()
        self.setParameterNode(None)
        self.operations.listeners.remove(self._onEvent)

    def setParameterNode(self, parameters: Any) -> None:
        """Bind the widgets to a TrainingParameterNode; None lets go of the scene's nodes."""
        if self.context.parameters is not None:
            self.context.parameters.disconnectGui(self._connection)
        self.removeObservers()
        self._connection = None
        self.context.parameters = parameters
        if parameters is not None:
            for section in self.sections:
                section.widget.setMRMLScene(slicer.mrmlScene)
            self._connection = parameters.connectGui(self._bound)
            self.addObserver(parameters, vtk.vtkCommand.ModifiedEvent, self._onParameters)
        self.refresh()

    def sceneClosed(self) -> None:
        """The views' nodes went with the scene: draw them anew."""
        self.train.forgetViews()
        if self._entered:
            self.layout.install()
            self.train.showViews()

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
            self.train.showViews()
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
