"""The module's verbs: load, segment, correct, propagate, measure, export, undo.

Long steps run in the worker process; :meth:`Operations.poll` brings their results into the scene. It is called by
a timer of the module and, while a script waits, by :meth:`Operations.wait`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.errors import OutputError, UnsuitableClip
from ..engine.progress import Progress
from ..engine.sequence import Measurements, SegmentedSequence, View
from ..jobs.job import WorkerState
from ..jobs.tasks import Segment, WarmUp
from ..jobs.worker import Worker
from ..scene.clip import adoptClip, createClip
from ..scene.history import History
from ..scene.layout import fitClip
from ..scene.study import Study
from . import dependencies, exporting, propagation
from .dicom_source import supplement
from .live import LiveRuns
from .measuring import Measurer
from .options import Event, ExportOptions, PropagateOptions, SegmentOptions, ViewOptions
from .results import Results
from .runner import Pieces, Runner, TakeIn
from .second_opinions import SecondOpinions
from .view_proposals import ViewProposals, modelFor
from .views import Views

if TYPE_CHECKING:
    from collections.abc import Iterable

Listener = Callable[[Event, "Study | None"], None]


class Operations:
    """What panel and scripts call.

    Attributes
    ----------
    listeners: called as ``listener(event, study)`` after each change and at each progress report.
    message: the last run's outcome, one sentence for people.
    viewOptions: what curve and slice view show; :meth:`refreshViews` applies a change.
    live: masks while a clip plays or is recorded, see :meth:`startLive`.
    opinions: ejection fractions straight from the clip, beside the masks'.
    """

    def __init__(self, worker: Worker | None = None) -> None:
        self._worker = worker or Worker()
        self._runner = Runner(self._worker, self._onRun)
        self._history = History()
        self._measurer = Measurer()
        self._views = Views(self._measurer)
        self._results = Results(self._history, self._measurer, self._changing, self._say)
        self.live = LiveRuns(
            self._runner, self._history, self._measurer, self._views, settle=self._results.liveEnded, tell=self._tell
        )
        self.opinions = SecondOpinions(self._runner, self._measurer, self._studyOf, self._changing, self._say)
        self._proposals = ViewProposals(
            self._worker, adopted=lambda study: self._changed(study, Event.MEASUREMENTS), tell=self._tell
        )
        self.listeners: list[Listener] = []
        self.message = ""
        self.written: dict[str, Path] = {}
        self.viewOptions = ViewOptions()

    # Clips

    def loadClip(
        self, path: str | os.PathLike[str], *, view: View | None = None, spacing: tuple[float, float] | None = None
    ) -> Study:
        """Read a file or folder into the scene; its format is found by its content.

        Parameters
        ----------
        path: DICOM, AVI, MP4, GIF, NIfTI, MetaImage, NRRD, a CAMUS patient's folder, or a folder of images.
        view: said by hand, where the file does not tell.
        spacing: (row, column) mm per pixel, said by hand.

        Raises
        ------
        UnreadableClip, UnsuitableClip: as the reader says.
        MissingPackages: what reading needs is not installed.
        """
        dependencies.ensureReading()
        from ..engine.io import read_clip

        study = createClip(read_clip(path, view=view, spacing=spacing), Path(path).name.split(".")[0])
        fitClip(study)
        self._tell(Event.CLIP, study)
        self.warmUp()
        self._proposals.want(study)
        return study

    def adopt(self, browserNode: Any) -> Study:
        """Take over a clip that is in the scene already, as Slicer's DICOM browser loads it.

        Raises
        ------
        UnsuitableClip: the browser plays no single images.
        """
        known = Study.of(browserNode)
        if known is not None and browserNode.GetAttribute("EchoODE.Source"):
            self._proposals.want(known)
            return known
        study = adoptClip(browserNode)
        supplement(study)
        self._tell(Event.CLIP, study)
        self.warmUp()
        self._proposals.want(study)
        return study

    # Runs

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""
        return self._runner.run is not None

    @property
    def runningStep(self) -> str:
        """ "segment", "propagate", "export", "live", "estimate", "explain" or "map" while :attr:`busy`, else ""."""
        return self._runner.run.step if self._runner.run is not None else ""

    @property
    def runningStudy(self) -> Study | None:
        """The clip that the run is for."""
        return self._runner.run.study if self._runner.run is not None else None

    @property
    def progress(self) -> Progress | None:
        """The run's last report."""
        return self._runner.progress

    def warmUp(self, options: SegmentOptions | None = None) -> None:
        """Start the worker and load the model in the background, so that the first run starts at once."""
        options = options or SegmentOptions()
        if self._worker.state is WorkerState.STOPPED and dependencies.computingIsThere():
            self._worker.submit(WarmUp(model=options.model, device=options.device))

    def segmentSequence(
        self, browserNode: Any, options: SegmentOptions | None = None, waitForCompletion: bool = False
    ) -> None:
        """Give every frame a mask, find ED and ES, and measure. Corrected frames keep their masks.

        Parameters
        ----------
        browserNode: the clip's sequence browser, or its :class:`Study`.
        waitForCompletion: return when the result is in the scene; otherwise at once, and listeners are told.

        Raises
        ------
        WorkerBusy: another run is under way.
        UnsuitableClip: colour Doppler, blank frames, or frames of unequal size.
        MissingPackages: PyTorch or another package is absent.
        Any error of the run, if waited for.
        """
        study = self._studyOf(browserNode)
        options = options or SegmentOptions()
        sequence = study.sequence()
        if sequence.source.colour_doppler:
            raise UnsuitableClip("The clip shows colour Doppler, which hides the walls; choose the B-mode clip.")
        if sequence.frames.min() == sequence.frames.max():
            raise UnsuitableClip("The clip is blank: there is nothing on its frames to outline.")
        dependencies.ensureComputing()
        task = Segment(sequence, model=options.model or modelFor(study.view), device=options.device)
        self._run("segment", study, task, self._results.segmented, waitForCompletion)

    def propagate(
        self, browserNode: Any, options: PropagateOptions | None = None, waitForCompletion: bool = False
    ) -> None:
        """Carry the ED mask over the clip along the motion that is found; corrected frames are met exactly.

        After a correction only the beats that hold it are computed anew.

        Parameters and errors as :meth:`segmentSequence`, and

        Raises
        ------
        UnsuitableMask: no ED frame has an LV mask.
        """
        study = self._studyOf(browserNode)
        options = options or PropagateOptions()
        plan = propagation.plan(study, options)
        dependencies.ensureComputing()

        def takeIn(study: Study, result: SegmentedSequence) -> Pieces:
            yield from self._results.propagated(study, propagation.signed(result, plan))

        self._run("propagate", study, plan.task, takeIn, waitForCompletion)

    def export(
        self,
        browserNode: Any,
        folder: str | os.PathLike[str],
        options: ExportOptions | None = None,
        waitForCompletion: bool = False,
    ) -> None:
        """Write tables, masks, pictures, video and the scene into a folder; :attr:`written` then lists them.

        Raises
        ------
        OutputError: a folder that can't be written.
        UnsuitableMask: nothing to export yet.
        """
        study = self._studyOf(browserNode)
        options = options or ExportOptions()
        if not str(folder) or str(folder) == ".":
            raise OutputError("Choose a folder to export to.")
        task = exporting.task(study, self._measurer, Path(folder), options)
        dependencies.ensureComputing()

        def takeIn(study: Study, files: Mapping[str, Path]) -> Pieces:
            self.written = dict(files)
            yield
            if options.scene:
                self.written["scene"] = exporting.saveScene(Path(folder), options)
            self.message = f"{len(self.written)} files were written to {folder}."

        self.written = {}
        self._run("export", study, task, takeIn, waitForCompletion)

    def startLive(self, browserNode: Any, options: SegmentOptions | None = None) -> None:
        """Segment a clip as it plays, or as Slicer records it, until :meth:`cancel`. Corrected frames keep their masks.

        The network sees each frame once, in time, and never one that is still to come. Frames that it has no time for
        are dropped and counted; :attr:`live` tells how it goes.

        Raises
        ------
        WorkerBusy: another run is under way.
        UnsuitableClip: colour Doppler.
        MissingPackages: PyTorch or another package is absent.
        """
        study = self._studyOf(browserNode)
        dependencies.ensureComputing()
        options = options or SegmentOptions()
        self.live.start(study, replace(options, model=options.model or modelFor(study.view, live=True)))

    def cancel(self) -> None:
        """Stop the run, if any; what was there before it is unchanged. Live is turned off: its masks stay."""
        self._runner.cancel()

    def poll(self) -> None:
        """Take in what the worker has to say; to be called often, from the application's own thread."""
        self._runner.poll()
        self.live.poll()
        self._proposals.poll()

    def wait(self) -> None:
        """Return when no run is under way; the application stays alive meanwhile."""
        self._runner.wait()

    def close(self) -> None:
        """Stop the worker process."""
        self._worker.close()

    def sceneClosing(self) -> None:
        """The scene is about to close: stop the run and let go of its nodes."""
        self.live.abandon()
        self._runner.abandon()
        self._proposals.forget()
        self._measurer.forget()
        self._views.forget()
        self.opinions.release()

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

    # What runs bring back

    def _run(self, step: str, study: Study, task: Any, takeIn: TakeIn, waitForCompletion: bool) -> None:
        self._runner.start(step, study, task, takeIn)
        if waitForCompletion and (error := self._runner.wait()) is not None:
            raise error

    def _onRun(self, event: Event, study: Study | None, message: str) -> None:
        self.message = message or self.message
        self._tell(event, study)

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
