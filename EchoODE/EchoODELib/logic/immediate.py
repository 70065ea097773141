"""The module's verbs that are done at once: correct, mark phases, measure, draw, undo; no process computes for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..engine.errors import UnsuitableClip
from ..engine.sequence import Measurements
from ..scene.history import History
from ..scene.study import Study
from .measuring import Measurer
from .options import Event, ViewOptions
from .views import Views

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .runner import Pieces

Listener = Callable[[Event, "Study | None"], None]


class ImmediateOperations:
    """What acts on a clip in the scene while the caller waits, and tells listeners of it.

    Attributes
    ----------
    listeners: called as ``listener(event, study)`` after each change and at each progress report.
    message: the last run's outcome, one sentence for people.
    viewOptions: what curve and slice view show; :meth:`refreshViews` applies a change.
    """

    def __init__(self) -> None:
        self._history = History()
        self._measurer = Measurer()
        self._views = Views(self._measurer)
        self.listeners: list[Listener] = []
        self.message = ""
        self.viewOptions = ViewOptions()

    # Corrections and phases

    def corrected(self, study: Study, frame: int) -> None:
        """A person changed the mask of a frame: lock it as a guide."""
        if frame not in study.correctedFrames:
            study.markCorrected(frame)
        self._changed(study, Event.MASKS)

    def release(self, study: Study, frame: int) -> None:
        """Unlock a corrected frame; the next run may overwrite it."""
        self._history.push(study, "releasing a corrected frame")
        study.releaseCorrected(frame)
        self._changed(study, Event.MASKS)

    def remember(self, study: Study, name: str) -> None:
        """Make what is there now the state that :meth:`undo` comes back to."""
        self._history.push(study, name)

    def forget(self, study: Study, name: str) -> None:
        """Take back :meth:`remember`, if that was the last step: what it was for changed nothing."""
        if self._history.undoName(study) == name:
            self._history.drop(study)
            self._tell(Event.MASKS, study)  # what could be undone while the editor was open no longer can

    def setPhases(self, study: Study, edFrames: Iterable[int], esFrames: Iterable[int]) -> None:
        """Set ED and ES by hand; everything measured follows.

        Raises
        ------
        UnsuitableClip: a frame outside of the clip, or one that would be both.
        """
        ed, es = sorted(set(edFrames)), sorted(set(esFrames))
        for frame in (*ed, *es):
            if not 0 <= frame < study.frameCount:
                raise UnsuitableClip(
                    f"Frame {frame} is outside the clip, whose frames are 0 to {study.frameCount - 1}."
                )
        if both := set(ed) & set(es):
            raise UnsuitableClip(f"Frame {min(both)} can't be end-diastole and end-systole at once.")
        study.setPhases(ed, es, byHand=True)
        self._changed(study, Event.PHASES)

    def movePhase(self, study: Study, kind: str, oldFrame: int, newFrame: int) -> None:
        """Move one ED or ES mark (``kind`` "ED" or "ES").

        Raises
        ------
        UnsuitableClip: as :meth:`setPhases`.
        """
        ed, es = set(study.edFrames), set(study.esFrames)
        moved = ed if kind == "ED" else es
        moved.discard(oldFrame)
        moved.add(newFrame)
        self.setPhases(study, ed, es)

    def findPhases(self, study: Study) -> None:
        """Find ED and ES again on the area curve, in place of those set by hand.

        Raises
        ------
        UnsuitableMask: no masks yet.
        """
        study.setPhases(*self._measurer.findPhases(study), byHand=False)
        self._changed(study, Event.PHASES)

    # Results

    def measure(self, browserNode: Any) -> Measurements:
        """Everything measured on a clip; remembered until its masks, motion, phases or calibration change.

        Raises
        ------
        UnsuitableMask: no masks yet.
        """
        return self._measurer.measure(self._studyOf(browserNode))

    def biplane(self, a4c: Any, a2c: Any) -> Measurements:
        """Biplane volumes and EF of two clips in the scene.

        Raises
        ------
        UnsuitableClip: other views, or a clip without a beat.
        UnsuitableMask: a clip without masks.
        """
        return self._measurer.biplane(self._studyOf(a4c), self._studyOf(a2c))

    def isMeasurable(self, study: Study) -> bool:
        """Whether there are masks that :meth:`measure` can work on."""
        return self._measurer.isMeasurable(study)

    def undo(self, browserNode: Any) -> str | None:
        """Go back to before the last run or release; its name, or None if there is nothing to undo."""
        study = self._studyOf(browserNode)
        name = self._history.undo(study)
        if name is not None:
            self.message = f"Undone: {name}."
            self._changed(study, Event.MASKS)
        return name

    def canUndo(self, study: Study) -> bool:
        """Whether :meth:`undo` would do something."""
        return self._history.canUndo(study)

    def refreshViews(self, study: Study | None) -> None:
        """Draw curve, tables and lines of a study anew, as :attr:`viewOptions` say."""
        self._views.refresh(study, self.viewOptions)

    def updateCursor(self, study: Study) -> None:
        """Move the curve's cursor to the frame in view."""
        self._views.updateCursor(study)

    # Telling of changes

    def _changed(self, study: Study, event: Event) -> None:
        for _ in self._changing(study, event):
            pass

    def _changing(self, study: Study, event: Event) -> Pieces:
        self._tell(event, study)  # first: the panel's numbers need not wait for the views to be drawn
        yield
        yield from self._views.refreshing(study, self.viewOptions)
        yield
        self._tell(Event.MEASUREMENTS, study)

    def _say(self, message: str) -> None:
        self.message = message

    def _tell(self, event: Event, study: Study | None) -> None:
        for listener in list(self.listeners):
            listener(event, study)

    def _studyOf(self, browserNode: Any) -> Study:
        if isinstance(browserNode, Study):
            return browserNode
        study = Study.of(browserNode)
        if study is None:
            raise UnsuitableClip("Choose a clip first: load one, or select a sequence of images.")
        return study
