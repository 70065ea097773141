"""The module's verbs: load, segment, propagate, export, and those of :mod:`.immediate`.

Long steps run in the worker process; :meth:`Operations.poll` brings their results into the scene. It is called by
a timer of the module and, while a script waits, by :meth:`Operations.wait`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..engine.errors import OutputError, UnsuitableClip
from ..engine.progress import Progress
from ..engine.sequence import SegmentedSequence, View
from ..jobs.job import WorkerState
from ..jobs.tasks import Segment, WarmUp
from ..jobs.worker import Worker
from ..scene.clip import adoptClip, createClip
from ..scene.layout import fitClip
from ..scene.study import Study
from . import dependencies, exporting, propagation
from .dicom_source import supplement
from .immediate import ImmediateOperations
from .live import LiveRuns
from .options import Event, ExportOptions, PropagateOptions, SegmentOptions
from .results import Results
from .runner import Pieces, Runner, TakeIn
from .second_opinions import SecondOpinions
from .view_proposals import ViewProposals, modelFor


class Operations(ImmediateOperations):
    """What panel and scripts call.

    Attributes
    ----------
    live: masks while a clip plays or is recorded, see :meth:`startLive`.
    opinions: ejection fractions straight from the clip, beside the masks'.
    """

    def __init__(self, worker: Worker | None = None) -> None:
        super().__init__()
        self._worker = worker or Worker()
        self._runner = Runner(self._worker, self._onRun)
        self._results = Results(self._history, self._measurer, self._changing, self._say)
        self.live = LiveRuns(
            self._runner, self._history, self._measurer, self._views, settle=self._results.liveEnded, tell=self._tell
        )
        self.opinions = SecondOpinions(self._runner, self._measurer, self._studyOf, self._changing, self._say)
        self._proposals = ViewProposals(
            self._worker, adopted=lambda study: self._changed(study, Event.MEASUREMENTS), tell=self._tell
        )
        self.written: dict[str, Path] = {}

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

    # What runs bring back

    def _run(self, step: str, study: Study, task: Any, takeIn: TakeIn, waitForCompletion: bool) -> None:
        self._runner.start(step, study, task, takeIn)
        if waitForCompletion and (error := self._runner.wait()) is not None:
            raise error

    def _onRun(self, event: Event, study: Study | None, message: str) -> None:
        self.message = message or self.message
        self._tell(event, study)
