"""The module's panel: a message line, seven sections, and what keeps them in step with the scene."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import slicer
import vtk
from slicer.i18n import tr as _

from ..logic.options import Event, ViewOptions
from ..scene.layout import fitClip
from ..scene.nodes import PREFIX
from ..scene.study import Study
from .clip_section import ClipSection
from .context import Context
from .correct_section import CorrectSection
from .curve_interaction import CurveInteraction
from .display_section import DisplaySection
from .export_section import ExportSection, defaultFolder
from .measure_section import MeasureSection
from .messages import Kind
from .opinion_section import OpinionSection
from .section import Section
from .section_panel import SectionPanel
from .segment_section import SegmentSection
from .shortcuts import Shortcuts

if TYPE_CHECKING:
    from ..logic.operations import Operations

_CURSOR_S = 0.07  # between two drawings of the curve while the clip plays: they cost as much as half a frame
_OUTCOMES = {Event.FINISHED: Kind.DONE, Event.FAILED: Kind.ERROR, Event.CANCELLED: Kind.INFO}


class Panel(SectionPanel):
    """Builds the sections into a layout and follows scene, parameters and operations.

    Parameters
    ----------
    layout: of the module's widget.
    operations: what the buttons call.
    resourcePath: from a path inside ``Resources`` to the file's.

    Attributes
    ----------
    ui: all widgets by name.
    """

    context: Context
    sections: Sequence[Section]

    def __init__(self, layout: Any, operations: Operations, resourcePath: Callable[[str], str]) -> None:
        context = Context(operations, resourcePath)
        self.clip, self.segment = ClipSection(context), SegmentSection(context)
        self.correct, self.display = CorrectSection(context), DisplaySection(context)
        self.measure, self.opinion = MeasureSection(context), OpinionSection(context)
        self.export = ExportSection(context)
        sections = (self.clip, self.segment, self.correct, self.display, self.measure, self.opinion, self.export)
        super().__init__(layout, "EchoODEPanel", context, sections)
        self.curve = CurveInteraction(self.context)
        self.shortcuts = Shortcuts(
            {
                "previousFrame": lambda: self._step(-1),
                "nextFrame": lambda: self._step(1),
                "goToED": self.correct.ed.goToNext,
                "goToES": self.correct.es.goToNext,
                "play": self._play,
                "segment": lambda: self.ui.segmentButton.click(),
                "live": lambda: self.ui.liveButton.click(),
                "edit": lambda: self.ui.editButton.click(),
                "propagate": lambda: self.ui.propagateButton.click(),
                "undo": lambda: self.ui.undoButton.click(),
            }
        )
        self._frame, self._state = -1, ()
        self._refused: Any = None  # a browser without images that was told of
        self._cursorFrame, self._cursorTime = -1, 0.0
        operations.listeners.append(self._onEvent)
        self.refresh()

    # The module's life

    def enter(self) -> None:
        """The module is shown: arrange the views, let keys and curve work."""
        self._entered = True
        self.segment.fillModels()
        self.opinion.fillModels()
        self.display.arrangeViews()
        self.shortcuts.install()
        self.curve.begin()
        self.refresh()

    def exit(self) -> None:
        """Another module is shown: give views, keys and mouse back. What is drawn on the echo stays."""
        self._entered = False
        self.correct.editor.stop()
        self.clip.stopCalibration()
        self.shortcuts.remove()
        self.curve.end()
        self.display.layout.restore()

    def setParameterNode(self, parameters: Any) -> None:
        """Bind the widgets to an EchoODEParameterNode; None lets go of the scene's nodes."""
        self._unbind()
        self._refused = None
        if parameters is None:
            self._follow(None)
            for section in self.sections:
                section.release()
            self.curve.release()
            self.refresh()
            return
        if str(parameters.exportFolder) in ("", "."):
            parameters.exportFolder = defaultFolder()
        self._bind(parameters)
        for event in (slicer.vtkMRMLScene.NodeAddedEvent, slicer.vtkMRMLScene.NodeRemovedEvent):
            self.addObserver(slicer.mrmlScene, event, self._onSceneChanged)
        self.context.study = None
        self._onParameters()
        self.refresh()

    def setStudy(self, study: Study | None) -> None:
        """Choose a clip, as the selector does."""
        if self.context.parameters is not None:
            self.context.parameters.browser = None if study is None else study.browserNode

    # Following

    def _onParameters(self, caller: Any = None, event: Any = None) -> None:
        browser = self.context.parameters.browser
        study = Study.of(browser)
        if study is not None:
            study = self.context.attempt(lambda: self.context.operations.adopt(browser))
        elif browser is not None and browser is not self._refused:
            name = browser.GetName()
            text = _("“{name}” plays no images: choose a clip, or load one.").format(name=name)
            self.context.messages.show(Kind.WARNING, text)
        self._awaitImages(browser if study is None else None)
        if study != self.context.study:
            self._follow(study)
        self._applyViewOptions()
        self._later.start()

    def _awaitImages(self, browser: Any) -> None:
        """A browser without images is refused, but a recording may begin in it."""
        event = vtk.vtkCommand.ModifiedEvent
        if self._refused is not None and self.hasObserver(self._refused, event, self._onRefused):
            self.removeObserver(self._refused, event, self._onRefused)
        self._refused = browser
        if browser is not None:
            self.addObserver(browser, event, self._onRefused)

    def _onRefused(self, caller: Any = None, event: Any = None) -> None:
        if self.context.parameters is not None and Study.of(self._refused) is not None:
            self.context.messages.clear()
            self._onParameters()

    def _follow(self, study: Study | None) -> None:
        """Another clip is in view."""
        before = self.context.study
        if before is not None:
            for section in self.sections:
                section.leave(before)
            if self.hasObserver(before.browserNode, vtk.vtkCommand.ModifiedEvent, self._onBrowser):
                self.removeObserver(before.browserNode, vtk.vtkCommand.ModifiedEvent, self._onBrowser)
        self.context.study = study
        self._frame, self._state = -1, ()
        if study is None:
            return
        self.addObserver(study.browserNode, vtk.vtkCommand.ModifiedEvent, self._onBrowser)
        self._state = self._stateOf(study)
        if self._entered:
            self.context.attempt(lambda: fitClip(study))
        self.context.operations.refreshViews(study)

    def _applyViewOptions(self) -> None:
        parameters, operations = self.context.parameters, self.context.operations
        options = ViewOptions(
            quantity=parameters.curveQuantity.value,
            overlay=parameters.overlayClips,
            lines=parameters.showLines,
            map=parameters.showMap,
        )
        if options != operations.viewOptions:
            operations.viewOptions = options
            operations.refreshViews(self.context.study)

    def _onBrowser(self, caller: Any = None, event: Any = None) -> None:
        study = self.context.study
        if study is None:
            return
        if not study.exists:
            self._later.start()
            return
        if study.frame != self._frame:
            self._frame = study.frame
            self._moveCursor(study)
            for section in self.sections:
                section.refreshFrame(study)
        state = self._stateOf(study)
        if state != self._state:
            self._state = state
            self._later.start()

    def _moveCursor(self, study: Study) -> None:
        """Let the curve's cursor follow, not at every frame of a clip that plays or is recorded."""
        now = time.monotonic()
        moving = study.browserNode.GetPlaybackActive() or study.recording
        if not moving or now - self._cursorTime > _CURSOR_S:
            self._cursorFrame, self._cursorTime = study.frame, now
            self.context.operations.updateCursor(study)

    @staticmethod
    def _stateOf(study: Study) -> tuple[Any, ...]:
        """What the panel shows of a browser, besides its frame."""
        node = study.browserNode
        own = [name for name in node.GetAttributeNames() or () if name.startswith(PREFIX)]
        return (
            node.GetName(),
            # A clip that is being recorded grows with every frame: the panel says how long it is when it has ended.
            study.recording or node.GetNumberOfItems(),
            bool(node.GetPlaybackActive()),
            *(node.GetAttribute(name) for name in own),
        )

    def _onSceneChanged(self, caller: Any, event: Any) -> None:
        """Clips and their parts come and go."""
        if not slicer.mrmlScene.IsBatchProcessing():
            self._later.start()

    def _onEvent(self, event: Event, study: Study | None) -> None:
        """The operations tell of a change."""
        if event in (Event.PROGRESS, Event.LIVE):
            for section in self.sections:
                section.refreshRun()
            return
        message = self.context.operations.message
        if event in _OUTCOMES and message:
            self.context.messages.show(_OUTCOMES[event], message)
        if event is Event.CLIP and study is not None and self.context.parameters is not None:
            self.context.choose(study)
        if event is Event.FINISHED and getattr(self.context.operations, "written", None):
            self.export.showWritten()
        if event in (Event.STARTED, *_OUTCOMES):
            self.refresh()  # at once: a button must not be clicked twice
        elif not self._later.active:  # to start it again would let drawings that wait come first
            self._later.start()

    def refresh(self) -> None:
        """Show everything as it is now."""
        self._later.stop()
        study = self.context.study
        if study is not None and not study.exists:
            self._follow(None)
            study = None
        for section in self.sections:
            section.refresh(study)
        if study is not None:
            self._frame = study.frame
            if self._cursorFrame != study.frame:
                self._moveCursor(study)
            for section in self.sections:
                section.refreshFrame(study)
        self.curve.follow()

    # Keys

    def _step(self, count: int) -> None:
        study = self.context.study
        if study is not None:
            self.context.goTo((study.frame + count) % study.frameCount)

    def _play(self) -> None:
        if self.context.study is not None:
            self.ui.playWidget.onVcrPlayPause()
