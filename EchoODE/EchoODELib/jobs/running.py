"""How the worker process runs each task with the engine, which it keeps loaded."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..engine.progress import Monitor
from ..engine.sequence import Provenance, SegmentedSequence
from .conversation import Conversation, Talker
from .ef_running import ef_handlers
from .tasks import BeatSeen, Export, FrameSegmented, Live, Propagate, ProposeView, SeenView, Segment, WarmUp

if TYPE_CHECKING:
    from ..engine.live.segmenter import StreamingSegmenter
    from ..engine.segment import Segmenter

# Of models; one more than people compare at a time.
_KEPT = 3


class Handler(Protocol):
    """Runs one type of task."""

    def prepare(self, task: Any) -> None:
        """Load what the task needs; kept for later tasks, so it is finished even when the task is cancelled."""

    def run(self, task: Any, monitor: Monitor) -> object:
        """Do it, reporting to and stopped by the monitor."""

    def recover(self) -> None:
        """Let go of memory after a failure."""


def engine_handlers() -> Mapping[type, Handler | Talker]:
    """Handlers of all the tasks; nothing is loaded yet."""
    models = LoadedModels()
    return {
        WarmUp: _WarmsUp(models),
        Segment: _Segments(models),
        Propagate: _Propagates(models),
        Export: _Exports(models),
        Live: _SegmentsLive(),
        ProposeView: _ProposesViews(),
        **ef_handlers(),
    }


class LoadedModels:
    """Segmenters by model and device, the latest few."""

    def __init__(self) -> None:
        self._segmenters: dict[tuple[str, str], Segmenter] = {}

    def get(self, model: str, device: str) -> Segmenter:
        """A segmenter that is loaded, or loaded now; one whose model was trained anew is loaded again."""
        from ..engine.segment import Segmenter
        from ..engine.weights import DEFAULT_MODEL, find_card

        name = model or DEFAULT_MODEL
        known = self._segmenters.pop((name, device), None)
        if known is None or known.card.sha256 != find_card(name).sha256:
            known = Segmenter(name, device)
        self._segmenters[name, device] = known
        while len(self._segmenters) > _KEPT:
            del self._segmenters[next(iter(self._segmenters))]
        return known

    def recover(self) -> None:
        """Free the GPU's memory."""
        self._segmenters.clear()
        torch = sys.modules.get("torch")
        if torch is not None and torch.cuda.is_available():
            torch.cuda.empty_cache()


class _WithModels:
    def __init__(self, models: LoadedModels) -> None:
        self.models = models

    def recover(self) -> None:
        self.models.recover()


class _WarmsUp(_WithModels):
    """Loads all that segmenting and propagating need, and runs the network once on nothing."""

    def prepare(self, task: WarmUp) -> None:
        from ..engine import pipeline
        from ..engine.registration import propagate

        del pipeline, propagate
        self.models.get(task.model, task.device).warm_up()

    def run(self, task: WarmUp, monitor: Monitor) -> None:
        del task, monitor


class _Segments(_WithModels):
    """Masks by a network."""

    def prepare(self, task: Segment) -> None:
        self.models.get(task.model, task.device)

    def run(self, task: Segment, monitor: Monitor) -> SegmentedSequence:
        segmenter = self.models.get(task.model, task.device)
        return segmenter.segment(task.sequence, frames=task.frames, monitor=monitor)


class _Propagates(_WithModels):
    """Masks carried along the motion."""

    def prepare(self, task: Propagate) -> None:
        from ..engine import pipeline
        from ..engine.registration import propagate

        del task, pipeline, propagate

    def run(self, task: Propagate, monitor: Monitor) -> SegmentedSequence:
        from ..engine.pipeline import propagate_segmented
        from ..engine.registration.settings import RegistrationSettings

        return propagate_segmented(
            task.segmented,
            ed_frames=task.ed_frames,
            es_frames=task.es_frames,
            es_guides=task.es_guides,
            anchors=task.anchors,
            previous=task.previous,
            changed=task.changed,
            registration=RegistrationSettings.named(task.preset),
            device=task.device,
            monitor=monitor,
        )


class _Exports(_WithModels):
    """Files in a folder."""

    def prepare(self, task: Export) -> None:
        from ..engine import measure
        from ..engine.export import folder

        del task, measure, folder

    def run(self, task: Export, monitor: Monitor) -> Mapping[str, Path]:
        from ..engine.export.folder import KINDS, write_result

        return write_result(
            task.folder,
            task.segmented,
            segmentation=task.segmentation,
            ed_frames=task.ed_frames or None,
            es_frames=task.es_frames or None,
            kinds=KINDS if task.kinds is None else task.kinds,
            source_name=task.source_name,
            opinion=task.opinion,
            monitor=monitor,
        )


class _SegmentsLive:
    """Masks frame by frame. The network of the last clip stays loaded for the next one."""

    def __init__(self) -> None:
        self._made: tuple[tuple[object, ...], StreamingSegmenter] | None = None

    def prepare(self, task: Live) -> None:
        from ..engine.live import beats

        del beats
        self._segmenter(task).start(task.opening)

    def converse(self, task: Live, conversation: Conversation, monitor: Monitor) -> None:
        from .. import __version__
        from ..engine.live.beats import BeatByBeat

        del monitor
        segmenter, beats = self._segmenter(task), BeatByBeat(task.spacing, task.view)
        made: Provenance | None = Provenance(
            "live",
            model=segmenter.card.name,
            weights_sha256=segmenter.card.sha256,
            settings={
                "flips": segmenter.flips,
                "clean": segmenter.clean,
                "smoothed_frames": segmenter.smoothing.window,
            },
            software=__version__,
            device=segmenter.device.type,
        )
        while True:
            shown = conversation.hear()
            seen = segmenter.push(shown.frame, shown.time)
            ended = beats.feed(shown.time, seen.lv_area, seen.mask)
            told = tuple(BeatSeen(beat.ed_time, beat.es_time, beat.next_ed_time, beat.quantities) for beat in ended)
            conversation.answer(
                FrameSegmented(shown.index, shown.time, seen.mask, seen.lv_area, seen.seconds, told, made)
            )
            made = None

    def recover(self) -> None:
        self._made = None
        LoadedModels().recover()

    def _segmenter(self, task: Live) -> StreamingSegmenter:
        from ..engine.live.choice import LIVE_MODEL
        from ..engine.live.segmenter import StreamingSegmenter
        from ..engine.weights import find_card

        name = task.model or LIVE_MODEL
        key = (name, task.device, task.spacing, task.view, find_card(name).sha256)
        if self._made is None or self._made[0] != key:
            self._made = key, StreamingSegmenter(name, task.device, spacing=task.spacing, view=task.view)
        return self._made[1]


class _ProposesViews:
    """The view that a clip shows."""

    def prepare(self, task: ProposeView) -> None:
        from ..engine import views

        del task, views

    def run(self, task: ProposeView, monitor: Monitor) -> SeenView:
        from ..engine.views import propose_view

        del monitor
        proposal = propose_view(task.sequence, device=task.device)
        return SeenView(proposal.view, proposal.probability)

    def recover(self) -> None:
        return
