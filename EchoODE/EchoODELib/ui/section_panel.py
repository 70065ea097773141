"""What the modules' panels share: a column of sections below a message line, bound to the scene's parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from .context import SharedContext
from .section import UiSection


class Widgets:
    """Widgets by name, as ``connectGui`` takes them."""


class SectionPanel(VTKObservationMixin):
    """Builds sections into a layout; what it shows of them is for its subclasses to say.

    Parameters
    ----------
    layout: of the module's widget.
    name: of the panel's own widget.
    context: shared by the sections.
    sections: from the top down.

    Attributes
    ----------
    context, sections: as given.
    ui: all widgets by name.
    """

    def __init__(self, layout: Any, name: str, context: SharedContext, sections: Sequence[UiSection]) -> None:
        VTKObservationMixin.__init__(self)
        self.context = context
        self.sections = sections
        self.ui: Any = Widgets()
        # Apart: parts of the segment editor, which come and go, are in the other, too.
        self._bound: Any = Widgets()
        self.widget = qt.QWidget()
        self.widget.objectName = name
        self._arrange(layout)
        self._entered = False
        self._connection: Any = None
        # Many changes come together; the panel is drawn once for all of them.
        self._later = qt.QTimer()
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.connect("timeout()", self.refresh)

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

    def exit(self) -> None:
        """Another module is shown: give the views back."""
        raise NotImplementedError

    def setParameterNode(self, parameters: Any) -> None:
        """Bind the widgets to a parameter node; None lets go of the scene's nodes."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Show everything as it is now."""
        raise NotImplementedError

    def cleanup(self) -> None:
        """Let go of everything; the panel is not used again."""
        self._later.stop()
        if self._entered:
            self.exit()
        self.setParameterNode(None)
        self.context.operations.listeners.remove(self._onEvent)

    def _onEvent(self, event: Any, about: Any) -> None:
        """The operations tell of a change."""
        raise NotImplementedError

    def _onParameters(self, caller: Any = None, event: Any = None) -> None:
        """A person, a script or the scene has changed the parameters."""
        raise NotImplementedError

    def _bind(self, parameters: Any) -> None:
        """Let widgets and parameters follow each other."""
        for section in self.sections:
            section.widget.setMRMLScene(slicer.mrmlScene)
        self.context.parameters = parameters
        self._connection = parameters.connectGui(self._bound)
        self.addObserver(parameters, vtk.vtkCommand.ModifiedEvent, self._onParameters)

    def _unbind(self) -> None:
        """Take back :meth:`_bind`, and stop observing anything."""
        if self.context.parameters is not None:
            self.context.parameters.disconnectGui(self._connection)
        self.removeObservers()
        self._connection = self.context.parameters = None
