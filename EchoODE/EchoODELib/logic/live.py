"""Live: masks while a clip plays, or while Slicer records it; turned on and off here, see :mod:`.live_following`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..engine.errors import UnsuitableClip
from ..jobs.tasks import Live
from ..scene.frames import readGray, readSpacing
from .live_following import Following, LiveState
from .options import Event, SegmentOptions

if TYPE_CHECKING:
    from ..scene.history import History
    from ..scene.study import Study
    from .measuring import Measurer
    from .runner import Pieces, Runner
    from .views import Views

STEP = "live"
_OPENING = 12  # frames that sector and brightness are found from
_TELL_S, _DRAW_S = 0.2, 0.5  # between two reports, and two drawings of the curve


class LiveRuns:
    """Turns Live on and off; one clip at a time, as all runs.

    Parameters
    ----------
    runner, history, measurer, views: of the operations.
    settle: brings a clip's phases and measurements up to date, in pieces; it is told how many frames were segmented
        and dropped.
    tell: called with :attr:`Event.LIVE` and the clip, a few times a second.
    """

    def __init__(
        self,
        runner: Runner,
        history: History,
        measurer: Measurer,
        views: Views,
        settle: Callable[[Study, int, int], Pieces],
        tell: Callable[[Event, Study | None], None],
    ) -> None:
        self._runner, self._history, self._measurer, self._views = runner, history, measurer, views
        self._settle, self._tell = settle, tell
        self._following: Following | None = None

    @property
    def on(self) -> bool:
        """Whether Live is on; not any more once it is being turned off."""
        return self._following is not None

    @property
    def study(self) -> Study | None:
        """The clip that is followed."""
        return None if self._following is None else self._following.study

    @property
    def state(self) -> LiveState | None:
        """How it goes, or None while Live is off."""
        return None if self._following is None else self._following.state

    def start(self, study: Study, options: SegmentOptions) -> None:
        """Follow a clip from the frame in view on; what it has so far stays until the first mask comes.

        Raises
        ------
        UnsuitableClip: the clip shows colour Doppler, or has no frame to begin with.
        WorkerBusy: another run is under way.
        """
        opening = _opening(study)
        task = Live(opening, options.model, options.device, readSpacing(study), study.view)
        following = Following(study, self._runner, self._history, self._measurer)
        self._runner.start(STEP, study, task, onAnswer=following.take, ending=lambda: self._ended(following))
        self._following = following
        following.begin()

    def stop(self) -> None:
        """Turn Live off; masks stay, and are measured."""
        if self._following is not None:
            self._runner.cancel()
            self._letGo(self._following)

    def poll(self) -> None:
        """Say how it goes and draw the curve, from time to time."""
        following = self._following
        if following is None:
            return
        if not following.study.exists:
            self.stop()
            return
        following.send()  # the worker may have begun to listen
        if following.due("tell", _TELL_S):
            self._tell(Event.LIVE, following.study)
        if following.changed and following.due("draw", _DRAW_S):
            following.changed = False
            self._views.showLive(following.study, following.measurements())

    def abandon(self) -> None:
        """The scene is about to close: let go of it."""
        if self._following is not None:
            self._following.measuring.close()
            self._letGo(self._following)

    def _letGo(self, following: Following) -> None:
        following.end()
        if self._following is following:
            self._following = None

    def _ended(self, following: Following) -> Pieces:
        """However it ended: leave the scene as a whole-clip run would."""
        self._letGo(following)
        if following.study.exists:
            return self._settling(following)
        following.measuring.close()
        return iter(())

    def _settling(self, following: Following) -> Pieces:
        study, state = following.study, following.state
        with following.measuring:
            if state.segmented:
                yield from self._measurer.outlining(study)
        yield from self._settle(study, state.segmented, state.dropped)


def _opening(study: Study) -> NDArray[np.uint8]:
    """Some frames of the clip, evenly."""
    if study.sequence().source.colour_doppler:
        raise UnsuitableClip("The clip shows colour Doppler, which hides the walls; choose the B-mode clip.")
    chosen = np.unique(np.linspace(0, study.frameCount - 1, _OPENING).round().astype(int))
    return np.stack([readGray(study, int(frame)) for frame in chosen])
