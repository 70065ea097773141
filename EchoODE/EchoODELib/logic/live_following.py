"""One clip that is followed live: frames that come, masks that come back.

The worker holds a network that never looks ahead. It is told the newest frame, answers with its mask, and is told what
is newest then. Frames that came and went meanwhile are dropped and counted: the clip sets the pace, never the network.
"""

from __future__ import annotations

import math
import time
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import vtk
from numpy.typing import NDArray

from ..engine.sequence import Beat, FrameSeries, Measurements, Provenance
from ..jobs.tasks import BeatSeen, FrameSegmented, FrameShown
from ..scene.frames import readGray, readSpacing, readTime
from ..scene.live import LiveMasks
from ..scene.nodes import indexValues

if TYPE_CHECKING:
    from ..scene.history import History
    from ..scene.study import Study
    from .measuring import Measurer
    from .runner import Runner

Array = NDArray[np.float64]

_LONGEST_GAP_S = 0.5  # in the curve, that is drawn over
_SAME_BEAT_S = 0.2
_PACE_S = 2.0  # of the past, over which frames a second are counted


@dataclass
class LiveState:
    """How a live run goes.

    Attributes
    ----------
    segmented, dropped: frames that got a mask, and those that came and went before their turn.
    rate: frames segmented a second, of late.
    area, unit: of the LV on the newest frame, in mm² (px² uncalibrated); NaN without an LV.
    beats: that were seen to their end, in order of time.
    """

    segmented: int = 0
    dropped: int = 0
    rate: float = 0.0
    area: float = math.nan
    unit: str = "px²"
    beats: list[BeatSeen] = field(default_factory=list)

    @property
    def ejectionFraction(self) -> tuple[float, float]:
        """Mean over the beats, and that of the last, per cent; NaN where not known."""
        found = [beat.quantities.get("ejection_fraction") for beat in self.beats]
        values = [math.nan if quantity is None else quantity.value for quantity in found]
        known = [value for value in values if math.isfinite(value)]
        return (float(np.mean(known)) if known else math.nan), (values[-1] if values else math.nan)


class Following:
    """One clip while Live is on.

    Attributes
    ----------
    state: how it goes.
    changed: there are masks that the curve doesn't show yet.
    measuring: closed once the clip may be measured again; live masks are not, one by one.
    """

    def __init__(self, study: Study, runner: Runner, history: History, measurer: Measurer) -> None:
        self.study, self.changed = study, False
        self.state = LiveState(unit="px²" if readSpacing(study) is None else "mm²")
        self._runner, self._history, self._measurer = runner, history, measurer
        self._masks = LiveMasks(study)
        self._areas: dict[str, float] = {}  # by index value
        self._waiting = self._offered = -1
        self._frame, self._count = study.frame, study.frameCount
        self._heard = False  # the worker has begun to listen
        self._answers: deque[float] = deque()
        self._last: dict[str, float] = {}
        self._observed: list[tuple[Any, int]] = []
        self.measuring = ExitStack()

    def begin(self) -> None:
        """Watch the clip."""
        for node in (self.study.browserNode, self.study.clipSequenceNode):
            self._observed.append((node, node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._look)))
        self._offer(self._frame)

    def end(self) -> None:
        """Watch it no longer."""
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed.clear()
        if self.study.exists:
            self._masks.end()

    def due(self, what: str, seconds: float) -> bool:
        """Whether so long has passed since this was last true."""
        now = time.monotonic()
        if now - self._last.get(what, -math.inf) < seconds:
            return False
        self._last[what] = now
        return True

    def measurements(self) -> Measurements:
        """What is known so far: the LV area of the frames that were segmented, and the beats."""
        from ..engine.measure.beats import summarise

        study, times = self.study, self.study.times
        areas = np.array([self._areas.get(index, math.nan) for index in indexValues(study.clipSequenceNode)])
        areas = _bridged(areas, times)

        def frame(time: float) -> int:
            return int(np.abs(times - time).argmin())

        beats = tuple(
            Beat(frame(beat.ed_time), frame(beat.es_time), frame(beat.next_ed_time), beat.quantities)
            for beat in self.state.beats
        )
        return Measurements(
            beats=beats,
            summary=summarise(beats),
            per_frame={"lv_area": FrameSeries(areas, self.state.unit)},
            ed_frames=tuple(beat.ed_frame for beat in beats),
            es_frames=tuple(beat.es_frame for beat in beats),
            flags=(),
            calibrated=self.state.unit == "mm²",
            notes=(),
            provenance=study.provenance() or Provenance("live"),
        )

    # Frames that come

    def _look(self, caller: Any = None, event: Any = None) -> None:
        """The clip has more frames, or another one is in view."""
        study = self.study
        if not study.exists:
            return
        count, frame = study.frameCount, study.frame
        if count > self._count:
            self.state.dropped += (count - self._count - 1) if self._heard else 0
            self._count = count
            self._offer(count - 1)
            if not study.recording and not study.browserNode.GetPlaybackActive():
                study.setFrame(count - 1)
                return  # it has told of itself
        self._count = count
        if frame != self._frame:
            if self._heard and study.browserNode.GetPlaybackActive():  # a busy computer's player leaves frames out, too
                self.state.dropped += (frame - self._frame) % count - 1
            self._frame = frame
            self._masks.follow()
            if frame != self._offered:
                self._offer(frame)

    def _offer(self, frame: int) -> None:
        if self._waiting >= 0 and self._heard:
            self.state.dropped += 1
        self._waiting = self._offered = frame
        self.send()

    def send(self) -> None:
        """Tell the worker the newest frame, if there is one and the worker listens."""
        run = self._runner.run
        if self._waiting < 0 or run is None or run.job is None or not self._runner.worker.hears(run.job):
            return
        self._heard = True
        frame, self._waiting = self._waiting, -1
        index = self.study.clipSequenceNode.GetNthIndexValue(frame)
        shown = FrameShown(index, readTime(self.study, frame), readGray(self.study, frame))
        self._runner.worker.say(run.job, shown)

    # Masks that come back

    def take(self, answer: FrameSegmented) -> None:
        """Put a mask into the scene."""
        study = self.study
        if not study.exists:
            return
        if not self.state.segmented:
            self._makeWay()
        frame = study.clipSequenceNode.GetItemNumberFromIndexValue(answer.index, True)
        if frame >= 0 and self._masks.write(frame, answer.mask):
            self._areas[answer.index] = answer.lv_area
        if answer.provenance is not None:
            study.setProvenance(answer.provenance)
        state, now = self.state, time.monotonic()
        state.segmented += 1
        state.area = answer.lv_area
        for beat in answer.beats:  # a clip that is played again brings the same beats again
            others = [one for one in state.beats if abs(one.ed_time - beat.ed_time) > _SAME_BEAT_S]
            state.beats = sorted([*others, beat], key=lambda one: one.ed_time)
        self._answers.append(now)
        while now - self._answers[0] > _PACE_S:
            self._answers.popleft()
        passed = now - self._answers[0]
        state.rate = (len(self._answers) - 1) / passed if passed > 0 else 0.0
        self.changed = True
        self.send()

    def _makeWay(self) -> None:
        """The first mask is there: from here on, undo brings back what was before."""
        self._history.push(self.study, "segmenting live")
        self.measuring.enter_context(self._measurer.changing(self.study))
        self._masks.begin()


def _bridged(values: Array, times: Array) -> Array:
    """A curve without the gaps that dropped frames leave; longer ones stay."""
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < 2:
        return values
    after = np.clip(np.searchsorted(known, np.arange(len(values))), 1, len(known) - 1)
    near = times[known[after]] - times[known[after - 1]] <= _LONGEST_GAP_S
    inside = (np.arange(len(values)) > known[0]) & (np.arange(len(values)) < known[-1])
    bridged: Array = np.where(near & inside, np.interp(times, times[known], values[known]), values)
    return bridged
